"""Propagated uncertainties against a Monte-Carlo of 100,000 draws that is made here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from microjoule import metrics
from microjoule.metrics._jet import Jet, log, xlog2x
from unit.metrics.points import RISES_FALLS, by_name, point, settings

DRAWS = 100_000
TOLERANCE = 0.02


def drawn_std(
    metric: metrics.Metric[...], inputs: dict[str, float], rel: dict[str, float]
) -> float:
    """Standard deviation of the formula over normal draws, by numpy and nothing of ours."""
    random = np.random.default_rng(7)
    arrays: dict[str, Any] = {
        name: random.normal(value, value * rel.get(name, 0.0), DRAWS)
        for name, value in inputs.items()
        if not metric.entry.inputs[name].setting
    }
    fixed = {name: value for name, value in inputs.items() if metric.entry.inputs[name].setting}
    defaults = {
        name: p.default
        for name, p in metric.__signature__.parameters.items()
        if p.default is not p.empty and name not in inputs
    }
    return float(np.std(metric._formula(**arrays, **fixed, **defaults)))


@pytest.mark.parametrize("rel", [0.01, 0.05])
@pytest.mark.parametrize("name", RISES_FALLS)
def test_of_all_inputs_together(name: str, rel: float) -> None:
    metric = by_name(name)
    inputs = point(name)
    uncertain = {k: (v, v * rel) for k, v in inputs.items() if k not in settings(name)}
    told = metric(**{**inputs, **uncertain}).uncertainty
    expected = drawn_std(metric, inputs, dict.fromkeys(uncertain, rel))
    assert told == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("alpha", [0.5, 1, 2, 3, 5])
def test_of_a_power_of_the_error(alpha: float) -> None:
    told = metrics.energy_precision_ratio((0.08, 0.004), (0.4, 0.02), alpha=alpha)
    random = np.random.default_rng(11)
    drawn = random.normal(0.08, 0.004, DRAWS) ** alpha * random.normal(0.4, 0.02, DRAWS)
    assert told.uncertainty == pytest.approx(float(np.std(drawn)), rel=TOLERANCE)


@pytest.mark.parametrize("name", RISES_FALLS)
def test_the_draws_of_a_metric_agree(name: str) -> None:
    inputs = point(name)
    uncertain = {k: (v, v * 0.02) for k, v in inputs.items() if k not in settings(name)}
    drawn = by_name(name).draws(**{**inputs, **uncertain})
    told = by_name(name)(**{**inputs, **uncertain})
    assert drawn.shape == (DRAWS,)
    assert float(np.std(drawn)) == pytest.approx(told.uncertainty, rel=TOLERANCE)
    assert float(np.median(drawn)) == pytest.approx(told.value, rel=0.01)


def test_draws_stay_inside_the_range() -> None:
    drawn = metrics.energy_precision_ratio.draws((0.9, 0.2), (0.4, 0.4), count=10_000)
    assert np.isfinite(drawn).all()
    assert (drawn > 0).all()
    error = metrics.error_of(accuracy=(0.9, 0.2))
    assert metrics.energy_precision_ratio.draws(error, 1.0, count=10_000).max() <= 1.0


def test_the_same_seed_draws_the_same() -> None:
    def draw(seed: int) -> list[float]:
        drawn: list[float] = metrics.edp.draws((1, 0.1), (2, 0.2), count=5, seed=seed).tolist()
        return drawn

    assert draw(1) == draw(1) != draw(2)


def test_no_uncertainty_in_gives_none_out() -> None:
    assert metrics.dllce(1.8e8, 0.5, 1e9).uncertainty == 0
    assert metrics.energy_precision_ratio((0.08, 0.004), 0.4, alpha=0).uncertainty == 0


def test_at_an_edge_it_says_so() -> None:
    assert metrics.recognition_bits(1, 10).value == pytest.approx(math.log2(10))
    with pytest.raises(ValueError, match="pass the inputs there without an uncertainty"):
        metrics.recognition_bits((1, 0.01), 10)


@pytest.mark.parametrize(
    ("formula", "x", "derivatives"),
    [
        (lambda x: x**3, 2.0, (8, 12, 12, 6)),
        (lambda x: 1 / x, 2.0, (1 / 2, -1 / 4, 1 / 4, -3 / 8)),
        (lambda x: x**0.5, 4.0, (2, 1 / 4, -1 / 32, 3 / 256)),
        (lambda x: x**-2, 2.0, (1 / 4, -1 / 4, 3 / 8, -3 / 4)),
        (log, 2.0, (math.log(2), 1 / 2, -1 / 4, 1 / 4)),
        (lambda x: (3 - x) * x - 5, 2.0, (-3, -1, -2, 0)),
        (lambda x: x / (x + 1), 1.0, (1 / 2, 1 / 4, -1 / 4, 3 / 8)),
        (
            lambda x: xlog2x(x) * math.log(2),
            2.0,
            (2 * math.log(2), math.log(2) + 1, 1 / 2, -1 / 4),
        ),
    ],
)
def test_derivatives(formula: Any, x: float, derivatives: tuple[float, ...]) -> None:
    c = formula(Jet(x, 1.0)).c
    found = [c[0], c[1], 2 * c[2], 6 * c[3]]
    assert found == pytest.approx(derivatives, rel=1e-12)
    assert formula(x) == pytest.approx(c[0], rel=1e-15)


class TestValue:
    @pytest.mark.parametrize(
        ("given", "value", "uncertainty"),
        [
            (0.4, 0.4, 0),
            ((0.4, 0.02), 0.4, 0.02),
            ("0.40±0.02", 0.4, 0.02),
            ("0.40 +- 0.02", 0.4, 0.02),
            ("4e-1+/-5%", 0.4, 0.02),
            ("-2±10%", -2, 0.2),
            (np.float64(0.4), 0.4, 0),
            ("1e-5", 1e-5, 0),
        ],
    )
    def test_forms(self, given: Any, value: float, uncertainty: float) -> None:
        found = metrics.value_of(given)
        assert found.value == pytest.approx(value)
        assert found.uncertainty == pytest.approx(uncertainty)

    @pytest.mark.parametrize(
        "given", ["", "abc", "1±", "1±x", "1%", "nan", "inf", math.nan, math.inf, None, True, []]
    )
    def test_what_is_no_number(self, given: Any) -> None:
        with pytest.raises(ValueError, match="pass a"):
            metrics.value_of(given, "energy_j")

    def test_a_negative_uncertainty(self) -> None:
        with pytest.raises(ValueError, match="0 or more"):
            metrics.value_of((1, -0.1))
        with pytest.raises(ValueError, match="0 or more"):
            metrics.value_of("1±-0.1")

    def test_it_is_frozen(self) -> None:
        value = metrics.edp(1, 2)
        with pytest.raises(AttributeError, match="frozen"):
            value.value = 3.0
        assert (value.name, value.unit, value.direction, value.category) == (
            "edp",
            "J·s",
            "lower",
            "climate",
        )

    def test_a_figure_is_as_weak_as_its_weakest_input(self) -> None:
        def energy(obtained: str) -> metrics.Value:
            return metrics.Value(0.4, 0.02, "J", obtained=obtained)

        error = metrics.Value(0.08, obtained="measured")
        for told in ("measured", "given", "mixed", "estimated"):
            assert metrics.energy_precision_ratio(error, energy(told)).obtained == told
        assert metrics.energy_precision_ratio(0.08, energy("measured")).obtained == "given"

    def test_the_energy_of_a_measurement(self) -> None:
        class Measured:
            energy_j, uncertainty_j, quality = 12.0, 0.3, "measured"

        energy = metrics.energy_of(Measured())
        assert (energy.value, energy.uncertainty, energy.unit) == (12.0, 0.3, "J")
        assert metrics.edp(energy, 0.25).uncertainty == pytest.approx(0.075)
        with pytest.raises(TypeError, match=r"uj\.measure"):
            metrics.energy_of(3.0)

    def test_an_interval(self) -> None:
        value = metrics.Value(0.4, 0.02)
        assert value.interval() == pytest.approx((0.36, 0.44))
        assert value.uncertainty_rel == pytest.approx(0.05)
        assert float(value) == 0.4
