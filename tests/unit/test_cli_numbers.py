import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule.cli.numbers import UNKNOWN, plain, plus_minus, quantity, seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 J"),
        (1234.0, "1.23 kJ"),
        (999.96, "1.00 kJ"),
        (0.0410, "41.0 mJ"),
        (3.4e-7, "340 nJ"),
        (3.4e-11, "3.40e-11 J"),
        (-0.0410, "-41.0 mJ"),
        (5e12, "5000 GJ"),
        (None, UNKNOWN),
        (math.nan, UNKNOWN),
        (math.inf, UNKNOWN),
    ],
)
def test_a_quantity_keeps_its_digits_under_a_prefix(value: float | None, text: str) -> None:
    assert quantity(value, "J") == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0123, 3, "0.0123"),
        (412.0, 3, "412"),
        (41234.0, 3, "41200"),
        (3.42e-7, 3, "3.42e-07"),
        (1.0, 5, "1.0000"),
        (9.996, 3, "10.0"),
    ],
)
def test_a_plain_number(value: float, digits: int, text: str) -> None:
    assert plain(value, digits) == text


@given(st.floats(min_value=1e-30, max_value=1e15), st.integers(min_value=1, max_value=15))
def test_no_number_reads_as_zero_or_loses_its_digits(value: float, digits: int) -> None:
    factors = {"G": 1e9, "M": 1e6, "k": 1e3, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "": 1.0}
    number, unit = quantity(value, "J", digits).split(" ")
    back = float(number) * factors[unit.removesuffix("J")]
    assert back == pytest.approx(value, rel=0.5001 * 10 ** (1 - digits))


def test_an_uncertainty_gets_two_digits_and_its_coverage() -> None:
    assert plus_minus(1234.0, 41.26, "J") == "1.23 kJ ± 41 J (k=1)"
    assert plus_minus(1234.0, None, "J") == "1.23 kJ"
    assert plus_minus(math.nan, 1.0, "J") == UNKNOWN


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0012, "1.20 ms"),
        (41.0, "41.0 s"),
        (127.0, "2 min 07 s"),
        (7507.4, "2 h 05 min 07 s"),
        (math.nan, UNKNOWN),
    ],
)
def test_a_time(value: float, text: str) -> None:
    assert seconds(value) == text
