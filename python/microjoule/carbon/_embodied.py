"""Embodied carbon: what making a machine cost, and the share of it that a run must carry."""

from __future__ import annotations

import math
from collections.abc import Iterable

from microjoule.carbon import _check, _tables
from microjoule.config import Frozen

# SCI counts years of 365 days: 1000 kg over 4 years are 28.5388 g an hour.
_YEAR_S = 365 * 86_400
_LIFETIME_YEARS = 4.0
# Makers' own sheets state 42 to 115 %.
_GIVEN = 0.6


class Embodied(Frozen):
    """A share of the carbon of making something.

    Attributes:
        g: grams of CO2 equivalent that this run carries.
        uncertainty_g: standard uncertainty (k = 1), grams. It is of the order of ``g`` itself: the
            first digit is all there is.
        what: what was made.
        total_kg: carbon of making all of it, kg.
        lifetime_years: years over which it is spread.
        time_share: share of the lifetime for which it was reserved (SCI: TiR/EL).
        share: share of it that the run reserved (SCI: RR/ToR).
        utilisation: share of the lifetime in which it is used at all.
        source: key of the source, or ``"given"``.
    """

    __slots__ = (
        "g",
        "uncertainty_g",
        "what",
        "total_kg",
        "lifetime_years",
        "time_share",
        "share",
        "utilisation",
        "source",
    )
    g: float
    uncertainty_g: float
    what: str
    total_kg: float
    lifetime_years: float
    time_share: float
    share: float
    utilisation: float
    source: str

    def __init__(
        self,
        *,
        g: float,
        uncertainty_g: float,
        what: str,
        total_kg: float,
        lifetime_years: float,
        time_share: float,
        share: float,
        utilisation: float,
        source: str,
    ) -> None:
        self._fill(
            g=g,
            uncertainty_g=uncertainty_g,
            what=what,
            total_kg=total_kg,
            lifetime_years=lifetime_years,
            time_share=time_share,
            share=share,
            utilisation=utilisation,
            source=source,
        )


def embodied(
    what: str | float,
    *,
    duration_s: float,
    lifetime_years: float | None = None,
    share: float = 1.0,
    utilisation: float = 1.0,
    count: float = 1.0,
    uncertainty_rel: float | None = None,
) -> Embodied:
    """Return the embodied carbon of a run, M = TE · TiR/EL · RR/ToR (ISO/IEC 21031, SCI).

    Args:
        what: a key of the table such as ``"gpu-ccf"`` or ``"server-ccf"``, or kg of CO2e.
        duration_s: for how long it was reserved, s; for several at once the sum (GPU-hours).
        lifetime_years: over how many years it is spread; None: the table's, else 4.
        share: reserved resources over all there are, above 0, at most 1 (2 of 8 GPUs: 0.25).
        utilisation: share of the lifetime in which the thing is used: 0.85 spreads its carbon over
            the hours used, as Luccioni et al. did; 1 over all of them, as SCI does.
        count: how many of it, or for memory GB.
        uncertainty_rel: relative standard uncertainty of the kg; None: the table's, else 0.6.

    Raises:
        ValueError: the table has no such key, or a figure is out of its range.
    """
    _check.at_least("duration_s", duration_s, 0.0, "pass the time it was reserved, in seconds")
    sentence = "pass a share above 0, at most 1"
    _check.share("share", share, sentence)
    _check.share("utilisation", utilisation, sentence)
    _check.above_zero("count", count, "pass how many of it, above 0")
    if isinstance(what, str):
        row = _row(what)
        name, kg, table_rel = row[2], float(row[3]), float(row[5])
        table_years = float(row[6]) if row[6] else _LIFETIME_YEARS
        source = row[10]
    else:
        sentence = "pass kg of CO2e, 0 or more, or a key of the table such as 'gpu-ccf'"
        kg = _check.at_least("embodied carbon", what, 0.0, sentence)
        name, table_rel, table_years, source = "given", _GIVEN, _LIFETIME_YEARS, "given"
    years = table_years if lifetime_years is None else lifetime_years
    _check.above_zero("lifetime_years", years, "pass years above 0, such as 4")
    rel = table_rel if uncertainty_rel is None else uncertainty_rel
    _check.at_least("uncertainty_rel", rel, 0.0, "pass a relative uncertainty, such as 0.6")
    total_kg = kg * count
    time_share = duration_s / (years * _YEAR_S * utilisation)
    g = 1e3 * total_kg * time_share * share
    return Embodied(
        g=g,
        uncertainty_g=g * rel,
        what=name if count == 1 else f"{count:g} x {name}",
        total_kg=total_kg,
        lifetime_years=float(years),
        time_share=time_share,
        share=float(share),
        utilisation=float(utilisation),
        source=source,
    )


def embodied_sum(parts: Iterable[Embodied]) -> tuple[float, float]:
    """Return grams and their uncertainty: what is known so badly is wrong in one direction."""
    parts = list(parts)
    return math.fsum(p.g for p in parts), math.fsum(p.uncertainty_g for p in parts)


def _row(key: str) -> list[str]:
    table = _tables.text("embodied.csv")
    row = _tables.find(table, key.strip().casefold())
    if row is None:
        keys = ", ".join(row[0] for row in _tables.rows(table))
        raise ValueError(f"no embodied carbon of {key!r} in the table: pass kg, or one of {keys}")
    return row
