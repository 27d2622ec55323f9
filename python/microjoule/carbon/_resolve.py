"""Which intensity holds here: what was asked for, else the settings, else a guess that says so."""

from __future__ import annotations

from collections.abc import Mapping

from microjoule import config
from microjoule.carbon import location
from microjoule.carbon._ask import ANYTHING, Ask, asking
from microjoule.carbon._intensity import (
    Intensity,
    look_up,
    of_country,
    of_region,
    own_figure,
    unknown_place,
    world_mean,
)


def resolve(
    country: str | None = None,
    intensity_g_per_kwh: float | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    region: str | None = None,
    when: object = None,
    scope: str | None = None,
    basis: str | None = None,
    method: str | None = None,
    accounting: str | None = None,
    root: str = "/",
    cwd: str | None = None,
    home: str | None = None,
) -> Intensity:
    """Return the intensity that holds for a run on this machine.

    An own figure first. Where ``MICROJOULE_OFFLINE`` is 0 and no year is asked for, a live provider
    is asked about the place; else, or where none answers, the tables say it, with the reason in
    ``note``. For figure and place, from strong to weak: the arguments (a figure before a region
    before a country), the variables ``MICROJOULE_INTENSITY``, ``_REGION`` and ``_COUNTRY``, the
    user's file, the project's file, the country of the time zone (marked a guess), the world mean
    (marked as that). What is given and unknown is an error at once: a default never stands in for a
    misspelt country.

    Args:
        country: ISO 3166 code or English name; whatever `intensity` takes as a place.
        intensity_g_per_kwh: own figure in g/kWh; the axes say what kind it is.
        environ: the whole environment; None: the process's.
        region: code or name of a region such as ``US-CA``, or a cloud region.
        when: when the electricity was used, as for `intensity`.
        scope: kind asked for, as for `intensity`, and so with the other axes.
        basis: see ``scope``.
        method: see ``scope``.
        accounting: see ``scope``.
        root: folder that stands for ``/`` when the time zone is read.
        cwd: where the search for a project file begins; None: the working directory.
        home: the user's home; None: from the environment.

    Raises:
        ValueError: something given is unknown or out of its range.
    """
    ask = asking(when, scope, basis, method, accounting)

    def tables(ask: Ask) -> Intensity:
        return from_tables(ask, country, intensity_g_per_kwh, environ, region, root, cwd, home)

    if ask.year is not None or config.get("offline", environ, cwd, home).value:
        return tables(ask)
    from microjoule.carbon.providers import instead_of  # late: only who goes online pays for it

    return instead_of(tables, ask, environ)


def from_tables(
    ask: Ask = ANYTHING,
    country: str | None = None,
    intensity_g_per_kwh: float | None = None,
    environ: Mapping[str, str] | None = None,
    region: str | None = None,
    root: str = "/",
    cwd: str | None = None,
    home: str | None = None,
) -> Intensity:
    """Return what `resolve` returns, without asking anybody."""
    if country is not None:
        named = look_up(_a_name(country), ask)
        if intensity_g_per_kwh is None and region is None:
            return named
    if intensity_g_per_kwh is not None:
        return own_figure(intensity_g_per_kwh, ask=ask)
    if region is not None:
        return _region(_a_name(region), ask)
    rival = config.strongest(("intensity", "region", "country"), environ, cwd, home)
    if rival is not None:
        key, value = rival
        if key == "intensity":
            return _own_setting(value, ask)
        try:
            return (_region if key == "region" else look_up)(str(value.value), ask)
        except ValueError as error:
            raise ValueError(f"{value.origin}: {error}") from None
    place = location.locate(environ, root)
    found = of_country(place.country, time_zone=place.reason, ask=ask) if place.country else None
    if found is not None:
        return found
    return world_mean(
        f"{place.reason}: the world mean stands in; set MICROJOULE_COUNTRY or MICROJOULE_INTENSITY",
        ask=ask,
    )


def _own_setting(value: config.Value, ask: Ask) -> Intensity:
    if ask.axes:
        raise ValueError(
            f"{value.origin} is a figure of which nobody said the kind: "
            "name a place, or pass the figure itself with its axes"
        )
    return own_figure(value.value, f"from {value.origin}")


def _region(where: str, ask: Ask) -> Intensity:
    found = of_region(where, ask)
    if found is None:
        raise unknown_place(where)
    return found


def _a_name(where: object) -> str:
    if not isinstance(where, str) or not where.strip():
        raise ValueError(f"{where!r} is no place: pass an ISO 3166 code such as 'NO' or a name")
    return where
