"""The nvml source against GPUs with a known load, through the whole of microjoule."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator

import pytest

import microjoule as uj
from sim.bed import BedFactory, Zone
from sim.loads import Constant, Llm, Load
from sim.nvml import BedUnavailableError, Gpu, NvmlBed, library

try:
    library()
except BedUnavailableError as error:
    pytest.skip(f"no stand-in for NVML: {error}", allow_module_level=True)

A = "GPU-aaaaaaaa-1111-2222-3333-444444444444"
B = "GPU-bbbbbbbb-1111-2222-3333-444444444444"

Gpus = Callable[..., NvmlBed]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpus]:
    """Puts GPUs into this machine, and takes every other meter out."""
    with contextlib.ExitStack() as stack:

        def put(*some: Gpu) -> NvmlBed:
            bed = stack.enter_context(NvmlBed(some))
            monkeypatch.setenv("MICROJOULE_SYSFS", "/nowhere")
            monkeypatch.setenv("MICROJOULE_DEVFS", "/nowhere")
            for name, value in bed.environ.items():
                monkeypatch.setenv(name, value)
            return bed

        for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
            monkeypatch.delenv(name, raising=False)
        yield put


def truth_j(bed: NvmlBed, m: uj.Measurement, number: int = 0) -> float:
    """What a GPU really drew in a window."""
    start_ns, end_ns = m._stamps()
    return bed[number].energy_j(start_ns, end_ns)


def window(meter: uj.Meter, seconds: float) -> uj.Measurement:
    """A settled window."""
    token = meter.begin()
    time.sleep(seconds)
    m = meter.end(token)
    assert m.wait(5.0)
    return m


def timing_j(m: uj.Measurement) -> float:
    """Its uncertainty without the gain of the board, which the stand-in does not have."""
    parts = m.uncertainty_parts
    return math.hypot(parts["timing"], parts["quantisation"])


# The bars themselves (7, 0.6 and 0.06 % over thousands of windows, and what a call of 10 ms moves)
# are shown in virtual time by cpp/tests/test_slow_counter.cpp. Here real time passes on a busy
# machine.
@pytest.mark.parametrize(
    ("seconds", "windows", "limit", "delay_s"),
    [
        (0.1, 16, 0.14, 0.0),
        (1.0, 4, 0.02, 0.0),
        (1.0, 4, 0.025, 0.01),
        pytest.param(10.0, 1, 0.003, 0.0, marks=pytest.mark.slow),
    ],
)
def test_a_counter_published_each_100_ms_gives_the_joules(
    gpus: Gpus, seconds: float, windows: int, limit: float, delay_s: float
) -> None:
    bed = gpus(Gpu(A, Llm(seed=3)))
    bed[0].delay(delay_s)
    errors, truths = [], []
    with uj.Meter(sources=["nvml"]) as meter:
        time.sleep(0.7)  # the update period is learnt
        for number in range(windows):
            time.sleep(0.037 * (number % 5))
            m = window(meter, seconds)
            truth = truth_j(bed, m)
            errors.append(abs(m.energy_j - truth))
            truths.append(truth)
            assert errors[-1] <= max(limit * truth, 5 * timing_j(m))
            assert m.bounds_j is not None
            low, high = m.bounds_j
            assert low <= truth + 0.002
            assert truth <= high + 0.002
            assert m.quality == "measured"
            assert m.by_kind == {"gpu": m.energy_j}
        assert sum(errors) <= limit * sum(truths)
        (sensor,) = meter.sensors()
        assert sensor.id == "gpu0"
        assert sensor.unit_j == 1e-3
        assert A in sensor.method
        assert sensor.update_period_s == pytest.approx(0.1, rel=0.06)
    assert bed[0].power_calls == 0


@pytest.mark.parametrize(
    ("load", "missing", "architecture", "window_s", "limit"),
    [
        (Constant(250), {}, 9, 0.025, 0.002),
        (Llm(seed=3), {}, 9, 0.025, 0.15),
        (Llm(seed=3), {"instant": False}, 9, 0.025, 0.08),
        (Llm(seed=3), {"instant": False, "average": False}, 6, 0.1, 0.03),
    ],
)
def test_without_a_counter_power_is_integrated(
    gpus: Gpus,
    load: Load,
    missing: dict[str, bool],
    architecture: int,
    window_s: float,
    limit: float,
) -> None:
    bed = gpus(
        Gpu(
            A,
            load,
            energy_counter=False,
            architecture=architecture,
            window_s=window_s,
            **missing,
        )
    )
    time.sleep(1.2)  # an average over a second needs one
    with uj.Meter(sources=["nvml"]) as meter:
        for _ in range(3):
            m = window(meter, 1.0)
            truth = truth_j(bed, m)
            assert abs(m.energy_j - truth) <= max(limit * truth, 4 * timing_j(m))
            assert m.quality == "measured"
            assert "no energy counter" in m.reason
            assert m.bounds_j is None
        before = bed[0].power_calls
        time.sleep(1.0)
        assert bed[0].power_calls - before <= 2  # nobody asks, nobody reads
        assert window(meter, 0.3).energy_j > 0
        gap_s = meter.books().gap_s
        assert gap_s == pytest.approx(1.0, abs=0.35)


def test_a_lost_gpu_degrades_the_result_and_comes_back(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(200)), Gpu(B, Constant(50)))
    with uj.Meter(sources=["nvml"]) as meter:
        time.sleep(0.7)
        token = meter.begin()
        time.sleep(0.3)
        bed[0].fail("GPU_IS_LOST")
        time.sleep(0.6)
        m = meter.end(token)
        assert m.wait(5.0)
        assert m.quality == "mixed"
        assert "gpu0 could not be read" in m.reason
        assert m.by_sensor["gpu0"] < 0.9 * truth_j(bed, m)
        assert m.by_sensor["gpu1"] == pytest.approx(truth_j(bed, m, 1), rel=0.05)
        bed[0].restore()
        time.sleep(0.8)
        m = window(meter, 0.5)
        assert m.quality == "measured"
        assert m.by_sensor["gpu0"] == pytest.approx(truth_j(bed, m), rel=0.05)


def test_a_driver_reload_is_seen_and_survived(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    with uj.Meter(sources=["nvml"]) as meter:
        time.sleep(0.7)
        token = meter.begin()
        time.sleep(0.2)
        bed.reload_driver()
        time.sleep(0.5)
        m = meter.end(token)
        assert m.wait(5.0)
        assert m.quality == "mixed"
        assert "reset" in m.reason
        assert 0 < m.energy_j <= 1.05 * truth_j(bed, m)
        m = window(meter, 0.5)
        assert m.quality == "measured"
        assert m.energy_j == pytest.approx(truth_j(bed, m), rel=0.05)


@pytest.mark.slow
@pytest.mark.bed
def test_a_call_that_hangs_for_5_s_delays_no_other_sensor(
    gpus: Gpus, bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    cpu = bed_factory([Zone("package-0", Constant(80))])
    monkeypatch.setenv("MICROJOULE_SYSFS", str(cpu.root))
    with uj.Meter(sources=["powercap", "nvml"]) as meter:
        time.sleep(0.7)
        until_ns = bed[0].hang(5.0)
        whole = meter.begin()
        inside = []
        reads = cpu["package-0"].reads()
        while time.monotonic_ns() < until_ns - 1_500_000_000:
            token = meter.begin()
            time.sleep(0.1)
            m = meter.end(token)
            start = time.monotonic()
            energy = m.by_sensor["cpu0.package"]
            # The figure waits for the GPU at most a second; the package's part is right already.
            assert time.monotonic() - start < 1.6
            assert energy == pytest.approx(cpu["package-0"].energy_j(*m._stamps()), rel=0.03)
            inside.append(m)
        assert cpu["package-0"].reads() - reads > 20 * len(inside)
        time.sleep(max(0.0, (until_ns - time.monotonic_ns()) * 1e-9) + 0.3)
        m = meter.end(whole)
        assert m.wait(5.0)
        for one in (m, *inside):
            assert one.wait(2.0)
            assert one.by_sensor["gpu0"] == pytest.approx(truth_j(bed, one), rel=0.1)
            assert "missing" not in one.reason


def test_a_gpu_that_says_nothing_is_refused_with_the_reason(gpus: Gpus) -> None:
    bed = gpus(
        Gpu(A, Constant(100), energy_counter=False, instant=False, average=False, usage=False)
    )
    with pytest.raises(ValueError, match="its power cannot be read"):
        uj.Meter(sources=["nvml"])
    (sensor,) = [s for s in uj.sensors() if s.source == "nvml"]
    assert not sensor.readable
    assert not sensor.counted
    bed.fail_init("DRIVER_NOT_LOADED")
    with pytest.raises(ValueError, match="Driver Not Loaded"):
        uj.Meter(sources=["nvml"])


def test_power_that_reads_as_nothing_is_missing_and_not_nothing(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(100), energy_counter=False))
    time.sleep(0.15)
    with uj.Meter(sources=["nvml"]) as meter:
        bed[0].zero_power()
        token = meter.begin()
        time.sleep(0.2)
        m = meter.end(token)
        assert m.wait(5.0)
        assert m.quality == "mixed"
        assert "missing" in m.reason


def test_a_library_that_is_not_there_is_no_news(
    gpus: Gpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus()
    monkeypatch.setenv("MICROJOULE_NVML", "/nowhere/libnvidia-ml.so.1")
    assert [s for s in uj.sensors() if s.source == "nvml"] == []


@pytest.mark.parametrize(
    ("visible", "counted"),
    [("0", [0]), (B, [1]), ("GPU-bbbb", [1]), ("", []), ("-1", []), ("1,0", [0, 1])],
)
def test_cuda_visible_devices_decides_what_counts(
    gpus: Gpus, monkeypatch: pytest.MonkeyPatch, visible: str, counted: list[int]
) -> None:
    gpus(Gpu(A, Constant(200)), Gpu(B, Constant(50)))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = {s.id: s for s in uj.sensors() if s.source == "nvml"}
    assert [i for i in range(2) if found[f"gpu{i}"].counted] == counted
    for i in range(2):
        assert found[f"gpu{i}"].readable
        assert ("hidden by CUDA_VISIBLE_DEVICES" in found[f"gpu{i}"].reason) == (i not in counted)


def test_numbers_of_unlike_gpus_are_not_guessed_at(
    gpus: Gpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(Gpu(A, Constant(200)), Gpu(B, Constant(50), name="NVIDIA A30"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert all(
        s.counted and "CUDA_DEVICE_ORDER" in s.reason for s in uj.sensors() if s.source == "nvml"
    )
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert [s.counted for s in uj.sensors() if s.source == "nvml"] == [True, False]


def test_a_slice_is_told_from_its_gpu(gpus: Gpus, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(Gpu(A, Constant(200)), Gpu(B, Constant(50), mig=True))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", B.replace("GPU-", "MIG-"))
    first, second = (s for s in uj.sensors() if s.source == "nvml")
    assert not first.counted
    assert second.counted
    assert "slices have no counter of their own" in second.reason


def test_processors_are_modelled_beside_a_measured_gpu(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    with uj.Meter() as meter:
        time.sleep(0.7)
        m = window(meter, 0.5)
        kinds = {s.id: s.estimated for s in meter.sensors() if s.counted}
    assert kinds["gpu0"] is False
    assert kinds["model.cpu"] is True
    assert m.quality == "mixed"
    assert m.by_sensor["gpu0"] == pytest.approx(truth_j(bed, m), rel=0.05)


def test_a_forked_child_measures_gpus_of_its_own(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    with uj.Meter(sources=["nvml"]) as meter:
        time.sleep(0.7)
        token = meter.begin()
        child = os.fork()
        if child == 0:
            fine = False
            with contextlib.suppress(BaseException):
                m = window(meter, 0.4)
                fine = m.settled and abs(m.energy_j - truth_j(bed, m)) < 0.1 * m.energy_j
            os._exit(0 if fine else 1)
        assert os.waitpid(child, 0)[1] == 0
        m = meter.end(token)
        assert m.wait(5.0)
        assert abs(m.energy_j - truth_j(bed, m)) <= max(0.05 * m.energy_j, 5 * timing_j(m))
        assert bed.inits == 2
