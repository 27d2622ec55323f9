"""The perf source for real: perf_event_open on a PMU whose power is known."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator

import pytest

import microjoule as uj
from sim.pmu import SoftwarePmu, probe
from simulated.windows import is_near

pytestmark = pytest.mark.skipif(probe() is not None, reason=str(probe()))

MeterOn = Callable[[SoftwarePmu], uj.Meter]


@pytest.fixture
def meter_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[MeterOn]:
    """Starts a meter that reads the PMU through perf, and nothing else."""
    with contextlib.ExitStack() as stack:

        def start(pmu: SoftwarePmu) -> uj.Meter:
            stack.enter_context(pmu)
            for name, value in pmu.environ.items():
                monkeypatch.setenv(name, value)
            return stack.enter_context(uj.Meter(sources=["perf"]))

        yield start


def open_events() -> list[int]:
    """The descriptors of this process that are perf events, in the order they were opened."""
    links = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            links[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return sorted(fd for fd, link in links.items() if link == "anon_inode:[perf_event]")


def whole(m: uj.Measurement) -> bool:
    """Whether no energy is said to be missing."""
    return "missing" not in m.reason and "reset" not in m.reason


@pytest.mark.parametrize(("length_s", "limit"), [(0.03, 0.005), (0.3, 0.001)])
def test_energy_is_watts_times_seconds(meter_on: MeterOn, length_s: float, limit: float) -> None:
    pmu = SoftwarePmu({"pkg": 100, "ram": 10, "cores": 60})
    meter = meter_on(pmu)
    errors = []
    for _ in range(5):
        with meter.measure() as m:
            time.sleep(length_s)
        assert m.wait(5)
        t0_ns, t1_ns = m._stamps()
        truth_j = pmu.energy_j(t0_ns, t1_ns, "pkg", "ram")
        errors.append(abs(m.energy_j / truth_j - 1))
        assert is_near(m, m.energy_j, truth_j, limit)
        for sensor, name in (("cpu0.package", "pkg"), ("cpu0.dram", "ram"), ("cpu0.core", "cores")):
            assert is_near(m, m.by_sensor[sensor], pmu.energy_j(t0_ns, t1_ns, name), limit)
        assert set(m.by_kind) == {"cpu", "dram"}
        assert m.quality == "measured"
        assert whole(m)
    assert statistics.median(errors) <= limit


def test_sensors_say_how_they_are_read(meter_on: MeterOn) -> None:
    meter = meter_on(SoftwarePmu({"pkg": 100, "gpu": 3, "psys": 300}))
    sensors = {s.id: s for s in meter.sensors()}
    assert set(sensors) == {"cpu0.package", "cpu0.uncore", "psys"}
    assert {s.source for s in sensors.values()} == {"perf"}
    assert "power/energy-pkg/" in sensors["cpu0.package"].method
    assert [s.id for s in sensors.values() if s.counted] == ["cpu0.package"]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two CPUs")
def test_packages_add_up(meter_on: MeterOn) -> None:
    pmu = SoftwarePmu({"pkg": 100}, cpus=(0, 1), places={0: (0, 0), 1: (1, 0)})
    meter = meter_on(pmu)
    with meter.measure() as m:
        time.sleep(0.2)
    assert m.wait(5)
    assert set(m.by_sensor) == {"cpu0.package", "cpu1.package"}
    assert is_near(m, m.energy_j, 2 * pmu.energy_j(*m._stamps()), 0.002)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two CPUs")
def test_a_cpu_that_goes_away_leaves_a_gap_and_no_invented_energy(meter_on: MeterOn) -> None:
    pmu = SoftwarePmu({"pkg": 100}, places={0: (0, 0), 1: (0, 0)})
    before = open_events()
    meter = meter_on(pmu)
    (fd,) = set(open_events()) - set(before)
    with meter.measure() as m:
        time.sleep(0.1)
        # What a dead event answers: end of file.
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, fd)
        os.close(null)
        pmu.move_to([1])
        time.sleep(0.9)
    assert m.wait(5)
    truth_j = pmu.energy_j(*m._stamps())
    assert not whole(m)
    assert 0.2 * truth_j < m.energy_j < 0.95 * truth_j
    with meter.measure() as again:
        time.sleep(0.1)
    assert again.wait(5)
    assert whole(again)
    assert is_near(again, again.energy_j, pmu.energy_j(*again._stamps()), 0.005)


def test_a_fork_reads_on_in_both(meter_on: MeterOn) -> None:
    pmu = SoftwarePmu({"pkg": 100})
    meter = meter_on(pmu)
    with meter.measure() as m:
        child = os.fork()
        if child == 0:
            good = False
            with contextlib.suppress(BaseException):
                with meter.measure() as own:
                    time.sleep(0.1)
                own.wait(5)
                good = is_near(own, own.energy_j, pmu.energy_j(*own._stamps()), 0.01)
            os._exit(0 if good else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0
    assert m.wait(5)
    assert is_near(m, m.energy_j, pmu.energy_j(*m._stamps()), 0.005)
