"""Simulated energy sensors with a known truth.

``bed`` serves a sysfs tree whose counters follow a load with a closed form; ``loads`` is that
closed form; ``plain`` holds the same layout as plain files, and a fake ``/proc``.
"""
