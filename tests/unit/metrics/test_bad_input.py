"""What cannot be is refused with a sentence that says what to pass; NaN never comes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from microjoule import metrics
from unit.metrics.points import RISES_FALLS, by_name, point

EPR = metrics.energy_precision_ratio
CASES: list[tuple[Callable[[], Any], str]] = [
    (lambda: EPR(8, 0.4), r"error is 8: pass the error as a fraction from 0 to 1 \(8 % is 0.08\)"),
    (lambda: EPR(-0.1, 0.4), "error is -0.1: pass the error as a fraction"),
    (lambda: EPR(0.08, 0), "energy_j is 0: pass the energy in joules, above 0"),
    (lambda: EPR(0.08, 0.4, items=0), "items is 0: pass how many items"),
    (lambda: EPR(0.08, 0.4, alpha=-1), "alpha is -1: pass an exponent, 0 or more"),
    (lambda: EPR(0.08, 0.4, alpha=(1, 0.1)), "alpha is a setting"),
    (lambda: EPR(0, 0.4), "pass the items of the test set"),
    (lambda: EPR(math.nan, 0.4), "error is nan: pass a finite number"),
    (lambda: EPR("8 %", 0.4), "error is '8 %': pass a number"),
    (lambda: metrics.error_of(r2=-0.2), "r2 is -0.2: pass an R² from 0 to 1"),
    (lambda: metrics.error_of(accuracy=92), r"pass the accuracy as a fraction from 0 to 1"),
    (lambda: metrics.error_of(accuracy=0.9, r2=0.9), "pass one of accuracy, r2 and rmse"),
    (lambda: metrics.error_of(), "pass one of accuracy, r2 and rmse"),
    (lambda: metrics.error_of(rmse=3), "rmse needs target_range"),
    (lambda: metrics.error_of(rmse=3, target_range=2), "pass an RMSE from 0 to the range"),
    (lambda: metrics.error_floor(0), "0 errors in 0 items: pass the items of the test set"),
    (lambda: metrics.error_floor(5, 6), "at most as many errors"),
    (lambda: metrics.error_floor(5, method="x"), "pass 'laplace' or 'half'"),
    (lambda: metrics.crossover_alpha(0.1, 1, 0.1, 2), "there is no α at which the order turns"),
    (lambda: metrics.payback(1, 1, 2, 1), "B never pays back"),
    (lambda: metrics.sam(0.9, 1), "singular at 1"),
    (lambda: metrics.carburacy(0, 1), "pass an effectiveness above 0"),
    (lambda: metrics.carburacy(0.4, 1, alpha=1), "pass a base above 1"),
    (lambda: metrics.recognition_bits(0.5, 1), "pass how many classes there are, 2 or more"),
    (lambda: metrics.zeus_cost(1, 1, 1, eta=2), "eta is 2: pass a share from 0 to 1"),
    (lambda: metrics.sci(1, 300, 1, 0), "units is 0: pass how many functional units"),
    (lambda: metrics.data_score_efficiency(0.8, 10, 0.9, 10), "two points of a learning curve"),
    (lambda: metrics.edp(1e300, 1e300), "edp has no finite value at energy_j = 1e"),
    (lambda: metrics.samples_to_target([], 0.8), "the curve is empty"),
    (lambda: metrics.samples_to_target([(10, 0.5)], 0.8), "its best score is 0.5, not 0.8"),
    (lambda: metrics.samples_to_target([(10, 0.5), (10, 0.6)], 0.8), "have the same samples"),
    (lambda: metrics.samples_to_target([(0, 0.5)], 0.4), "no samples above 0"),
    (lambda: metrics.joules_to_target([(1, math.nan)], 0.4), "no finite score"),
    (lambda: metrics.learning_area([(10, 0.5)]), "pass two or more"),
    (lambda: metrics.front({}), "there is no model"),
    (lambda: metrics.front({"a": (math.nan, 1)}), "quality of a is nan"),
    (lambda: metrics.rank({}), "there is no model"),
    (lambda: metrics.rank({"a": {"energy_j": 1}}), "a: has no error: pass error, accuracy or r2"),
    (lambda: metrics.rank({"a": {"error": 0.1}}), "a: has no energy: pass energy_j"),
    (lambda: metrics.rank({"a": {"error": 0, "energy_j": 1}}), "a: error is 0"),
    (lambda: metrics.rank({"a": {"error": 0.1, "energy_j": 0}}), "a: energy_j is 0"),
    (lambda: metrics.rank({"a": {"r2": -1, "energy_j": 1}}), "a: r2 is -1"),
    (
        lambda: metrics.rank({"a": {"error": 0.1, "energy_j": 1}}, metrics=["edpp"]),
        "no metric is called 'edpp': did you mean edp?",
    ),
    (
        lambda: metrics.rank({"a": {"error": 0.1, "energy_j": 1}}, metrics=["edp"]),
        "a has no duration_s, which edp needs",
    ),
    (lambda: metrics.rank({"a": {"error": 0.1, "energy_j": 1}}, alphas=()), "nothing to rank by"),
    (lambda: metrics.label({}, {}), "there is no value to rate"),
    (lambda: metrics.label({"top1": 0.9}, {}), "the reference model has no top1"),
    (lambda: metrics.label({"topp": 0.9}, {"topp": 1}), "no axis is called 'topp'"),
    (lambda: metrics.label({"flop": 1}, {"flop": 1}), "boundaries of flop are not known here"),
    (lambda: metrics.label({"top1": 0}, {"top1": 0.9}), "top1 is 0: pass a figure above 0"),
    (lambda: metrics.label({"top1": 1}, {"top1": 0}), "reference top1 is 0"),
    (
        lambda: metrics.label(
            {"top1": 1}, {"top1": 1}, axes={"top1": metrics.AXES["top1"]._replace(weight=0)}
        ),
        "the weights sum to zero",
    ),
    (
        lambda: metrics.label(
            {"top1": 1}, {"top1": 1}, axes={"top1": metrics.Axis(True, 1, (1, 2, 3, 4))}
        ),
        "pass four, falling",
    ),
    (lambda: metrics.label({"top1": 1}, {"top1": 1}, compound="x"), "no compound is called 'x'"),
    (lambda: metrics.label({"top1": 1}, {"top1": 1}, compat="x"), "pass 'fischer2022' or None"),
    (lambda: metrics.weighted_median("AD", [0, 0]), "the weights sum to zero"),
    (lambda: metrics.weighted_median("AX", [1, 1]), "letters from A to E"),
    (lambda: metrics.weighted_median("AD", [1, -1]), "weights of 0 or more"),
    (lambda: metrics.stars({}), "the cohort is empty"),
    (lambda: metrics.stars({"a": 0}), "the energy of a is 0: pass an energy above 0"),
    (lambda: metrics.stars({"a": 1}, method="x"), "pass 'range' or 'quantile'"),
]


@pytest.mark.parametrize(("call", "sentence"), CASES)
def test_a_sentence(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_missing_or_unknown_input_is_named() -> None:
    with pytest.raises(TypeError, match="edp: missing a required argument: 'duration_s'"):
        metrics.edp(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="edp: got an unexpected keyword argument 'seconds'"):
        metrics.edp(1, 2, seconds=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", RISES_FALLS)
def test_nan_and_infinities_never_pass(name: str, bad: float) -> None:
    for which in point(name):
        with pytest.raises(ValueError, match="pass a finite number"):
            by_name(name)(**{**point(name), which: bad})


@pytest.mark.parametrize("name", RISES_FALLS)
def test_every_range_is_held_and_zero_never_divides(name: str) -> None:
    metric = by_name(name)
    for which in point(name):
        with pytest.raises(ValueError, match=f"{which} is -1: pass "):
            metric(**{**point(name), which: -1})
        # At 0 there is a finite figure or a sentence, never a division.
        try:
            told = str(metric(**{**point(name), which: 0}).value)
        except ValueError as error:
            told = str(error)
        assert "pass" in told or math.isfinite(float(told))
