"""Carbon intensity of electricity, in grams of CO2 equivalent per kilowatt-hour."""

from __future__ import annotations

import time

from microjoule.carbon import _tables
from microjoule.config import Frozen

WORLD = "WORLD"

# Standard uncertainties (k = 1, relative). They are independent and add in quadrature.
_REPORTING = 0.05  # right year, right place, right method: what the reporting itself leaves open
_ONE_YEAR = 0.08  # robust sd of ln(2024/2023) over 77 countries; grows with the root of the years
_PRODUCTION = 0.22  # production- against consumption-based, 84 countries
_ANNUAL_MEAN = 0.15  # a year's mean instead of the hour of the run; more on solar and wind grids
_TIME_ZONE = 0.1  # the country is a guess: right in most cases
_WORLD = 1.0  # rms of ln(country / world mean) over 212 countries is 0.96
_NEIGHBOUR = 0.3  # a territory without figures takes those of the grid it hangs on
# A country's mean where a region's was asked: rms of ln(region / nation). Canada is hydro against
# coal. Countries not named here are taken as one grid, more or less.
_COUNTRY_FOR_REGION = {"US": 0.6, "AU": 0.6, "CN": 0.4, "CA": 2.5}
_COUNTRY_FOR_REGION_ELSEWHERE = 0.15

_SCOPES = ("direct", "lifecycle")
_cache: dict[str, Intensity] = {}


class Intensity(Frozen):
    """A carbon intensity with everything needed to judge it.

    Attributes:
        g_per_kwh: grams of CO2 equivalent per kWh at the meter.
        place: ISO 3166-1 alpha-2 code, code of a region, ``"WORLD"`` or ``"given"``.
        name: English name of the place.
        year: year of the data; None where unknown (an own figure).
        scope: ``"direct"`` (the stack only), ``"lifecycle"`` (fuel chain and construction too) or
            ``"unknown"``. Figures of different scope must not be added or compared.
        basis: ``"production"`` (inside the border), ``"consumption"`` (after imports and exports)
            or ``"unknown"``.
        method: ``"average"`` (all generation) or ``"unknown"``.
        accounting: ``"location"`` (the grid, no contracts) or ``"unknown"``.
        source: key of the source in the shipped ``sources.csv``, or ``"given"``.
        source_title: title and publisher of the source.
        licence: licence of the source.
        uncertainty_rel: standard uncertainty (k = 1), relative. Above 0.3 read it as a factor
            ``e**u`` either way.
        uncertainty_parts: what it is made of, ``(reason, relative)`` pairs.
        edition: date on which the shipped tables were compiled.
        rung: what the figure stands on: ``"given"``, ``"region"``, ``"country"``, ``"time zone"``
            or ``"world mean"``.
        guess: True where nobody named the place.
        note: what else there is to know, a sentence or empty.
    """

    __slots__ = (
        "g_per_kwh",
        "place",
        "name",
        "year",
        "scope",
        "basis",
        "method",
        "accounting",
        "source",
        "source_title",
        "licence",
        "uncertainty_rel",
        "uncertainty_parts",
        "edition",
        "rung",
        "guess",
        "note",
    )
    g_per_kwh: float
    place: str
    name: str
    year: int | None
    scope: str
    basis: str
    method: str
    accounting: str
    source: str
    source_title: str
    licence: str
    uncertainty_rel: float
    uncertainty_parts: tuple[tuple[str, float], ...]
    edition: str
    rung: str
    guess: bool
    note: str

    def __init__(
        self,
        *,
        g_per_kwh: float,
        place: str,
        name: str,
        year: int | None,
        scope: str,
        basis: str,
        method: str,
        accounting: str,
        source: str,
        source_title: str,
        licence: str,
        uncertainty_parts: tuple[tuple[str, float], ...],
        edition: str,
        rung: str,
        guess: bool = False,
        note: str = "",
    ) -> None:
        self._fill(
            g_per_kwh=g_per_kwh,
            place=place,
            name=name,
            year=year,
            scope=scope,
            basis=basis,
            method=method,
            accounting=accounting,
            source=source,
            source_title=source_title,
            licence=licence,
            uncertainty_rel=quadrature(uncertainty_parts),
            uncertainty_parts=uncertainty_parts,
            edition=edition,
            rung=rung,
            guess=guess,
            note=note,
        )

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        fields = super().to_dict()
        fields["uncertainty_parts"] = dict(self.uncertainty_parts)
        return fields


