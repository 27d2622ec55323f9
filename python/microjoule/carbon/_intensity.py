"""Carbon intensity of electricity, in grams of CO2 equivalent per kilowatt-hour."""

from __future__ import annotations

import time

from microjoule.carbon import _tables
from microjoule.carbon._ask import ANYTHING, Ask, Row, asking, choose
from microjoule.carbon._codes import (
    WORLD,
    cloud_region,
    country_code,
    namesakes,
    region_code,
    unknown_place,
)
from microjoule.carbon._figure import Intensity, quadrature

__all__ = [
    "Intensity",
    "intensity",
    "look_up",
    "of_country",
    "of_region",
    "own_figure",
    "quadrature",
    "unknown_place",
    "world_mean",
]

# Standard uncertainties (k = 1, relative). They are independent and add in quadrature.
_REPORTING = 0.05  # right year, right place, right method: what the reporting itself leaves open
_ONE_YEAR = 0.08  # robust sd of ln(2024/2023) over 77 countries; grows with the root of the years
_ONE_YEAR_CLOUD = 0.15  # the same of Google's regions
_PRODUCTION = 0.22  # production- against consumption-based, 84 countries
_ANNUAL_MEAN = 0.15  # a year's mean instead of the hour of the run; more on solar and wind grids
_TIME_ZONE = 0.1  # the country is a guess: right in most cases
_WORLD = 1.0  # rms of ln(country / world mean) over 212 countries is 0.96
_NEIGHBOUR = 0.3  # a territory without figures takes those of the grid it hangs on
# A country's mean where a region's was asked: rms of ln(region / nation). Canada is hydro against
# coal. Countries not named here are taken as one grid, more or less.
_COUNTRY_FOR_REGION = {"US": 0.6, "AU": 0.6, "CN": 0.4, "CA": 2.5}
_COUNTRY_FOR_REGION_ELSEWHERE = 0.15

_LOSSES = {"yes": True, "no": False}
_cache: dict[str, Intensity] = {}


def intensity(
    where: str | float | None = None,
    *,
    when: object = None,
    scope: str | None = None,
    basis: str | None = None,
    method: str | None = None,
    accounting: str | None = None,
) -> Intensity:
    """Return the carbon intensity of a place.

    Without axes it is the best figure of the place, which says what kind it is. With axes it is a
    figure of that kind or an error: another kind never stands in.

    Args:
        where: an ISO 3166-1 alpha-2 or alpha-3 code, an English country name, code or name of a
            region (``US-CA``, ``California``, ``eGRID-CAMX``, ``NO1``), a cloud region
            (``aws:eu-north-1``, ``gcp:europe-west1``, ``azure:swedencentral``, or without the
            provider), ``WORLD``, or an own figure in g/kWh; case does not matter. None: what the
            settings say, else the country of the time zone (a guess), else the world mean.
        when: when the electricity was used: a year, a date, a datetime or an ISO 8601 string. The
            figure of that year is taken, else of the nearest, which the note and the uncertainty
            say. None: the newest.
        scope: ``"direct"`` or ``"lifecycle"``.
        basis: ``"production"`` or ``"consumption"``.
        method: ``"average"`` or ``"marginal"``.
        accounting: ``"location"``, ``"market"`` or ``"residual"``. The tables hold averages by
            location only; for an own figure the four axes say what kind it is.

    Raises:
        ValueError: the place is unknown (the message has the nearest names), the tables have no
            figure of that kind (it has the kinds that there are), or the figure is negative or no
            number.

    Example:
        >>> intensity("NO").g_per_kwh
        30.746
    """
    plain = when is None and scope is basis is method is accounting is None
    ask = ANYTHING if plain else asking(when, scope, basis, method, accounting)
    if isinstance(where, str):
        return look_up(where, ask)
    if where is None:
        from microjoule.carbon._resolve import resolve  # late: resolve stands on this module

        return resolve(when=when, scope=scope, basis=basis, method=method, accounting=accounting)
    return own_figure(where, ask=ask)


