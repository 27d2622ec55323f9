"""Descriptions of simulated sensors, and the places where Linux would show them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sim.counters import Counter, Publisher
from sim.loads import Load, nanoseconds

RAPL_UNIT_UJ = 61.035
RAPL_RANGE_UJ = 262_143_328_850
POWERCAP = "class/powercap"


@dataclass(frozen=True)
class Zone:
    """A powercap zone.

    ``parent`` names the zone that it is a part of. ``index`` is its number among its siblings;
    by default they are counted in the order given. ``constraints`` are power limits in watts by
    name (``long_term`` …). ``max_range_uj`` None leaves the file out: the counter never wraps.
    """

    name: str
    load: Load
    parent: str | None = None
    control_type: str = "intel-rapl"
    index: int | None = None
    key: str | None = None
    unit_uj: float = RAPL_UNIT_UJ
    update_s: float = 1e-3
    jitter_s: float = 20e-6
    phase_s: float = 0.0
    lost: float = 0.0
    seed: int | None = None
    max_range_uj: int | None = RAPL_RANGE_UJ
    start_uj: int = 0
    enabled: bool | None = True
    constraints: Mapping[str, float] = field(default_factory=dict)

    def publisher(self, epoch_ns: int, key: str) -> Publisher:
        """When this zone's counter is updated."""
        return publisher(self, epoch_ns, key)

    def counter(self, epoch_ns: int, key: str) -> Counter:
        """What this zone's counter shows."""
        return Counter(
            self.publisher(epoch_ns, key),
            round(self.unit_uj * 1e12),
            self.start_uj,
            self.max_range_uj or 0,
        )

    def texts(self) -> dict[str, str]:
        """The constant files of the zone."""
        texts = {"name": f"{self.name}\n", "uevent": ""}
        if self.max_range_uj is not None:
            texts["max_energy_range_uj"] = f"{self.max_range_uj}\n"
        if self.enabled is not None:
            texts["enabled"] = f"{int(self.enabled)}\n"
        for number, (name, watts) in enumerate(self.constraints.items()):
            texts[f"constraint_{number}_name"] = f"{name}\n"
            texts[f"constraint_{number}_power_limit_uw"] = f"{round(watts * 1e6)}\n"
        return texts


@dataclass(frozen=True)
class Energy:
    """A cumulative counter in microjoules among the attributes of an hwmon device."""

    load: Load
    unit_uj: float = 1.0
    update_s: float = 0.0
    jitter_s: float = 0.0
    phase_s: float = 0.0
    lost: float = 0.0
    seed: int | None = None
    start_uj: int = 0
    max_range_uj: int = 0


@dataclass(frozen=True)
class Power:
    """A gauge in microwatts among the attributes of an hwmon device.

    It shows the mean over ``window_s`` up to the last update; the power there for no window.
    """

    load: Load
    window_s: float = 0.0
    update_s: float = 0.0
    jitter_s: float = 0.0
    phase_s: float = 0.0
    lost: float = 0.0
    seed: int | None = None


@dataclass(frozen=True)
class Hwmon:
    """An hwmon device: ``name`` and its other attributes by file name.

    ``device`` is what it is a part of, below ``sys/devices``, such as ``pci0000:00/0000:03:00.0``.
    """

    name: str
    attributes: Mapping[str, str | Energy | Power]
    index: int | None = None
    device: str = ""


@dataclass(frozen=True)
class Supply:
    """A power supply, such as a battery: its ``name`` and its attributes by file name."""

    name: str
    attributes: Mapping[str, str | Power]


