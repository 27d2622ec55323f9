"""The amdsmi source against AMD GPUs with a known load, through the whole of microjoule."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

import microjoule as uj
from sim.amdsmi import AmdsmiBed, BedUnavailableError, Gpu, library
from sim.bed import BedFactory, Hwmon, Power, PowercapBed, Zone
from sim.loads import Constant, Llm, Load

try:
    library()
except BedUnavailableError as error:
    pytest.skip(f"no stand-in for AMD SMI: {error}", allow_module_level=True)

A = "GPU-aaaaaaaa11112222"
B = "GPU-bbbbbbbb11112222"

Gpus = Callable[..., AmdsmiBed]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpus]:
    """Puts AMD GPUs into this machine, and takes every other meter out."""
    with contextlib.ExitStack() as stack:

        def put(*some: Gpu) -> AmdsmiBed:
            bed = stack.enter_context(AmdsmiBed(some))
            monkeypatch.setenv("MICROJOULE_SYSFS", "/nowhere")
            monkeypatch.setenv("MICROJOULE_DEVFS", "/nowhere")
            monkeypatch.setenv("MICROJOULE_NVML", "/nowhere/libnvidia-ml.so.1")
            for name, value in bed.environ.items():
                monkeypatch.setenv(name, value)
            time.sleep(0.02)  # nothing was drawn before the epoch
            return bed

        for name in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"):
            monkeypatch.delenv(name, raising=False)
        yield put


def truth_j(bed: AmdsmiBed, m: uj.Measurement, number: int = 0) -> float:
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


def found() -> dict[str, uj.Sensor]:
    """The AMD GPUs of this machine that can be read, by id."""
    return {s.id: s for s in uj.sensors() if s.id.startswith("amdgpu") and s.readable}


def refused(source: str) -> dict[str, str]:
    """Why AMD GPUs cannot be read in one way, by id."""
    return {s.id: s.reason for s in uj.sensors() if s.source == source and not s.readable}


@pytest.mark.parametrize(
    ("seconds", "windows", "limit", "delay_s"),
    [(0.1, 12, 0.05, 0.0), (1.0, 3, 0.01, 0.0), (0.1, 12, 0.2, 0.005), (1.0, 3, 0.03, 0.005)],
)
def test_the_accumulator_gives_the_joules(
    gpus: Gpus, seconds: float, windows: int, limit: float, delay_s: float
) -> None:
    bed = gpus(Gpu(A, Llm(seed=3)))
    bed[0].delay(delay_s)
    errors, truths = [], []
    with uj.Meter(sources=["amdsmi"]) as meter:
        time.sleep(0.3)  # the update period is learnt
        for number in range(windows):
            time.sleep(0.007 * (number % 5))
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
        assert sensor.id == "amdgpu0"
        assert sensor.unit_j == 2**-16
        assert sensor.reason == "the library rounds the unit of 2^-16 J: corrected"
        assert "AMD Instinct MI300X at 0000:03:00.0" in sensor.method
        assert A in sensor.method
    assert bed[0].power_calls == 0


def test_a_unit_of_the_library_is_taken_as_it_is(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(100), resolution_uj=2 * 1e6 / 2**16))
    with uj.Meter(sources=["amdsmi"]) as meter:
        m = window(meter, 0.3)
        # The stand-in's firmware counts in 2^-16 J all the same.
        assert m.energy_j == pytest.approx(2 * truth_j(bed, m), rel=0.1)
        (sensor,) = meter.sensors()
        assert sensor.unit_j == pytest.approx(2**-15)
        assert sensor.reason == ""


def test_an_accumulator_that_uses_up_its_64_bits_goes_on(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(100), start=-round(0.8 * 100 * 2**16)))
    with uj.Meter(sources=["amdsmi"]) as meter:
        m = window(meter, 1.2)
        assert m.quality == "measured"
        assert "reset" not in m.reason
        assert abs(m.energy_j - truth_j(bed, m)) <= max(0.02 * m.energy_j, 5 * timing_j(m))


@pytest.mark.parametrize(
    ("load", "current", "layout", "limit"),
    [
        (Constant(250), True, 3, 0.01),
        (Llm(seed=3), True, 3, 0.15),
        (Constant(250), False, 3, 0.01),
        (Llm(seed=3), False, 2, 0.08),
        (Constant(250), True, 2, 0.01),
        (Constant(250), False, 1, 0.01),
    ],
)
def test_without_a_counter_power_is_integrated(
    gpus: Gpus, load: Load, current: bool, layout: int, limit: float
) -> None:
    bed = gpus(
        Gpu(A, load, energy_counter=False, current=current, average=not current, layout=layout)
    )
    time.sleep(0.2)  # an average needs its window
    with uj.Meter(sources=["amdsmi"]) as meter:
        for _ in range(3):
            m = window(meter, 1.0)
            truth = truth_j(bed, m)
            assert abs(m.energy_j - truth) <= max(limit * truth, 4 * timing_j(m))
            assert m.quality == "measured"
            assert "no energy counter" in m.reason
            assert m.bounds_j is None
        (sensor,) = meter.sensors()
        assert ("current power" if current else "average power") in sensor.method
        before = bed[0].power_calls
        time.sleep(1.0)
        assert bed[0].power_calls - before <= 2  # nobody asks, nobody reads


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("AMD Instinct MI100", "32 bits"),
        ("AMD Radeon RX 7900 XTX", "32 bits"),
    ],
)
def test_a_counter_of_32_bits_in_an_unknown_unit_is_not_taken(
    gpus: Gpus, name: str, reason: str
) -> None:
    bed = gpus(Gpu(A, Constant(100), name=name, start=1000))
    with uj.Meter(sources=["amdsmi"]) as meter:
        m = window(meter, 0.5)
        assert m.energy_j == pytest.approx(truth_j(bed, m), rel=0.1)
        (sensor,) = meter.sensors()
        assert reason in sensor.reason
        assert "current power" in sensor.method


def test_a_counter_that_stands_still_is_not_taken(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(100)))
    bed[0].freeze(60)
    (sensor,) = found().values()
    assert "current power" in sensor.method
    assert "stands still" in sensor.reason


def test_a_counter_that_stops_is_missing_and_not_nothing(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    with uj.Meter(sources=["amdsmi"]) as meter:
        time.sleep(0.2)
        bed[0].freeze(60)
        m = window(meter, 0.8)
        assert m.quality == "mixed"
        assert "amdgpu0 could not be read" in m.reason
        # It goes on from where it would be: nothing is missing from a window around.
        bed[0].restore()
        time.sleep(0.8)
        m = window(meter, 0.3)
        assert m.quality == "measured"
        assert m.energy_j == pytest.approx(truth_j(bed, m), rel=0.1)


@pytest.mark.parametrize("error", ["FILE_ERROR", "NOT_FOUND", "NOT_SUPPORTED", "NO_PERM"])
def test_a_lost_gpu_degrades_the_result_and_comes_back(gpus: Gpus, error: str) -> None:
    bed = gpus(Gpu(A, Constant(200)), Gpu(B, Constant(50), bus=0x43, hip_id=1))
    with uj.Meter(sources=["amdsmi"]) as meter:
        time.sleep(0.3)
        token = meter.begin()
        time.sleep(0.3)
        bed[0].fail(error)
        time.sleep(0.6)
        m = meter.end(token)
        assert m.wait(5.0)
        assert m.quality == "mixed"
        assert "amdgpu0 could not be read" in m.reason
        assert m.by_sensor["amdgpu0"] < 0.9 * truth_j(bed, m)
        assert m.by_sensor["amdgpu1"] == pytest.approx(truth_j(bed, m, 1), rel=0.05)
        bed[0].restore()
        time.sleep(0.8)
        m = window(meter, 0.5)
        assert m.quality == "measured"
        assert m.by_sensor["amdgpu0"] == pytest.approx(truth_j(bed, m), rel=0.05)


def test_a_driver_reload_is_seen_and_survived(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    with uj.Meter(sources=["amdsmi"]) as meter:
        time.sleep(0.3)
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


@pytest.mark.bed
def test_a_call_that_hangs_for_3_s_delays_no_other_sensor(
    gpus: Gpus, bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    cpu = bed_factory([Zone("package-0", Constant(80))])
    monkeypatch.setenv("MICROJOULE_SYSFS", str(cpu.root))
    with uj.Meter(sources=["powercap", "amdsmi"]) as meter:
        time.sleep(0.3)
        until_ns = bed[0].hang(3.0)
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
        assert m.by_sensor["amdgpu0"] == pytest.approx(truth_j(bed, m), rel=0.1)
        assert "missing" not in m.reason


@pytest.mark.parametrize(
    ("gpu", "reason"),
    [
        (Gpu(A, Constant(100), energy_counter=False, current=False), "its power cannot be read"),
        (Gpu(A, Constant(100), energy_counter=False, layout=4), "its power cannot be read"),
        (Gpu(A, Constant(0), energy_counter=False), "the first may tell for both"),
        (Gpu(A, Constant(100), kind=2), "nothing of the kind found"),
    ],
)
def test_a_gpu_that_says_nothing_is_refused_with_the_reason(
    gpus: Gpus, gpu: Gpu, reason: str
) -> None:
    gpus(gpu)
    with pytest.raises(ValueError, match=reason):
        uj.Meter(sources=["amdsmi"])


def test_an_accumulator_of_nothing_is_none(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(100)))
    bed[0].lose_calls("zero energy")
    (sensor,) = found().values()
    assert "current power" in sensor.method
    assert sensor.reason == "this GPU has no energy counter"


def test_the_partitions_of_a_card_are_one_card(gpus: Gpus) -> None:
    gpus(Gpu(A, Constant(100)), Gpu(B, Constant(100), function=1, hip_id=1))
    assert list(found()) == ["amdgpu0"]
    assert refused("amdsmi") == {"amdgpu1": "a partition of amdgpu0, which is read as a whole"}


def test_a_gpu_in_a_processor_is_shown_and_not_added(gpus: Gpus) -> None:
    gpus(Gpu(A, Constant(30), kind=6, name="AMD Radeon 780M"))
    (sensor,) = found().values()
    assert not sensor.counted
    assert "the whole processor" in sensor.reason


def doctor(**environ: str) -> dict[str, object]:
    """What ``uj doctor --json`` says."""
    done = subprocess.run(
        [sys.executable, "-m", "microjoule", "doctor", "--json"],
        env={**os.environ, "MICROJOULE_COUNTRY": "NO", **environ},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    document: dict[str, object] = json.loads(done.stdout)
    return document


def test_doctor_shows_the_gpus_and_why_there_are_none(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(100)))
    document = doctor()
    assert document["quality"] == "measured"
    assert {"amdgpu0": True}.items() <= told(document, "sensors", "id", "counted").items()
    texts = told(document, "findings", "way", "text")
    assert texts["amdsmi"].endswith("libamd_smi.so shows 1 GPU")
    for error, words in (("NO_PERM", "Permission Denied"), ("DRIVER_NOT_LOADED", "not loaded")):
        bed.fail_init(error)
        document = doctor()
        reasons = told(document, "sensors", "id", "reason")
        assert reasons["amdgpu"].startswith("AMD SMI does not start: AMDSMI_STATUS")
        assert words in reasons["amdgpu"]
        assert document["quality"] == "estimated"
    document = doctor(MICROJOULE_AMDSMI="/nowhere/libamd_smi.so")
    assert "amdgpu" not in told(document, "sensors", "id", "reason")
    assert told(document, "findings", "way", "state")["amdsmi"] == "absent"
    # A library that is none.
    reasons = told(doctor(MICROJOULE_AMDSMI=__file__), "sensors", "id", "reason")
    assert __file__ in reasons["amdgpu"]


def told(document: dict[str, object], table: str, key: str, column: str) -> dict[str, str]:
    """One column of a table of the document."""
    rows = document[table]
    assert isinstance(rows, list)
    return {row[key]: row[column] for row in rows}


@pytest.mark.bed
class TestTheSameCardThroughHwmon:
    """hwmon's cards are 0000:43:00.0 and 0000:03:00.0, in the order of its numbers."""

    @pytest.fixture
    def hwmon(
        self, bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[], PowercapBed]:
        def put() -> PowercapBed:
            bed = bed_factory(
                hwmon=[
                    Hwmon(
                        "amdgpu",
                        {"power1_average": Power(Constant(70))},
                        device="pci0000:40/0000:43:00.0",
                    ),
                    Hwmon(
                        "amdgpu",
                        {"power1_average": Power(Constant(90)), "in1_label": "vddnb\n"},
                        device="pci0000:00/0000:03:00.0",
                    ),
                ]
            )
            monkeypatch.setenv("MICROJOULE_SYSFS", str(bed.root))
            return bed

        return put

    def test_is_read_once_and_by_amdsmi(self, gpus: Gpus, hwmon: Callable[[], PowercapBed]) -> None:
        gpus(Gpu(A, Constant(200), bus=0x43))
        hwmon()
        sensors = found()
        assert {(s.id, s.source) for s in sensors.values()} == {
            ("amdgpu0", "amdsmi"),
            ("amdgpu1", "hwmon"),
        }
        assert refused("hwmon") == {"amdgpu0": "amdgpu0 is read through amdsmi"}

    def test_part_of_a_processor_is_not_added(
        self, gpus: Gpus, hwmon: Callable[[], PowercapBed]
    ) -> None:
        gpus(Gpu(A, Constant(200), name="AMD Radeon 780M", energy_counter=False))
        hwmon()
        sensors = found()
        assert {(s.id, s.source, s.counted) for s in sensors.values()} == {
            ("amdgpu0", "amdsmi", False),
            ("amdgpu1", "hwmon", True),
        }

    def test_hwmon_reads_what_amdsmi_cannot(
        self, gpus: Gpus, hwmon: Callable[[], PowercapBed]
    ) -> None:
        gpus(
            Gpu(A, Constant(200), bus=0x43, energy_counter=False, current=False),
            Gpu(B, Constant(200), bus=3, hip_id=1),
        )
        hwmon()
        sensors = found()
        assert {(s.id, s.source) for s in sensors.values()} == {
            ("amdgpu0", "hwmon"),
            ("amdgpu1", "amdsmi"),
        }
        assert "cannot be read" in refused("amdsmi")["amdgpu0"]


