"""What can be measured here: the sensors that were found, and those that were refused."""

from __future__ import annotations

from collections.abc import Sequence

from microjoule import _core
from microjoule.config import Frozen, Settings

__all__ = ["Sensor", "discover", "sensors"]

# What is looked for where nobody names sources: meters first, models where there is no meter.
_DEFAULT = ("perf", "powercap", "msr", "nvml", "amdsmi", "hwmon", "battery", "model")
# The kinds of meters beside which no model of processors and memory stands in.
_PROCESSORS = frozenset({"cpu", "dram", "psys"})


class Sensor(Frozen):
    """One sensor of this machine.

    Attributes:
        id: Its name in every result, like ``cpu0.package``.
        kind: ``cpu``, ``dram``, ``gpu``, ``psys`` or ``other``.
        source: The way it is read: ``powercap``, ``model`` and so on.
        method: How a joule comes about, in a clause.
        unit_j: Resolution in joules.
        update_period_s: Learnt update period in seconds; 0 until it is known.
        counted: It adds up to the total, with nothing twice.
        estimated: A model, not a meter.
        readable: It can be read.
        reason: Why not, or what a reader must know; empty otherwise.
    """

    __slots__ = (
        "id",
        "kind",
        "source",
        "method",
        "unit_j",
        "update_period_s",
        "counted",
        "estimated",
        "readable",
        "reason",
    )

    id: str
    kind: str
    source: str
    method: str
    unit_j: float
    update_period_s: float
    counted: bool
    estimated: bool
    readable: bool
    reason: str

    def __init__(self, info: _core.SensorInfo, update_period_ns: int = 0) -> None:
        """Wraps what the core says of a sensor."""
        self._fill(
            id=info.id,
            kind=info.kind,
            source=info.source,
            method=info.method,
            unit_j=info.quantum,
            update_period_s=update_period_ns * 1e-9,
            counted=info.counted,
            estimated=info.estimated,
            readable=info.readable,
            reason=info.reason,
        )


def discover(settings: Settings) -> _core.Discovery:
    """Finds the best readable source for each device.

    What hwmon tells is looked at after the other meters: it adds the devices that none of them
    reads. A battery is read where nothing else measures, or where it is named. A power model stands
    in only where no meter of processors and memory can be read at all: beside a measured GPU it
    makes the total a mixed one, which is better than one without them.

    Raises:
        ValueError: Sources were named, and none of them gives anything here, or there is no
            recording to replay.
    """
    names = settings.sources or _DEFAULT
    if "replay" in names and not settings.replay:
        raise ValueError(
            "the source replay needs a recording: set MICROJOULE_REPLAY to its path "
            "(`uj run --record FILE` makes one)"
        )
    found = _core.discover(list(names), settings.sysfs, settings.procfs, settings.devfs)
    if "nvml" in names:
        found.add_nvml(settings.nvml)
    if "amdsmi" in names:
        found.add_amdsmi(settings.amdsmi, settings.sysfs)
    if "replay" in names and settings.replay:
        path = settings.replay.removeprefix("loop:")
        found.add_replay(path, loop=path != settings.replay)
    if "hwmon" in names:
        found.add_hwmon(settings.sysfs)
    if "battery" in names and (settings.sources or not found.measured):
        found.add_battery(settings.sysfs)
    if "model" in names and not any(s.counted and s.kind in _PROCESSORS for s in found.found):
        _add_model(found, settings)
    if settings.sources and not found.found:
        why = "; ".join(f"{s.id}: {s.reason}" for s in found.refused) or "nothing of the kind found"
        raise ValueError(
            f"none of the sources {', '.join(settings.sources)} can be read here ({why}): "
            "name others, or none for the best available (`uj doctor` shows them)"
        )
    return found


def _add_model(found: _core.Discovery, settings: Settings) -> None:
    try:
        from microjoule import hardware

        cpu = hardware.cpu_model(settings.procfs, settings.sysfs)
        gb = hardware.installed_memory_gb(settings.procfs)
    except OSError:
        return  # a process without descriptors: its results say that nothing can be read
    found.add_model(
        procfs=settings.procfs,
        tdp_w=cpu.tdp_w,
        tdp_rel=cpu.tdp_uncertainty_rel,
        tdp_method=f"power model: TDP {cpu.tdp_w:.3g} W x max(0.05, 0.75 u^0.7) at utilisation u",
        dram_w=hardware.dram_model_w(gb) if gb else 0.0,
        dram_rel=hardware.DRAM_UNCERTAINTY_REL,
        dram_method=f"power model: {gb:.3g} GB x {hardware.DRAM_W_PER_GB} W/GB" if gb else "",
    )


def sensors(found: _core.Discovery | None = None) -> list[Sensor]:
    """The sensors of this machine, those that cannot be read included.

    The update periods are those that the process-wide meter has learnt; 0 where it does not run.
    """
    from microjoule.meter import running_meter

    if found is None:
        running = running_meter()
        if running is not None:
            return running.sensors()
        from microjoule import config

        found = discover(config.load())
    return listed(found.found, found.refused)


def listed(
    found: Sequence[_core.SensorInfo],
    refused: Sequence[_core.SensorInfo],
    periods_ns: Sequence[int] = (),
) -> list[Sensor]:
    """Sensors for showing: those of energy, then the refused ones."""
    periods = list(periods_ns) or [0] * len(found)
    shown = [Sensor(s, p) for s, p in zip(found, periods, strict=True) if s.energy]
    return shown + [Sensor(s) for s in refused]
