"""The drop-in trackers on the simulated sensors, whose truth is known."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import microjoule.meter  # noqa: F401 (looked up below)
from microjoule.tracker import (
    BaseEmissionsTracker,
    BaseOutput,
    EmissionsTracker,
    OfflineEmissionsTracker,
)
from microjoule.tracker.data import EmissionsData
from microjoule.tracker.log import logger
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant, Square
from sim.nvml import BedUnavailableError, Gpu, NvmlBed, library

A = "GPU-aaaaaaaa-1111-2222-3333-444444444444"
B = "GPU-bbbbbbbb-1111-2222-3333-444444444444"
J_PER_KWH = 3.6e6
# What a machine under load may add between two clock readings that stand beside each other, and
# what one update of a counter holds: watts of the beds times milliseconds.
SLACK_W = 200.0
SLACK_J = 0.5

Beds = Callable[..., Any]


@pytest.fixture(autouse=True)
def fresh_meter(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, nothing_shared: None
) -> Iterator[None]:
    """A process-wide meter that this test starts, in an empty folder, and a quiet logger."""
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture
def zones(bed: PowercapBed, monkeypatch: pytest.MonkeyPatch) -> PowercapBed:
    """A package of 40 and 160 W with 5 W of memory, and no other meter in this machine."""
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    return bed


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[NvmlBed]:
    """Two GPUs of 100 and 300 W, and no other meter in this machine."""
    try:
        library()
    except BedUnavailableError as error:
        pytest.skip(f"no stand-in for NVML: {error}")
    with contextlib.ExitStack() as stack:
        bed = stack.enter_context(NvmlBed([Gpu(A, Constant(100)), Gpu(B, Constant(300))]))
        for name in ("MICROJOULE_SYSFS", "MICROJOULE_DEVFS"):
            monkeypatch.setenv(name, "/nowhere")
        for name, value in bed.environ.items():
            monkeypatch.setenv(name, value)
        yield bed


def tracker_of(**arguments: Any) -> OfflineEmissionsTracker:
    given = {"country_iso_code": "NOR", "output_methods": [], "log_level": "warning"}
    return OfflineEmissionsTracker(**{**given, **arguments})


def tracked(seconds: float, **arguments: Any) -> tuple[OfflineEmissionsTracker, EmissionsData]:
    tracker = tracker_of(**arguments)
    tracker.start()
    time.sleep(seconds)
    tracker.stop()
    data = tracker.final_emissions_data
    assert data is not None
    return tracker, data


def slack_j(tracker: BaseEmissionsTracker, data: EmissionsData) -> float:
    """What lies between the row's own ends and those of the window whose stamps are known."""
    assert tracker.measurement is not None
    return SLACK_W * abs(tracker.measurement.duration_s - data.duration) + SLACK_J


def truth_j(bed: PowercapBed, tracker: BaseEmissionsTracker, *keys: str) -> float:
    assert tracker.measurement is not None
    return bed.energy_j(*tracker.measurement._stamps(), *keys)


# -- processors and memory --------------------------------------------------------------------


@pytest.mark.parametrize("include_dram", [False, True])
def test_package_and_memory_are_the_truth_and_memory_is_counted_once(
    zones: PowercapBed, include_dram: bool
) -> None:
    tracker, data = tracked(2.0, rapl_include_dram=include_dram)
    slack = slack_j(tracker, data)
    cpu_j, ram_j = data.cpu_energy * J_PER_KWH, data.ram_energy * J_PER_KWH
    assert cpu_j == pytest.approx(truth_j(zones, tracker, "package-0"), abs=slack)
    assert ram_j == pytest.approx(truth_j(zones, tracker, "dram"), abs=slack)
    assert data.gpu_energy == 0.0
    assert data.energy_consumed == pytest.approx(data.cpu_energy + data.ram_energy, rel=1e-9)


@pytest.mark.slow
def test_a_long_run_is_within_a_few_parts_in_ten_thousand(zones: PowercapBed) -> None:
    # The bar, 0.02 % over a minute, is shown by benchmarks/bench_tracker.py on a quiet machine.
    tracker, data = tracked(30.0)
    truth = truth_j(zones, tracker, "package-0", "dram")
    assert data.energy_consumed * J_PER_KWH == pytest.approx(
        truth, rel=2e-4, abs=slack_j(tracker, data)
    )


def test_what_was_measured_says_so(zones: PowercapBed) -> None:
    tracker, data = tracked(0.5)
    m = tracker.measurement
    assert m is not None
    assert m.quality == "measured"
    assert set(m.by_sensor) == {"cpu0.package", "cpu0.dram"}
    assert m.energy_j == pytest.approx(data.energy_consumed * J_PER_KWH, abs=slack_j(tracker, data))
    low_j, high_j = m.bounds_j or (0.0, 0.0)
    assert low_j - SLACK_J <= truth_j(zones, tracker, "package-0", "dram") <= high_j + SLACK_J
    assert "quality" not in data.values


