"""Learning curves: what they are measured with, what is read from them, and what is refused."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

from microjoule import metrics

DIGITS, NUMBERS = load_digits(return_X_y=True)
# The example of the reference, with a training whose energy grows with its samples.
CURVE = metrics.LearningCurve(
    [
        metrics.Point(100_000, 0.85, energy_j=1000, energy_uncertainty_j=40, quality="measured"),
        metrics.Point(1_000, 0.60, energy_j=10, energy_uncertainty_j=1, quality="measured"),
        metrics.Point(10_000, 0.75, energy_j=100, energy_uncertainty_j=5, quality="estimated"),
    ]
)


class Seen(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps what it was trained with, and scores by how much that was."""

    trainings: ClassVar[list[Any]] = []

    def fit(self, x: Any, y: Any) -> Seen:
        self.n_ = len(y)
        Seen.trainings.append(x)
        return self

    def score(self, x: Any, y: Any) -> float:
        return self.n_ / (self.n_ + len(y))


def test_the_examples_of_the_reference() -> None:
    assert CURVE.samples_to_target(0.80) == pytest.approx(31_622.7766, abs=1e-4)
    assert CURVE.area() == pytest.approx(0.7375)
    assert CURVE.data_score_efficiency().value == pytest.approx(0.1 / 90_000)


def test_joules_to_a_target() -> None:
    found = CURVE.joules_to_target(0.80)
    part = (31_622.7766 - 10_000) / 90_000
    assert found.value == pytest.approx(100 + part * 900)
    assert found.uncertainty == pytest.approx(np.hypot((1 - part) * 5, part * 40))
    assert (found.unit, found.category, found.obtained) == ("J", "climate", "estimated")
    assert CURVE.joules_to_target(0.5).value == 10
    assert CURVE.joules_to_target(0.85).value == pytest.approx(1000)


def test_more_samples_score_better() -> None:
    curve = metrics.learning_curve(GaussianNB(), DIGITS, NUMBERS, energy=False)
    samples = [p.samples for p in curve.points]
    assert samples == sorted(samples)
    assert samples[-1] == len(NUMBERS) - curve.test_samples == 1348
    assert curve.points[-1].score > curve.points[0].score
    assert curve.points[0].score_sd > 0
    assert all(p.fit_s > 0 and p.energy_j is None for p in curve.points)
    assert curve.samples_to_target(curve.points[-1].score * 0.95) <= 1348
    assert curve == metrics.LearningCurve(curve.points, 449, 3)
    assert curve.to_dict()["points"]
    with pytest.raises(ValueError, match="no energy was measured with this curve"):
        curve.joules_to_target(0.5)


def test_sizes_nest_and_the_test_stays_out() -> None:
    Seen.trainings = []
    x = np.arange(400).reshape(200, 2)
    metrics.learning_curve(Seen(), x, np.arange(200) % 2, sizes=[30, 90], repeats=2, energy=False)
    first, second, third, _ = (set(map(tuple, part.tolist())) for part in Seen.trainings)
    assert (len(first), len(second)) == (30, 90)
    assert first < second
    assert first != third


def test_tables_and_sparse_matrices() -> None:
    class Frame:
        """What of a data frame is used."""

        def __init__(self, values: Any) -> None:
            self.values = values

        @property
        def iloc(self) -> Any:
            return self.values

    def score(x: Any) -> list[float]:
        curve = metrics.learning_curve(Seen(), x, NUMBERS, sizes=[50, 500], repeats=1, energy=False)
        return [p.score for p in curve.points]

    assert score(Frame(DIGITS)) == score(csr_matrix(DIGITS)) == score(DIGITS.tolist())


def test_a_score_of_ones_own() -> None:
    curve = metrics.learning_curve(
        LinearRegression(),
        DIGITS,
        NUMBERS,
        sizes=[100],
        scoring=lambda model, x, y: 0.25,
        energy=False,
    )
    assert curve.points[0].score == 0.25


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ({"sizes": [0, 10]}, "pass sizes from 1 to 1348"),
        ({"sizes": []}, "pass sizes from 1 to 1348"),
        ({"sizes": [1400]}, "pass sizes from 1 to 1348"),
        ({"test_share": 1}, "test_share is 1: pass a share"),
        ({"repeats": 0}, "repeats is 0"),
        ({"sizes": [0.5]}, "pass sizes from 1"),
    ],
)
def test_what_is_refused(named: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        metrics.learning_curve(GaussianNB(), DIGITS, NUMBERS, **named)


def test_a_training_that_fails() -> None:
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(ValueError, match=r"training with 1 of the samples failed .*larger sizes"):
        metrics.learning_curve(LogisticRegression(), DIGITS, NUMBERS, sizes=[1], energy=False)
    with pytest.raises(ValueError, match="samples are left for training: pass 10 or more"):
        metrics.learning_curve(GaussianNB(), DIGITS[:8], NUMBERS[:8])
    with pytest.raises(ValueError, match="the curve is empty"):
        metrics.LearningCurve([])
    with pytest.raises(ValueError, match="below the target: its best score is"):
        CURVE.samples_to_target(0.9)
