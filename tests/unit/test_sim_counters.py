"""The mirror of the simulated counters: update instants, units and wraps."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.counters import Counter, Publisher, modulus_aj, uniform
from sim.loads import NS, Constant, Square

EPOCH_NS = 5_000 * NS
MS = 1_000_000


def publisher(**changes: Any) -> Publisher:
    usual = Publisher(Square(40, 160, period_s=0.037), EPOCH_NS, MS, 0, 20_000, seed=9)
    return dataclasses.replace(usual, **changes)


def test_updates_keep_to_the_grid_and_to_their_order() -> None:
    times = publisher().update_times(EPOCH_NS, EPOCH_NS + 10 * NS)
    offset_ns = times - EPOCH_NS - np.rint((times - EPOCH_NS) / MS) * MS
    assert len(times) in (10_000, 10_001)
    assert np.abs(offset_ns).max() <= 20_000
    assert np.abs(offset_ns).max() > 19_900
    assert abs(offset_ns.mean()) < 500
    assert (np.diff(times) > 0).all()


def test_phase_moves_the_grid() -> None:
    plain = publisher(jitter_ns=0).update_times(EPOCH_NS, EPOCH_NS + 5 * MS)
    moved = publisher(jitter_ns=0, phase_ns=300_000).update_times(EPOCH_NS, EPOCH_NS + 5 * MS)
    assert plain.tolist() == [EPOCH_NS + k * MS for k in range(6)]
    assert moved.tolist() == [EPOCH_NS + 300_000 + k * MS for k in range(5)]


@given(
    offset=st.integers(-MS, 100 * MS),
    lost=st.sampled_from([0.0, 0.3, 0.95]),
    phase=st.integers(0, 3 * MS),
)
def test_the_last_update_is_the_last_of_the_updates(offset: int, lost: float, phase: int) -> None:
    one = publisher(lost=lost, phase_ns=phase)
    now_ns = EPOCH_NS + offset
    times = one.update_times(EPOCH_NS - MS, now_ns)
    assert one.last_update(now_ns) == (times[-1] if len(times) > 0 else EPOCH_NS)


def test_lost_updates_are_the_share_asked_for() -> None:
    all_of_them = publisher().update_times(EPOCH_NS, EPOCH_NS + 10 * NS)
    kept = publisher(lost=0.25).update_times(EPOCH_NS, EPOCH_NS + 10 * NS)
    assert set(kept) < set(all_of_them)
    assert len(kept) == pytest.approx(0.75 * len(all_of_them), rel=0.03)


def test_the_hash_is_uniform_and_differs_by_seed() -> None:
    k = np.arange(100_000, dtype=np.int64)
    drawn = uniform(3, k)
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=0.005)
    assert np.abs(np.corrcoef(drawn, uniform(4, k))[0, 1]) < 0.02


def test_a_value_is_whole_units_of_the_energy_at_the_last_update() -> None:
    counter = Counter(Publisher(Constant(100), EPOCH_NS, MS), 61_035 * 10**9)
    now_ns = EPOCH_NS + 7 * MS + 999_999
    units = int(0.7 / 61.035e-6)
    assert counter.microjoules(now_ns) == units * 61_035 // 1000
    assert counter.microjoules(EPOCH_NS - NS) == 0


def test_the_modulus_is_one_unit_above_the_range_that_linux_shows() -> None:
    assert modulus_aj(262_143_328_850) // 10**12 == 262_143_328_911
    assert modulus_aj(65_712_999_613) // 10**12 == 65_712_999_628


@given(joules=st.integers(0, 10**6), start=st.integers(0, 999_999))
def test_wrapping_is_a_remainder(joules: int, start: int) -> None:
    load = Constant(1)
    counter = Counter(Publisher(load, EPOCH_NS, 0), 10**12, start, max_range_uj=999_999)
    value = counter.microjoules(EPOCH_NS + joules * NS)
    assert 0 <= value <= 999_999
    turns_uj = (joules * 10**6 + start - value) % (999_999 * 2**32 / (2**32 - 1))
    assert min(turns_uj, 999_999 - turns_uj) < 2 + joules * 1e-3


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"jitter_ns": 500_000}, "below half"),
        ({"period_ns": -1}, "must not be negative"),
        ({"lost": 1.0}, r"in \[0, 1\)"),
    ],
)
def test_impossible_updates_are_refused(changes: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        publisher(**changes)


@pytest.mark.parametrize(
    ("unit_aj", "start_uj", "range_uj", "complaint"),
    [
        (0, 0, 0, "must be positive"),
        (1, -1, 0, "must not be negative"),
        (1, 11, 10, "up to 10 cannot start at 11"),
    ],
)
def test_impossible_counters_are_refused(
    unit_aj: int, start_uj: int, range_uj: int, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Counter(publisher(), unit_aj, start_uj, range_uj)
