"""RAPL: how often it is updated, perf beside powercap, and a busy processor beside an idle one.

With ``-m hardware`` against the RAPL of this machine, else against simulated zones and a software
PMU: the same tests, so that the logic is known to be right before a machine is judged by it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import microjoule as uj
from hardware.polling import poll
from sim import pmu
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import NS, Constant, Load, Square

KERNEL_UJ, TRUE_UJ = 15.3, 1e6 / 2**16  # of the memory of many servers
PERIOD_S = 2.0  # of the simulated load: busy for the first half
Figure = Callable[[str], None]


class Real:
    """This machine."""

    sysfs = Path("/sys")

    def why_not(self, *sources: str) -> str:
        """Why a source cannot be tested here; empty if it can."""
        for source in sources:
            try:
                uj.Meter(sources=[source]).close()
            except ValueError as error:
                return str(error)
        return ""

    def stay(self, length_s: float, *, busy: bool) -> None:
        until_s = time.monotonic() + length_s
        while busy and time.monotonic() < until_s:
            sum(range(1000))
        time.sleep(max(0.0, until_s - time.monotonic()))


class Simulated:
    """A package under a load that is there for one second in two."""

    def __init__(self, bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        self._mount = bed_factory
        self._monkeypatch = monkeypatch
        self.show(Square(160, 40, period_s=PERIOD_S))

    def show(self, package: Load) -> None:
        bias = KERNEL_UJ / TRUE_UJ
        memory = Zone(
            "dram",
            Constant(20 * bias),
            parent="package-0",
            unit_uj=KERNEL_UJ,
            max_range_uj=65_712_999_613,
            start_uj=1_000_000,
        )
        self._bed: PowercapBed = self._mount(
            [Zone("package-0", package), memory], files=pmu.pmu_files({"pkg": 100, "ram": 20})
        )
        self.sysfs = self._bed.root
        for name, value in self._bed.environ.items():
            self._monkeypatch.setenv(name, value)

    def why_not(self, *sources: str) -> str:
        return (pmu.probe() or "") if "perf" in sources else ""

    def stay(self, length_s: float, *, busy: bool) -> None:
        """At a time of the load at which the machine is busy, or is not."""
        assert length_s < PERIOD_S / 2
        now_s = (time.monotonic_ns() - self._bed.epoch_ns) / NS % PERIOD_S
        begins_s = 0.05 if busy else PERIOD_S / 2 + 0.05
        time.sleep((begins_s - now_s) % PERIOD_S)
        time.sleep(length_s)


Machine = Real | Simulated


@pytest.fixture(
    params=[
        pytest.param("real", marks=pytest.mark.hardware),
        pytest.param("simulated", marks=pytest.mark.bed),
    ]
)
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    if request.param == "real":
        yield Real()
    else:
        yield Simulated(request.getfixturevalue("bed_factory"), monkeypatch)


def need(machine: Machine, *sources: str) -> None:
    if reason := machine.why_not(*sources):
        pytest.skip(f"no RAPL to test: {reason}")


def zones(machine: Machine, *names: str) -> dict[str, Path]:
    """The counters of some zones by the zones' names."""
    found = {}
    for zone in sorted((machine.sysfs / "class/powercap").glob("intel-rapl:*")):
        name = (zone / "name").read_text().strip()
        if name.startswith(names):
            found[f"{zone.name} {name}"] = zone / "energy_uj"
    return found


def counter_uj(descriptor: int) -> int:
    return int(os.pread(descriptor, 32, 0))


def test_update_period(machine: Machine, figure: Figure) -> None:
    need(machine, "powercap")
    for name, path in zones(machine, "package").items():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            # In the busy half: an idle package need not use a unit in a millisecond.
            machine.stay(0.0, busy=True)
            seen = poll(partial(counter_uj, descriptor), 0.8)
        finally:
            os.close(descriptor)
        median, high = (1e6 * t for t in seen.latency_s)
        figure(
            f"{name}: updated every {seen.period_s * 1e3:.4f} ms; a read takes "
            f"{median:.2f} µs, 99 % at most {high:.2f} µs"
        )
        assert 0.9e-3 <= seen.period_s <= 1.1e-3


def test_perf_beside_powercap(machine: Machine, figure: Figure) -> None:
    need(machine, "perf", "powercap")
    if isinstance(machine, Simulated):
        machine.show(Constant(100))  # as the PMU has it
    raw = zones(machine, "package", "dram")
    with uj.Meter(["perf"]) as events, uj.Meter(["powercap"]) as files:
        before = {name: int(path.read_text()) for name, path in raw.items()}
        with events.measure() as of_perf, files.measure() as of_powercap:
            time.sleep(3.0)
        after = {name: int(path.read_text()) for name, path in raw.items()}
        assert of_perf.wait(5)
        assert of_powercap.wait(5)
    # Not the gain: it is one and the same counter.
    timing_j = sum(
        m.uncertainty_parts[part]
        for m in (of_perf, of_powercap)
        for part in ("timing", "quantisation")
    )
    both = {
        sensor
        for sensor in of_perf.by_sensor.keys() & of_powercap.by_sensor.keys()
        if sensor.endswith((".package", ".dram"))
    }
    assert both
    for sensor in sorted(both):
        ours, theirs = of_powercap.by_sensor[sensor], of_perf.by_sensor[sensor]
        figure(f"{sensor}: powercap / perf - 1 = {100 * (ours / theirs - 1):+.4f} %")
        assert abs(ours - theirs) <= max(0.001 * theirs, 5 * timing_j)
    for domain in ("package", "dram"):
        # The whole machine's, as the kernel's files have it.
        files_j = 1e-6 * sum(after[zone] - before[zone] for zone in raw if domain in zone)
        perf_j = sum(of_perf.by_sensor[s] for s in both if s.endswith(domain))
        if perf_j > 0:
            figure(
                f"{domain}: the files themselves / perf - 1 = {100 * (files_j / perf_j - 1):+.3f} %"
            )


def test_a_busy_processor_draws_more(machine: Machine, figure: Figure) -> None:
    need(machine, "powercap")
    with uj.Meter(["powercap"]) as meter:
        powers = {}
        for busy in (False, True):
            machine.stay(0.0, busy=busy)
            with meter.measure() as m:
                machine.stay(0.8, busy=busy) if isinstance(machine, Real) else time.sleep(0.8)
            assert m.wait(5)
            powers[busy] = m.power_w
    figure(f"idle {powers[False]:.2f} W, one busy core {powers[True]:.2f} W")
    assert powers[True] > powers[False]
