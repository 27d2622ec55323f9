"""The test bed: a mounted sysfs whose energy counters follow loads with a closed form.

with PowercapBed([Zone("package-0", Square(40, 160, period_s=0.037))]) as bed:
    ...  # run the product with bed.environ
    truth = bed["package-0"].energy_j(t0_ns, t1_ns)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.config import Config, escaped
from sim.counters import Counter, Publisher
from sim.loads import Int64Array, nanoseconds
from sim.server import BedUnavailableError, SimServer, probe
from sim.zones import (
    POWERCAP,
    Energy,
    Hwmon,
    Msr,
    PlacedZone,
    Power,
    Proc,
    Register,
    Supply,
    Zone,
    place,
    publisher,
)

__all__ = [
    "BedFactory",
    "BedUnavailableError",
    "Energy",
    "Hwmon",
    "Msr",
    "Power",
    "PowercapBed",
    "Proc",
    "Register",
    "Sensor",
    "Supply",
    "Zone",
    "probe",
]

ENERGY = "energy_uj"


class Sensor:
    """One simulated file with a load behind it: its truth, and what can go wrong with it."""

    def __init__(
        self,
        server: SimServer,
        path: str,
        publisher: Publisher,
        counter: Counter | None,
        places: Sequence[str],
    ) -> None:
        """Made by the bed; paths are below the mount, ``places`` what vanishes with the device."""
        self.path = path
        self.publisher = publisher
        self.counter = counter
        self._server = server
        self._places = places
        self._folder, _, self._file = path.rpartition("/")
        self._spoiled = {self._file}

    def energy_j(self, t0_ns: int, t1_ns: int) -> float:
        """The energy drawn between two instants, whatever the counter made of it."""
        return self.publisher.energy_j(t1_ns) - self.publisher.energy_j(t0_ns)

    def power_w(self, t_ns: int) -> float:
        """The power drawn at an instant."""
        return self.publisher.load.power_w(t_ns - self.publisher.epoch_ns)

    def update_times(self, t0_ns: int, t1_ns: int) -> Int64Array:
        """The instants in [t0, t1] at which the counter takes a new value."""
        return self.publisher.update_times(t0_ns, t1_ns)

    def counter_uj(self, t_ns: int) -> int:
        """What a read at an instant shows, were there no fault and no reset."""
        if self.counter is None:
            raise ValueError(f"{self.path} is no counter")
        return self.counter.microjoules(t_ns)

    def register_value(self, t_ns: int) -> int:
        """The same for an MSR: what the 32 bits of the register show."""
        if self.counter is None:
            raise ValueError(f"{self.path} is no counter")
        return self.counter.register_value(t_ns)

    def reads(self, file: str | None = None) -> int:
        """How often the file, or another one beside it, has been read."""
        return self._server.reads().get(f"{self._folder}/{file or self._file}", 0)

    def fail(
        self,
        error: str,
        *,
        seconds: float | None = None,
        reads: int | None = None,
        after_s: float = 0.0,
        file: str | None = None,
    ) -> None:
        """Let reads fail with an errno by name (EIO, ENODEV …); EACCES refuses opens as well.

        For ``seconds``, for so many ``reads``, or until `restore`; beginning ``after_s`` from now.
        ``file`` is another file of the same directory.
        """
        self._spoil("fail", error, seconds, reads, after_s, file)

    def say(
        self,
        text: str,
        *,
        seconds: float | None = None,
        reads: int | None = None,
        after_s: float = 0.0,
        file: str | None = None,
    ) -> None:
        """Let reads give exactly this text: garbage, nothing, a negative number."""
        self._spoil("say", escaped(text), seconds, reads, after_s, file)

    def delay(
        self,
        delay_s: float,
        *,
        seconds: float | None = None,
        reads: int | None = None,
        after_s: float = 0.0,
        file: str | None = None,
    ) -> None:
        """Let a read take this much longer; its value belongs to the middle of that time.

        The server answers one request at a time: reads of other sensors wait as well.
        """
        self._spoil("delay", str(nanoseconds(delay_s)), seconds, reads, after_s, file)

    def freeze(self, *, seconds: float | None = None, after_s: float = 0.0) -> int:
        """Let the counter keep its value, then jump to where it would be; gives the instant."""
        from_ns, until_ns = _span(seconds, after_s)
        self._server.control(f"freeze {self.path} {from_ns} {until_ns}")
        return from_ns

    def reset(self) -> int:
        """Let the counter start from zero again; gives the instant."""
        now_ns = time.monotonic_ns()
        self._server.control(f"reset {self.path} {now_ns}")
        return now_ns

    def vanish(self) -> None:
        """Take the device and its parts away: not found any more, ENODEV for what is still open."""
        for path in self._places:
            self._server.control(f"vanish {path}")

    def restore(self) -> None:
        """Bring the device back and end every fault of the sensor.

        What was open while it vanished stays dead, and a counter that was reset stays reset.
        """
        for path in self._places:
            self._server.control(f"restore {path}")
        for file in self._spoiled:
            self._server.control(f"restore {self._folder}/{file}")

    def _spoil(
        self,
        verb: str,
        how: str,
        seconds: float | None,
        reads: int | None,
        after_s: float,
        file: str | None,
    ) -> None:
        from_ns, until_ns = _span(seconds, after_s)
        count = -1 if reads is None else reads
        target = file or self._file
        self._server.control(f"{verb} {self._folder}/{target} {from_ns} {until_ns} {count} {how}")
        self._spoiled.add(target)


def _span(seconds: float | None, after_s: float) -> tuple[int, int]:
    """From when to when, as the server wants it: 0 is for ever."""
    from_ns = time.monotonic_ns() + nanoseconds(after_s)
    return from_ns, 0 if seconds is None else from_ns + nanoseconds(seconds)


class PowercapBed:
    """A mounted tree of simulated sensors; the mount lasts until `close` or the block's end.

    ``layout`` "linked" is the kernel's: zones nested below ``devices/virtual/powercap`` and links
    to them in ``class/powercap``; "flat" has plain directories there. ``files`` are further texts
    by their path below sysfs.
    """

    def __init__(
        self,
        zones: Sequence[Zone] = (),
        *,
        hwmon: Sequence[Hwmon] = (),
        supplies: Sequence[Supply] = (),
        msr: Sequence[Msr] = (),
        proc: Proc | None = None,
        files: Mapping[str, str] | None = None,
        layout: str = "linked",
    ) -> None:
        """Start the server and mount.

        Raises:
            ValueError: for sensors that could not be.
            BedUnavailableError: where simulated sensors cannot be had; see `probe`.
        """
        if layout not in ("linked", "flat"):
            raise ValueError(f"the layout is 'linked' or 'flat', not '{layout}'")
        self.epoch_ns = time.monotonic_ns()
        self._config = Config(self.epoch_ns)
        self._plans: dict[str, tuple[str, Publisher, Counter | None, list[str]]] = {}
        self._proc = proc
        placed = place(zones)
        self._zones = [zone.key for zone in placed]
        self._add_zones(placed, linked=layout == "linked")
        for number, device in enumerate(hwmon):
            self._add_hwmon(device, device.index if device.index is not None else number)
        for supply in supplies:
            self._add_supply(supply)
        for processor in msr:
            self._add_msr(processor)
        if proc is not None:
            self._add_proc(proc)
        for path, text in (files or {}).items():
            self._config.text(f"sys/{path}", text)

        self.server = SimServer(str(self._config))
        self._sensors = {key: Sensor(self.server, *plan) for key, plan in self._plans.items()}

    @property
    def mount(self) -> Path:
        """Where the server is mounted; ``sys``, ``dev`` and ``proc`` lie below."""
        return self.server.mount

    @property
    def root(self) -> Path:
        """The simulated sysfs, which contains ``class/powercap``."""
        return self.mount / "sys"

    @property
    def environ(self) -> dict[str, str]:
        """What makes microjoule look here, and at no real sensor of this machine."""
        environ = {
            "MICROJOULE_SYSFS": str(self.root),
            "MICROJOULE_DEVFS": str(self.mount / "dev"),
            "MICROJOULE_NVML": str(self.mount / "no-nvml"),
        }
        if self._proc is not None:
            environ["MICROJOULE_PROCFS"] = str(self.mount / "proc")
        return environ

    def __getitem__(self, key: str) -> Sensor:
        """A zone by its name (or its key, where two have one name)."""
        if key not in self._zones:
            raise KeyError(f"no zone '{key}', only {', '.join(self._zones)}")
        return self._sensors[key]

    def sensor(self, key: str) -> Sensor:
        """Any sensor: ``hwmon0/energy1_input``, ``BAT0/power_now``, ``msr0/0x611``, a zone's."""
        if key not in self._sensors:
            raise KeyError(f"no sensor '{key}', only {', '.join(self._sensors)}")
        return self._sensors[key]

    def energy_j(self, t0_ns: int, t1_ns: int, *keys: str) -> float:
        """The energy of several zones together."""
        return sum(self[key].energy_j(t0_ns, t1_ns) for key in keys)

    def reads(self) -> dict[str, int]:
        """How often the energy of each zone has been read."""
        reads = self.server.reads()
        return {key: reads.get(self[key].path, 0) for key in self._zones}

    def close(self) -> None:
        """Unmount. Any number of times."""
        self.server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _add_zones(self, placed: Sequence[PlacedZone], *, linked: bool) -> None:
        def device(zone: PlacedZone) -> str:
            return f"sys/{zone.device}" if linked else f"sys/{POWERCAP}/{zone.directory}"

        for control_type in dict.fromkeys(zone.zone.control_type for zone in placed):
            inside = f"devices/virtual/powercap/{control_type}"
            folder = inside if linked else f"{POWERCAP}/{control_type}"
            self._config.text(f"sys/{folder}/enabled", "1\n")
            if linked:
                self._config.link(f"sys/{POWERCAP}/{control_type}", f"../../{inside}")
                self._config.link(f"sys/{inside}/subsystem", f"../../../../{POWERCAP}")
        for one in placed:
            counter = one.zone.counter(self.epoch_ns, one.key)
            for name, text in one.zone.texts().items():
                self._config.text(f"{device(one)}/{name}", text)
            path = f"{device(one)}/{ENERGY}"
            self._config.energy(path, counter, "0400")  # root only, as since Linux 5.10
            if linked:
                self._config.link(f"sys/{POWERCAP}/{one.directory}", f"../../{one.device}")
            places = []
            for part in placed:
                if part is one or one.directory in part.ancestors:
                    places.append(device(part))
                    if linked:
                        places.append(f"sys/{POWERCAP}/{part.directory}")
            self._plans[one.key] = (path, counter.publisher, counter, places)

    def _add_hwmon(self, device: Hwmon, index: int) -> None:
        folder = f"sys/class/hwmon/hwmon{index}"
        self._config.text(f"{folder}/name", f"{device.name}\n")
        if device.device:
            self._config.text(f"sys/devices/{device.device}/uevent", "DRIVER=simulated\n")
            self._config.link(f"{folder}/device", f"../../../devices/{device.device}")
        for name, content in device.attributes.items():
            key = f"hwmon{index}/{name}"
            path = f"{folder}/{name}"
            if isinstance(content, str):
                self._config.text(path, content)
                continue
            source = publisher(content, self.epoch_ns, key)
            counter = None
            if isinstance(content, Energy):
                counter = Counter(
                    source, round(content.unit_uj * 1e12), content.start_uj, content.max_range_uj
                )
                self._config.energy(path, counter, "0444")
            else:
                self._config.power(path, source, nanoseconds(content.window_s))
            self._plans[key] = (path, source, counter, [folder])

    def _add_supply(self, supply: Supply) -> None:
        folder = f"sys/class/power_supply/{supply.name}"
        for name, content in supply.attributes.items():
            key = f"{supply.name}/{name}"
            path = f"{folder}/{name}"
            if isinstance(content, str):
                self._config.text(path, content)
                continue
            source = publisher(content, self.epoch_ns, key)
            self._config.power(path, source, nanoseconds(content.window_s))
            self._plans[key] = (path, source, None, [folder])

    def _add_msr(self, processor: Msr) -> None:
        folder = f"dev/cpu/{processor.cpu}"
        path = f"{folder}/msr"
        contents: dict[int, int | Counter] = {}
        for address, content in processor.registers.items():
            if isinstance(content, int):
                contents[address] = content
                continue
            source = publisher(content, self.epoch_ns, f"{address:#x}")
            counter = Counter(source, content.unit_aj, content.start_uj)
            contents[address] = counter
            self._plans[f"msr{processor.cpu}/{address:#x}"] = (path, source, counter, [folder])
        self._config.registers(path, contents)

    def _add_proc(self, proc: Proc) -> None:
        source = Publisher(proc.busy, self.epoch_ns, 0)
        self._config.stat("proc/stat", source, proc.cpus)
        self._plans["proc/stat"] = ("proc/stat", source, None, [])
        for name, text in proc.files.items():
            self._config.text(f"proc/{name}", text)


BedFactory = Callable[..., PowercapBed]  # what the fixture `bed_factory` is
