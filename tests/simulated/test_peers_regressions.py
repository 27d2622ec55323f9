"""What other meters have got wrong, one test for each bug: microjoule must not have it.

Each test says whose bug it was. Where microjoule has nothing yet that the bug could be in (it
charges no process and no container), the nearest statement that holds is tested, and the test says
so. Much of this is tested elsewhere too, with more cases; here it is found by the bug.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import signal
import subprocess
import sys
import time

import pytest

from sim.bed import BedFactory, BedUnavailableError, Msr, PowercapBed, Proc, Register, Zone
from sim.loads import Constant, Square
from sim.nvml import Gpu, NvmlBed, library
from sim.plain import PlainTree
from sim.pmu import SoftwarePmu
from sim.pmu import probe as perf_refused
from sim.zones import RAPL_RANGE_UJ, RAPL_UNIT_UJ
from simulated.windows import MeterOn, is_near, measured

UNIT_14 = 0x000A_0E03  # MSR 0x606: steps of 2^-14 J
PERF_EVENT_IOC_RESET = 0x2403
needs_perf = pytest.mark.skipif(perf_refused() is not None, reason=str(perf_refused()))


def cpu(vendor: str, family: int, model: int) -> Proc:
    text = f"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n"
    return Proc(Constant(0), files={"cpuinfo": text})


def topology(*packages: int) -> dict[str, str]:
    """The package of each CPU."""
    files = {"devices/system/cpu/online": f"0-{len(packages) - 1}\n"}
    for number, package in enumerate(packages):
        folder = f"devices/system/cpu/cpu{number}/topology"
        files[f"{folder}/physical_package_id"] = f"{package}\n"
        files[f"{folder}/die_id"] = "0\n"
    return files


# -- wraps -------------------------------------------------------------------------------------


def test_a_wrap_that_is_one_unit_wrong(meter_on: MeterOn) -> None:
    """Variorum, amd_energy and Kepler lose one unit (61 uJ) at each wrap, Alumet all but 1 uJ."""
    before_uj, after_uj = RAPL_RANGE_UJ - 1000, 2000
    with PlainTree([Zone("package-0", Constant(0), start_uj=before_uj)]) as tree:
        meter = meter_on(tree)
        with meter.measure() as m:
            time.sleep(0.05)
            tree.set("package-0", after_uj)
            time.sleep(0.05)
        assert m.wait(5)
        assert m.energy_j == pytest.approx((1000 + after_uj + RAPL_UNIT_UJ) * 1e-6, abs=0.1e-6)


def test_a_wrap_that_drops_its_interval(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """Scaphandre gives nothing for the interval in which the counter wrapped."""
    bed = bed_factory([Zone("package-0", Constant(100), max_range_uj=30_000_000)])
    meter = meter_on(bed)
    token = meter.begin()
    laps = []
    for _ in range(20):  # 10 J each: every third has a wrap in it
        time.sleep(0.1)
        laps.append(meter.lap(token))
    meter.end(token)
    for lap in laps:
        assert lap.wait(5)
        assert is_near(lap, lap.energy_j, bed.energy_j(*lap._stamps(), "package-0"))
        assert lap.quality == "measured"


def test_no_wrap_at_all(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """PAPI's powercap component and EnergiBridge give a huge or a negative number."""
    bed = bed_factory([Zone("package-0", Constant(100), start_uj=RAPL_RANGE_UJ - 15_000_000)])
    m = measured(meter_on(bed), 0.5)
    assert bed["package-0"].counter_uj(m._stamps()[1]) < bed["package-0"].counter_uj(m._stamps()[0])
    assert is_near(m, m.energy_j, bed.energy_j(*m._stamps(), "package-0"))


# -- which counters there are -------------------------------------------------------------------


