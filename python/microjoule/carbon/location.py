"""Where am I, without asking anybody: the machine's time zone, and nothing else.

The locale (``LANG=en_US``) says what language somebody reads, not where the socket is, and geo-IP
would send a packet; neither is used. zone.tab gives one country a zone. zone1970.tab would make
Oslo German, since it merges zones that agree after 1970.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from microjoule.carbon import _tables
from microjoule.config import Frozen

__all__ = ["Location", "locate", "zone_name"]

# Zones that name an offset, not a place. CET, EST and their like are links to one city of many.
_PLACELESS = frozenset(
    [
        "UTC",
        "UCT",
        "GMT",
        "GMT0",
        "GMT+0",
        "GMT-0",
        "Greenwich",
        "Universal",
        "Zulu",
        "CET",
        "MET",
        "EET",
        "WET",
        "EST",
        "MST",
        "HST",
        "EST5EDT",
        "CST6CDT",
        "MST7MDT",
        "PST8PDT",
        "Factory",
        "localtime",
        "posixrules",
    ]
)


class Location(Frozen):
    """What the time zone tells about the place.

    Attributes:
        country: ISO 3166-1 alpha-2 code, or None.
        zone: name of the time zone, or None.
        found_in: ``"TZ"``, ``"/etc/timezone"``, ``"/etc/localtime"`` or empty.
        reason: one plain sentence on how the country was found, or why not.
    """

    __slots__ = ("country", "zone", "found_in", "reason")
    country: str | None
    zone: str | None
    found_in: str
    reason: str

    def __init__(self, country: str | None, zone: str | None, found_in: str, reason: str) -> None:
        self._fill(country=country, zone=zone, found_in=found_in, reason=reason)


def locate(environ: Mapping[str, str] | None = None, root: str = "/") -> Location:
    """Return the country of the machine's time zone.

    Args:
        environ: environment that may hold ``TZ``; None: the process's.
        root: folder that stands for ``/`` (tests, a mounted host).
    """
    zone, found_in = zone_name(environ, root)
    if zone is None:
        return Location(None, None, "", "the machine names no time zone")
    if _is_placeless(zone):
        reason = f"the time zone {zone} ({found_in}) belongs to no country"
        return Location(None, zone, found_in, reason)
    row = _tables.find(_tables.text("timezones.csv"), zone)
    if row is None:
        reason = f"the time zone {zone} ({found_in}) is not in the table"
        return Location(None, zone, found_in, reason)
    reason = f"guessed from the time zone {zone} ({found_in})"
    return Location(row[1], zone, found_in, reason)


def zone_name(environ: Mapping[str, str] | None = None, root: str = "/") -> tuple[str | None, str]:
    """Return the name of the time zone and where it was found.

    ``TZ`` first, then ``/etc/timezone``, then the target of ``/etc/localtime``.

    Args:
        environ: environment that may hold ``TZ``; None: the process's.
        root: folder that stands for ``/``.
    """
    environ = os.environ if environ is None else environ
    zone = _from_tz(environ.get("TZ"))
    if zone is not None:
        return zone, "TZ"
    zone = _from_timezone_file(os.path.join(root, "etc/timezone"))
    if zone is not None:
        return zone, "/etc/timezone"
    try:
        target = os.readlink(os.path.join(root, "etc/localtime"))
    except (OSError, ValueError):
        return None, ""
    zone = _below_zoneinfo(target)
    return (zone, "/etc/localtime") if zone else (None, "")


def _from_tz(value: str | None) -> str | None:
    """Return the zone in TZ; None for a POSIX string such as ``CET-1CEST``, which names none."""
    if value is None:
        return None
    value = value.strip().removeprefix(":")
    if not value:
        return "UTC"  # POSIX: an empty TZ means UTC
    if value.startswith("/"):
        return _below_zoneinfo(value)
    value = _strip_variant(value)
    if _is_placeless(value) or "/" in value:
        # "<+03>-3" and "AAA3BBB,M3.2.0/2" have slashes only behind digits or commas.
        head = value.split("/", 1)[0]
        posix = "," in head or "<" in head
        return None if posix else value
    # What is left has no slash: an old name ("Japan", "GB-Eire") or a POSIX string. A POSIX string
    # always has a digit and an old name never.
    return None if any(c.isdigit() or c in "<>,+" for c in value) else value


def _from_timezone_file(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            content = file.read(4096)
    except (OSError, ValueError):
        return None
    for line in content.splitlines():
        line = line.partition("#")[0].strip()
        if line:
            return _strip_variant(line)
    return None


def _below_zoneinfo(path: str) -> str | None:
    _, found, zone = path.partition("zoneinfo/")
    return _strip_variant(zone) if found and zone else None


def _strip_variant(zone: str) -> str:
    return zone.removeprefix("posix/").removeprefix("right/")


def _is_placeless(zone: str) -> bool:
    return zone in _PLACELESS or zone.startswith("Etc/")
