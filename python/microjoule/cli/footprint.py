"""The lines of a footprint: carbon, water, what it is like and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from microjoule.cli.columns import aligned
from microjoule.cli.numbers import mass, plain, quantity

if TYPE_CHECKING:
    from microjoule.carbon import Cost, Embodied, Equivalent, Footprint, Intensity

# Relative uncertainty from which `±` would promise a symmetry that is not there.
_WIDE: Final = 0.3

Rows = list[tuple[str, str]]


def rows(f: Footprint, digits: int) -> Rows:
    """The lines of a footprint: name and value, the details indented below."""
    lines = [("carbon", operational(f, digits)), ("  intensity", intensity(f.intensity, digits))]
    if f.pue_source:
        lines.append(("  PUE", f"{f.pue:g}, {f.pue_source}"))
    if f.losses:
        lines.append(("  losses", f"{100 * f.losses:.3g} % of the electricity, on its way"))
    if f.embodied is not None:
        # An order of magnitude: the first digit is all there is.
        grams = mass(f.embodied_g, "gCO2e", 1)
        lines.append(("embodied", f"{grams} ± {mass(f.embodied_uncertainty_g, 'g', 1)} (k=1)"))
        lines += [("  of", made(e)) for e in f.embodied]
    if f.water is not None:
        lines.append(("water", water(f, digits)))
    return lines + [("note", remark) for remark in f.remarks]


def operational(f: Footprint, digits: int) -> str:
    """Operational carbon with its uncertainty: symmetric, or from wide on an interval."""
    total = mass(f.co2e_g, "gCO2e", digits)
    return f"{total}, {spread(f, digits)}" + (f", with PUE {f.pue:g}" if f.pue != 1 else "")


def spread(f: Footprint, digits: int) -> str:
    """The uncertainty of operational carbon."""
    few = min(digits, 2)
    if f.co2e_uncertainty_rel > _WIDE:
        low, high = (mass(g, "g", few) for g in f.co2e_interval_g)
        return f"{low} to {high} (k=1)"
    return f"± {mass(f.co2e_uncertainty_g, 'g', few)} (k=1)"


def intensity(where: Intensity, digits: int = 3) -> str:
    """A carbon intensity with where it comes from: never a guess that looks like knowledge."""
    year = f" {where.year}" if where.year else ""
    text = f"{plain(where.g_per_kwh, digits)} g/kWh, {where.name}{year}"
    if where.source != "given":
        text += f" ({where.source}, {where.licence}; {where.kind})"
    if where.guess:
        text += ", a guess"
    return f"{text}: {where.note}" if where.note else text


def made(e: Embodied) -> str:
    """What was made, and the shares of it that were taken."""
    whose = "" if e.source == "given" else f" ({e.source})"
    return (
        f"{e.total_kg:g} kg, {e.what}{whose}: share of time {plain(e.time_share, 2)} of a lifetime "
        f"of {e.lifetime_years:g} years, share of resources {e.share:.3g}"
    )


def kind(where: Intensity) -> str:
    """The four axes, unless nobody said anything of them."""
    return "not said" if set(where.kind.split(", ")) == {"unknown"} else where.kind


def water(f: Footprint, digits: int) -> str:
    """Litres, in all and by place."""
    assert f.water is not None
    few = min(digits, 2)
    text = f"{quantity(f.water.litres, 'l', digits)} ± {quantity(f.water.uncertainty_l, 'l', few)}"
    parts = []
    if f.water.wue_site is not None:
        parts.append(f"on site {quantity(f.water.site_l, 'l', digits)}")
    if f.water.wue_source is not None:
        parts.append(f"at source {quantity(f.water.source_l, 'l', digits)}")
    return f"{text} (k=1): {', '.join(parts)} ({f.water.note})"


def equivalent(e: Equivalent, digits: int = 3) -> str:
    """One comparison, with its source and its year: `1.77 m by passenger car, EU (175 g/km, …)`."""
    each = f"{e.wh:g} Wh" if math.isnan(e.g_co2e) else f"{e.g_co2e:g} g"
    if e.unit == "piece":
        like = f"{plain(e.amount, digits)} x {e.what}"
    else:
        each += f"/{e.unit}"
        way = e.what.removeprefix("passenger-").removeprefix(e.unit).lstrip(", ")
        # Under a kilometre in metres; a hundred megametres would tell nobody anything.
        if e.unit == "km" and e.amount < 1:
            far = quantity(1e3 * e.amount, "m", digits)
        else:
            far = f"{plain(e.amount, digits)} {e.unit}"
        like = f"{far} {way}"
    return f"{like} ({each}, {e.source}, {e.year})"


def comparison_rows(co2e_g: float, found: Sequence[Equivalent], digits: int) -> Rows:
    """A line for each comparison, the figure before it."""
    own = f"{mass(co2e_g, 'gCO2e', digits)} ≈"
    return [("is like", f"{own} {equivalent(e, digits)}") for e in found]


def cost(c: Cost, digits: int) -> str:
    """What it costs, and at which price."""
    text = f"{plain(c.amount, digits)} {c.currency} at {plain(c.per_kwh, digits)} {c.currency}/kWh"
    return f"{text}: {c.note}" if c.note else text


def what_if(footprints: Sequence[Footprint], digits: int) -> list[str]:
    """The same energy at several intensities: a table, the kind as a column."""
    from microjoule.carbon import same_kind

    head = ("what if", "g/kWh", "year", "carbon", "(k=1)", "kind")
    table = [
        (
            f.intensity.name + (" (a guess)" if f.intensity.guess else ""),
            plain(f.intensity.g_per_kwh, digits),
            str(f.intensity.year or "-"),
            mass(f.co2e_g, "gCO2e", digits),
            spread(f, digits).removesuffix(" (k=1)"),
            kind(f.intensity),
        )
        for f in footprints
    ]
    lines = aligned([head, *table], "  ")
    if any(not same_kind(footprints[0], f) for f in footprints[1:]):
        lines.append("  Figures of different kinds are not to be added or ranked: compute all with")
        lines.append("  figures of one kind, or with one of your own (--intensity G).")
    return lines
