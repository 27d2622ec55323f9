"""Data efficiency: what a model scores, and what its training takes, with more and more samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from microjoule import metrics
from microjoule.config import Frozen
from microjoule.indicators.repeats import mean_and_sd, one_or_more
from microjoule.metrics._value import OBTAINED, Value

if TYPE_CHECKING:
    from microjoule.meter import Meter

_SIZES: Final = 6
_FEWEST: Final = 10


class Point(Frozen):
    """One size of a learning curve.

    Attributes:
        samples: samples of the training.
        score: mean score on the samples held out.
        score_sd: its standard deviation over the repeats; 0 with one repeat.
        fit_s: mean time of a training, s.
        energy_j: mean energy of a training, J; None where nothing was measured.
        energy_uncertainty_j: its standard uncertainty, J; None likewise.
        quality: how well the energy was obtained; empty where it was not.
    """

    __slots__ = (
        "samples",
        "score",
        "score_sd",
        "fit_s",
        "energy_j",
        "energy_uncertainty_j",
        "quality",
    )
    samples: int
    score: float
    score_sd: float
    fit_s: float
    energy_j: float | None
    energy_uncertainty_j: float | None
    quality: str

    def __init__(
        self,
        samples: int,
        score: float,
        score_sd: float = 0.0,
        fit_s: float = 0.0,
        energy_j: float | None = None,
        energy_uncertainty_j: float | None = None,
        quality: str = "",
    ) -> None:
        self._fill(
            samples=samples,
            score=score,
            score_sd=score_sd,
            fit_s=fit_s,
            energy_j=energy_j,
            energy_uncertainty_j=energy_uncertainty_j,
            quality=quality,
        )


class LearningCurve(Frozen):
    """Score and cost of training over the number of samples.

    Attributes:
        points: from few samples to many.
        test_samples: samples held out, on which every score was taken.
        repeats: trainings at each size, each with other samples.
    """

    __slots__ = ("points", "test_samples", "repeats")
    points: tuple[Point, ...]
    test_samples: int
    repeats: int

    def __init__(self, points: Sequence[Point], test_samples: int = 0, repeats: int = 1) -> None:
        if not points:
            raise ValueError("the curve is empty: pass its points")
        by_samples = sorted(points, key=lambda p: p.samples)
        self._fill(points=tuple(by_samples), test_samples=test_samples, repeats=repeats)

    def samples_to_target(self, target: float) -> float:
        """Samples at which the score is first reached.

        Raises:
            ValueError: it is not reached.
        """
        return metrics.samples_to_target([(p.samples, p.score) for p in self.points], target)

    def joules_to_target(self, target: float) -> Value:
        """Energy of the one training that first reaches the score, J.

        Linear in the number of samples between two sizes.

        Raises:
            ValueError: it is not reached, or no energy was measured.
        """
        energies = [(p.energy_j, p.energy_uncertainty_j or 0.0) for p in self.points]
        known = [(e, u) for e, u in energies if e is not None]
        if len(known) < len(energies):
            raise ValueError(
                "no energy was measured with this curve: pass energy=True, where `uj doctor` "
                "finds a sensor or a model"
            )
        samples = self.samples_to_target(target)
        sizes = [p.samples for p in self.points]
        after = next(i for i, n in enumerate(sizes) if n >= samples * (1 - 1e-12))
        before = max(after - 1, 0)
        part = (samples - sizes[before]) / (sizes[after] - sizes[before]) if after > before else 0.0
        low, high = known[before], known[after]
        between = self.points[before], self.points[after]
        worst = max((p.quality for p in between), key=OBTAINED.index)
        return Value(
            low[0] + part * (high[0] - low[0]),
            math.hypot((1 - part) * low[1], part * high[1]),
            "J",
            direction="lower",
            category="climate",
            obtained=worst,
            name="joules_to_target",
        )

    def area(self) -> float:
        """Mean score over the logarithm of the samples: data efficiency without a target."""
        return metrics.learning_area([(p.samples, p.score) for p in self.points])

    def data_score_efficiency(self, *, relative: bool = False) -> Value:
        """What the last samples bought: score gained over samples added, between the last sizes."""
        if len(self.points) < 2:
            raise ValueError("the curve has one point: pass two sizes or more")
        a, b = self.points[-2:]
        return metrics.data_score_efficiency(
            _within(a.score), a.samples, _within(b.score), b.samples, relative=float(relative)
        )

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        return {**super().to_dict(), "points": [p.to_dict() for p in self.points]}


def _within(score: float) -> float:
    # R² may fall below 0, where a model is worse than the mean.
    return max(score, 0.0)


def learning_curve(
    estimator: Any,
    x: Any,
    y: Any,
    *,
    sizes: Sequence[int] | None = None,
    test_share: float = 0.25,
    repeats: int = 3,
    scoring: Callable[[Any, Any, Any], float] | None = None,
    energy: bool = True,
    meter: Meter | None = None,
    seed: int = 0,
) -> LearningCurve:
    """Train a copy of an estimator with more and more samples, and measure each training.

    Args:
        estimator: an estimator of scikit-learn; it is not changed.
        x: samples, shape (n, features): an array, a sparse matrix or a data frame.
        y: what is to be predicted, shape (n,).
        sizes: how many samples to train with; by default six from few to all, evenly spaced in
            their logarithm.
        test_share: share of the samples that is held out, above 0 and below 1.
        repeats: trainings at each size, each with other samples; the same ones for every size.
        scoring: ``scoring(estimator, x, y)``; by default the estimator's own score.
        energy: whether the energy of each training is measured.
        meter: the meter to measure it with; by default that of the process.
        seed: of the order of the samples.

    Returns:
        The curve. Its figures are those of this machine: ``points[i].quality`` says whether its
        joules were measured or estimated.

    Raises:
        ValueError: a number is out of range, or a training fails.
    """
    import numpy as np
    from sklearn.base import clone

    y = y if hasattr(y, "iloc") else np.asarray(y)
    count = len(y)
    trained, chosen = _sizes(count, test_share, sizes)
    one_or_more("repeats", repeats)
    scores: dict[int, list[float]] = {n: [] for n in chosen}
    fits: dict[int, list[_Fit]] = {n: [] for n in chosen}
    for repeat in range(repeats):
        order = np.random.default_rng((seed, repeat)).permutation(count)
        test = order[trained:]
        for n in chosen:
            model = clone(estimator)
            part = order[:n]
            try:
                fits[n].append(_fit(model, _rows(x, part), _rows(y, part), energy, meter))
            except ValueError as error:
                told = str(error).splitlines()[0]
                raise ValueError(
                    f"training with {n} of the samples failed ({told}): pass larger sizes"
                ) from None
            judge = scoring or type(model).score
            scores[n].append(float(judge(model, _rows(x, test), _rows(y, test))))
    points = [_point(n, scores[n], fits[n]) for n in chosen]
    return LearningCurve(points, count - trained, repeats)


class _Fit:
    """What one training took."""

    def __init__(self, seconds: float, measured: Any) -> None:
        self.seconds = seconds
        self.energy_j: float | None = None
        self.uncertainty_j = 0.0
        self.quality = ""
        if measured is not None and not math.isnan(measured.energy_j):
            self.energy_j = measured.energy_j
            self.uncertainty_j = measured.uncertainty_j
            self.quality = measured.quality


def _fit(model: Any, x: Any, y: Any, energy: bool, meter: Meter | None) -> _Fit:
    if energy:
        from microjoule.meter import measure

        with measure("learning_curve", stage="training", meter=meter) as window:
            model.fit(x, y)
        return _Fit(window.duration_s, window)
    start = time.perf_counter()
    model.fit(x, y)
    return _Fit(time.perf_counter() - start, None)


def _point(samples: int, scores: list[float], fits: list[_Fit]) -> Point:
    mean, sd = mean_and_sd(scores)
    seconds = math.fsum(f.seconds for f in fits) / len(fits)
    joules = [f.energy_j for f in fits if f.energy_j is not None]
    if len(joules) < len(fits):
        return Point(samples, mean, sd, seconds)
    return Point(
        samples,
        mean,
        sd,
        seconds,
        math.fsum(joules) / len(joules),
        # A meter's gain is the same each time: uncertainties add, they do not average out.
        math.fsum(f.uncertainty_j for f in fits) / len(fits),
        max((f.quality for f in fits), key=OBTAINED.index),
    )


def _sizes(
    count: int, test_share: float, given: Sequence[int] | None
) -> tuple[int, tuple[int, ...]]:
    """How many samples are for training, and the sizes to train with."""
    if not 0 < test_share < 1:
        raise ValueError(f"test_share is {test_share:g}: pass a share above 0 and below 1")
    trained = count - max(1, round(count * test_share))
    if trained < _FEWEST:
        raise ValueError(
            f"{trained} of {count} samples are left for training: pass {_FEWEST} or more"
        )
    if given is None:
        few = min(max(_FEWEST, trained // 32), trained)
        steps = [few * (trained / few) ** (i / (_SIZES - 1)) for i in range(_SIZES)]
        return trained, tuple(sorted({round(n) for n in steps}))
    chosen = tuple(sorted({int(n) for n in given}))
    if not chosen or chosen[0] < 1 or chosen[-1] > trained:
        raise ValueError(
            f"sizes is {list(given)}: pass sizes from 1 to {trained}, the samples that are not "
            "held out"
        )
    return trained, chosen


def _rows(held: Any, places: Any) -> Any:
    return held.iloc[places] if hasattr(held, "iloc") else _array(held)[places]


def _array(held: Any) -> Any:
    import numpy as np

    return held if hasattr(held, "nnz") else np.asarray(held)
