"""Tasks: named stretches of a run, one at a time."""

from __future__ import annotations

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.ledger import Segment

__all__ = ["Task"]


class Task:
    """One task of a tracker.

    Attributes:
        task_name: its name; unique within the tracker.
        is_active: whether it is still going on.
        segments: its stretches so far; a flush in the middle cuts one.
        emissions_data: what it came to, once it has ended.
    """

    __slots__ = ("emissions_data", "is_active", "segments", "task_name")

    def __init__(self, task_name: str) -> None:
        self.task_name = task_name
        self.is_active = True
        self.segments: list[Segment] = []
        self.emissions_data: EmissionsData | None = None
