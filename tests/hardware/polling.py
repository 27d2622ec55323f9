"""Reading a meter as fast as it goes: when it changes, and how long a call takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Poll:
    """What was seen: the values that were new, when, and how long each call took.

    Attributes:
        changed_ns: In the middle of which call each new value was seen, shape (n,).
        values: The new values, shape (n,).
        call_ns: The length of every call, shape (m,).
    """

    changed_ns: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    call_ns: npt.NDArray[np.int64]

    @property
    def period_s(self) -> float:
        """The median time between two changes, s."""
        return float(np.median(np.diff(self.changed_ns))) * 1e-9

    @property
    def latency_s(self) -> tuple[float, float]:
        """Median and 99th percentile of a call, s."""
        median, high = np.percentile(self.call_ns, (50, 99))
        return float(median) * 1e-9, float(high) * 1e-9


def poll(read: Callable[[], float], length_s: float) -> Poll:
    """Call without a rest; the first value, whose beginning nobody saw, is left out."""
    times, values, calls = [], [], []
    last = read()
    until_ns = time.monotonic_ns() + round(length_s * 1e9)
    before_ns = time.monotonic_ns()
    while before_ns < until_ns:
        value = read()
        after_ns = time.monotonic_ns()
        calls.append(after_ns - before_ns)
        if value != last:
            times.append((before_ns + after_ns) // 2)
            values.append(value)
            last = value
        before_ns = after_ns
    return Poll(np.array(times, np.int64), np.array(values, np.float64), np.array(calls, np.int64))
