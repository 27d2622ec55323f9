"""The msr source on simulated registers: Intel and AMD, against the closed form."""

from __future__ import annotations

import statistics
import time

import pytest

import microjoule as uj
from sim.bed import BedFactory, Msr, PowercapBed, Proc, Register, Zone
from sim.loads import Constant, Square
from simulated.windows import MeterOn, is_near, measured

UNIT_14 = 0x000A_0E03  # ESU 14: 61 uJ
UNIT_16 = 0x000A_1003  # ESU 16: 15.3 uJ


def cpuinfo(vendor: str, family: int, model: int) -> Proc:
    text = f"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n"
    return Proc(Constant(0), files={"cpuinfo": text})


SKYLAKE = cpuinfo("GenuineIntel", 6, 94)
ICE_LAKE_SERVER = cpuinfo("GenuineIntel", 6, 106)
SAPPHIRE_RAPIDS = cpuinfo("GenuineIntel", 6, 143)
ZEN3 = cpuinfo("AuthenticAMD", 25, 1)


def topology(*packages: int) -> dict[str, str]:
    """The package of each CPU."""
    files = {"devices/system/cpu/online": f"0-{len(packages) - 1}\n"}
    for cpu, package in enumerate(packages):
        folder = f"devices/system/cpu/cpu{cpu}/topology"
        files[f"{folder}/physical_package_id"] = f"{package}\n"
        files[f"{folder}/die_id"] = "0\n"
    return files


@pytest.fixture
def meter_on(meter_on: MeterOn) -> MeterOn:
    """Starts a meter when the registers have left zero: one that stands there is taken for none."""

    def start(bed: PowercapBed, *sources: str) -> uj.Meter:
        time.sleep(0.005)
        return meter_on(bed, *sources)

    return start


def is_truth(m: uj.Measurement, sensor_id: str, truth_j: float, limit: float = 0.005) -> bool:
    return is_near(m, m.by_sensor[sensor_id], truth_j, limit)


