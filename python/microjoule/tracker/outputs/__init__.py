"""Where a tracker's rows go: one file a way, behind `BaseOutput`."""
