"""A `power` PMU that is really read through perf_event_open, with a known constant power.

The PMU's type is the kernel's own software PMU and its events are the CPU clock, which counts the
nanoseconds of its CPU: with a scale of watts x 1e-9 joules a count it is the energy counter of that
many watts.

with SoftwarePmu({"pkg": 100, "ram": 10}) as pmu:
    ...  # run the product with pmu.environ
    truth = pmu.energy_j(t0_ns, t1_ns)
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Mapping, Sequence

from sim.plain import _Folder

POWER = "bus/event_source/devices/power"
_PERF_TYPE_SOFTWARE = 1  # its event 0 is the CPU clock
PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}


def pmu_files(
    watts: Mapping[str, float],
    cpus: Sequence[int] = (0,),
    places: Mapping[int, tuple[int, int]] | None = None,
) -> dict[str, str]:
    """The texts of such a PMU and of the topology, by their path below sysfs."""
    files = {
        f"{POWER}/type": f"{_PERF_TYPE_SOFTWARE}\n",
        f"{POWER}/format/event": "config:0-7\n",
        f"{POWER}/cpumask": _cpumask(cpus),
    }
    for name, power_w in watts.items():
        event = f"{POWER}/events/energy-{name}"
        files[event] = "event=0x00\n"
        files[f"{event}.scale"] = f"{power_w * 1e-9!r}\n"
        files[f"{event}.unit"] = "Joules\n"
    for cpu, (package, die) in (places or {}).items():
        topology = f"devices/system/cpu/cpu{cpu}/topology"
        files[f"{topology}/physical_package_id"] = f"{package}\n"
        files[f"{topology}/die_id"] = f"{die}\n"
    return files


def _cpumask(cpus: Sequence[int]) -> str:
    return ",".join(map(str, cpus)) + "\n"


class SoftwarePmu(_Folder):
    """A sysfs with a `power` PMU: ``energy-NAME`` for each of ``watts``, on each of ``cpus``.

    ``places`` gives CPUs their package and die; without it sysfs shows no topology.
    """

    def __init__(
        self,
        watts: Mapping[str, float],
        cpus: Sequence[int] = (0,),
        places: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        """Write every file."""
        super().__init__("microjoule-pmu-")
        self.watts = dict(watts)
        self.zones(pmu_files(watts, cpus, places))

    def move_to(self, cpus: Sequence[int]) -> None:
        """What the kernel does to the cpumask when a CPU goes away."""
        self._write(f"{POWER}/cpumask", _cpumask(cpus))

    def zones(self, texts: Mapping[str, str]) -> None:
        """Other files beside the PMU, by their path below sysfs."""
        for path, text in texts.items():
            self._write(path, text)

    def energy_j(self, t0_ns: int, t1_ns: int, *names: str) -> float:
        """The energy of some events, or of all, between two instants, on one CPU."""
        return sum(self.watts[name] for name in names or self.watts) * (t1_ns - t0_ns) * 1e-9

    @property
    def environ(self) -> dict[str, str]:
        """What makes microjoule look here, and at no real sensor of this machine."""
        return {
            "MICROJOULE_SYSFS": str(self.root),
            "MICROJOULE_DEVFS": str(self.root / "no-dev"),
            "MICROJOULE_NVML": str(self.root / "no-nvml"),
        }


def probe() -> str | None:
    """Why the kernel refuses perf events of a whole CPU here; None where it does not."""
    number = PERF_EVENT_OPEN.get(platform.machine())
    if number is None:
        return f"the number of perf_event_open on {platform.machine()} is not known"
    attributes = ctypes.create_string_buffer(struct.pack("=II", _PERF_TYPE_SOFTWARE, 64), 64)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(number, attributes, -1, 0, -1, ctypes.c_ulong(8))
    if fd < 0:
        return f"perf_event_open: {os.strerror(ctypes.get_errno())}"
    os.close(fd)
    return None
