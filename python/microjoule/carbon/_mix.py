"""What a country's electricity is made from, and how much of it is high-carbon."""

from __future__ import annotations

from microjoule.carbon import _tables
from microjoule.carbon._codes import (
    WORLD,
    cloud_region,
    country_code,
    region_code,
    unknown_place,
)
from microjoule.config import Frozen

__all__ = ["HIGH_CARBON", "SOURCES", "Mix", "mix"]

SOURCES = ("coal", "oil", "gas", "nuclear", "hydro", "wind", "solar", "bioenergy", "other")
"""Sources of electricity; ``other`` is geothermal, waves and tides."""

HIGH_CARBON = ("coal", "oil", "gas")

# Here the mix of the whole country says little about one of its data centres.
_MANY_GRIDS = ("US", "AU", "CN", "CA")


class Mix(Frozen):
    """How the electricity of a place was made in one year.

    Attributes:
        place: ISO 3166-1 alpha-2 code of the country whose figures these are, else what was asked.
        name: English name of the place.
        year: year of the data; None where the mix is unknown.
        shares: ``(source, share)`` pairs, shares from 0 to 1 that add up to 1, in the order of
            `SOURCES`; empty where the mix is unknown.
        high_carbon: share of coal, oil and gas, 0 to 1; None where the mix is unknown.
        total_twh: electricity made in that year, TWh; None where unknown.
        source: key of the source in the shipped ``sources.csv``; empty where the mix is unknown.
        source_title: title and publisher of the source.
        licence: licence of the source.
        edition: date on which the shipped tables were compiled.
        note: what else there is to know: whose figures stand in, or why there are none.
    """

    __slots__ = (
        "place",
        "name",
        "year",
        "shares",
        "high_carbon",
        "total_twh",
        "source",
        "source_title",
        "licence",
        "edition",
        "note",
    )
    place: str
    name: str
    year: int | None
    shares: tuple[tuple[str, float], ...]
    high_carbon: float | None
    total_twh: float | None
    source: str
    source_title: str
    licence: str
    edition: str
    note: str

    def __init__(
        self,
        *,
        place: str,
        name: str,
        year: int | None = None,
        shares: tuple[tuple[str, float], ...] = (),
        total_twh: float | None = None,
        source: str = "",
        source_title: str = "",
        licence: str = "",
        edition: str,
        note: str,
    ) -> None:
        high = sum(share for what, share in shares if what in HIGH_CARBON)
        self._fill(
            place=place,
            name=name,
            year=year,
            shares=shares,
            high_carbon=high if shares else None,
            total_twh=total_twh,
            source=source,
            source_title=source_title,
            licence=licence,
            edition=edition,
            note=note,
        )

    def __str__(self) -> str:
        if self.high_carbon is None:
            return f"{self.name}: unknown ({self.note})"
        return f"{self.name} {self.year}: {100 * self.high_carbon:.1f} % high-carbon"

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON; what is unknown says ``"unknown"``."""
        fields = super().to_dict()
        fields["shares"] = dict(self.shares) if self.shares else "unknown"
        if self.high_carbon is None:
            fields["high_carbon"] = "unknown"
        return fields


def mix(where: str | None = None) -> Mix:
    """Return what the electricity of a country is made from.

    The table has whole countries. For a region the mix is unknown: its country's would be another
    one, and the note names it.

    Args:
        where: a country, region or cloud region, as for `intensity`. None: the place that
            `resolve` finds.

    Raises:
        ValueError: the place is unknown; the message has the nearest names.

    Example:
        >>> round(mix("NO").high_carbon, 4)
        0.0146
    """
    if where is None:
        from microjoule.carbon._resolve import resolve  # late: only this case needs it

        here = resolve()
        if here.place == "given":
            return _unknown("given", "given", "an own figure in g/kWh has no place")
        return _of(here.place, here.note)
    if not isinstance(where, str):
        raise ValueError(f"{where!r} is no place: pass an ISO 3166 code such as 'NO' or a name")
    return _of(where, "")


def _of(where: str, note: str) -> Mix:
    code = country_code(where)
    if code == WORLD:
        return _unknown(WORLD, "World", note or "the table has countries: pass one")
    if code is not None:
        return _of_country(code, note)
    key = cloud_region(where)
    if key is not None:
        _, iso2, city, place, *_ = _tables.find(_tables.text("cloud_regions.csv"), key) or []
        if place in ("", iso2) and iso2 not in _MANY_GRIDS:
            return _of_country(iso2, f"{key} ({city}): mix of the whole country")
        return _unknown(key, f"{key} ({city})", _countries_only(iso2))
    region = region_code(where)
    if region is None:
        raise unknown_place(where)
    _, iso2, name, *_ = _tables.find(_tables.text("regions.csv"), region) or []
    return _unknown(region, name, _countries_only(iso2))


def _of_country(iso2: str, note: str) -> Mix:
    table = _tables.text("mix.csv")
    row = _tables.find(table, iso2)
    if row is None:
        territory = _tables.find(_tables.text("territories.csv"), iso2)
        name = territory[2] if territory else iso2
        row = _tables.find(table, territory[3]) if territory and territory[3] else None
        if row is None:
            return _unknown(iso2, name, f"the table has no mix for {name} ({iso2})")
        note = f"{name} ({iso2}) has no figures: those of {row[2]} stand in"
    place, _, name, year, *cells, total, source = row
    twh = [float(cell) for cell in cells]
    whole = sum(twh)  # within rounding the total, and shares should add up to 1
    shares = tuple(zip(SOURCES, (part / whole for part in twh), strict=True))
    title, publisher, _, licence = _tables.source(source)
    return Mix(
        place=place,
        name=name,
        year=int(year),
        shares=shares,
        total_twh=float(total),
        source=source,
        source_title=f"{title}, {publisher}",
        licence=licence,
        edition=_tables.edition(),
        note=note,
    )


def _unknown(place: str, name: str, why: str) -> Mix:
    return Mix(place=place, name=name, edition=_tables.edition(), note=why)


def _countries_only(iso2: str) -> str:
    return f"the table has countries only: {iso2} for the whole country"
