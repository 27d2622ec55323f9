"""What a stranger reads from `uj doctor`: with every source there, and with every one refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from sim import pmu
from sim.bed import BedFactory, Hwmon, Msr, Power, PowercapBed, Proc, Register, Supply, Zone
from sim.loads import Constant, Square
from sim.nvml import BedUnavailableError, Gpu, NvmlBed

UUID = "GPU-aaaaaaaa-1111-2222-3333-444444444444"
RIGHTS = {
    "cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 94\n",
    "meminfo": "MemTotal: 16777216 kB\n",
}
OPEN = {
    "self/status": "CapEff:\t0000004000020000\nSeccomp:\t0\n",
    "sys/kernel/perf_event_paranoid": "2\n",
}
SHUT = {
    "self/status": "CapEff:\t0000000000000000\nSeccomp:\t0\n",
    "sys/kernel/perf_event_paranoid": "4\n",
}


class WholeMachine:
    """RAPL three times over, a GPU of each maker, and a battery."""

    def __init__(self, bed: PowercapBed, gpus: NvmlBed) -> None:
        self.bed = bed
        self.gpus = gpus

    def refuse(self) -> None:
        """Every file and the driver."""
        for zone in ("package-0", "dram", "psys"):
            self.bed[zone].fail("EACCES")
        for sensor in ("msr0/0x611", "hwmon0/power1_average", "BAT0/power_now"):
            self.bed.sensor(sensor).fail("EACCES")
        self.gpus.fail_init("DRIVER_NOT_LOADED")

    def doctor(self) -> tuple[int, str]:
        """Exit status and text, without its line breaks."""
        environ = {**os.environ, **self.bed.environ, **self.gpus.environ}
        done = subprocess.run(
            [sys.executable, "-m", "microjoule", "doctor"],
            env={**environ, "MICROJOULE_COUNTRY": "NO", "container": "oci"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""
        return done.returncode, " ".join(done.stdout.split())


@pytest.fixture
def gpus() -> Iterator[NvmlBed]:
    try:
        with NvmlBed([Gpu(UUID, Constant(100))]) as bed:
            yield bed
    except BedUnavailableError as error:
        pytest.skip(f"no stand-in for NVML: {error}")


def machine(
    bed_factory: BedFactory, gpus: NvmlBed, files: Mapping[str, str], rights: Mapping[str, str]
) -> WholeMachine:
    package, memory = Square(40, 160, period_s=0.037), Constant(5)
    registers = {
        0x606: 0x000A_0E03,
        0x611: Register(package, start_units=1000),
        0x619: Register(memory, start_units=1000),
    }
    battery = {
        "type": "Battery\n",
        "status": "Discharging\n",
        "power_now": Power(Constant(30)),
    }
    bed: PowercapBed = bed_factory(
        [
            Zone("package-0", package),
            Zone("dram", memory, parent="package-0"),
            Zone("psys", Constant(200)),
        ],
        hwmon=[Hwmon("amdgpu", {"power1_average": Power(Constant(100), update_s=0.01)})],
        supplies=[Supply("BAT0", battery)],
        msr=[Msr(0, registers)],
        proc=Proc(Constant(0.5), files={**RIGHTS, **rights}),
        files={
            "devices/system/cpu/online": "0\n",
            "devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
            "devices/system/cpu/cpu0/topology/die_id": "0\n",
            "bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
            "bus/pci/devices/0000:01:00.0/class": "0x030200\n",
            **files,
        },
    )
    return WholeMachine(bed, gpus)


def shown(text: str, *parts: str) -> None:
    """Each of these can be read, in this order."""
    at = 0
    for part in parts:
        assert part in text[at:], f"{part!r} in {text[at:]!r}"
        at = text.index(part, at) + len(part)


@pytest.mark.skipif(pmu.probe() is not None, reason=str(pmu.probe()))
def test_with_every_source_the_best_is_taken_and_the_others_are_not_read(
    bed_factory: BedFactory, gpus: NvmlBed
) -> None:
    status, text = machine(bed_factory, gpus, pmu.pmu_files({"pkg": 100, "ram": 5}), OPEN).doctor()
    assert status == 0
    shown(text, "Energy is measured here, by hwmon, nvml, perf, powercap.")
    shown(
        text,
        "cpu0.package perf",
        "cpu0.dram perf",
        "psys powercap 61 µJ no",
        "gpu0 nvml",
        "amdgpu0 hwmon",
        "cpu0.package powercap 61 µJ no not read: cpu0.package is read through perf",
        "cpu0.dram msr 61 µJ no not read: cpu0.dram is read through perf",
        "Ways to the meters",
        "powercap open",
        "perf open",
        "msr open",
        "nvml open",
        "hwmon open",
        "battery open",
        "Carbon",
    )
    for word in ("blocked", "sudo", "denied", "Problem"):
        assert word not in text


def test_without_perf_powercap_is_taken(bed_factory: BedFactory, gpus: NvmlBed) -> None:
    status, text = machine(bed_factory, gpus, {}, OPEN).doctor()
    assert status == 0
    shown(text, "Energy is measured here, by hwmon, nvml, powercap.")
    shown(text, "cpu0.package msr 61 µJ no not read: cpu0.package is read through powercap")
    shown(text, "perf absent: the kernel offers no power PMU.")


def test_with_everything_refused_each_way_says_what_to_type(
    bed_factory: BedFactory, gpus: NvmlBed
) -> None:
    # A PMU of a type that no kernel has is refused for real.
    files = {**pmu.pmu_files({"pkg": 100}), f"{pmu.POWER}/type": "4000000000\n"}
    whole = machine(bed_factory, gpus, files, SHUT)
    whole.refuse()
    status, text = whole.doctor()
    assert status == 3
    shown(text, "No meter can be read here: every figure is estimated by a power model.")
    shown(
        text,
        "model.cpu model estimated yes",
        "model.dram model estimated yes",
        "not read: perf event power/energy-pkg/:",
        "/intel-rapl:0/energy_uj: Permission denied; readable by root only since Linux 5.10",
        "cpu/0/msr: Permission denied",
        "not read: NVML does not start: Driver Not Loaded",
        "hwmon0/power1_average: Permission denied",
    )
    shown(text, "powercap blocked: permission denied for", "PLATYPUS", "sudo chmod a+r")
    shown(text, "perf blocked: kernel.perf_event_paranoid is 4", "docker run --cap-add PERFMON")
    shown(text, "msr blocked:", "CAP_SYS_RAWIO", "docker run --device /dev/cpu/0/msr")
    shown(text, "nvml blocked: there is an NVIDIA GPU, but NVML does not start", "--gpus all")
    shown(text, "hwmon blocked: permission denied for", "sudo chmod a+r")
    shown(text, "model open:", "a model of the whole machine, whoever uses it")
    assert "spare" not in text


def test_this_machine_is_told_to_the_end() -> None:
    environ = {**os.environ, "MICROJOULE_COUNTRY": "NO"}
    done = subprocess.run(
        [sys.executable, "-m", "microjoule", "doctor"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    text = " ".join(done.stdout.split())
    assert done.stderr == ""
    if done.returncode == 0:
        shown(text, "Energy is measured here, by ")
    else:
        assert done.returncode == 3
        shown(text, "No meter can be read here", "model.cpu", "model open:", "the whole machine")
    shown(text, "sensor source resolution in the total state", "Ways to the meters", "Carbon")
    for way in ("powercap", "perf", "msr", "nvml", "amdsmi", "hwmon", "battery"):
        assert any(f" {way} {state}: " in text for state in ("open", "blocked", "spare", "absent"))
