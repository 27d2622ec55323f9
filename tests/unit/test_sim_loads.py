"""The loads: the closed form of the energy against the power it is the integral of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.loads import NS, Constant, Llm, Load, Segment, Sine, Square, Steps, Telegraph

LOADS = {
    "constant": Constant(80),
    "sine": Sine(100, 100, period_s=0.013),
    "square": Square(40, 160, period_s=0.037, duty=0.3),
    "telegraph": Telegraph(30, 150, low_s=0.02, high_s=0.01, table_s=5.0),
    "llm": Llm(),
    "llm, drawn": Llm(seed=7, requests=4),
    "steps": Steps([(0.01, 10), (0.02, 200), (0.05, 0)]),
    "steps, repeated": Steps([(0.01, 10), (0.02, 200)], repeats=True),
    "scaled": Llm(seed=1).scaled(0.25),
}
every_load = pytest.mark.parametrize("load", LOADS.values(), ids=LOADS.keys())
instants = st.integers(min_value=0, max_value=100_000 * NS)


@every_load
@pytest.mark.parametrize(("start_s", "length_s"), [(0.0, 0.5), (0.0123, 2.0), (7200.3, 0.7)])
def test_energy_is_the_integral_of_power(load: Load, start_s: float, length_s: float) -> None:
    start_ns, length_ns = round(start_s * NS), round(length_s * NS)
    step_ns = 5_000
    middles = np.arange(start_ns + step_ns // 2, start_ns + length_ns, step_ns)
    sum_j = float(load.power_w(middles).sum()) * step_ns * 1e-9
    energy_j = load.energy_j(start_ns + length_ns) - load.energy_j(start_ns)
    # The sum misplaces each edge by up to half a step: 200 W over 2.5 us, some 200 edges.
    assert energy_j == pytest.approx(sum_j, rel=1e-4, abs=1e-3)


@every_load
def test_scalars_and_arrays_agree(load: Load) -> None:
    ns = np.array([-5, 0, 1, 18_499_999, 18_500_000, NS, 12_345 * NS + 678], dtype=np.int64)
    assert [load.energy_j(int(t)) for t in ns] == load.energy_j(ns).tolist()
    assert [load.power_w(int(t)) for t in ns] == load.power_w(ns).tolist()
    assert isinstance(load.energy_j(5), float)


@every_load
def test_nothing_is_drawn_before_the_start(load: Load) -> None:
    assert load.energy_j(-NS) == 0.0
    assert load.energy_j(0) == 0.0
    assert load.power_w(-1) == 0.0


@given(name=st.sampled_from(sorted(LOADS)), first=instants, second=instants)
def test_energy_never_falls(name: str, first: int, second: int) -> None:
    low, high = sorted((first, second))
    assert LOADS[name].energy_j(low) <= LOADS[name].energy_j(high) + 1e-7


@given(turn=st.integers(1, 1_000_000), rest=st.integers(0, 37_000_000))
def test_a_repeated_load_is_as_exact_after_a_month(turn: int, rest: int) -> None:
    load = Square(40, 160, period_s=0.037)
    assert load.energy_j(turn * 37_000_000 + rest) - load.energy_j(rest) == pytest.approx(
        turn * 3.7, rel=1e-12
    )


def test_shapes_are_what_their_names_say() -> None:
    square = Square(40, 160, period_s=0.02, duty=0.25)
    assert [square.power_w(ms * 1_000_000) for ms in (0, 14, 15, 19, 20)] == [40, 40, 160, 160, 40]
    assert square.mean_w == pytest.approx(70)
    sine = Sine(100, 50, period_s=0.4)
    assert sine.power_w(NS // 10) == pytest.approx(150)
    assert sine.mean_w == pytest.approx(100)
    steps = Steps([(1, 10), (1, 20)])
    assert steps.power_w(100 * NS) == 20
    assert steps.energy_j(10 * NS) == pytest.approx(10 + 9 * 20)
    llm = Llm(prefill_w=230, decode_w=140, idle_w=55)
    assert llm.power_w(0) == 230
    assert llm.power_w(45_000_000) == 140
    assert llm.power_w(445_000_000) == 55
    assert llm.duration_s == pytest.approx(0.565)


def test_a_telegraph_follows_from_its_seed() -> None:
    def table(seed: int) -> tuple[Segment, ...]:
        return tuple(Telegraph(30, 150, low_s=0.02, high_s=0.01, table_s=60.0, seed=seed).segments)

    assert table(1) == table(1)
    assert table(1) != table(2)
    load = Telegraph(30, 150, low_s=0.02, high_s=0.01)
    assert load.duration_s == pytest.approx(3600, rel=0.02)
    assert load.mean_w == pytest.approx(70, rel=0.02)
    dwell_s = np.array([segment.duration_ns for segment in load.segments[::2]]) / NS
    assert dwell_s.mean() == pytest.approx(0.02, rel=0.02)
    assert dwell_s.std() == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize(
    ("segments", "complaint"),
    [
        ([], "at least one segment"),
        ([Segment(0, 5.0)], "at least 1 ns"),
        ([Segment(5, -1.0)], "below zero"),
        ([Segment(5, float("nan"))], "below zero"),
        ([Segment(5, 10.0, 11.0, 100)], "below zero"),
        ([Segment(5, 10.0, 1.0)], "needs a period"),
    ],
)
def test_impossible_loads_are_refused(segments: list[Segment], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Load(segments, repeats=True)
    with pytest.raises(ValueError, match="duty"):
        Square(1, 2, period_s=1, duty=1.0)
