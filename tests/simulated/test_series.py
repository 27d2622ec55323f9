"""A meter with an intensity series: the energy of each slot is known where the slots meet."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import pytest

import microjoule as uj
from microjoule import wall
from microjoule.carbon import Series
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Square

NS = 1_000_000_000
# Slow against the borders, so that a mean over the run would be off by tens of per cent.
LOAD = Square(20, 220, period_s=0.9)


@pytest.fixture
def bed(bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch) -> PowercapBed:
    bed = bed_factory([Zone("package-0", LOAD, max_range_uj=30_000_000)])
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    return bed


def alternating(step_s: float, count: int = 200) -> Series:
    start = time.time()
    slots = [
        (start + i * step_s, start + (i + 1) * step_s, 50 + 900 * (i % 2)) for i in range(count)
    ]
    return Series.from_slots(slots, name="alternating")


def truth_g(bed: PowercapBed, m: uj.Measurement, series: Series) -> float:
    """∫P·CI dt of the window in closed form."""
    start, end = m._stamps()
    borders = [wall.monotonic_ns(b) for b in series.borders_ns(wall.unix_ns(start), 1000)]
    edges = [start, *(b for b in borders if b < end), end]
    grams = 0.0
    for a, b in itertools.pairwise(edges):
        value = series._slots.within(wall.unix_ns(a), wall.unix_ns(a) + 1)[0][2]
        grams += bed.energy_j(a, b, "package-0") * value / 3.6e6
    return grams


def test_the_grams_are_the_integral_of_power_times_intensity(bed: PowercapBed) -> None:
    series = alternating(0.25)
    with uj.Meter(intensity=series) as meter:
        with meter.measure("run") as m:
            time.sleep(1.3)
        token = meter.begin()
        time.sleep(0.6)
        lap = meter.lap(token)
        time.sleep(0.4)
        rest = meter.end(token)
    for window in (m, lap, rest):
        assert window.wait(5)
        truth = truth_g(bed, window, series)
        mean = window.carbon.intensity
        # A sampler that a busy machine wakes late places E at a border less sharply: its timing
        # uncertainty, at most 900 g/kWh apart, twice for each border.
        borders = len(window._figures.border_ns)
        assert borders >= 1
        loose = 1000 * 10 * window.uncertainty_parts["timing"] * (borders + 1) / 3.6e6
        assert window.co2e_g == pytest.approx(truth, abs=max(loose, 0.01 * truth))
        assert (mean.rung, mean.name, mean.note) == ("series", "alternating", "")
        assert "power between borders" not in dict(mean.uncertainty_parts)


def test_without_borders_the_doubt_is_stated_and_covers_the_truth(bed: PowercapBed) -> None:
    series = alternating(0.25)
    with uj.Meter() as meter, meter.measure("run") as m:
        time.sleep(0.7)
    assert m.wait(5)
    footprint = m.footprint(series)
    assert dict(footprint.intensity.uncertainty_parts)["power between borders"] > 0.1
    assert abs(footprint.co2e_g - truth_g(bed, m, series)) < 3 * footprint.co2e_uncertainty_g


def test_a_trace_serves_any_series(bed: PowercapBed) -> None:
    series = alternating(0.25)
    with uj.Meter() as meter, meter.measure("run", trace=0.005) as m:
        time.sleep(0.7)
    assert m.wait(5)
    footprint = m.footprint(series)
    assert footprint.co2e_g == pytest.approx(truth_g(bed, m, series), rel=0.05)
    assert dict(footprint.intensity.uncertainty_parts)["power between borders"] < 0.05


def test_a_series_that_ends_leaves_the_rest_to_the_next_rung(
    bed: PowercapBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROJOULE_COUNTRY", "NO")
    now = time.time()
    series = Series.from_slots([(now - 60, now + 0.4, 500)], name="short")
    with uj.Meter(intensity=series) as meter, meter.measure("run") as m:
        time.sleep(0.8)
    assert m.wait(5)
    where = m.carbon.intensity
    assert "no slot covers the rest: 30.75 g/kWh of Norway (country) stands in" in where.note
    start, end = m._stamps()
    border = wall.monotonic_ns(round((now + 0.4) * NS))
    before = bed.energy_j(start, border, "package-0")
    after = bed.energy_j(border, end, "package-0")
    expected = (500 * before + 30.746 * after) / (before + after)
    assert where.g_per_kwh == pytest.approx(expected, rel=0.05)


def test_a_figure_and_a_place_hold_for_all_windows_of_a_meter(bed: PowercapBed) -> None:
    with uj.Meter(intensity="PL") as meter:
        m = meter.end(meter.begin())
        assert m.carbon.intensity.place == "PL"
        assert m.footprint("NO").intensity.place == "NO"
        assert m.footprint(100, pue="aws").pue == 1.14
    with pytest.raises(ValueError, match="unknown place 'Atlantis'"):
        uj.Meter(intensity="Atlantis")


def test_a_later_step_of_the_clock_moves_no_slot() -> None:
    """Wall-clock time is mapped to the monotonic clock once, before anything steps."""
    code = """
import time
from microjoule import wall
before = wall.monotonic_ns(1_800_000_000 * 10**9)
real = time.time_ns
time.time_ns = lambda: real() + 3600 * 10**9
time.time = lambda: real() / 1e9 + 3600
print(wall.monotonic_ns(1_800_000_000 * 10**9) - before, wall.unix_ns(wall.monotonic_ns(7)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "7"]


def test_a_callable_is_asked_only_when_figures_are_read(bed: PowercapBed) -> None:
    asked: list[float] = []

    def grid(t: float) -> float:
        asked.append(t)
        return 100.0

    with uj.Meter(intensity=Series.from_callable(grid, step_s=1)) as meter:
        with meter.measure("run") as m:
            time.sleep(0.05)
        assert asked == []
        assert m.carbon.intensity.g_per_kwh == 100
        assert asked