def test_intel_registers_give_the_closed_form(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    registers = {
        0x606: UNIT_14,
        0x611: Register(Square(40, 160, period_s=0.037), start_units=2**32 - 40_000),
        0x619: Register(Constant(5), start_units=1000),
        0x639: Register(Constant(30), start_units=1000),
        0x64D: Register(Constant(200), start_units=1000),
        0xBC: 0,
    }
    bed = bed_factory(
        [], msr=[Msr(cpu, registers) for cpu in (0, 1)], proc=SKYLAKE, files=topology(0, 0)
    )
    meter = meter_on(bed, "msr")
    registers_of = {
        "cpu0.package": "msr0/0x611",
        "cpu0.dram": "msr0/0x619",
        "cpu0.core": "msr0/0x639",
        "psys": "msr0/0x64d",
    }
    errors: dict[str, list[float]] = {sensor_id: [] for sensor_id in registers_of}
    # The package's counter wraps within the first: 40,000 units are 2.4 J.
    for _ in range(5):
        m = measured(meter)
        assert m.quality == "measured"
        for sensor_id, key in registers_of.items():
            truth_j = bed.sensor(key).energy_j(*m._stamps())
            errors[sensor_id].append(abs(m.by_sensor[sensor_id] / truth_j - 1))
        assert m.energy_j == m.by_sensor["cpu0.package"] + m.by_sensor["cpu0.dram"]
    # The median keeps out what a busy machine does to a few of them.
    assert {i: statistics.median(e) for i, e in errors.items() if statistics.median(e) > 0.01} == {}
    assert bed.sensor("msr1/0x611").reads() == 0  # one CPU of a package is enough


def test_amd_counts_the_package_only(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    def package(watts: float) -> dict[int, int | Register]:
        register = Register(Constant(watts), esu=16, start_units=5000)
        core = Register(Constant(3), esu=16, start_units=5000)
        return {0xC001_0299: UNIT_16, 0xC001_029A: core, 0xC001_029B: register}

    bed = bed_factory(
        [],
        msr=[Msr(0, package(150)), Msr(1, package(90))],
        proc=ZEN3,
        files=topology(0, 1),
    )
    meter = meter_on(bed, "msr")
    m = measured(meter)
    assert set(m.by_sensor) == {"cpu0.package", "cpu1.package"}
    for cpu in (0, 1):
        truth_j = bed.sensor(f"msr{cpu}/0xc001029b").energy_j(*m._stamps())
        assert is_truth(m, f"cpu{cpu}.package", truth_j)
    cores = [s for s in meter.sensors() if s.id == "cpu0.core"]
    assert [s.readable for s in cores] == [False]
    assert "cpu0.package" in cores[0].reason


@pytest.mark.parametrize(
    ("proc", "sensor_id", "address", "esu"),
    [
        (ICE_LAKE_SERVER, "cpu0.dram", 0x619, 16),
        (SAPPHIRE_RAPIDS, "cpu0.dram", 0x619, 14),
        (SAPPHIRE_RAPIDS, "psys", 0x64D, 0),
        (SKYLAKE, "psys", 0x64D, 14),
    ],
    ids=["dram of ICX", "dram of SPR", "psys of SPR", "psys of a client"],
)
def test_domains_with_a_unit_of_their_own(
    bed_factory: BedFactory,
    meter_on: MeterOn,
    proc: Proc,
    sensor_id: str,
    address: int,
    esu: int,
) -> None:
    domain = Register(Constant(400), esu=esu, start_units=10)
    bed = bed_factory(
        [],
        msr=[Msr(0, {0x606: UNIT_14, address: domain})],
        proc=proc,
        files=topology(0),
    )
    m = measured(meter_on(bed, "msr"), 0.3)
    truth_j = bed.sensor(f"msr0/{address:#x}").energy_j(*m._stamps())
    # One step of psys on Sapphire Rapids is one joule.
    assert is_truth(m, sensor_id, truth_j, 0.005 if esu else 2 / truth_j)


def test_filtered_energy_is_said(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    registers = {0x606: UNIT_14, 0x611: Register(Constant(50)), 0xBC: 1}
    bed = bed_factory([], msr=[Msr(0, registers)], proc=SKYLAKE, files=topology(0))
    m = measured(meter_on(bed, "msr"))
    assert "MSR 0xBC" in m.reason
    assert m.quality == "measured"


def test_another_cpu_of_the_package_takes_over(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    registers = {0x606: UNIT_14, 0x611: Register(Constant(50), start_units=1000)}
    bed = bed_factory(
        [], msr=[Msr(cpu, registers) for cpu in (0, 1)], proc=SKYLAKE, files=topology(0, 0)
    )
    meter = meter_on(bed, "msr")
    truth = bed.sensor("msr1/0x611")
    with meter.measure() as m:
        time.sleep(0.1)
        bed.sensor("msr0/0x611").vanish()
        time.sleep(0.9)
    assert m.wait(5)
    # The counter went on: what flowed while nobody looked is in the first value after it.
    assert is_truth(m, "cpu0.package", truth.energy_j(*m._stamps()))
    m = measured(meter)
    assert is_truth(m, "cpu0.package", truth.energy_j(*m._stamps()))
    assert "missing" not in m.reason


def test_registers_that_may_not_be_read_are_told(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    registers = {0x606: UNIT_14, 0x611: Register(Constant(50))}
    bed = bed_factory([], msr=[Msr(0, registers)], proc=SKYLAKE, files=topology(0))
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    bed.sensor("msr0/0x611").fail("EACCES")
    (refused,) = [s for s in uj.sensors() if s.id == "cpu0.package"]
    assert not refused.readable
    assert "CAP_SYS_RAWIO" in refused.reason


def test_a_device_is_read_once_in_the_best_way(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    registers = {
        0x606: UNIT_14,
        0x611: Register(Constant(50), start_units=1000),
        0x619: Register(Constant(4), start_units=1000),
    }
    bed = bed_factory(
        [Zone("package-0", Constant(50))],
        msr=[Msr(0, registers)],
        proc=SKYLAKE,
        files=topology(0),
    )
    meter = meter_on(bed)
    m = measured(meter)
    ways = {s.id: s.source for s in meter.sensors() if s.readable}
    assert ways == {"cpu0.package": "powercap", "cpu0.dram": "msr"}
    reasons = [s.reason for s in meter.sensors() if not s.readable]
    assert reasons == ["cpu0.package is read through powercap"]
    truth_j = bed["package-0"].energy_j(*m._stamps())
    assert is_truth(m, "cpu0.package", truth_j)
    assert m.energy_j == pytest.approx(truth_j * 54 / 50, rel=0.01)
