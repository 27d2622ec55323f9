"""Wall-clock time for showing: one anchor pair a process, so that a clock step moves no result."""

from __future__ import annotations

import time

__all__ = ["iso"]


def _anchor() -> tuple[int, int]:
    before = time.monotonic_ns()
    wall = time.time_ns()
    return (before + time.monotonic_ns()) // 2, wall


_MONOTONIC_NS, _WALL_NS = _anchor()


def iso(monotonic_ns: int) -> str:
    """A time of CLOCK_MONOTONIC as ISO 8601 with the local offset, to the millisecond."""
    from datetime import UTC, datetime

    seconds = (_WALL_NS + monotonic_ns - _MONOTONIC_NS) / 1e9
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(timespec="milliseconds")
