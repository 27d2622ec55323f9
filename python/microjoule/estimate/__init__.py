"""Estimates where nobody measured: what a planner, an author or a cloud user can compute."""
