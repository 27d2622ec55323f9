"""Tests of the product against simulated sensors, whose truth is known."""
