"""Every worked example of the registry, to the digits it is written with."""

from __future__ import annotations

import pytest

from microjoule import carbon, metrics

ENTRIES = metrics.registry()
NAMES = {name: getattr(metrics, name) for name in metrics.__all__}
EXAMPLES = [
    pytest.param(example.expression, example.value, id=example.expression[:60])
    for entry in ENTRIES.values()
    for example in entry.examples
]


def to_digits_of(found: float, written: str) -> str:
    """A number with as many significant digits as another is written with."""
    mantissa = written.lower().partition("e")[0].lstrip("-").replace(".", "").lstrip("0")
    return f"{found:.{max(len(mantissa), 1) - 1}e}"


def same(found: object, written: str) -> bool:
    if isinstance(found, metrics.Value):
        found = found.value
    if isinstance(found, bool | list | str):
        return repr(found) == written
    assert isinstance(found, float)
    if float(written) == 0:
        return abs(found) < 1e-15
    return to_digits_of(found, written) == to_digits_of(float(written), written)


@pytest.mark.parametrize(("expression", "written"), EXAMPLES)
def test_example(expression: str, written: str) -> None:
    assert same(eval(expression, dict(NAMES)), written)


def test_the_comparison_of_digits_can_fail() -> None:
    assert same(1.72537011, "1.7253701")
    assert not same(1.72537024, "1.7253701")
    assert not same(0.0035, "0.003456")
    assert not same(["a", "b"], "['a', 'b', 'd']")


def test_every_entry_has_an_example() -> None:
    assert len(ENTRIES) > 50
    assert [e.name for e in ENTRIES.values() if not e.examples] == []


@pytest.mark.parametrize(
    ("alpha", "a", "b"),
    [(0, 0.40, 0.90), (1, 0.032, 0.045), (2, 0.00256, 0.00225), (3, 2.048e-4, 1.125e-4)],
)
def test_two_models_over_alpha(alpha: float, a: float, b: float) -> None:
    ratio = metrics.energy_precision_ratio
    assert ratio(0.08, 0.40, alpha=alpha).value == pytest.approx(a, rel=1e-12)
    assert ratio(0.05, 0.90, alpha=alpha).value == pytest.approx(b, rel=1e-12)


def test_energy_of_a_result_in_percent_is_another_number() -> None:
    assert metrics.energy_precision_ratio(0.08, 0.40, alpha=2).value * 100**2 == pytest.approx(25.6)


def test_emissions_of_a_small_run() -> None:
    found = carbon.footprint(1.2e-4 * 3.6e6, intensity=30.08, pue=1.2)
    assert to_digits_of(found.co2e_g, "0.00433152") == "4.33152e-03"


def test_sci_of_the_whole_example_is_the_sum_of_its_parts() -> None:
    made = metrics.sci_embodied(1e6, 3600, 4, 8 / 64)
    assert metrics.sci(0.5, 300, made, 1000).value == pytest.approx((150 + made.value) / 1000)


def test_lifecycle_bits_are_bits_per_joule_times_dllce() -> None:
    bits = metrics.recognition_bits_per_joule(0.92, 10, 0.0432).value
    share = metrics.dllce(1.8e8, 0.0432, 1e9).value
    whole = metrics.lifecycle_bits_per_joule(0.92, 10, 0.0432, 1.8e8, 1e9).value
    assert whole == pytest.approx(bits * share, rel=1e-12)