@dataclass(frozen=True)
class Register:
    """An energy status register (MSR): 32 bits that count units of 2^-esu joules."""

    load: Load
    esu: int = 14
    update_s: float = 1e-3
    jitter_s: float = 20e-6
    phase_s: float = 0.0
    lost: float = 0.0
    seed: int | None = None
    start_units: int = 0

    @property
    def unit_aj(self) -> int:
        """The unit, which is whole in attojoules up to an ESU of 18."""
        return int(10**18 // 2**self.esu)

    @property
    def start_uj(self) -> int:
        """The least whole number of microjoules that holds the units it starts at."""
        return -(-self.start_units * self.unit_aj // 10**12)


@dataclass(frozen=True)
class Msr:
    """The MSR device of one processor: numbers or energy counters by register address.

    Give the same `Register` to every processor of a package: they show the same value. What goes
    wrong goes wrong with the whole device.
    """

    cpu: int
    registers: Mapping[int, int | Register]


@dataclass(frozen=True)
class Proc:
    """A ``/proc`` whose ``stat`` shows ``busy`` processors over time (a load in processors)."""

    busy: Load
    cpus: int = 2
    files: Mapping[str, str] = field(default_factory=dict)


Published = Zone | Energy | Power | Register


def publisher(sensor: Published, epoch_ns: int, key: str) -> Publisher:
    """The update instants of a sensor; its jitter follows from its key unless it has a seed."""
    return Publisher(
        sensor.load,
        epoch_ns,
        nanoseconds(sensor.update_s),
        nanoseconds(sensor.phase_s),
        nanoseconds(sensor.jitter_s),
        zlib.crc32(key.encode()) if sensor.seed is None else sensor.seed,
        sensor.lost,
    )


@dataclass(frozen=True)
class PlacedZone:
    """A zone with the key that tests call it by, its kernel name, and the zones it is part of."""

    zone: Zone
    key: str
    directory: str
    ancestors: tuple[str, ...]

    @property
    def device(self) -> str:
        """Where the kernel keeps the zone; class/powercap links to it."""
        inside = "/".join((self.zone.control_type, *self.ancestors, self.directory))
        return f"devices/virtual/powercap/{inside}"


def place(zones: Sequence[Zone]) -> list[PlacedZone]:
    """Give every zone its key and the directory name that the kernel would give it.

    Raises:
        ValueError: for a parent that does not come before, or two zones of one key or directory.
    """
    placed: list[PlacedZone] = []
    for key, zone in zip(_keys(zones), zones, strict=True):
        above = _parent(zone, key, placed)
        ancestors = (*above.ancestors, above.directory) if above is not None else ()
        stem = above.directory if above is not None else zone.control_type
        index = zone.index if zone.index is not None else _free_index(zone, zones)
        directory = f"{stem}:{index}"
        if any(other.directory == directory for other in placed):
            raise ValueError(f"two zones would both be {directory}")
        placed.append(PlacedZone(zone, key, directory, ancestors))
    return placed


def _parent(zone: Zone, key: str, placed: Sequence[PlacedZone]) -> PlacedZone | None:
    if zone.parent is None:
        return None
    for other in placed:
        called = zone.parent in (other.key, other.zone.name)
        if called and other.zone.control_type == zone.control_type:
            return other
    raise ValueError(f"zone '{key}' is part of '{zone.parent}', which does not come before it")


def _free_index(zone: Zone, zones: Sequence[Zone]) -> int:
    """The number of a zone among those siblings that were not given one."""
    siblings = [
        other
        for other in zones
        if (other.parent, other.control_type) == (zone.parent, zone.control_type)
    ]
    given = {other.index for other in siblings}
    free = (index for index in range(2 * len(siblings)) if index not in given)
    numbers = {
        id(other): number
        for other, number in zip((o for o in siblings if o.index is None), free, strict=False)
    }
    return numbers[id(zone)]


def _keys(zones: Sequence[Zone]) -> list[str]:
    names = [zone.name for zone in zones]
    keys = []
    for zone in zones:
        if zone.key is not None:
            keys.append(zone.key)
        elif names.count(zone.name) == 1:
            keys.append(zone.name)
        elif zone.parent is not None:
            keys.append(f"{zone.parent}/{zone.name}")
        elif zone.control_type != "intel-rapl":
            keys.append(f"{zone.control_type}/{zone.name}")
        else:
            keys.append(zone.name)
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"two zones would both be called '{key}': give one of them a key")
    return keys
