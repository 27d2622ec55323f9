"""Which intensity holds here: what was asked for, else the settings, else a guess that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from microjoule.config import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.carbon._series import Series

Tables = Callable[[Ask], Intensity]
"""What the tables say of one place, by kind and year."""


class Said(Frozen):
    """What was said of where the electricity comes from.

    Attributes:
        key: ``"intensity"`` (an own figure), ``"region"``, ``"country"`` (a place of any sort), or
            empty: nobody said anything.
        value: the figure, or the name of the place.
        origin: the setting it comes from; empty: an argument.
    """

    __slots__ = ("key", "origin", "value")
    key: str
    value: object
    origin: str

    def __init__(self, key: str = "", value: object = None, origin: str = "") -> None:
        self._fill(key=key, value=value, origin=origin)

    @property
    def place(self) -> str | None:
        """The name of the place, as it was written; None: there is none."""
        return self.value if isinstance(self.value, str) and self.key != "intensity" else None


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
    said = _said(environ, cwd, home, country, region, intensity_g_per_kwh)
    tables = _tables_of(said, environ, root)
    if said.key == "intensity" or ask.year is not None:
        return tables(ask)
    if config.get("offline", environ, cwd, home).value:
        return tables(ask)
    from microjoule.carbon.providers import instead_of  # late: only who goes online pays for it

    return instead_of(tables, said.place, ask, environ, cwd, home)


def here(country: str | None = None) -> Intensity | Series:
    """Return what a measurement on this machine meets, as the settings have it.

    Args:
        country: code or name of a place; None: the settings', else that of the time zone.

    Returns:
        An own figure or what the tables say; where ``MICROJOULE_OFFLINE`` is 0, and nobody gave a
        figure, the series of a live provider, which is asked when figures are read.

    Raises:
        ValueError: the place is unknown.
    """
    said = _said(None, None, None, country)
    if said.key != "intensity" and not config.get("offline").value:
        from microjoule.carbon._series import Series  # late: only who goes online pays for it

        return Series.from_live(country)
    return _tables_of(said)(ANYTHING)


def by_settings(environ: Mapping[str, str] | None = None) -> tuple[str | None, Tables]:
    """Return the name of the place that the settings say, and what the tables say of it."""
    said = _said(environ)
    return said.place, _tables_of(said, environ)


def named(where: str, *, regions_only: bool = False) -> Tables:
    """Return what the tables say of a place by its code or name.

    A zone that only a provider knows has the figures of its country, which the note says.

    Raises:
        ValueError: it is unknown.
    """
    find = _region if regions_only else look_up
    try:
        find(where, ANYTHING)
    except ValueError:
        from microjoule.carbon.providers import _zones  # late: the usual place is in the tables

        code = _zones.named(where)
        if code is None:
            raise
        return lambda ask: _of_its_country(code, ask)
    return lambda ask: find(where, ask)


def _said(
    environ: Mapping[str, str] | None = None,
    cwd: str | None = None,
    home: str | None = None,
    country: str | None = None,
    region: str | None = None,
    intensity_g_per_kwh: float | None = None,
) -> Said:
    """Return the strongest of what was said; every argument is checked, the others are not."""
    if country is not None:
        named(_a_name(country))
    if intensity_g_per_kwh is not None:
        return Said("intensity", intensity_g_per_kwh)
    if region is not None:
        return Said("region", _a_name(region))
    if country is not None:
        return Said("country", country)
    rival = config.strongest(("intensity", "region", "country"), environ, cwd, home)
    return Said() if rival is None else Said(rival[0], rival[1].value, rival[1].origin)


def _tables_of(said: Said, environ: Mapping[str, str] | None = None, root: str = "/") -> Tables:
    if said.key == "intensity":
        return lambda ask: _own(said, ask)
    if said.key:
        try:
            tables = named(str(said.value), regions_only=said.key == "region")
        except ValueError as error:
            raise _with_origin(said, error) from None
        return lambda ask: _with_its_origin(said, tables, ask)
    return lambda ask: _by_time_zone(ask, environ, root)


def _with_its_origin(said: Said, tables: Tables, ask: Ask) -> Intensity:
    try:
        return tables(ask)
    except ValueError as error:
        raise _with_origin(said, error) from None


def _with_origin(said: Said, error: ValueError) -> ValueError:
    return ValueError(f"{said.origin}: {error}") if said.origin else error


def _by_time_zone(ask: Ask, environ: Mapping[str, str] | None, root: str) -> Intensity:
    place = location.locate(environ, root)
    found = of_country(place.country, time_zone=place.reason, ask=ask) if place.country else None
    if found is not None:
        return found
    return world_mean(
        f"{place.reason}: the world mean stands in; set MICROJOULE_COUNTRY or MICROJOULE_INTENSITY",
        ask=ask,
    )


def _own(said: Said, ask: Ask) -> Intensity:
    if not said.origin:
        return own_figure(said.value, ask=ask)
    if ask.axes:
        raise ValueError(
            f"{said.origin} is a figure of which nobody said the kind: "
            "name a place, or pass the figure itself with its axes"
        )
    return own_figure(said.value, f"from {said.origin}")


def _region(where: str, ask: Ask) -> Intensity:
    found = of_region(where, ask)
    if found is None:
        raise unknown_place(where)
    return found


def _of_its_country(code: str, ask: Ask) -> Intensity:
    note = f"the tables have no figure for {code}: that of its country stands in"
    found = of_country(code[:2], note=note, ask=ask)
    assert found is not None  # a test holds that every zone lies in a country of the tables
    return found


def _a_name(where: object) -> str:
    if not isinstance(where, str) or not where.strip():
        raise ValueError(f"{where!r} is no place: pass an ISO 3166 code such as 'NO' or a name")
    return where
