"""How long one item takes: percentiles and throughput of repeated calls, warm-up left out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from microjoule.config import Frozen
from microjoule.indicators.repeats import mean_and_sd, one_or_more
from microjoule.metrics._value import Value


class Timing(Frozen):
    """Time of one item, in seconds; a call that handles several is divided among them.

    Attributes:
        calls: calls that were timed.
        items: items that one call handles.
        mean_s, sd_s: mean and standard deviation over the calls.
        uncertainty_s: standard uncertainty of the mean.
        p50_s, p95_s, p99_s: percentiles, linear between calls.
        least_s, most_s: the shortest and the longest.
        throughput_per_s: items per second, one call after the other.
        warmup: calls before them that were not timed.
    """

    __slots__ = (
        "calls",
        "items",
        "mean_s",
        "sd_s",
        "uncertainty_s",
        "p50_s",
        "p95_s",
        "p99_s",
        "least_s",
        "most_s",
        "throughput_per_s",
        "warmup",
    )
    calls: int
    items: int
    mean_s: float
    sd_s: float
    uncertainty_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    least_s: float
    most_s: float
    throughput_per_s: float
    warmup: int

    def __init__(self, durations_s: Iterable[float], items: int = 1, warmup: int = 0) -> None:
        one_or_more("items", items)
        each = sorted(float(d) / items for d in durations_s)
        if not each:
            raise ValueError("there are no durations: pass the seconds of one call or more")
        if not all(0 <= d < math.inf for d in each):
            raise ValueError("a duration is below 0 or not finite: pass seconds")
        mean, sd = mean_and_sd(each)
        self._fill(
            calls=len(each),
            items=items,
            mean_s=mean,
            sd_s=sd,
            uncertainty_s=sd / math.sqrt(len(each)),
            p50_s=percentile(each, 50),
            p95_s=percentile(each, 95),
            p99_s=percentile(each, 99),
            least_s=each[0],
            most_s=each[-1],
            throughput_per_s=1 / mean if mean > 0 else math.inf,
            warmup=warmup,
        )

    @property
    def value(self) -> Value:
        """The mean as a `Value`: less is better, of computing resources."""
        return Value(
            self.mean_s,
            self.uncertainty_s,
            "s",
            direction="lower",
            category="resources",
            obtained="measured",
            name="timing",
        )


def timing(
    function: Callable[..., Any],
    *args: Any,
    repeats: int = 100,
    warmup: int = 5,
    items: int = 1,
    **kwargs: Any,
) -> Timing:
    """Call a function again and again, and tell how long one item takes.

    A device that works on while the call returns must be waited for inside the function.

    Args:
        function: what is timed, such as ``model.predict``.
        args: its arguments.
        repeats: calls that are timed, 1 or more.
        warmup: calls before them that are not, 0 or more: caches fill, code is compiled.
        items: items that one call handles.
        kwargs: its arguments by name.

    Raises:
        ValueError: a number is out of range.
    """
    one_or_more("repeats", repeats)
    one_or_more("items", items)
    if isinstance(warmup, bool) or not isinstance(warmup, int) or warmup < 0:
        raise ValueError(f"warmup is {warmup!r}: pass how many calls are not timed, 0 or more")
    for _ in range(warmup):
        function(*args, **kwargs)
    clock = time.perf_counter_ns
    taken = []
    for _ in range(repeats):
        start = clock()
        function(*args, **kwargs)
        taken.append(clock() - start)
    return Timing([t * 1e-9 for t in taken], items, warmup)


def percentile(ordered: list[float], percent: float) -> float:
    """The percentile of ordered values, linear between neighbours."""
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
