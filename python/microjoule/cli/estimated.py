"""The lines of an estimate for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microjoule.cli import footprint as carbon_lines
from microjoule.cli.columns import told
from microjoule.cli.numbers import plain, quantity, seconds

if TYPE_CHECKING:
    from microjoule.carbon import Equivalent
    from microjoule.estimate import Assumption, Estimate

_KINDS = {"cpu": "cores", "gpu": "GPUs", "dram": "memory"}


def text(found: Estimate, digits: int, like: list[Equivalent] | None = None) -> str:
    """An estimate for a person, line by line."""
    return "\n".join([*told(rows(found, digits, like)), ""])


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
