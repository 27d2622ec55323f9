"""Where there is no meter: a power model, which never passes for a measurement."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import pytest

import microjoule as uj
from microjoule import hardware
from sim.bed import BedFactory, PowercapBed, Proc
from sim.loads import Constant, Load, Square
from sim.plain import FakeProc

CPUS = 16  # enough for ticks that resolve a tenth of a second
MeterOn = Callable[[Load], uj.Meter]


@pytest.fixture
def meter_on(bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeterOn]:
    """Starts a meter on a machine without one, so many of whose processors are busy."""
    meters = []

    def start(busy: Load) -> uj.Meter:
        with FakeProc(cpus=CPUS, memory_gib=16) as plain:
            files = {n: (plain.root / n).read_text() for n in ("cpuinfo", "meminfo")}
        bed: PowercapBed = bed_factory(proc=Proc(busy, cpus=CPUS, files=files))
        for name, value in bed.environ.items():
            monkeypatch.setenv(name, value)
        meters.append(uj.Meter())
        return meters[-1]

    yield start
    for meter in meters:
        meter.close()


def tdp_w() -> float:
    with FakeProc(cpus=CPUS, memory_gib=16) as plain:
        return hardware.cpu_model(str(plain.root), str(plain.root)).tdp_w


def modelled_w(utilisation: float) -> float:
    return tdp_w() * max(0.05, 0.75 * utilisation**0.7)


@pytest.mark.parametrize("utilisation", [0.0, 0.25, 1.0])
def test_power_follows_utilisation(meter_on: MeterOn, utilisation: float) -> None:
    meter = meter_on(Constant(utilisation * CPUS))
    time.sleep(0.2)
    with meter.measure() as m:
        time.sleep(0.6)
    assert m.wait(5)
    assert m.by_sensor["model.cpu"] / m.duration_s == pytest.approx(
        modelled_w(utilisation), rel=0.05
    )
    assert m.energy_j == pytest.approx(math.fsum(m.by_sensor.values()))


def test_power_changes_with_utilisation(meter_on: MeterOn) -> None:
    # given a machine that idles for a second and a half, and then is busy
    meter = meter_on(Square(0, CPUS, period_s=3.0))
    with meter.measure() as idle:
        time.sleep(0.5)
    time.sleep(1.3)
    with meter.measure() as busy:
        time.sleep(0.5)
    assert idle.by_sensor["model.cpu"] / idle.duration_s == pytest.approx(modelled_w(0), rel=0.1)
    assert busy.by_sensor["model.cpu"] / busy.duration_s == pytest.approx(modelled_w(1), rel=0.1)


def test_memory_draws_by_its_size(meter_on: MeterOn) -> None:
    with meter_on(Constant(0)).measure() as m:
        time.sleep(0.1)
    assert m.wait(5)
    assert m.by_sensor["model.dram"] == pytest.approx(
        hardware.dram_model_w(16.0) * m.duration_s, rel=0.02
    )
    assert set(m.by_kind) == {"cpu", "dram"}


def test_everything_is_marked(meter_on: MeterOn) -> None:
    meter = meter_on(Constant(1.0))
    with meter.measure() as m:
        time.sleep(0.2)
    assert m.quality == "estimated"
    assert "model.cpu is an estimate" in m.reason
    assert "model.dram is an estimate" in m.reason
    assert m.bounds_j is None
    assert m.to_dict()["quality"] == "estimated"
    assert "estimated" in repr(m)
    shown = meter.sensors()
    assert [s.id for s in shown] == ["model.cpu", "model.dram"]
    assert all(s.estimated and s.counted and s.source == "model" for s in shown)
    assert "TDP" in shown[0].method


def test_uncertainty_is_that_of_the_model(meter_on: MeterOn) -> None:
    with meter_on(Constant(CPUS)).measure() as m:
        time.sleep(0.5)
    assert m.wait(5)
    parts = m.uncertainty_parts
    assert parts["model"] >= 0.3 * m.energy_j
    assert parts["timing"] < 0.5 * parts["model"]
    assert m.uncertainty_j >= parts["model"]


def test_short_windows_say_that_they_are_short(meter_on: MeterOn) -> None:
    meter = meter_on(Constant(CPUS / 2))

    def relative_timing(length_s: float) -> float:
        with meter.measure() as m:
            time.sleep(length_s)
        assert m.wait(5)
        return m.uncertainty_parts["timing"] / m.energy_j

    time.sleep(0.2)
    shortest = min(relative_timing(0.005) for _ in range(5))
    assert shortest > 0.1
    assert relative_timing(1.0) < 0.5 * shortest


def test_sources_by_name(meter_on: MeterOn, monkeypatch: pytest.MonkeyPatch) -> None:
    meter_on(Constant(1.0))
    assert [s.id for s in uj.Meter(sources=["model"]).sensors()] == ["model.cpu", "model.dram"]
    with pytest.raises(ValueError, match="powercap"):
        uj.Meter(sources=["powercap"])
    monkeypatch.setenv("MICROJOULE_SOURCES", "powercap")
    with pytest.raises(ValueError, match="name others"):
        uj.sensors()
