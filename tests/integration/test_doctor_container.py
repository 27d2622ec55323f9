"""`uj doctor` confined as containers are: each way that is shut leaves the next one and a sentence.

The confinement is the real one: a private mount namespace in which the simulated sysfs is `/sys`,
read-only or with its zones masked as Docker and Podman mask them, and a seccomp filter.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import sim
from sim import pmu
from sim.bed import BedFactory, Msr, PowercapBed, Proc, Register, Zone
from sim.loads import Constant

REFUSING = Path(sim.__file__).with_name("refusing.py")
UNSHARE = ["unshare", "--mount", "--propagation", "private", "--"]
if os.geteuid() != 0:
    UNSHARE[1:1] = ["--user", "--map-root-user"]
SKYLAKE = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 94\n"


def why_not() -> str:
    """Why there is no private mount namespace to be had here; empty where there is."""
    try:
        done = subprocess.run([*UNSHARE, "mount", "--bind", "/tmp", "/sys"], capture_output=True)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.decode().strip() if done.returncode else ""


NO_NAMESPACE = why_not()
pytestmark = [
    pytest.mark.bed,
    pytest.mark.skipif(bool(NO_NAMESPACE), reason=f"no mount namespace: {NO_NAMESPACE}"),
]
needs_perf = pytest.mark.skipif(pmu.probe() is not None, reason=str(pmu.probe()))


@pytest.fixture
def machine(bed_factory: BedFactory) -> PowercapBed:
    """One package with memory, which powercap and the registers show."""
    return with_files(bed_factory, {})


@pytest.fixture
def machine_with_pmu(bed_factory: BedFactory) -> PowercapBed:
    """The same with a power PMU."""
    return with_files(bed_factory, pmu.pmu_files({"pkg": 100, "ram": 5}))


def with_files(bed_factory: BedFactory, files: Mapping[str, str]) -> PowercapBed:
    package, memory = Constant(100), Constant(5)
    registers = {
        0x606: 0x000A_0E03,
        0x611: Register(package, start_units=1000),
        0x619: Register(memory, start_units=1000),
    }
    topology = {
        "devices/system/cpu/online": "0\n",
        "devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
        "devices/system/cpu/cpu0/topology/die_id": "0\n",
    }
    bed: PowercapBed = bed_factory(
        [Zone("package-0", package), Zone("dram", memory, parent="package-0")],
        msr=[Msr(0, registers)],
        proc=Proc(Constant(0), files={"cpuinfo": SKYLAKE}),
        files={**topology, **files},
    )
    return bed


READ_ONLY = "mount -o remount,bind,ro /sys"
MASKED = "mount -t tmpfs -o ro tmpfs /sys/devices/virtual/powercap"


class Told:
    """What the doctor said."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.problems = document["problems"]
        self.sources = {s["id"]: s["source"] for s in document["sensors"] if s["readable"]}
        self.reasons = [s["reason"] for s in document["sensors"] if not s["readable"]]
        self.ways = {f["way"]: f for f in document["findings"]}

    def commands(self, way: str) -> str:
        return "\n".join(mend["command"] for mend in self.ways[way]["mend"])


def doctor(bed: PowercapBed, *mounts: str, no_perf: bool = False, **more: str) -> Told:
    """Ask it where the bed's sysfs is `/sys` and its processor is that of `/proc`."""
    ask = [sys.executable, "-m", "microjoule", "doctor", "--json"]
    if no_perf:
        ask = [sys.executable, str(REFUSING), str(pmu.PERF_EVENT_OPEN[platform.machine()]), *ask]
    shown = (
        f"mount --bind {bed.mount}/proc/cpuinfo /proc/cpuinfo",
        f"mount --rbind {bed.root} /sys",
    )
    script = "\n".join(("set -e", *shown, *mounts, f"exec {shlex.join(ask)}"))
    environ = {**os.environ, **bed.environ, "MICROJOULE_COUNTRY": "NO", "container": "oci"}
    for name in ("MICROJOULE_SYSFS", "MICROJOULE_PROCFS"):
        environ.pop(name)
    environ.update(more)
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", script], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (0, 3), done.stderr
    return Told(done.returncode, json.loads(done.stdout))


def test_a_read_only_sysfs_is_read(machine: PowercapBed) -> None:
    told = doctor(machine, READ_ONLY)
    assert told.status == 0
    assert told.sources == {"cpu0.package": "powercap", "cpu0.dram": "powercap"}
    assert told.ways["powercap"]["state"] == "open"


