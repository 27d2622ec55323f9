"""Goes down the providers to the first that answers, and to the tables where none does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, cast

from microjoule import config
from microjoule.carbon._ask import ANYTHING, Ask, asking
from microjoule.carbon._codes import cloud_region, country_code, region_code
from microjoule.carbon._figure import Intensity
from microjoule.carbon._resolve import Tables, by_settings, named
from microjoule.carbon.providers import _cache, _zones
from microjoule.carbon.providers._protocol import (
    Kind,
    MissingExtraError,
    NoZoneError,
    Provider,
    ProviderError,
    Reading,
)
from microjoule.carbon.providers.electricitymaps import ElectricityMaps
from microjoule.carbon.providers.ukcarbon import UKCarbon
from microjoule.carbon.providers.watttime import WattTime
from microjoule.config import Frozen, Secret

if TYPE_CHECKING:
    from microjoule.carbon._series import Series

# Standard uncertainties (k = 1, relative), as in the tables.
_REPORTING = 0.05
_PRODUCTION = 0.22
_TIME_ZONE = 0.1


class LiveSeries(Frozen):
    """Figures of a provider over a stretch of time.

    Attributes:
        slots: ``(start, end, g_per_kwh)`` in unix seconds (UTC), in time order, without overlap.
            There may be gaps; empty where no provider answered.
        intensity: the kind, source and uncertainty of the figures, with their mean over time; where
            there are none, what stands in, with the reasons in its ``note``.
    """

    __slots__ = ("slots", "intensity")
    slots: tuple[tuple[float, float, float], ...]
    intensity: Intensity

    def __init__(self, slots: tuple[tuple[float, float, float], ...], intensity: Intensity) -> None:
        self._fill(slots=slots, intensity=intensity)

    def series(self) -> Series:
        """Return the slots as the series that a footprint takes, with its kind and uncertainty.

        Raises:
            ValueError: there are no slots; the sentence has the reasons.
        """
        from microjoule.carbon._series import Series  # late: only who has a history needs it

        known = self.intensity
        if not self.slots:
            raise ValueError(f"there is no live series ({known.note}): pass a figure or a CSV file")
        series = Series.from_slots(
            self.slots,
            name=known.source_title,
            scope=known.scope,
            basis=known.basis,
            method=known.method,
            accounting=known.accounting,
            includes_losses=known.includes_losses,
            uncertainty_rel=known.uncertainty_rel,
        )
        series._origin = known
        return series


def live(
    where: str | None = None,
    *,
    at: datetime | float | None = None,
    scope: str | None = None,
    basis: str | None = None,
    method: str | None = None,
    accounting: str | None = None,
    providers: Iterable[Provider | str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Intensity:
    """Return the carbon intensity of a place at an instant from a live provider.

    Providers are asked in order; the first that has a figure of the kind asked for gives it. Where
    none does, or ``MICROJOULE_OFFLINE`` is not 0, the tables do; ``note`` says why.

    Args:
        where: as in `microjoule.carbon.intensity`; None: what the settings and the time zone say.
        at: aware datetime or unix seconds; None: now.
        scope: only figures of this scope (``"direct"``, ``"lifecycle"``).
        basis: only of this basis (``"production"``, ``"consumption"``).
        method: only of this method; None means ``"average"``, since ``"marginal"`` is no footprint.
        accounting: only of this accounting (``"location"``).
        providers: providers or their names, in order; None: ``MICROJOULE_PROVIDERS``.
        environ: the whole environment; None: the process's.

    Raises:
        ValueError: the place is unknown, an argument is out of its range, or neither a provider nor
            the tables have a figure of the kind asked for.
    """
    ask = asking(None, scope, basis, method, accounting)
    instant = time.time() if at is None else _instant("at", at)
    places, tables = asked_about(where, environ)
    found, reasons = _first(
        places,
        ask,
        lambda one, place, kind: one.latest(place, instant, kind),
        providers,
        _Settings(environ),
    )
    return _intensity(places, tables, ask, found, reasons)


def live_series(
    where: str | None,
    start: datetime | float,
    end: datetime | float,
    *,
    scope: str | None = None,
    basis: str | None = None,
    method: str | None = None,
    accounting: str | None = None,
    providers: Iterable[Provider | str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> LiveSeries:
    """Return the carbon intensity of a place between two instants from one live provider.

    One provider gives all of it, since figures of different kinds do not add; what it does not
    cover is for the tables.

    Args:
        where: as in `live`.
        start: aware datetime or unix seconds.
        end: the same, after ``start``.
        scope: as in `live`, and so are the others.
        basis: see ``scope``.
        method: see ``scope``.
        accounting: see ``scope``.
        providers: as in `live`.
        environ: as in `live`.

    Raises:
        ValueError: as in `live`.
    """
    ask = asking(None, scope, basis, method, accounting)
    first, last = _instant("start", start), _instant("end", end)
    if not first < last:
        raise ValueError("start is not before end: pass the earlier instant as start")
    places, tables = asked_about(where, environ)
    found, reasons = _first(
        places,
        ask,
        lambda one, place, kind: one.history(place, first, last, kind),
        providers,
        _Settings(environ),
    )
    slots = found[1].slots if found else ()
    return LiveSeries(
        tuple((slot.start_s, slot.end_s, slot.g_per_kwh) for slot in slots),
        _intensity(places, tables, ask, found, reasons),
    )


def instead_of(
    tables: Tables,
    where: str | None,
    ask: Ask,
    environ: Mapping[str, str] | None = None,
    cwd: str | None = None,
    home: str | None = None,
) -> Intensity:
    """Return a provider's figure in place of one from the tables, or that one and the reason why.

    Args:
        tables: what the tables say.
        where: the place as it was named; None: the tables' own.
        ask: the kind asked for.
        environ: as in `live`.
        cwd: as in `microjoule.carbon.resolve`.
        home: as in `microjoule.carbon.resolve`.
    """
    places = _codes(where, tables(ANYTHING))
    found, reasons = _first(
        places,
        ask,
        lambda one, place, kind: one.latest(place, time.time(), kind),
        None,
        _Settings(environ, cwd, home),
    )
    return _intensity(places, tables, ask, found, reasons)


class _Settings(NamedTuple):
    """Where the settings are read from, as in `microjoule.config.get`."""

    environ: Mapping[str, str] | None = None
    cwd: str | None = None
    home: str | None = None

    def get(self, name: str) -> object:
        return config.get(name, *self).value


def _first(
    places: tuple[str, ...],
    ask: Ask,
    question: Callable[[Provider, str, Kind], Reading],
    providers: Iterable[Provider | str] | None,
    settings: _Settings,
) -> tuple[tuple[Provider, Reading] | None, list[str]]:
    """Return the first answer and who gave it, with why those before gave none.

    Args:
        places: codes of the place, the nearest first: a provider may know one and not another.
        ask: the kind asked for.
        question: asks one provider.
        providers: as in `live`.
        settings: where the settings are read from.
    """
    if settings.get("offline"):
        return None, ["no provider was asked: set MICROJOULE_OFFLINE=0 to allow it"]
    reasons: list[str] = []
    for provider in _providers(providers, settings, reasons):
        kind = next((kind for kind in provider.kinds if _fits(kind, ask)), None)
        if kind is None:
            reasons.append(f"{provider.title} has no figures of this kind")
            continue
        try:
            return (provider, _of_one_place(provider, places, kind, question)), reasons
        except MissingExtraError as error:
            reasons.append(str(error))
            break
        except ProviderError as error:
            reasons.append(f"{provider.title} {error}")
    return None, reasons


def _of_one_place(
    provider: Provider,
    places: tuple[str, ...],
    kind: Kind,
    question: Callable[[Provider, str, Kind], Reading],
) -> Reading:
    for place in places[:-1]:
        try:
            return question(provider, place, kind)
        except NoZoneError:
            continue
    return question(provider, places[-1], kind)


def _fits(kind: Kind, ask: Ask) -> bool:
    # The marginal plant is no footprint: it is given to those only who ask for it.
    wanted = {"method": "average", **ask.axes}
    return all(getattr(kind, axis) == value for axis, value in wanted.items())


def _providers(
    chosen: Iterable[Provider | str] | None, settings: _Settings, reasons: list[str]
) -> Iterable[Provider]:
    """Yield the providers in order; of one that lacks its account the reason is noted."""
    if chosen is None:
        chosen = cast("tuple[str, ...]", settings.get("providers"))
    for one in chosen:
        provider = _named(one, settings) if isinstance(one, str) else one
        if isinstance(provider, str):
            reasons.append(provider)
        else:
            yield provider


def _named(name: str, settings: _Settings) -> Provider | str:
    """Return a provider with the account of the settings, or what is missing there."""
    cache_dir = _cache.folder(settings.environ, settings.home) or ""
    if name == "ukcarbon":
        return UKCarbon(cache_dir=cache_dir)
    if name == "electricitymaps":
        token = settings.get("electricitymaps_token")
        if isinstance(token, Secret):
            return ElectricityMaps(token, cache_dir=cache_dir)
        return "Electricity Maps has no token: set MICROJOULE_ELECTRICITYMAPS_TOKEN"
    if name == "watttime":
        user, password = settings.get("watttime_user"), settings.get("watttime_password")
        if isinstance(user, str) and isinstance(password, Secret):
            return WattTime(user, password, cache_dir=cache_dir)
        return (
            "WattTime has no account: set MICROJOULE_WATTTIME_USER and MICROJOULE_WATTTIME_PASSWORD"
        )
    known = ", ".join(config.KNOWN_PROVIDERS)
    raise ValueError(f"there is no provider {name!r}: pass names out of {known}, or providers")


def asked_about(
    where: str | None, environ: Mapping[str, str] | None
) -> tuple[tuple[str, ...], Tables]:
    """Return the codes of a place, the nearest first, and what the tables say about it.

    Args:
        where: code or name; None: what the settings and the time zone say.
        environ: as in `live`.
    """
    if where is None:
        where, tables = by_settings(environ)
    elif isinstance(where, str):
        tables = named(where)
    else:
        raise ValueError(f"{where!r} is no place: pass a code or name such as 'NO'")
    return _codes(where, tables(ANYTHING)), tables


def _codes(where: str | None, stands: Intensity) -> tuple[str, ...]:
    """Return the codes by which a provider may know a place, the nearest first."""
    if where is None:
        return (stands.place,)
    codes = [cloud_region(where), country_code(where)]
    if not any(codes) and region_code(where) is None:
        codes = [_zones.named(where)]  # a zone, of which the tables have no more than the country
        return tuple(filter(None, codes))
    return tuple(dict.fromkeys(filter(None, [*codes, stands.place])))


def _instant(name: str, when: datetime | float) -> float:
    sentence = f"{name} is no instant: pass an aware datetime, or unix seconds"
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError(f"{sentence} (this datetime has no time zone)")
        return when.timestamp()
    # The year 9999, beyond which no calendar goes.
    if isinstance(when, bool) or not isinstance(when, (int, float)) or not 0 <= when < 253402300800:
        raise ValueError(sentence)
    return float(when)


def _intensity(
    places: tuple[str, ...],
    tables: Tables,
    ask: Ask,
    found: tuple[Provider, Reading] | None,
    reasons: list[str],
) -> Intensity:
    """Return an answer as an intensity, its mean over time; without one what the tables say."""
    if found is None:
        return _from_tables(tables, ask, "; ".join(reasons))
    provider, reading = found
    stands = tables(ANYTHING)
    covered_s = sum(slot.end_s - slot.start_s for slot in reading.slots)
    gram_s = sum(slot.g_per_kwh * (slot.end_s - slot.start_s) for slot in reading.slots)
    parts = [("reporting", _REPORTING)]
    if reading.kind.basis != "consumption":
        parts.append((f"{reading.kind.basis} basis", _PRODUCTION))
    if stands.guess:
        parts.append(("time zone", _TIME_ZONE))
    parts += reading.uncertainty_parts
    guessed = stands.note if stands.guess else ""
    return Intensity(
        g_per_kwh=gram_s / covered_s,
        place=places[0],
        name=stands.name,
        year=time.gmtime(reading.slots[-1].start_s).tm_year,
        scope=reading.kind.scope,
        basis=reading.kind.basis,
        method=reading.kind.method,
        accounting=reading.kind.accounting,
        includes_losses=provider.includes_losses,
        source=provider.name,
        source_title=provider.title,
        licence=provider.licence,
        uncertainty_parts=tuple(parts),
        edition=time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(reading.slots[0].start_s)),
        rung="provider",
        guess=stands.guess,
        note="; ".join(filter(None, [guessed, reading.note, *reasons])),
    )


def _from_tables(tables: Tables, ask: Ask, why: str) -> Intensity:
    try:
        stands = tables(ask)
    except ValueError as error:
        raise ValueError(f"{error} ({why})") from None
    fields = {name: getattr(stands, name) for name in stands.__slots__}
    del fields["uncertainty_rel"]  # made of its parts
    return Intensity(**{**fields, "note": "; ".join(filter(None, [stands.note, why]))})
