"""What is done again and again: how often, and how far the results lie apart."""

from __future__ import annotations

import math
from collections.abc import Sequence


def one_or_more(name: str, value: int) -> None:
    """Refuse what is no whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}: pass a whole number, 1 or more")


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and the standard deviation of a sample; 0 where there is one value."""
    mean = math.fsum(values) / len(values)
    squares = math.fsum((v - mean) ** 2 for v in values)
    return mean, math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else 0.0