def test_what_a_read_only_sysfs_refuses_is_opened_on_the_host(machine: PowercapBed) -> None:
    for zone in ("package-0", "dram"):
        machine[zone].fail("EACCES")
    told = doctor(machine, READ_ONLY, MICROJOULE_DEVFS="/nowhere")
    assert told.status == 3
    assert "sudo chmod a+r /sys/class/powercap/" in told.commands("powercap")
    assert all("on the host" in mend["what"] for mend in told.ways["powercap"]["mend"])


def test_masked_zones_leave_the_registers(machine: PowercapBed) -> None:
    told = doctor(machine, MASKED)
    assert told.status == 0
    assert told.sources == {"cpu0.package": "msr", "cpu0.dram": "msr"}
    powercap = told.ways["powercap"]
    assert powercap["state"] == "spare"
    assert "msr reads the same counters" in powercap["text"]
    assert "masks /sys/devices/virtual/powercap" in powercap["text"]


def test_masked_zones_and_no_registers_leave_the_model(machine: PowercapBed) -> None:
    told = doctor(machine, MASKED, MICROJOULE_DEVFS="/nowhere")
    assert told.status == 3
    assert set(told.sources.values()) == {"model"}
    assert told.ways["powercap"]["state"] == "blocked"
    mended = "docker run -v /sys:/host/sys:ro -e MICROJOULE_SYSFS=/host/sys"
    assert mended in told.commands("powercap")
    assert "sudo modprobe msr" in told.commands("msr")


def test_what_is_said_of_masked_zones_mends_it(machine: PowercapBed, tmp_path: Path) -> None:
    told = doctor(
        machine, f"mount --rbind {machine.root} {tmp_path}", MASKED, MICROJOULE_SYSFS=str(tmp_path)
    )
    assert told.status == 0
    assert told.sources == {"cpu0.package": "powercap", "cpu0.dram": "powercap"}


def test_no_sysfs_at_all_is_said(machine: PowercapBed) -> None:
    told = doctor(machine, "mount -t tmpfs tmpfs /sys", MICROJOULE_DEVFS="/nowhere")
    assert told.status == 3
    assert told.ways["powercap"]["text"] == "there is no sysfs at /sys"
    assert "docker run -v /sys:/host/sys:ro" in told.commands("powercap")


@needs_perf
def test_without_a_filter_perf_is_first(machine_with_pmu: PowercapBed) -> None:
    told = doctor(machine_with_pmu, READ_ONLY)
    assert told.sources == {"cpu0.package": "perf", "cpu0.dram": "perf"}
    assert "cpu0.package is read through perf" in told.reasons


@needs_perf
def test_a_filter_that_refuses_perf_leaves_the_zones(machine_with_pmu: PowercapBed) -> None:
    told = doctor(machine_with_pmu, READ_ONLY, no_perf=True)
    assert told.status == 0
    assert told.sources == {"cpu0.package": "powercap", "cpu0.dram": "powercap"}
    assert told.ways["perf"]["state"] == "spare"
    assert "seccomp filter refuses the system call perf_event_open" in told.ways["perf"]["text"]
    assert any("Operation not permitted" in reason for reason in told.reasons)


@needs_perf
def test_a_filter_and_masked_zones_leave_the_registers(machine_with_pmu: PowercapBed) -> None:
    told = doctor(machine_with_pmu, MASKED, no_perf=True)
    assert told.sources == {"cpu0.package": "msr", "cpu0.dram": "msr"}


@needs_perf
def test_with_everything_shut_each_way_says_what_opens_it(machine_with_pmu: PowercapBed) -> None:
    told = doctor(machine_with_pmu, MASKED, no_perf=True, MICROJOULE_DEVFS="/nowhere")
    assert told.status == 3
    assert set(told.sources.values()) == {"model"}
    assert "seccomp" in told.ways["perf"]["text"]
    for way, command in (
        ("perf", "docker run --"),
        ("powercap", "docker run -v /sys:/host/sys:ro"),
        ("msr", "sudo modprobe msr"),
    ):
        assert told.ways[way]["state"] == "blocked"
        assert command in told.commands(way)


@needs_perf
def test_a_named_source_that_the_filter_refuses_is_a_problem_told(
    machine_with_pmu: PowercapBed,
) -> None:
    told = doctor(machine_with_pmu, no_perf=True, MICROJOULE_SOURCES="perf")
    assert told.status == 3
    assert "Operation not permitted" in told.problems[0]
    assert "seccomp" in told.problems[0]
