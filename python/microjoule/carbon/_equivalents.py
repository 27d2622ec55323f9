"""What some grams are like: never a comparison without its source and its year."""

from __future__ import annotations

import math

from microjoule.carbon import _check, _tables
from microjoule.config import Frozen

_AT_MOST = 2
# What is said where nobody chose: a drive, and beside it what is of the size of the figure.
_FIRST = "car_km_eu"
_BY_SIZE = ((1e3, "smartphone_charge"), (1e5, "tree_month"), (math.inf, "flight_ny_sf"))


class Equivalent(Frozen):
    """One comparison.

    Attributes:
        key: key of the row in the shipped ``equivalents.csv``.
        amount: how many of it.
        unit: ``"km"``, ``"mile"`` or ``"piece"``.
        what: what one of it is.
        g_co2e: grams of CO2 equivalent of one; NaN where it is an amount of energy.
        wh: watt-hours of one; NaN where it is an amount of carbon.
        year: year of the figure, or ``"undated"``.
        source: title and publisher of the source.
    """

    __slots__ = ("amount", "g_co2e", "key", "source", "unit", "wh", "what", "year")
    key: str
    amount: float
    unit: str
    what: str
    g_co2e: float
    wh: float
    year: str
    source: str

    def __init__(
        self,
        *,
        key: str,
        amount: float,
        unit: str,
        what: str,
        g_co2e: float,
        wh: float,
        year: str,
        source: str,
    ) -> None:
        self._fill(
            key=key,
            amount=amount,
            unit=unit,
            what=what,
            g_co2e=g_co2e,
            wh=wh,
            year=year,
            source=source,
        )


def equivalents(
    co2e_g: float,
    *,
    energy_j: float | None = None,
    keys: tuple[str, ...] | list[str] | None = None,
) -> list[Equivalent]:
    """Return what some carbon is like.

    Args:
        co2e_g: grams of CO2 equivalent.
        energy_j: the energy it came from, J; only comparisons by energy (``led_hour``) need it.
        keys: rows of the table, at will; None: two, a drive by car and one of the size of the
            figure.

    Raises:
        ValueError: the table has no such row, or the figure is below 0.
    """
    _check.at_least("co2e_g", co2e_g, 0.0, "pass grams of CO2 equivalent, 0 or more")
    if keys is None:
        by_size = next(key for below, key in _BY_SIZE if co2e_g < below)
        keys = (_FIRST, by_size)[:_AT_MOST]
    return [_equivalent(key, co2e_g, energy_j) for key in keys]


def _equivalent(key: str, co2e_g: float, energy_j: float | None) -> Equivalent:
    table = _tables.text("equivalents.csv")
    row = _tables.find(table, key.strip())
    if row is None:
        keys = ", ".join(row[0] for row in _tables.rows(table))
        raise ValueError(f"nothing to compare with is called {key!r}: pass one of {keys}")
    _, what, grams, wh, unit, _, year, _, source = row
    if grams:
        amount = co2e_g / float(grams)
    elif energy_j is None:
        raise ValueError(f"{key} compares energy: pass energy_j as well")
    else:
        amount = energy_j / 3600 / float(wh)
    title, publisher, _, _ = _tables.source(source)
    return Equivalent(
        key=row[0],
        amount=amount,
        unit=unit,
        what=what,
        g_co2e=float(grams) if grams else math.nan,
        wh=float(wh) if wh else math.nan,
        year=year,
        source=f"{title}, {publisher}",
    )
