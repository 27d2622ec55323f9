"""`uj doctor`: what can be measured here, by which source, and what stands in the way."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from microjoule.cli import DONE, NOTHING_MEASURABLE, arguments, footprint
from microjoule.cli.columns import labelled
from microjoule.cli.finding import TAKEN, Finding
from microjoule.cli.machine import Machine
from microjoule.cli.numbers import quantity
from microjoule.cli.obstacles import findings
from microjoule.cli.obstacles_gpus import beside_pynvml

if TYPE_CHECKING:
    from microjoule.carbon import Intensity
    from microjoule.sensors import Sensor

SCHEMA: Final = 1
_WIDTH: Final = 100
_NAME: Final = 9


def main(argv: list[str]) -> int:
    """Runs the command `doctor`.

    Args:
        argv: The arguments after the verb.

    Returns:
        0 where a meter can be read, 3 where figures can only be estimated.
    """
    parser = arguments.Parser(
        "doctor",
        "[--json]",
        "Says what can be measured here, and what stands in the way.",
        "Exit status 0 where a meter can be read, 3 where figures can only be estimated.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    args = parser.checked(argv)

    import microjoule
    from microjoule import carbon, config

    try:
        settings = config.load()
        intensity = carbon.resolve()
    except ValueError as error:
        parser.error(str(error))
    problems = list(settings.warnings)
    try:
        sensors = microjoule.sensors()
    except ValueError as error:
        # The sources that the settings name are not to be had: what stands in the way is below.
        sensors = []
        problems.append(str(error))
    if differs := beside_pynvml(sensors):
        problems.append(differs)
    machine = Machine(
        settings.sysfs,
        settings.procfs,
        settings.devfs,
        settings.nvml,
        settings.amdsmi,
        sensors=sensors,
    )
    told = _document if args.json else _text
    sys.stdout.write(told(sensors, findings(machine), intensity, problems))
    return DONE if _metered(sensors) else NOTHING_MEASURABLE


def _metered(sensors: Iterable[Sensor]) -> list[Sensor]:
    return [s for s in sensors if s.readable and not s.estimated]


def _document(
    sensors: Sequence[Sensor],
    findings: Sequence[Finding],
    intensity: Intensity,
    problems: Iterable[str],
) -> str:
    import json

    return (
        json.dumps(
            {
                "schema": SCHEMA,
                "quality": "measured" if _metered(sensors) else "estimated",
                "sensors": [s.to_dict() for s in sensors],
                "findings": [f.to_dict() for f in findings],
                "intensity": intensity.to_dict(),
                "problems": list(problems),
            },
            indent=2,
        )
        + "\n"
    )


def _text(
    sensors: Sequence[Sensor],
    findings: Sequence[Finding],
    intensity: Intensity,
    problems: Iterable[str],
) -> str:
    lines = [_headline(sensors), ""]
    for problem in problems:
        lines += [*textwrap.wrap(f"Problem: {problem}", _WIDTH), ""]
    if sensors:
        lines += [*_table(sensors), ""]
    taken = [f for f in findings if f.way in TAKEN]
    others = [f for f in findings if f.way not in TAKEN]
    lines += ["Ways to the meters", *_told(taken), ""]
    if others:
        lines += ["Ways that this version does not take yet", *_told(others), ""]
    lines += ["Carbon", *labelled("intensity", footprint.intensity(intensity), _NAME)]
    if intensity.guess:
        lines += _mend([("say where the electricity comes from", "export MICROJOULE_COUNTRY=NO")])
    return "\n".join([*lines, ""])


def _headline(sensors: Sequence[Sensor]) -> str:
    if metered := _metered(sensors):
        ways = ", ".join(sorted({s.source for s in metered}))
        return f"Energy is measured here, by {ways}."
    if any(s.source == "replay" for s in sensors):
        return "No meter is read: every figure is replayed from a recording, and marked estimated."
    if sensors:
        return "No meter can be read here: every figure is estimated by a power model."
    return "Nothing can be measured here, nor estimated."


def _table(sensors: Sequence[Sensor]) -> list[str]:
    head = ("sensor", "source", "resolution", "in the total", "state")
    rows = [head] + [
        (
            s.id,
            s.source,
            "estimated" if s.estimated else quantity(s.unit_j, "J", 2),
            "yes" if s.counted else "no",
            _state(s),
        )
        for s in sensors
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    lines = []
    for *cells, last in rows:
        named = "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True))
        lines += labelled(named, last, sum(widths) + 2 * len(widths) - 2)
    return lines


def _state(sensor: Sensor) -> str:
    if not sensor.readable:
        return f"not read: {sensor.reason}"
    return sensor.reason if sensor.source == "replay" else sensor.method


def _told(findings: Iterable[Finding]) -> list[str]:
    lines = []
    for finding in findings:
        lines += labelled(finding.way, f"{finding.state}: {finding.text}.", _NAME)
        lines += _mend(finding.mend)
    return lines


def _mend(commands: Iterable[tuple[str, str]]) -> list[str]:
    # Never wrapped: a command is there to be copied.
    return [line for what, command in commands for line in (f"{'':13}{what}:", f"{'':15}{command}")]
