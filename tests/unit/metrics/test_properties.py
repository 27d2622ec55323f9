"""What holds at every point: directions, scales, and the α at which two models change places."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import metrics
from unit.metrics.points import RISES_FALLS, by_name, point

MOVES = [
    pytest.param(name, which, sign, id=f"{name}-{which}")
    for name, (rises, falls) in RISES_FALLS.items()
    for sign, names in ((1, rises), (-1, falls))
    for which in names.split()
]
errors = st.floats(1e-6, 1.0)
energies = st.floats(1e-9, 1e12)
alphas = st.floats(0.0, 5.0)
factors = st.floats(1e-3, 1e3)
accuracies = st.floats(0.01, 0.99)


@pytest.mark.parametrize(("name", "which", "sign"), MOVES)
@given(rel=st.floats(0.001, 0.15), where=st.floats(0.95, 1.05))
def test_a_metric_moves_as_it_says(
    name: str, which: str, sign: int, rel: float, where: float
) -> None:
    inputs = point(name)
    inputs[which] *= where
    metric = by_name(name)
    before = metric(**inputs).value
    after = metric(**{**inputs, which: inputs[which] * (1 + rel)}).value
    assert (after - before) * sign > 0


@pytest.mark.parametrize("name", RISES_FALLS)
def test_better_quality_and_less_cost_move_a_metric_towards_better(name: str) -> None:
    direction = by_name(name).entry.direction
    rises, falls = (set(names.split()) for names in RISES_FALLS[name])
    better = {"accuracy", "effectiveness", "performance"}
    worse = {"error", "intensity_g_per_kwh", "co2e_kg", "training_co2e_kg", "testing_co2e_kg"}
    if direction == "higher":
        assert not better & falls
        assert not worse & rises
    elif direction == "lower":
        assert not better & rises
        assert not worse & falls


@given(error=errors, energy=energies, alpha=alphas, k=factors)
def test_the_ratio_scales_with_energy(error: float, energy: float, alpha: float, k: float) -> None:
    ratio = metrics.energy_precision_ratio
    once = ratio(error, energy, alpha=alpha).value
    assert ratio(error, energy * k, alpha=alpha).value == pytest.approx(once * k, rel=1e-9)
    assert ratio(error, energy, k, alpha=alpha).value == pytest.approx(once / k, rel=1e-9)


@given(error=st.floats(1e-3, 1.0), energy=energies, alpha=alphas)
def test_halving_the_error_is_worth_two_to_the_alpha(
    error: float, energy: float, alpha: float
) -> None:
    ratio = metrics.energy_precision_ratio
    other = ratio(error / 2, energy * 2**alpha, alpha=alpha).value
    assert other == pytest.approx(ratio(error, energy, alpha=alpha).value, rel=1e-9)


@given(error=errors, energy=energies)
def test_at_alpha_zero_it_is_the_energy(error: float, energy: float) -> None:
    assert metrics.energy_precision_ratio(error, energy, alpha=0).value == energy


@given(a=errors, e_a=energies, cut=st.floats(1.01, 1e3), star=st.floats(0.05, 5))
def test_two_models_change_places_at_alpha_star(
    a: float, e_a: float, cut: float, star: float
) -> None:
    # The second model has a smaller error, and exactly the energy that this is worth at α*.
    b, e_b = a / cut, e_a * cut**star
    ratio = metrics.energy_precision_ratio
    assert metrics.crossover_alpha(a, e_a, b, e_b).value == pytest.approx(star, rel=1e-9)
    assert metrics.crossover_alpha(b, e_b, a, e_a).value == pytest.approx(star, rel=1e-9)
    below, above = star * 0.99, star * 1.01
    assert ratio(a, e_a, alpha=below).value < ratio(b, e_b, alpha=below).value
    assert ratio(a, e_a, alpha=above).value > ratio(b, e_b, alpha=above).value


@given(train=energies, use=energies, n=st.floats(1, 1e12))
def test_life_cycle_efficiency_and_break_even(train: float, use: float, n: float) -> None:
    dllce = metrics.dllce(train, use, n).value
    assert 0 < dllce <= 1
    assert (dllce >= 0.5) == (n >= metrics.break_even(train, use).value) or math.isclose(
        dllce, 0.5, rel_tol=1e-9
    )
    # The share that use has of the amortised energy.
    amortised = metrics.amortised_energy(train, use, n).value
    assert dllce == pytest.approx(use / amortised, rel=1e-9)


@given(energy=energies, time=factors, k=factors, n=st.floats(0, 3))
def test_energy_delay_scales(energy: float, time: float, k: float, n: float) -> None:
    once = metrics.edp(energy, time, n=n).value
    assert metrics.edp(energy, time * k, n=n).value == pytest.approx(once * k**n, rel=1e-9)
    assert metrics.ed2p(energy, time).value == pytest.approx(
        metrics.edp(energy, time, n=2).value, rel=1e-12
    )


@given(accuracy=accuracies, classes=st.integers(2, 1000))
def test_bits_are_least_at_chance_and_never_negative(accuracy: float, classes: int) -> None:
    bits = metrics.recognition_bits(accuracy, classes).value
    assert -1e-12 <= bits <= math.log2(classes) + 1e-12
    assert metrics.recognition_bits(1 / classes, classes).value == pytest.approx(0, abs=1e-12)


@given(r=st.floats(0.01, 1), train=st.floats(0, 10), test=st.floats(0, 0.1))
def test_carburacy_of_both_stages_is_the_harmonic_mean(r: float, train: float, test: float) -> None:
    a = metrics.carburacy(r, train).value
    b = metrics.carburacy(r, test, beta=100).value
    both = metrics.carburacy_overall(r, train, test).value
    assert both == pytest.approx(2 * a * b / (a + b), rel=1e-9)
    assert 0 < both <= 1


@given(a=accuracies, p=st.floats(1e3, 1e12), m=st.floats(1e3, 1e14))
def test_netscore_is_in_decibels(a: float, p: float, m: float) -> None:
    once = metrics.netscore(a, p, m).value
    assert metrics.netscore(a, 100 * p, m).value == pytest.approx(once - 20, abs=1e-8)
    assert metrics.netscore(a, p, 100 * m).value == pytest.approx(once - 20, abs=1e-8)


@given(
    points=st.lists(st.tuples(accuracies, energies), min_size=1, max_size=12),
    k=factors,
)
def test_the_front_by_its_definition_whatever_the_unit(
    points: list[tuple[float, float]], k: float
) -> None:
    models = {str(i): p for i, p in enumerate(points)}
    expected = {
        name
        for name, (a, e) in models.items()
        if not any(b >= a and f <= e and (b > a or f < e) for b, f in models.values())
    }
    assert set(metrics.front(models)) == expected
    doubled = {name: (a, 2 * e) for name, (a, e) in models.items()}
    assert set(metrics.front(doubled)) == expected
    area = metrics.hypervolume(models, 0.0, 1e13)
    only = metrics.hypervolume({n: models[n] for n in expected}, 0.0, 1e13)
    assert area == pytest.approx(only, rel=1e-12)