def quadrature(parts: tuple[tuple[str, float], ...]) -> float:
    """Add independent relative uncertainties."""
    total: float = sum(u * u for _, u in parts) ** 0.5
    return total


def intensity(where: str | float | None = None) -> Intensity:
    """Return the carbon intensity of a place.

    Args:
        where: an ISO 3166-1 alpha-2 or alpha-3 code, an English country name, the code of a region
            (``US-CA``, ``eGRID-CAMX``, ``NO1``), ``WORLD``, or an own figure in g/kWh; case does
            not matter. None: what the settings say, else the country of the time zone (a guess),
            else the world mean.

    Raises:
        ValueError: the place is unknown (the message has the nearest names), or the figure is
            negative or no number.

    Example:
        >>> intensity("NO").g_per_kwh
        30.746
    """
    if type(where) is str:
        hit = _cache.get(where)
        if hit is None:
            hit = _look_up(where)
            # The keys are the caller's own spellings: bounded, should somebody feed us a log.
            if len(_cache) < 1024:
                _cache[where] = hit
        return hit
    if where is None:
        from microjoule.carbon._resolve import resolve  # late: resolve stands on this module

        return resolve()
    return own_figure(where)


def own_figure(g_per_kwh: object, note: str = "") -> Intensity:
    """Return a figure of the caller's own as an intensity.

    Args:
        g_per_kwh: grams per kWh, 0 or more.
        note: where the figure was given.
    """
    if isinstance(g_per_kwh, bool) or not hasattr(g_per_kwh, "__float__"):
        raise ValueError(
            f"{g_per_kwh!r} is no carbon intensity: pass a country such as 'NO', "
            "or a number of 0 or more in g/kWh"
        )
    figure = float(g_per_kwh)
    if not 0 <= figure < float("inf"):
        raise ValueError(
            f"a carbon intensity of {figure:g} g/kWh is not possible: pass a number of 0 or more"
        )
    return Intensity(
        g_per_kwh=figure,
        place="given",
        name="own figure",
        year=None,
        scope="unknown",
        basis="unknown",
        method="unknown",
        accounting="unknown",
        source="given",
        source_title="figure given by the user",
        licence="",
        uncertainty_parts=(("reporting", _REPORTING),),
        edition=_tables.edition(),
        rung="given",
        note=note,
    )


def world_mean(note: str = "", *, guess: bool = True) -> Intensity:
    """Return the world mean, uncertain by a factor of e either way.

    Args:
        note: why it stands in.
        guess: False where somebody asked for the world by name.
    """
    row = _tables.find(_tables.text("countries.csv"), WORLD)
    assert row is not None  # the table's own test holds this
    return _from_row(row, (("place", _WORLD),), "world mean", guess=guess, note=note)


def of_country(iso2: str, *, time_zone: str = "") -> Intensity | None:
    """Return the intensity of a country by its alpha-2 code, None for an unknown code.

    Args:
        iso2: code in capitals.
        time_zone: sentence on the time zone that the country was guessed from; empty: it was named.
    """
    rung, guess = ("time zone", True) if time_zone else ("country", False)
    extra: tuple[tuple[str, float], ...] = (("time zone", _TIME_ZONE),) if time_zone else ()
    countries = _tables.text("countries.csv")
    row = _tables.find(countries, iso2)
    note = time_zone
    if row is None:
        territory = _tables.find(_tables.text("territories.csv"), iso2)
        if territory is None:
            return None
        _, _, name, like, _ = territory
        if not like:
            why = f"the tables have no figure for {name} ({iso2}): the world mean stands in"
            return world_mean(_join(time_zone, why))
        row = _tables.find(countries, like)
        assert row is not None
        note = _join(time_zone, f"{name} ({iso2}) has no figures: those of {row[2]} stand in")
        extra = (*extra, ("neighbour", _NEIGHBOUR))
    code, _, _, year, _, _, basis, _, _, _ = row
    spread = _COUNTRY_FOR_REGION.get(code, _COUNTRY_FOR_REGION_ELSEWHERE)
    parts = (*_common_parts(int(year), basis), ("country for region", spread), *extra)
    return _from_row(row, parts, rung, guess=guess, note=note)


