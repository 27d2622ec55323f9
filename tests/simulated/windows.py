"""Windows over simulated sensors, and whether they are right."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import microjoule as uj

MeterOn = Callable[..., uj.Meter]  # what the fixture `meter_on` is


class Simulated(Protocol):
    """Whatever leads microjoule to itself by variables."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables."""


def measured(meter: uj.Meter, length_s: float = 0.1) -> uj.Measurement:
    """A settled window."""
    with meter.measure() as m:
        time.sleep(length_s)
    assert m.wait(5)
    return m


def sampling_j(m: uj.Measurement) -> float:
    """The standard uncertainty that comes of sampling: timing and quantisation, J.

    It is larger where a busy machine woke the sampler late.
    """
    return math.hypot(m.uncertainty_parts["timing"], m.uncertainty_parts["quantisation"])


def is_near(m: uj.Measurement, figure_j: float, truth_j: float, limit: float = 0.01) -> bool:
    """Whether a figure is as near to the truth as asked, or within five standard uncertainties."""
    return abs(figure_j - truth_j) <= max(limit * truth_j, 5 * sampling_j(m))
