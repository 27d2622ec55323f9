"""Wall-clock time for showing: one anchor pair a process, so that a clock step moves no result."""

from __future__ import annotations

import time

__all__ = ["iso", "monotonic_ns", "unix_ns"]


def _anchor() -> tuple[int, int]:
    before = time.monotonic_ns()
    wall = time.time_ns()
    return (before + time.monotonic_ns()) // 2, wall


_MONOTONIC_NS, _WALL_NS = _anchor()


def unix_ns(monotonic_ns: int) -> int:
    """A time of CLOCK_MONOTONIC in nanoseconds since the Unix epoch."""
    return _WALL_NS + monotonic_ns - _MONOTONIC_NS


def monotonic_ns(unix_ns: int) -> int:
    """The other way round."""
    return unix_ns - _WALL_NS + _MONOTONIC_NS


def iso(monotonic_ns: int) -> str:
    """A time of CLOCK_MONOTONIC as ISO 8601 with the local offset, to the millisecond."""
    from datetime import UTC, datetime

    return (
        datetime.fromtimestamp(unix_ns(monotonic_ns) / 1e9, UTC)
        .astimezone()
        .isoformat(timespec="milliseconds")
    )
