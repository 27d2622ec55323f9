"""`uj doctor`: what can be measured here, by which source, and what stands in the way."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from microjoule.cli import DONE, NOTHING_MEASURABLE, PROG, summary
from microjoule.cli.numbers import quantity
from microjoule.cli.obstacles import TAKEN, Finding, Machine

if TYPE_CHECKING:
    from microjoule.carbon import Intensity
    from microjoule.sensors import Sensor

SCHEMA: Final = 1
_WIDTH: Final = 96
_MODEL: Final = "model"


def main(argv: list[str]) -> int:
    """Runs the command `doctor`.

    Args:
        argv: The arguments after the verb.

    Returns:
        0 where a meter can be read, 3 where figures can only be estimated.
    """
    parser = argparse.ArgumentParser(
        prog=f"{PROG} doctor",
        description="Says what can be measured here, and what stands in the way.",
        epilog="Exit status 0 where a meter can be read, 3 where figures can only be estimated.",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    args = parser.parse_args(argv)

    import microjoule
    from microjoule import carbon, config

    try:
        settings = config.load()
        intensity = carbon.resolve()
        sensors = microjoule.sensors()
    except ValueError as error:
        parser.error(str(error))
    machine = Machine(settings.sysfs, settings.procfs, settings.devfs, settings.nvml)
    findings = machine.findings()
    metered = [s for s in sensors if s.readable and s.source != _MODEL]
    if args.json:
        sys.stdout.write(_document(sensors, bool(metered), findings, intensity, settings.warnings))
    else:
        sys.stdout.write(_text(sensors, metered, findings, intensity, settings.warnings))
    return DONE if metered else NOTHING_MEASURABLE


def _document(
    sensors: Sequence[Sensor],
    measured: bool,
    findings: Iterable[Finding],
    intensity: Intensity,
    warnings: Iterable[str],
) -> str:
    import json

    return (
        json.dumps(
            {
                "schema": SCHEMA,
                "quality": "measured" if measured else "estimated",
                "sensors": [s.to_dict() for s in sensors],
                "findings": [f.to_dict() for f in findings],
                "intensity": intensity.to_dict(),
                "warnings": list(warnings),
            },
            indent=2,
        )
        + "\n"
    )


def _text(
    sensors: Sequence[Sensor],
    metered: Sequence[Sensor],
    findings: Sequence[Finding],
    intensity: Intensity,
    warnings: Iterable[str],
) -> str:
    lines = [_headline(metered), "", *_table(sensors), ""]
    taken = [f for f in findings if f.way in TAKEN]
    others = [f for f in findings if f.way not in TAKEN]
    lines += ["Ways to the meters", *_told(taken), ""]
    lines += ["Ways that this version does not take yet", *_told(others), ""]
    lines += ["Carbon", *_wrapped("intensity", summary.intensity(intensity))]
    if intensity.guess:
        lines += _mend([("say where the electricity comes from", "export MICROJOULE_COUNTRY=NO")])
    for warning in warnings:
        lines += ["", *textwrap.wrap(f"Warning: {warning}", _WIDTH)]
    return "\n".join([*lines, ""])


def _headline(metered: Sequence[Sensor]) -> str:
    if not metered:
        return "No meter can be read here: every figure is estimated by a power model."
    ways = ", ".join(sorted({s.source for s in metered}))
    return f"Energy is measured here, by {ways}."


def _table(sensors: Sequence[Sensor]) -> list[str]:
    head = ("sensor", "source", "method", "unit", "update", "in the total", "state")
    rows = [head] + [
        (
            s.id,
            s.source,
            s.method,
            quantity(s.unit_j, "J", 2) if s.unit_j else "-",
            quantity(s.update_period_s, "s", 2) if s.update_period_s else "-",
            "yes" if s.counted else "no",
            (s.reason or "readable") if s.readable else f"not readable: {s.reason}",
        )
        for s in sensors
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _told(findings: Iterable[Finding]) -> list[str]:
    lines = []
    for finding in findings:
        lines += _wrapped(finding.way, f"{finding.state}: {finding.text}.")
        lines += _mend(finding.mend)
    return lines


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"  {name:<10}",
        subsequent_indent=" " * 12,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _mend(commands: Iterable[tuple[str, str]]) -> list[str]:
    # Never wrapped: a command is there to be copied.
    return [line for what, command in commands for line in (f"{'':12}{what}:", f"{'':14}{command}")]
