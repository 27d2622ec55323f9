"""How the figures of a measured window hang together."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

import microjoule as uj
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Square


@pytest.fixture
def m(meter: uj.Meter) -> uj.Measurement:
    with meter.measure("train", stage="train") as m:
        time.sleep(0.1)
    assert m.wait(5)
    return m


def test_sums(m: uj.Measurement) -> None:
    assert m.energy_j == pytest.approx(math.fsum(m.by_sensor.values()), rel=1e-12)
    assert m.by_kind == {"cpu": m.by_sensor["cpu0.package"], "dram": m.by_sensor["cpu0.dram"]}
    assert m.energy_kwh == m.energy_j / 3.6e6
    assert m.power_w == pytest.approx(m.energy_j / m.duration_s)
    assert m.peak_power_w == m.power_w  # shorter than a second
    assert m.gpu_s is None
    assert m.scope == "machine"
    assert (m.label, m.stage) == ("train", "construction/training")


def test_uncertainty_has_parts(m: uj.Measurement) -> None:
    parts = m.uncertainty_parts
    assert set(parts) == {"timing", "quantisation", "gain", "model"}
    assert m.uncertainty_j == pytest.approx(math.hypot(*parts.values()))
    assert parts["gain"] == pytest.approx(0.04 * m.energy_j, rel=0.01)  # correlated: they add up
    assert parts["model"] == 0
    assert 0 < parts["quantisation"] < 1e-4
    assert 0 < parts["timing"] < m.energy_j


def test_cpu_time_of_the_process(meter: uj.Meter) -> None:
    with meter.measure() as busy:
        until_s = time.process_time() + 0.1
        while time.process_time() < until_s:
            pass
    assert 0.095 <= busy.cpu_s <= 4 * busy.duration_s


def test_overhead_is_part_of_the_cpu_time(m: uj.Measurement) -> None:
    assert 0 < m.overhead_cpu_s < m.duration_s


def test_peak_is_the_highest_mean_of_a_second(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory([Zone("package-0", Square(20, 200, period_s=2.6))])
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    with uj.Meter() as meter, meter.measure() as m:
        time.sleep(2.6)
    start_ns, end_ns = m._stamps()
    zone = bed["package-0"]
    means_w = [zone.energy_j(t, t + 10**9) for t in range(start_ns, end_ns - 10**9, 10**7)]
    # It is sought on a grid of a quarter of a second, so a part of the low power may be in it.
    assert max(means_w) - 0.25 * 180 <= m.peak_power_w <= max(means_w) * 1.05
    assert m.peak_power_w > 1.2 * m.power_w


@pytest.mark.parametrize(("trace", "step_s"), [(True, 0.001), (0.01, 0.01)])
def test_trace_follows_the_truth(
    bed: PowercapBed, meter: uj.Meter, trace: bool | float, step_s: float
) -> None:
    with meter.measure(trace=trace) as m:
        time.sleep(0.25)
    times_ns, joules = m.trace()
    start_ns, end_ns = m._stamps()

    assert times_ns.dtype == np.int64
    assert (times_ns[0], times_ns[-1]) == (start_ns, end_ns)
    assert np.all(np.diff(times_ns) > 0)
    assert np.all(np.diff(times_ns)[:-1] == round(step_s * 1e9))
    assert set(joules) == {"cpu0.package", "cpu0.dram"}
    for zone, column in (("package-0", "cpu0.package"), ("dram", "cpu0.dram")):
        energy = joules[column]
        assert energy.shape == times_ns.shape
        assert energy[0] == 0
        assert np.all(np.diff(energy) >= 0)
        assert energy[-1] == pytest.approx(m.by_sensor[column], rel=1e-9)
        truth = np.array([bed[zone].energy_j(start_ns, int(t)) for t in times_ns])
        assert np.median(np.abs(energy - truth)) <= 0.01 * truth[-1]
        assert np.max(np.abs(energy - truth)) <= 0.1 * truth[-1]
    again_ns, _ = m.trace()
    assert np.array_equal(again_ns, times_ns)


def test_no_trace_unless_asked_for(meter: uj.Meter, m: uj.Measurement) -> None:
    with pytest.raises(ValueError, match="trace"):
        m.trace()
    with meter.measure(trace=True) as traced, pytest.raises(ValueError, match="ended"):
        traced.trace()


def test_books_grow_with_the_windows(bed: PowercapBed, meter: uj.Meter) -> None:
    before = meter.books()
    with meter.measure() as m:
        time.sleep(0.1)
    assert m.wait(5)
    after = meter.books()
    assert set(after.by_sensor) == {"cpu0.package", "cpu0.dram"}
    assert after.total_j == pytest.approx(sum(after.by_sensor.values()))
    assert after.total_j - before.total_j >= 0.9 * m.energy_j
    assert after.unattributed_j == after.total_j
    assert after.attributed_j == 0
    assert after.gap_s == 0
