"""The same layouts as plain files: nothing computes them, so they cost a sampler the least.

For overhead benchmarks (a read through the bed costs more than a sampler does) and for sensors
that read ``/proc``. Values change only when a test says so.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.counters import Counter
from sim.zones import POWERCAP, Zone, place

_TICKS_PER_S = 100  # USER_HZ, the unit of /proc/stat


class _Folder:
    """A temporary directory on tmpfs where there is one."""

    def __init__(self, prefix: str) -> None:
        shm = Path("/dev/shm")
        above = shm if os.access(shm, os.W_OK) else None
        self.root = Path(tempfile.mkdtemp(prefix=prefix, dir=above))

    def close(self) -> None:
        """Delete the files. Any number of times."""
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def _link(self, path: str, to: str) -> None:
        link = self.root / path
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(self.root / to, link.parent))


class PlainTree(_Folder):
    """A sysfs with powercap zones as plain files; ``layout`` is `PowercapBed`'s."""

    def __init__(
        self,
        zones: Sequence[Zone],
        *,
        files: Mapping[str, str] | None = None,
        layout: str = "flat",
    ) -> None:
        """Write every file; each counter shows its ``start_uj``."""
        super().__init__("microjoule-plain-")
        self.epoch_ns = time.monotonic_ns()
        self._paths: dict[str, Path] = {}
        self._counters: dict[str, Counter] = {}
        self._values: dict[str, int] = {}
        for placed in place(zones):
            zone = placed.zone
            folder = f"{POWERCAP}/{placed.directory}"
            control = f"{POWERCAP}/{zone.control_type}"
            if layout == "linked":
                self._link(folder, placed.device)
                folder = placed.device
                inside = f"devices/virtual/powercap/{zone.control_type}"
                self._link(control, inside)
                self._link(f"{inside}/subsystem", POWERCAP)
                control = inside
            self._write(f"{control}/enabled", "1\n")
            for name, text in zone.texts().items():
                self._write(f"{folder}/{name}", text)
            self._paths[placed.key] = self.root / folder / "energy_uj"
            self._counters[placed.key] = zone.counter(self.epoch_ns, placed.key)
            self.set(placed.key, zone.start_uj)
        for path, text in (files or {}).items():
            self._write(path, text)

    @property
    def environ(self) -> dict[str, str]:
        """What makes microjoule look here, and at no real sensor of this machine."""
        return {
            "MICROJOULE_SYSFS": str(self.root),
            "MICROJOULE_DEVFS": str(self.root / "no-dev"),
            "MICROJOULE_NVML": str(self.root / "no-nvml"),
        }

    def path(self, key: str) -> Path:
        """The ``energy_uj`` of a zone."""
        return self._paths[key]

    def set(self, key: str, value_uj: int) -> None:
        """Let a counter show this number.

        It is written into the file that is there: what holds it open sees it. A read at that very
        moment may mix digits of both numbers; where that matters, use the bed.
        """
        text = f"{value_uj}\n"
        descriptor = os.open(self._paths[key], os.O_WRONLY | os.O_CREAT, 0o400)
        try:
            os.pwrite(descriptor, text.encode(), 0)
            os.ftruncate(descriptor, len(text))
        finally:
            os.close(descriptor)
        self._values[key] = value_uj

    def advance(self, key: str, joules: float) -> int:
        """Add energy to a counter, wrapping at its range; gives the new number."""
        limit_uj = self._counters[key].max_range_uj
        value_uj = self._values[key] + round(joules * 1e6)
        if limit_uj > 0:
            value_uj %= limit_uj + 1
        self.set(key, value_uj)
        return value_uj

    def advance_to(self, t_ns: int) -> None:
        """Let every counter show what its load makes of an instant of CLOCK_MONOTONIC."""
        for key, counter in self._counters.items():
            self.set(key, counter.microjoules(t_ns))


class FakeProc(_Folder):
    """A ``/proc`` with ``stat``, ``cpuinfo`` and ``meminfo``, in which time passes when told to.

    ``PowercapBed(proc=Proc(...))`` has one in which real time passes.
    """

    def __init__(
        self,
        *,
        cpus: int = 2,
        model: str = "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz",
        memory_gib: float = 16.0,
        hypervisor: bool = False,
        stat: str | None = None,
        cpuinfo: str | None = None,
        meminfo: str | None = None,
    ) -> None:
        """Write the files; a text given is written as it is."""
        super().__init__("microjoule-proc-")
        self.cpus = cpus
        self.busy_s = 0.0
        self.idle_s = 1000.0 * cpus
        self._write("cpuinfo", _cpuinfo(cpus, model, hypervisor) if cpuinfo is None else cpuinfo)
        if meminfo is None:
            kib = round(memory_gib * 2**20)
            meminfo = f"MemTotal:       {kib} kB\nMemFree:        {kib // 2} kB\n"
        self._write("meminfo", meminfo)
        if stat is None:
            self.advance(0.0)
        else:
            self._write("stat", stat)

    @property
    def environ(self) -> dict[str, str]:
        """What makes microjoule look here."""
        return {"MICROJOULE_PROCFS": str(self.root)}

    def advance(self, seconds: float, *, busy: float = 0.0) -> None:
        """Let time pass on every processor, a share ``busy`` of it at work."""
        self.set_busy(
            self.busy_s + seconds * self.cpus * busy,
            idle_s=self.idle_s + seconds * self.cpus * (1.0 - busy),
        )

    def set_busy(self, busy_s: float, *, idle_s: float | None = None) -> None:
        """Set how long the processors together have been busy, and idle, since the boot."""
        self.busy_s = busy_s
        self.idle_s = self.idle_s if idle_s is None else idle_s
        names = ["cpu ", *(f"cpu{number}" for number in range(self.cpus))]
        shares = [1.0, *[1.0 / self.cpus] * self.cpus]
        lines = [
            f"{name} {round(busy_s * share * _TICKS_PER_S)} 0 0 "
            f"{round(self.idle_s * share * _TICKS_PER_S)} 0 0 0 0 0 0\n"
            for name, share in zip(names, shares, strict=True)
        ]
        self._write("stat", "".join(lines) + "intr 0\nctxt 0\nbtime 0\nprocesses 1\n")


def _cpuinfo(cpus: int, model: str, hypervisor: bool) -> str:
    vendor = "AuthenticAMD" if "AMD" in model else "GenuineIntel"
    flags = "fpu tsc constant_tsc" + (" hypervisor" if hypervisor else "")
    return "".join(
        f"processor\t: {number}\nvendor_id\t: {vendor}\nmodel name\t: {model}\n"
        f"physical id\t: 0\nsiblings\t: {cpus}\ncore id\t\t: {number}\n"
        f"cpu cores\t: {cpus}\nflags\t\t: {flags}\n\n"
        for number in range(cpus)
    )