@pytest.mark.parametrize(
    ("variables", "counted"),
    [
        ({"ROCR_VISIBLE_DEVICES": "0"}, [1]),
        ({"HIP_VISIBLE_DEVICES": "0"}, [1]),
        ({"HIP_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": "1"}, [0]),
        ({"ROCR_VISIBLE_DEVICES": ""}, []),
        ({"ROCR_VISIBLE_DEVICES": A.upper()}, [0]),
        ({"ROCR_VISIBLE_DEVICES": f"{B},0"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, [0]),
        ({"HIP_VISIBLE_DEVICES": "-1"}, []),
        ({"HIP_VISIBLE_DEVICES": "7,0"}, []),
    ],
)
def test_variables_decide_what_counts(
    gpus: Gpus, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], counted: list[int]
) -> None:
    # HIP counts them the other way round.
    gpus(Gpu(A, Constant(200), hip_id=1), Gpu(B, Constant(50), bus=0x43, hip_id=0))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sensors = found()
    assert [i for i in range(2) if sensors[f"amdgpu{i}"].counted] == counted
    for i in range(2):
        assert ("hidden by" in sensors[f"amdgpu{i}"].reason) == (i not in counted)


def test_numbers_that_nobody_tells_are_not_guessed_at(
    gpus: Gpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(Gpu(A, Constant(200), hip_id=None), Gpu(B, Constant(50), bus=0x43, hip_id=None))
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0")
    assert all(s.counted and "all GPUs are counted" in s.reason for s in found().values())
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", B)
    assert [s.counted for s in found().values()] == [False, True]


def test_a_forked_child_measures_gpus_of_its_own(gpus: Gpus) -> None:
    bed = gpus(Gpu(A, Constant(200)))
    with uj.Meter(sources=["amdsmi"]) as meter:
        time.sleep(0.3)
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
