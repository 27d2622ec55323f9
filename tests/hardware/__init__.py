"""Tests of real meters, each of which also runs against simulated ones."""