def test_a_given_power_takes_the_place_of_the_meter_and_says_so(zones: PowercapBed) -> None:
    tracker, data = tracked(0.5, force_mode_cpu_load=True)
    assert tracker.measurement is not None
    assert "load model" in tracker.measurement.reason
    measured = truth_j(zones, tracker, "package-0")
    assert data.cpu_energy * J_PER_KWH != pytest.approx(measured, abs=1e-3)
    assert data.ram_energy * J_PER_KWH == pytest.approx(
        truth_j(zones, tracker, "dram"), abs=slack_j(tracker, data)
    )
    _, forced = tracked(0.5, force_ram_power=17)
    assert forced.ram_power == pytest.approx(17)


def test_tasks_are_the_truth_and_add_up_with_the_gaps(zones: PowercapBed) -> None:
    tracker = tracker_of()
    tracker.start()
    for name in ("load", "fit", "score"):
        outer_ns = time.monotonic_ns()
        tracker.start_task(name)
        inner_ns = time.monotonic_ns()
        time.sleep(0.3)
        inner_end_ns = time.monotonic_ns()
        data = tracker.stop_task(name)
        outer_end_ns = time.monotonic_ns()
        assert data is not None
        keys = ("package-0", "dram")
        at_least = zones.energy_j(inner_ns, inner_end_ns, *keys) - SLACK_J
        at_most = zones.energy_j(outer_ns, outer_end_ns, *keys) + SLACK_J
        assert at_least <= data.energy_consumed * J_PER_KWH <= at_most
        time.sleep(0.1)
    tracker.stop()
    total = tracker.final_emissions_data
    assert total is not None
    assert total.duration >= 1.2
    assert total.energy_consumed * J_PER_KWH == pytest.approx(
        truth_j(zones, tracker, "package-0", "dram"), abs=slack_j(tracker, total)
    )


class Keep(BaseOutput):
    def __init__(self) -> None:
        self.rows: list[tuple[EmissionsData, EmissionsData]] = []

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        self.rows.append((total, delta))


def test_what_came_between_flushes_adds_up_to_the_run(zones: PowercapBed) -> None:
    keep = Keep()
    tracker = tracker_of(output_handlers=[keep])
    tracker.start()
    for _ in range(3):
        time.sleep(0.2)
        tracker.flush()
    time.sleep(0.2)
    tracker.stop()
    total = tracker.final_emissions_data
    assert total is not None
    assert len(keep.rows) == 4
    so_far = [row.energy_consumed for row, _ in keep.rows]
    assert so_far == sorted(so_far)
    pieces = sum(delta.energy_consumed for _, delta in keep.rows)
    assert pieces == pytest.approx(total.energy_consumed, rel=1e-9)
    assert sum(delta.duration for _, delta in keep.rows) == pytest.approx(total.duration, rel=1e-9)
    assert total.energy_consumed * J_PER_KWH == pytest.approx(
        truth_j(zones, tracker, "package-0", "dram"), abs=slack_j(tracker, total)
    )


def test_a_second_run_of_a_tracker_has_its_own_energy(zones: PowercapBed) -> None:
    tracker = tracker_of()
    for seconds in (0.8, 0.3):
        tracker.start()
        time.sleep(seconds)
        tracker.stop()
        data = tracker.final_emissions_data
        assert data is not None
        assert data.energy_consumed * J_PER_KWH == pytest.approx(
            truth_j(zones, tracker, "package-0", "dram"), abs=slack_j(tracker, data)
        )


# -- one sampler ------------------------------------------------------------------------------


def reads_and_threads(bed: PowercapBed, trackers: int) -> tuple[int, int]:
    """What so many trackers side by side cost over two seconds."""
    some = [tracker_of(measure_power_secs=0.2) for _ in range(trackers)]
    for tracker in some:
        tracker.start()
    time.sleep(0.5)
    before = sum(bed.reads().values())
    time.sleep(2.0)
    reads = sum(bed.reads().values()) - before
    threads = len(os.listdir("/proc/self/task"))
    for tracker in some:
        tracker.stop()
    return reads, threads


