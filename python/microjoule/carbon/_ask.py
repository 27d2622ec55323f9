"""What somebody wants to know about a place, and which row of a table answers it."""

from __future__ import annotations

from microjoule.carbon._kinds import NOT_IN_TABLES, checked_axes
from microjoule.config import Frozen

__all__ = ["ANYTHING", "Ask", "Row", "asking", "choose"]

_SCOPES = ("direct", "lifecycle")


class Ask(Frozen):
    """What somebody wants to know about a place.

    Attributes:
        year: year of the run; None: now, and the newest figure will do.
        axes: axis to value, as far as a kind was asked for.
    """

    __slots__ = ("axes", "year")
    year: int | None
    axes: dict[str, str]

    def __init__(self, year: int | None = None, axes: dict[str, str] | None = None) -> None:
        self._fill(year=year, axes=axes or {})


ANYTHING = Ask()
"""The best and newest figure, of whatever kind."""


class Row(Frozen):
    """One figure of a place, from whichever table."""

    __slots__ = ("basis", "g_per_kwh", "losses", "name", "note", "place", "scope", "source", "year")
    place: str
    name: str
    year: int
    g_per_kwh: float
    scope: str
    basis: str
    losses: str
    source: str
    note: str

    def __init__(
        self,
        place: str,
        name: str,
        year: str,
        g_per_kwh: str,
        scope: str,
        basis: str,
        losses: str,
        source: str,
        note: str = "",
    ) -> None:
        self._fill(
            place=place,
            name=name,
            year=int(year),
            g_per_kwh=float(g_per_kwh),
            scope=scope if scope in _SCOPES else "unknown",
            basis=basis,
            losses=losses,
            source=source,
            note=note,
        )


def asking(
    when: object = None,
    scope: str | None = None,
    basis: str | None = None,
    method: str | None = None,
    accounting: str | None = None,
) -> Ask:
    """Return the question that the arguments of `intensity` make, checked."""
    axes = checked_axes(scope=scope, basis=basis, method=method, accounting=accounting)
    year = _year_of(when)
    return ANYTHING if year is None and not axes else Ask(year, axes)


def choose(rows: list[Row], ask: Ask) -> tuple[Row, str]:
    """Return the best row of the kind and year asked for, and how far off the year is, in words.

    The first row is the best one of a place, so its kind is the best kind.
    """
    axes = ask.axes
    fits = [
        row
        for row in rows
        if axes.get("scope", row.scope) == row.scope
        and axes.get("basis", row.basis) == row.basis
        and axes.get("method", "average") == "average"
        and axes.get("accounting", "location") == "location"
    ]
    if not fits:
        kinds = dict.fromkeys(f"{row.scope}, {row.basis}, average, location" for row in rows)
        raise ValueError(
            f"the tables have no {' '.join(axes.values())} figure for {rows[0].name} "
            f"({rows[0].place}): there is {' and '.join(repr(kind) for kind in kinds)}; "
            f"{NOT_IN_TABLES}"
        )
    best = fits[0]
    year = ask.year
    if year is None:
        return best, ""
    same = [row for row in fits if (row.scope, row.basis) == (best.scope, best.basis)]
    row = min(same, key=lambda row: (abs(row.year - year), -row.year))
    off = abs(row.year - year)
    if not off:
        return row, ""
    years = "1 year" if off == 1 else f"{off} years"
    return row, f"no figure of {year}: that of {row.year}, {years} off, stands in"


def _year_of(when: object) -> int | None:
    """Return the year (UTC) of a year, date, datetime or ISO 8601 string."""
    if when is None:
        return None
    year = _moment(when) if isinstance(when, str) else when
    to_utc = getattr(year, "utctimetuple", None)
    if to_utc is not None:
        year = to_utc().tm_year
    year = getattr(year, "year", year)
    if isinstance(year, bool) or not isinstance(year, int) or not 1900 <= year <= 2200:
        raise ValueError(
            f"when is {when!r}: pass a year from 1900 to 2200, a date, a datetime or an ISO 8601 "
            "string such as '2024-07-01T12:00Z'"
        )
    return year


def _moment(words: str) -> object:
    words = words.strip()
    if len(words) == 4 and words.isdigit():
        return int(words)
    from datetime import datetime  # late: only a date in words needs it

    try:
        return datetime.fromisoformat(words)
    except ValueError:
        return None