def of_region(code: str) -> Intensity | None:
    """Return the intensity of a region by its code (any case), None for an unknown code."""
    wanted = code.casefold()
    for row in _tables.rows(_tables.text("regions.csv")):
        region, _, name, year, g_per_kwh, scope, basis, losses, source, note = row
        if region.casefold() == wanted:
            cells = [region, "", name, year, g_per_kwh, scope, basis, "1", losses, source]
            return _from_row(cells, _common_parts(int(year), basis), "region", note=note)
    return None


def unknown_place(where: str) -> ValueError:
    """Return the error for an unknown place, with the nearest names."""
    import difflib  # late: costs milliseconds, and only the way to an error needs it

    names: dict[str, str] = {}
    for row in _tables.rows(_tables.text("countries.csv")):
        names[row[2].casefold()] = names[row[0].casefold()] = f"{row[2]} ({row[0]})"
        names[row[1].casefold()] = f"{row[2]} ({row[0]})"
    for row in _tables.rows(_tables.text("territories.csv")):
        names[row[2].casefold()] = names[row[0].casefold()] = f"{row[2]} ({row[0]})"
    for row in _tables.rows(_tables.text("aliases.csv")):
        names[row[0].casefold()] = f"{row[0]} ({row[1]})"
    for row in _tables.rows(_tables.text("regions.csv")):
        names.setdefault(row[2].casefold(), f"{row[2]} ({row[0]})")
        names.setdefault(row[0].casefold(), f"{row[2]} ({row[0]})")
    word = where.strip().casefold()[:100]
    near: list[str] = []
    for match in difflib.get_close_matches(word, list(names), n=6, cutoff=0.6):
        if names[match] not in near:
            near.append(names[match])
    hint = f"nearest: {', '.join(near[:3])}" if near else "none is near"
    return ValueError(
        f"unknown place {where!r}: pass an ISO 3166 code such as NO, an English country name, "
        f"the code of a region such as US-CA, or a number in g/kWh ({hint})"
    )


def _look_up(where: str) -> Intensity:
    code = country_code(where)
    if code == WORLD:
        return world_mean(guess=False)
    found = of_country(code) if code is not None else of_region(where.strip())
    if found is None:
        raise unknown_place(where)
    return found


def country_code(where: str) -> str | None:
    """Return the alpha-2 code (or ``WORLD``) of a code or name in any case, None if unknown."""
    word = " ".join(where.split())
    upper = word.upper()
    countries = _tables.text("countries.csv")
    if (len(upper) == 2 or upper == WORLD) and _tables.find(countries, upper) is not None:
        return upper
    folded = word.casefold().removeprefix("the ")
    names = [folded]
    if not folded.isascii():
        import unicodedata  # late: only a name with accents needs it

        plain = unicodedata.normalize("NFKD", folded)
        names.append("".join(c for c in plain if not unicodedata.combining(c)))
    for table in (countries, _tables.text("territories.csv")):
        for row in _tables.rows(table):
            if upper in (row[0], row[1]) or row[2].casefold() in names:
                return row[0]
    for row in _tables.rows(_tables.text("aliases.csv")):
        if row[0].casefold() in names:
            return row[1]
    return None


def _join(*sentences: str) -> str:
    return "; ".join(sentence for sentence in sentences if sentence)


def _common_parts(year: int, basis: str) -> tuple[tuple[str, float], ...]:
    age = max(0, _this_year() - year)
    parts = [("reporting", _REPORTING)]
    if age:
        parts.append(("age", _ONE_YEAR * age**0.5))
    if basis != "consumption":
        parts.append(("production basis", _PRODUCTION))
    parts.append(("annual mean", _ANNUAL_MEAN))
    return tuple(parts)


def _this_year() -> int:
    return time.gmtime().tm_year


def _from_row(
    row: list[str],
    parts: tuple[tuple[str, float], ...],
    rung: str,
    *,
    guess: bool = False,
    note: str = "",
) -> Intensity:
    place, _, name, year, g_per_kwh, scope, basis, _, _, source = row
    title, publisher, _, licence = _tables.source(source)
    return Intensity(
        g_per_kwh=float(g_per_kwh),
        place=place,
        name=name,
        year=int(year),
        scope=scope if scope in _SCOPES else "unknown",
        basis=basis,
        method="average",
        accounting="location",
        source=source,
        source_title=f"{title}, {publisher}",
        licence=licence,
        uncertainty_parts=parts,
        edition=_tables.edition(),
        rung=rung,
        guess=guess,
        note=note,
    )
