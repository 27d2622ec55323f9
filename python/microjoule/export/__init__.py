"""Figures in the forms of other systems: one a file, loaded when it is imported by name."""
