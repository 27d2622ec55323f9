"""Refuses numbers that cannot be, saying what to pass."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def at_least(name: str, value: Any, least: float, sentence: str) -> float:
    """Return a number of ``least`` or more; refuse NaN, infinities and what is no number."""
    number = isinstance(value, int | float) or hasattr(value, "__float__")
    if isinstance(value, bool) or not number or not least <= float(value) < math.inf:
        raise ValueError(f"{name} is {value!r}: {sentence}")
    return float(value)


def above_zero(name: str, value: Any, sentence: str) -> float:
    """Return a number above 0."""
    number = at_least(name, value, 0.0, sentence)
    if number == 0:
        raise ValueError(f"{name} is 0: {sentence}")
    return number


def fraction(name: str, value: Any, sentence: str) -> float:
    """Return a number from 0 to 1."""
    number = at_least(name, value, 0.0, sentence)
    if number > 1:
        raise ValueError(f"{name} is {value!r}: {sentence}")
    return number


def share(name: str, value: Any, sentence: str) -> float:
    """Return a number above 0 and at most 1."""
    above_zero(name, value, sentence)
    return fraction(name, value, sentence)
