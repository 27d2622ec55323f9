"""Laps: windows that follow each other at one stamp and add up to the whole."""

from __future__ import annotations

import itertools
import time

import pytest

import microjoule as uj
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Square

LOAD = Square(40, 160, period_s=0.037)


@pytest.fixture
def bed(bed_factory: BedFactory) -> PowercapBed:
    """A package that wraps every 0.3 s."""
    return bed_factory([Zone("package-0", LOAD, max_range_uj=30_000_000)])


def laps_of(meter: uj.Meter, token: int, length_s: float, count: int) -> list[uj.Measurement]:
    laps = []
    for number in range(count):
        time.sleep(length_s)
        laps.append(meter.lap(token) if number < count - 1 else meter.end(token))
    assert all(lap.wait(5) for lap in laps)
    return laps


@pytest.mark.parametrize("length_s", [0.0003, 0.004, 0.05])
def test_laps_add_up_to_the_whole(bed: PowercapBed, meter: uj.Meter, length_s: float) -> None:
    time.sleep(0.08)
    whole = meter.begin()
    laps = laps_of(meter, meter.begin(), length_s, 12)
    outer = meter.end(whole)
    # one begins where the other ends
    assert all(a._stamps()[1] == b._stamps()[0] for a, b in itertools.pairwise(laps))
    # and what is too much for the one is missing in the other: their sum is as good as one window
    start_ns, end_ns = laps[0]._stamps()[0], laps[-1]._stamps()[1]
    sum_j = sum(lap.energy_j for lap in laps)
    ends_j = 5 * (laps[0].uncertainty_parts["timing"] + laps[-1].uncertainty_parts["timing"])
    assert abs(sum_j - bed.energy_j(start_ns, end_ns, "package-0")) <= max(ends_j, 0.01 * sum_j)
    # the window around them is the same but for its two ends
    assert outer.wait(5)
    around_ns = outer._stamps()[1] - outer._stamps()[0] - (end_ns - start_ns)
    assert abs(outer.energy_j - sum_j) <= 160e-9 * around_ns + max(ends_j, 0.01 * sum_j)


def test_laps_of_overlapping_windows_do_not_mix(bed: PowercapBed, meter: uj.Meter) -> None:
    first, second = meter.begin("first"), meter.begin("second")
    time.sleep(0.03)
    a = meter.lap(first)
    time.sleep(0.06)
    b = meter.lap(second)
    rest = [meter.end(first), meter.end(second)]
    assert (a.label, b.label) == ("first", "second")
    assert [m.label for m in rest] == ["first", "second"]
    for m in (a, b):
        assert m.wait(5)
        error_j = abs(m.energy_j - bed.energy_j(*m._stamps(), "package-0"))
        assert error_j <= max(0.02 * m.energy_j, 5 * m.uncertainty_parts["timing"])
    assert b.duration_s > a.duration_s


def test_a_lap_after_the_end_is_refused(meter: uj.Meter) -> None:
    token = meter.begin()
    meter.lap(token)
    meter.end(token)
    with pytest.raises(ValueError, match="token"):
        meter.lap(token)
    with pytest.raises(ValueError, match="token"):
        meter.lap(2**70)


def test_figures_of_a_lap_while_the_next_goes_on(bed: PowercapBed, meter: uj.Meter) -> None:
    token = meter.begin()
    time.sleep(0.05)
    lap = meter.lap(token)
    error_j = abs(lap.energy_j - bed.energy_j(*lap._stamps(), "package-0"))
    assert error_j <= max(0.02 * lap.energy_j, 5 * lap.uncertainty_parts["timing"])
    assert lap.settled
    meter.end(token)
