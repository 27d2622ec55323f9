"""Medians with an interval that assumes nothing of how the figures are spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Median(NamedTuple):
    """A median and its confidence interval of at least 95 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def median_interval(values: Sequence[float]) -> Median:
    """The median and the order statistics around it that hold it with at least 95 %.

    The sign test's interval: how many values lie below the true median is binomial with p = 1/2,
    whatever the distribution. Fewer than six values hold nothing with 95 %.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    if n < 6:
        raise ValueError(f"a 95 % interval of a median needs six values, not {n}")
    tail = 0.0
    k = 0
    while True:
        tail += math.exp(
            math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        )
        if tail > 0.025:
            break
        k += 1
    return Median(float(np.median(ordered)), float(ordered[k - 1]), float(ordered[n - k]))


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.96
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half
