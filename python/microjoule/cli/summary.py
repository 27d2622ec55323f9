"""What a measured run is told as: lines for a person, or one line of JSON."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from microjoule.cli.numbers import plain, plus_minus, quantity, seconds

if TYPE_CHECKING:
    from microjoule.carbon import Footprint, Intensity
    from microjoule.cli.child import Ended
    from microjoule.measurement import Measurement
    from microjoule.sensors import Sensor

SCHEMA: Final = 1
_WIDTH: Final = 100
# Relative uncertainty from which `±` would promise a symmetry that is not there.
_WIDE: Final = 0.3


def text(
    command: Sequence[str],
    ended: Ended,
    measurement: Measurement,
    footprint: Footprint,
    sensors: Sequence[Sensor],
    digits: int,
) -> str:
    """The summary for a person.

    Args:
        command: What was run.
        ended: How it ended.
        measurement: The window around it.
        footprint: Its carbon, at the place and PUE that were asked for.
        sensors: The meter's sensors, to tell those that count from those that are only shown.
        digits: Significant digits.
    """
    rows = [
        ("energy", _energy(measurement, digits)),
        *_by_sensor(measurement, sensors, digits),
        ("power", _power(measurement, digits)),
        ("carbon", _carbon(footprint, digits)),
        ("  intensity", intensity(footprint.intensity, digits)),
        ("quality", _quality(measurement)),
        ("duration", _duration(measurement, ended, digits)),
        ("overhead", _overhead(measurement, digits)),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [line for name, value in rows for line in labelled(name, value, width)]
    return "\n".join([f"microjoule: {_shown(command)}{_how_it_ended(ended)}", *lines, ""])


def labelled(name: str, value: str, width: int) -> list[str]:
    """A line with its name before it; what is long goes on below the value."""
    return textwrap.wrap(
        value,
        _WIDTH,
        initial_indent=f"  {name:<{width}}  ",
        subsequent_indent=" " * (width + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def document(
    command: Sequence[str], ended: Ended, measurement: Measurement, footprint: Footprint
) -> str:
    """The summary for a program: one line of JSON, `schema` 1."""
    import json

    return json.dumps(
        _finite(
            {
                "schema": SCHEMA,
                "command": list(command),
                "exit_status": ended.status,
                "signal": ended.signal or None,
                "command_cpu_s": ended.cpu_s,
                "measurement": measurement.to_dict(),
                "footprint": footprint.to_dict(),
            }
        ),
        allow_nan=False,
    )


def intensity(where: Intensity, digits: int = 3) -> str:
    """A carbon intensity with where it comes from: never a guess that looks like knowledge."""
    year = f" {where.year}" if where.year else ""
    text = f"{plain(where.g_per_kwh, digits)} g/kWh, {where.name}{year}"
    if where.source != "given":
        text += f" ({where.source})"
    if where.guess:
        text += ", a guess"
    return f"{text}: {where.note}" if where.note else text


def _energy(m: Measurement, digits: int) -> str:
    energy = plus_minus(m.energy_j, m.uncertainty_j, "J", digits)
    return f"{energy}, {plain(m.energy_kwh, digits)} kWh"


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


def _carbon(f: Footprint, digits: int) -> str:
    total = quantity(f.co2e_g, "gCO2e", digits)
    if f.co2e_uncertainty_rel > _WIDE:
        low, high = (quantity(g, "g", min(digits, 2)) for g in f.co2e_interval_g)
        spread = f"{low} to {high} (k=1)"
    else:
        spread = f"± {quantity(f.co2e_uncertainty_g, 'g', min(digits, 2))} (k=1)"
    return f"{total}, {spread}" + (f", with PUE {f.pue:g}" if f.pue != 1 else "")


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


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for: NaN and the infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