def own_figure(g_per_kwh: object, note: str = "", ask: Ask = ANYTHING) -> Intensity:
    """Return a figure of the caller's own as an intensity.

    Args:
        g_per_kwh: grams per kWh, 0 or more.
        note: where the figure was given.
        ask: its year and axes, as far as the caller says.
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
        name="given",
        year=ask.year,
        scope=ask.axes.get("scope", "unknown"),
        basis=ask.axes.get("basis", "unknown"),
        method=ask.axes.get("method", "unknown"),
        accounting=ask.axes.get("accounting", "unknown"),
        source="given",
        source_title="figure given by the user",
        licence="",
        uncertainty_parts=(("reporting", _REPORTING),),
        edition="",
        rung="given",
        note=note,
    )


def world_mean(note: str = "", *, guess: bool = True, ask: Ask = ANYTHING) -> Intensity:
    """Return the world mean, uncertain by a factor of e either way.

    Args:
        note: why it stands in.
        guess: False where somebody asked for the world by name.
        ask: kind and year; what the table does not have is an error.
    """
    row, off = choose(_country_rows(WORLD), ask)
    return _figure(row, (("place", _WORLD),), "world mean", guess, _join(note, off))


def of_country(
    iso2: str, *, time_zone: str = "", rung: str = "country", note: str = "", ask: Ask = ANYTHING
) -> Intensity | None:
    """Return the intensity of a country by its alpha-2 code, None for an unknown code.

    Args:
        iso2: code in capitals.
        time_zone: sentence on the time zone that the country was guessed from; empty: it was named.
        rung: what it stands on, where nothing was guessed.
        note: what else there is to say.
        ask: kind and year; a kind that the tables do not have is an error.
    """
    extra: tuple[tuple[str, float], ...] = (("time zone", _TIME_ZONE),) if time_zone else ()
    note = _join(time_zone, note)
    rows = _country_rows(iso2)
    if not rows:
        territory = _tables.find(_tables.text("territories.csv"), iso2)
        if territory is None:
            return None
        _, _, name, like, _ = territory
        if not like:
            why = f"the tables have no figure for {name} ({iso2}): the world mean stands in"
            return world_mean(_join(note, why), ask=ask)
        rows = _country_rows(like)
        note = _join(note, f"{name} ({iso2}) has no figures: those of {rows[0].name} stand in")
        extra = (*extra, ("neighbour", _NEIGHBOUR))
    row, off = choose(rows, ask)
    spread = _COUNTRY_FOR_REGION.get(row.place, _COUNTRY_FOR_REGION_ELSEWHERE)
    parts = (*_common_parts(row, ask), ("country for region", spread), *extra)
    rung = "time zone" if time_zone else rung
    return _figure(row, parts, rung, bool(time_zone), _join(note, off))


def of_region(where: str, ask: Ask = ANYTHING) -> Intensity | None:
    """Return the intensity of a region or cloud region by code or name, None for an unknown one.

    Raises:
        ValueError: the name belongs to several, or the kind is not in the tables.
    """
    key = cloud_region(where)
    if key is not None:
        return _of_cloud_region(key, ask)
    code = region_code(where)
    return None if code is None else _of_grid(code, "region", "", ask)


def look_up(where: str, ask: Ask = ANYTHING) -> Intensity:
    """Return the intensity of a place by code or name; an unknown one is an error."""
    if ask is not ANYTHING:
        return _search(where, ask)
    hit = _cache.get(where)
    if hit is None:
        hit = _search(where, ask)
        # The keys are the caller's own spellings: bounded, should somebody feed us a log.
        if len(_cache) < 1024:
            _cache[where] = hit
    return hit


def _search(where: str, ask: Ask) -> Intensity:
    code = country_code(where)
    if code == WORLD:
        return world_mean(guess=False, ask=ask)
    if code is None:
        found = of_region(where, ask)
    else:
        found = of_country(code, note=_confusable(where, code), ask=ask)
    if found is None:
        raise unknown_place(where)
    return found


def _confusable(where: str, code: str) -> str:
    """Say so where a country's name is a region's too; codes are what they are."""
    if len(where.strip()) <= 3:
        return ""
    regions = " or ".join(region for region, _ in namesakes(where) if not region.startswith(code))
    return f"{where.strip()} is the country ({code}); the region is {regions}" if regions else ""


def _of_cloud_region(key: str, ask: Ask) -> Intensity:
    """Return the operator's own figure, else that of the grid that the region hangs on."""
    rows = _tables.find_all(_tables.text("cloud_regions.csv"), key)
    _, _, city, place, *_ = rows[0]
    if not place:
        figures = [
            Row(key, f"{key} ({city})", year, g, scope, basis, losses, source)
            for _, _, _, _, year, g, scope, basis, _, losses, source in rows
        ]
        row, off = choose(figures, ask)
        parts = _common_parts(row, ask, _ONE_YEAR_CLOUD)
        return _figure(row, parts, "cloud region", note=off)
    note = f"{key} ({city}) publishes no figure: that of {place} stands in"
    if len(place) > 2:
        return _of_grid(place, "grid of the cloud region", note, ask)
    found = of_country(place, rung="country of the cloud region", note=note, ask=ask)
    assert found is not None  # the table's own test holds this
    return found


def _of_grid(code: str, rung: str, note: str, ask: Ask) -> Intensity:
    rows = [
        Row(region, name, year, g, scope, basis, losses, source, said)
        for region, _, name, year, g, scope, basis, losses, source, said in _tables.find_all(
            _tables.text("regions.csv"), code
        )
    ]
    row, off = choose(rows, ask)
    return _figure(row, _common_parts(row, ask), rung, note=_join(note, row.note, off))


def _country_rows(iso2: str) -> list[Row]:
    return [
        Row(place, name, year, g, scope, basis, losses, source)
        for place, _, name, year, g, scope, basis, _, losses, source in _tables.find_all(
            _tables.text("countries.csv"), iso2
        )
    ]


def _common_parts(row: Row, ask: Ask, one_year: float = _ONE_YEAR) -> tuple[tuple[str, float], ...]:
    off = max(0, _this_year() - row.year) if ask.year is None else abs(ask.year - row.year)
    parts = [("reporting", _REPORTING)]
    if off:
        parts.append(("age", one_year * off**0.5))
    if row.basis != "consumption":
        parts.append((f"{row.basis} basis", _PRODUCTION))
    parts.append(("annual mean", _ANNUAL_MEAN))
    return tuple(parts)


def _figure(
    row: Row,
    parts: tuple[tuple[str, float], ...],
    rung: str,
    guess: bool = False,
    note: str = "",
) -> Intensity:
    title, publisher, _, licence = _tables.source(row.source)
    return Intensity(
        g_per_kwh=row.g_per_kwh,
        place=row.place,
        name=row.name,
        year=row.year,
        scope=row.scope,
        basis=row.basis,
        method="average",
        accounting="location",
        includes_losses=_LOSSES.get(row.losses),
        source=row.source,
        source_title=f"{title}, {publisher}",
        licence=licence,
        uncertainty_parts=parts,
        edition=_tables.edition(),
        rung=rung,
        guess=guess,
        note=note,
    )


def _join(*sentences: str) -> str:
    return "; ".join(sentence for sentence in sentences if sentence)


def _this_year() -> int:
    return time.gmtime().tm_year
