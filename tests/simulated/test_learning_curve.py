"""A learning curve's joules, on a processor whose power is known."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from microjoule import metrics
from sim.bed import BedFactory, Zone
from sim.loads import Constant
from simulated.windows import MeterOn

pytestmark = pytest.mark.bed
WATTS = 80


class Slow(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Trains for a quarter of a millisecond a sample, and scores by how many there were."""

    def fit(self, x: Any, y: Any) -> Slow:
        self.n_ = len(y)
        time.sleep(self.n_ * 250e-6)
        return self

    def score(self, x: Any, y: Any) -> float:
        return self.n_ / 1000


def test_joules_are_those_of_each_training(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    meter = meter_on(bed_factory([Zone("package-0", Constant(WATTS))]))
    x, y = np.zeros((1000, 1)), np.arange(1000) % 2
    curve = metrics.learning_curve(
        Slow(), x, y, sizes=[200, 400, 700], repeats=2, meter=meter, scoring=Slow.score
    )
    for point in curve.points:
        assert point.quality == "measured"
        assert point.energy_j is not None
        assert point.energy_uncertainty_j is not None
        near = max(3 * point.energy_uncertainty_j, 0.02 * point.energy_j)
        assert point.energy_j == pytest.approx(WATTS * point.fit_s, abs=near)
    low, high = curve.points[1], curve.points[2]
    assert low.energy_j is not None
    assert high.energy_j is not None
    found = curve.joules_to_target(0.6)
    samples = curve.samples_to_target(0.6)
    part = (samples - 400) / 300
    assert found.value == pytest.approx(low.energy_j + part * (high.energy_j - low.energy_j))
    assert found.obtained == "measured"
    assert found.uncertainty > 0
