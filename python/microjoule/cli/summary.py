"""What a measured run is told as: lines for a person, or one line of JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from microjoule.cli import footprint as carbon
from microjoule.cli.columns import told
from microjoule.cli.numbers import plain, plus_minus, quantity, seconds

if TYPE_CHECKING:
    from microjoule.carbon import Cost, Equivalent, Footprint
    from microjoule.cli.child import Ended
    from microjoule.measurement import Measurement
    from microjoule.sensors import Sensor


class Carbon(NamedTuple):
    """The footprint of a run, and what was asked for beside it."""

    footprint: Footprint
    equivalents: Sequence[Equivalent] = ()
    cost: Cost | None = None
    what_if: Sequence[Footprint] = ()


def text(
    command: Sequence[str],
    ended: Ended,
    measurement: Measurement,
    found: Carbon,
    sensors: Sequence[Sensor],
    digits: int,
) -> str:
    """The summary for a person.

    Args:
        command: What was run.
        ended: How it ended.
        measurement: The window around it.
        found: Its footprint and what was asked for beside it.
        sensors: The meter's sensors, to tell those that count from those that are only shown.
        digits: Significant digits.
    """
    rows = [
        ("energy", energy(measurement, digits)),
        *_by_sensor(measurement, sensors, digits),
        ("power", _power(measurement, digits)),
        *carbon.rows(found.footprint, digits),
        *_beside(found, digits),
        ("quality", _quality(measurement)),
        ("duration", _duration(measurement, ended, digits)),
        ("overhead", _overhead(measurement, digits)),
    ]
    lines = told(rows)
    if found.what_if:
        lines += carbon.what_if([found.footprint, *found.what_if], digits)
    return "\n".join([f"microjoule: {_shown(command)}{_how_it_ended(ended)}", *lines, ""])


def _beside(found: Carbon, digits: int) -> carbon.Rows:
    rows = carbon.comparison_rows(found.footprint.co2e_g, found.equivalents, digits)
    return rows + ([("cost", carbon.cost(found.cost, digits))] if found.cost else [])


def document(command: Sequence[str], ended: Ended, measurement: Measurement, found: Carbon) -> str:
    """The summary for a program: one line of JSON, `schema` 1."""
    from microjoule.cli.json_line import json_line

    return json_line(
        {
            "command": list(command),
            "exit_status": ended.status,
            "signal": ended.signal or None,
            "command_cpu_s": ended.cpu_s,
            "measurement": measurement.to_dict(),
            "footprint": found.footprint.to_dict(),
            "equivalents": [e.to_dict() for e in found.equivalents],
            "cost": found.cost and found.cost.to_dict(),
            "what_if": [f.to_dict() for f in found.what_if],
        }
    )


def energy(m: Measurement, digits: int) -> str:
    """Joules with their uncertainty, and kilowatt-hours."""
    joules = plus_minus(m.energy_j, m.uncertainty_j, "J", digits)
    return f"{joules}, {plain(m.energy_kwh, digits)} kWh"


def _by_sensor(m: Measurement, sensors: Sequence[Sensor], digits: int) -> list[tuple[str, str]]:
    counted = {s.id: s.counted for s in sensors}
    rows = []
    for name, energy_j in m.by_sensor.items():
        note = "" if counted.get(name, True) else "  (part of another, not added)"
        rows.append((f"  {name}", quantity(energy_j, "J", digits) + note))
    return rows


def _power(m: Measurement, digits: int) -> str:
    mean = quantity(m.power_w, "W", digits)
    return f"mean {mean}, peak {quantity(m.peak_power_w, 'W', digits)} (highest 1 s mean)"


def _quality(m: Measurement) -> str:
    return f"{m.quality}: {m.reason.rstrip('.')}" if m.reason else m.quality


def _duration(m: Measurement, ended: Ended, digits: int) -> str:
    cpu = seconds(ended.cpu_s, digits)
    return f"{seconds(m.duration_s, digits)}, CPU time of the command {cpu}"


def _overhead(m: Measurement, digits: int) -> str:
    used = m.overhead_cpu_s
    if m.duration_s < 1:
        # The reads that settle the end come after it: of a short time they are no share.
        return f"{seconds(used, digits)} of CPU"
    share = plain(100 * used / m.duration_s, min(digits, 2))
    return f"{seconds(used, digits)} of CPU, {share} % of one core"


def _how_it_ended(ended: Ended) -> str:
    if ended.signal:
        import signal

        try:
            name = signal.Signals(ended.signal).name
        except ValueError:
            name = f"signal {ended.signal}"
        return f" (ended by {name})"
    return f" (exit status {ended.status})" if ended.status else ""


def _shown(command: Sequence[str]) -> str:
    import shlex

    line = shlex.join(command)
    return line if len(line) <= 100 else line[:97] + "…"