def test_ten_trackers_cost_one_sampler_and_no_sensor_is_read_twice(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory([Zone("package-0", Square(40, 160, period_s=0.037))])
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    tracked(0.5)  # learns the counter's period
    one, one_thread = reads_and_threads(bed, 1)
    ten, ten_threads = reads_and_threads(bed, 10)
    assert ten_threads == one_thread
    # One read a second; ten samplers would make twenty in that time.
    assert 0 < one <= 5
    assert 0 < ten <= 5


def test_a_run_that_only_goes_on_is_read_once_a_second(zones: PowercapBed) -> None:
    tracker = tracker_of()
    tracker.start()
    time.sleep(1.0)
    before = sum(zones.reads().values())
    time.sleep(3.0)
    # Two counters; a busy machine may add what its late wake-ups want.
    assert sum(zones.reads().values()) - before <= 2 * 5
    tracker.stop()
    data = tracker.final_emissions_data
    assert data is not None
    assert data.energy_consumed * J_PER_KWH == pytest.approx(
        truth_j(zones, tracker, "package-0", "dram"), abs=slack_j(tracker, data)
    )


# -- GPUs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "visible", "watts"),
    [
        (None, None, 400),
        ([1], None, 300),
        ([0], None, 100),
        ("0,1", None, 400),
        (["GPU-bbbb"], None, 300),
        (["bbbb", 0], None, 400),
        (["MIG-GPU-bbbbbbbb-1111-2222-3333-444444444444/1/0"], None, 300),
        (None, "1", 300),
        (None, B, 300),
        ([0], "1", 100),
        ([], None, 0),
    ],
)
def test_the_gpus_that_were_named_count(
    gpus: NvmlBed,
    monkeypatch: pytest.MonkeyPatch,
    given: Any,
    visible: str | None,
    watts: float,
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    tracker, data = tracked(0.6, gpu_ids=given)
    assert data.gpu_power == pytest.approx(watts, rel=0.1)
    count = {0: 0, 100: 1, 300: 1, 400: 2}[int(watts)]
    assert data.gpu_count == count
    assert data.gpu_model == (f"{count} x NVIDIA H100 80GB HBM3" if count else "")
    assert data.gpu_utilization_percent == (50 if count else 0)
    ids = tracker.get_detected_hardware()["gpu_ids"]
    assert len(ids or []) == count


@pytest.mark.parametrize("unknown", [[7], ["GPU-cccc"], "9"])
def test_an_unknown_gpu_is_warned_of_and_left_out(
    gpus: NvmlBed, said: list[str], unknown: Any
) -> None:
    _, data = tracked(0.1, gpu_ids=unknown)
    assert data.gpu_count == 0
    assert data.gpu_energy == 0.0
    assert any(line.startswith("WARNING There is no GPU") for line in said)


def test_processors_and_gpus_together(
    bed_factory: BedFactory, gpus: NvmlBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory([Zone("package-0", Constant(80))])
    for name, value in {**bed.environ, **gpus.environ}.items():
        monkeypatch.setenv(name, value)
    tracker, data = tracked(1.0)
    assert tracker.measurement is not None
    assert tracker.measurement.quality == "measured"
    assert data.cpu_power == pytest.approx(80, rel=0.02)
    assert data.gpu_power == pytest.approx(400, rel=0.05)


# -- process mode -----------------------------------------------------------------------------


def cpu_times() -> tuple[float, float]:
    """CPU seconds of this process, and busy ones of the machine."""
    with open("/proc/stat") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    own = os.times()
    busy = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
    return own.user + own.system, busy


def test_a_process_has_its_share_of_the_processors(zones: PowercapBed) -> None:
    tracker = tracker_of(tracking_mode="process", measure_power_secs=100)
    own, busy = cpu_times()
    tracker.start()
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        sum(range(1000))
    tracker.stop()
    own_end, busy_end = cpu_times()
    data = tracker.final_emissions_data
    assert data is not None
    share = min(1.0, (own_end - own) / (busy_end - busy))
    whole = truth_j(zones, tracker, "package-0")
    assert data.cpu_energy * J_PER_KWH == pytest.approx(share * whole, rel=0.1)
    assert 0 < data.ram_energy * J_PER_KWH < truth_j(zones, tracker, "dram")
    assert data.tracking_mode == "process"
    assert tracker.measurement is not None
    assert "this process tree's share" in tracker.measurement.reason


def test_a_process_has_its_share_of_each_gpu(gpus: NvmlBed) -> None:
    gpus.processes(0, {os.getpid(): 30, 1: 90})
    gpus.processes(1, {os.getpid(): 40, 1: 40})
    _, data = tracked(0.6, tracking_mode="process", measure_power_secs=100)
    assert data.gpu_power == pytest.approx(100 / 4 + 300 / 2, rel=0.1)
    gpus.processes(1, {1: 40})
    _, data = tracked(0.6, tracking_mode="process", measure_power_secs=100)
    assert data.gpu_power == pytest.approx(100 / 4, rel=0.1)


def test_a_gpu_that_nobody_uses_is_nobodys(gpus: NvmlBed) -> None:
    _, data = tracked(0.3, tracking_mode="process", measure_power_secs=100)
    assert data.gpu_energy == 0.0


def test_online_too(zones: PowercapBed) -> None:
    with EmissionsTracker(output_methods=[], log_level="critical") as tracker:
        time.sleep(0.3)
    data = tracker.final_emissions_data
    assert data is not None
    assert data.energy_consumed * J_PER_KWH == pytest.approx(
        truth_j(zones, tracker, "package-0", "dram"), abs=slack_j(tracker, data)
    )
