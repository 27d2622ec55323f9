"""The lines of an estimate, and the options that say where its electricity comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microjoule.cli import arguments
from microjoule.cli import footprint as carbon_lines
from microjoule.cli.numbers import plain, quantity, seconds
from microjoule.cli.summary import labelled

if TYPE_CHECKING:
    import argparse

    from microjoule.carbon import Equivalent, Intensity
    from microjoule.estimate import Assumption, Estimate

_KINDS = {"cpu": "cores", "gpu": "GPUs", "dram": "memory"}


def add_place(parser: argparse.ArgumentParser) -> None:
    """Adds `--country` and `--intensity`."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--country", metavar="NO", help="where the electricity comes from")
    place.add_argument("--intensity", metavar="G", help="its carbon intensity in gCO2e/kWh")


def place(args: argparse.Namespace) -> Intensity | None:
    """What these two name; None where neither was given.

    Raises:
        ValueError: It is no place, or a series, which needs the course of a run.
    """
    from microjoule import carbon

    if args.intensity is None:
        return None if args.country is None else carbon.intensity(args.country)
    where = arguments.intensity_or_file(args.intensity)
    if not isinstance(where, carbon.Intensity):
        raise ValueError("a series needs a run: pass a number of g/kWh, or a place")
    return where


def text(found: Estimate, digits: int, like: list[Equivalent] | None = None) -> str:
    """An estimate for a person, line by line."""
    return told(rows(found, digits, like))


def told(lines: list[tuple[str, str]]) -> str:
    """Names and values as lines, the values below each other."""
    width = max(len(title) for title, _ in lines)
    return "\n".join([*(line for t, value in lines for line in labelled(t, value, width)), ""])


def rows(
    found: Estimate, digits: int, like: list[Equivalent] | None = None
) -> list[tuple[str, str]]:
    """Name and value of each line."""
    pue = found.carbon.pue
    energy = f"{plain(found.facility_energy_kwh, digits)} kWh"
    if pue != 1:
        energy += f" with PUE {pue:g}; the machine {plain(found.energy_kwh, digits)} kWh"
    energy += f" ± {plain(100 * found.uncertainty_j / found.energy_j, 2)} % (k=1)" * (
        found.energy_j > 0
    )
    lines = [("energy", energy)]
    for kind, joules in found.by_kind.items():
        lines.append((f"  {_KINDS.get(kind, kind)}", f"{plain(joules / 3.6e6, digits)} kWh"))
    if found.duration_s:
        watts = quantity(found.facility_energy_j / found.duration_s, "W", digits)
        lines.append(("power", f"{watts} for {seconds(found.duration_s, digits)}"))
    lines += [("assumed", assumption(a)) for a in found.assumptions]
    lines += carbon_lines.rows(found.carbon, digits)
    lines += carbon_lines.comparison_rows(found.co2e_g, like or [], digits)
    lines.append(("quality", f"estimated: {found.reason}"))
    return lines


def assumption(a: Assumption) -> str:
    """A figure that was given or taken from a source: `core power 7.5 W (given)`."""
    value = a.value if isinstance(a.value, str) else f"{a.value:.15g}"
    return f"{a.name} {value}{' ' + a.unit if a.unit else ''} ({a.source})"