def test_core_0_only_in_registers(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """EnergiBridge reads the registers of CPU 0: a second socket is not there."""
    sockets = [
        {0x606: UNIT_14, 0x611: Register(Constant(watts), start_units=1000)} for watts in (50, 200)
    ]
    bed = bed_factory(
        [],
        msr=[Msr(number, sockets[number // 2]) for number in range(4)],
        proc=cpu("GenuineIntel", 6, 94),
        files=topology(0, 0, 1, 1),
    )
    m = measured(meter_on(bed, "msr"))
    for socket, first_cpu in enumerate((0, 2)):
        truth_j = bed.sensor(f"msr{first_cpu}/0x611").energy_j(*m._stamps())
        assert is_near(m, m.by_sensor[f"cpu{socket}.package"], truth_j)


@needs_perf
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two CPUs")
def test_core_0_only_in_perf(meter_on: MeterOn) -> None:
    """pinpoint opens the perf events on CPU 0: a second socket is not there."""
    with SoftwarePmu({"pkg": 100}, cpus=(0, 1), places={0: (0, 0), 1: (1, 0)}) as pmu:
        meter = meter_on(pmu, "perf")
        m = measured(meter, 0.2)
        assert set(m.by_sensor) == {"cpu0.package", "cpu1.package"}
        assert is_near(m, m.energy_j, 2 * pmu.energy_j(*m._stamps()))
        meter.close()


def test_a_hard_coded_zone_index(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """PowerJoular takes intel-rapl:1 for psys and intel-rapl:0:2 for dram, wherever these are."""
    bed = bed_factory(
        [
            Zone("psys", Constant(300), index=0),
            Zone("package-0", Constant(50), index=1),
            Zone("dram", Constant(9), parent="package-0", index=0),
            Zone("core", Constant(30), parent="package-0", index=2),
            Zone("package-1", Constant(80), index=2),
        ]
    )
    m = measured(meter_on(bed))
    names = {
        "psys": "psys",
        "cpu0.package": "package-0",
        "cpu0.dram": "dram",
        "cpu0.core": "core",
        "cpu1.package": "package-1",
    }
    assert set(m.by_sensor) == set(names)
    for sensor_id, key in names.items():
        assert is_near(m, m.by_sensor[sensor_id], bed.energy_j(*m._stamps(), key))
    assert is_near(m, m.energy_j, bed.energy_j(*m._stamps(), "package-0", "dram", "package-1"))


def test_package_0_die_1(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """Alumet reads a number after "package-", and fails on machines with several dies."""
    bed = bed_factory(
        [
            Zone("package-0-die-0", Constant(50)),
            Zone("package-0-die-1", Constant(60)),
            Zone("dram", Constant(7), parent="package-0-die-1"),
        ]
    )
    m = measured(meter_on(bed))
    assert set(m.by_sensor) == {"cpu0.package", "cpu0.die1.package", "cpu0.die1.dram"}
    keys = ("package-0-die-0", "package-0-die-1", "dram")
    assert is_near(m, m.energy_j, bed.energy_j(*m._stamps(), *keys))


def test_the_memory_mapped_duplicate(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """Whoever adds up all of powercap counts a package twice where intel-rapl-mmio is there too."""
    bed = bed_factory(
        [
            Zone("package-0", Constant(100), control_type="intel-rapl-mmio", key="twin"),
            Zone("package-0", Constant(100)),
        ]
    )
    meter = meter_on(bed)
    m = measured(meter)
    assert is_near(m, m.energy_j, bed.energy_j(*m._stamps(), "package-0"))
    assert [s.id for s in meter.sensors() if s.counted] == ["cpu0.package"]


def test_psys_and_package(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """Whoever adds up all top-level zones counts the package twice: psys holds it already."""
    bed = bed_factory([Zone("package-0", Constant(100)), Zone("psys", Constant(300))])
    meter = meter_on(bed)
    m = measured(meter)
    assert is_near(m, m.energy_j, bed.energy_j(*m._stamps(), "package-0"))
    assert is_near(m, m.by_sensor["psys"], bed.energy_j(*m._stamps(), "psys"))
    assert [s.id for s in meter.sensors() if s.counted] == ["cpu0.package"]


# -- units --------------------------------------------------------------------------------------


def test_the_unit_of_dram_in_registers(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """EnergiBridge takes the CPU's unit on servers (4 times too much), jRAPL 15 uJ (-1.7 %)."""
    bed = bed_factory(
        [],
        msr=[Msr(0, {0x606: UNIT_14, 0x619: Register(Constant(400), esu=16, start_units=10)})],
        proc=cpu("GenuineIntel", 6, 106),  # Ice Lake server
        files=topology(0),
    )
    m = measured(meter_on(bed, "msr"), 0.3)
    truth_j = bed.sensor("msr0/0x619").energy_j(*m._stamps())
    assert is_near(m, m.by_sensor["cpu0.dram"], truth_j, 0.003)


def test_the_unit_of_dram_in_powercap(meter_on: MeterOn) -> None:
    """The kernel's powercap driver counts 15.3 uJ for 15.2588: 0.27 % too much in every reader."""
    range_uj = 65_712_999_613  # what the kernel shows for such a zone
    steps = 1000
    start_uj = 1_000_000
    zones = [
        Zone("package-0", Constant(0), start_uj=start_uj),
        Zone(
            "dram",
            Constant(0),
            parent="package-0",
            unit_uj=15.3,
            max_range_uj=range_uj,
            start_uj=start_uj,
        ),
    ]
    with PlainTree(zones) as tree:
        meter = meter_on(tree)
        with meter.measure() as m:
            time.sleep(0.05)
            tree.set("dram", start_uj + round(15.3 * steps))
            time.sleep(0.05)
        assert m.wait(5)
        assert m.by_sensor["cpu0.dram"] == pytest.approx(steps * 2**-16, rel=1e-5)


# -- time ---------------------------------------------------------------------------------------

MEASURES = """
import sys, time
import microjoule as uj

with uj.Meter(pace="fixed", period_s=0.001) as meter:
    with meter.measure() as m:
        time.sleep(0.2)
        print("ready", flush=True)
        sys.stdin.readline()
        time.sleep(0.2)
    m.wait(5)
    print(*m._stamps(), m.energy_j, m.uncertainty_parts["timing"], m.cpu_s, m.scope, m.quality)
"""


def stopped_for_a_second(bed: PowercapBed) -> list[str]:
    """What a process says of a window in which it was stopped for a second."""
    with subprocess.Popen(
        [sys.executable, "-c", MEASURES],
        env={**os.environ, **bed.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate("go\n", timeout=30)
    assert process.returncode == 0
    return out.split()


def test_a_late_tick_that_panics(bed_factory: BedFactory) -> None:
    """EnergiBridge subtracts durations, and ends with a panic when a tick comes late."""
    bed = bed_factory([Zone("package-0", Constant(100))])
    t0_ns, t1_ns, energy_j, u_j, _, _, quality = stopped_for_a_second(bed)
    truth_j = bed.energy_j(int(t0_ns), int(t1_ns), "package-0")
    assert abs(float(energy_j) - truth_j) <= max(0.01 * truth_j, 5 * float(u_j))
    assert quality == "measured"


def test_a_relative_sleep_that_drifts(meter_on: MeterOn) -> None:
    """CodeGreen and pinpoint sleep for what is left of a period: each wake-up's delay adds up.

    At 1 kHz that costs them 3 to 14 % of the ticks. An absolute schedule loses a tick only where
    the machine woke the sampler later than the tick after it, which the sampler counts.
    """
    period_s = 0.001
    with PlainTree([Zone("package-0", Constant(0), start_uj=1_000_000)]) as tree:
        meter = meter_on(tree, period_s=period_s, pace="fixed")
        lost = []
        token = meter.begin()
        for _ in range(20):
            before, t0_ns = meter.stats(), time.monotonic_ns()
            time.sleep(0.25)
            after, t1_ns = meter.stats(), time.monotonic_ns()
            expected = (t1_ns - t0_ns) * 1e-9 / (1.001 * period_s)  # detuned by a thousandth
            late = after.late_wakeups - before.late_wakeups
            late_ticks = late * after.worst_lateness_ns * 1e-9 / period_s
            lost.append(expected - (after.wakeups - before.wakeups) - late_ticks)
            if lost[-1] <= 2:
                break
        meter.end(token)
        assert min(lost) <= 2
        meter.close()


def test_an_old_window_reads_0(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    """CodeGreen forgets where a window began once its ring of samples is full, and gives 0 J."""
    bed = bed_factory([Zone("package-0", Square(40, 160, period_s=0.037))])
    meter = meter_on(bed, pace="fixed", period_s=0.001)
    old = meter.begin()
    for _ in range(3):  # far more updates of the counter than a timeline keeps
        for _ in range(300):
            meter.end(meter.begin())
        time.sleep(0.7)
    m = meter.end(old)
    assert m.wait(5)
    assert is_near(m, m.energy_j, bed.energy_j(*m._stamps(), "package-0"))
    assert m.quality == "measured"
    assert "missing" not in m.reason


# -- whose energy it is -------------------------------------------------------------------------

BUSY = """
import sys, time
import microjoule as uj

with uj.Meter() as meter:
    with meter.measure() as m:
        until = time.monotonic() + float(sys.argv[1])
        while time.monotonic() < until:
            pass
    m.wait(5)
    print(m.scope, m.cpu_s, m.duration_s, flush=True)
"""


def test_the_sum_of_processes_above_the_host(bed: PowercapBed) -> None:
    """Scaphandre's processes add up to more than their host.

    microjoule charges no process with energy yet: a window's is the machine's and says so. What it
    does say of a process, its CPU time, adds up to no more than the host's CPUs had.
    """
    command = [sys.executable, "-c", BUSY, "0.5"]
    environ = {**os.environ, **bed.environ}
    started = time.monotonic()
    crowd = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    lines = [process.communicate(timeout=60)[0].split() for process in crowd]
    elapsed_s = time.monotonic() - started
    assert [process.returncode for process in crowd] == [0] * 4
    assert {scope for scope, _, _ in lines} == {"machine"}
    cpu_s = [float(used) for _, used, _ in lines]
    assert min(cpu_s) > 0
    assert sum(cpu_s) <= (os.cpu_count() or 1) * elapsed_s
    # Nobody is told more than one thread, and a sampler beside it, can have used.
    assert all(float(used) <= 1.2 * float(lasted) for _, used, lasted in lines)


def test_a_stopped_container_is_charged(bed_factory: BedFactory) -> None:
    """Kepler with eBPF gave power to containers that were stopped.

    microjoule charges no container yet. What it says of a process is its CPU time: one that is
    stopped for a second uses none of it, while the machine, whose energy it is, goes on.
    """
    bed = bed_factory([Zone("package-0", Constant(100))])
    t0_ns, t1_ns, energy_j, _, cpu_s, scope, _ = stopped_for_a_second(bed)
    duration_s = (int(t1_ns) - int(t0_ns)) * 1e-9
    assert duration_s >= 1.4
    assert float(cpu_s) <= duration_s - 1.0
    assert scope == "machine"
    assert float(energy_j) == pytest.approx(100 * duration_s, rel=0.02)


# -- single sensors -----------------------------------------------------------------------------


def perf_events() -> set[int]:
    """The descriptors of this process that are perf events."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[perf_event]":
                found.add(int(fd))
    return found


@needs_perf
def test_a_negative_step_of_perf(meter_on: MeterOn) -> None:
    """Linux's rapl driver steps back above 200 W if nobody reads it for a while; all count that.

    The software clock that stands in for the PMU is set back by what the kernel offers for it.
    """
    with SoftwarePmu({"pkg": 300}) as pmu:
        before = perf_events()
        meter = meter_on(pmu, "perf")
        (event,) = perf_events() - before
        with meter.measure() as m:
            # Longer before the step than after it: else the counter has caught up unseen.
            time.sleep(0.8)
            fcntl.ioctl(event, PERF_EVENT_IOC_RESET, 0)
            time.sleep(0.4)
        assert m.wait(5)
        truth_j = pmu.energy_j(*m._stamps())
        assert 0 < m.energy_j <= 1.01 * truth_j
        assert m.quality == "mixed"
        assert "reset" in m.reason
        again = measured(meter)
        assert is_near(again, again.energy_j, pmu.energy_j(*again._stamps()))
        assert again.quality == "measured"
        meter.close()


def test_zero_differences_of_nvml_dropped(meter_on: MeterOn) -> None:
    """Alumet drops a reading equal to the last, and with it the time that it stands for.

    A counter that is published ten times a second is read far more often than that; and a GPU that
    draws nothing has used nothing, which is an answer.
    """
    try:
        library()
    except BedUnavailableError as error:
        pytest.skip(f"no stand-in for NVML: {error}")
    uuid = "GPU-aaaaaaaa-1111-2222-3333-44444444444{}"
    with NvmlBed([Gpu(uuid.format(0), Constant(200)), Gpu(uuid.format(1), Constant(0))]) as bed:
        meter = meter_on(bed, "nvml")
        time.sleep(0.7)  # the update period is learnt
        token = meter.begin()
        laps = []
        for _ in range(20):  # each is shorter than an update
            time.sleep(0.03)
            laps.append(meter.lap(token))
        meter.end(token)
        for lap in laps:
            assert lap.wait(5)
            truth_j = bed[0].energy_j(*lap._stamps())
            assert is_near(lap, lap.by_sensor["gpu0"], truth_j, 0.05)
            assert lap.by_sensor["gpu1"] == 0
            assert lap.quality == "measured"
        whole_j = sum(lap.by_sensor["gpu0"] for lap in laps)
        truth_j = bed[0].energy_j(laps[0]._stamps()[0], laps[-1]._stamps()[1])
        # Only the ends of the whole can be wrong: the laps in between share theirs.
        timing_j = math.hypot(*(lap.uncertainty_parts["timing"] for lap in (laps[0], laps[-1])))
        assert abs(whole_j - truth_j) <= max(0.01 * truth_j, 5 * timing_j)
        meter.close()
