"""Names and codes of countries and regions, as other systems write them."""

from __future__ import annotations

import functools
import unicodedata

from microjoule.carbon import _tables
from microjoule.carbon._codes import WORLD, country_code
from microjoule.carbon._intensity import Intensity, of_region

__all__ = ["country_of", "region_of"]


@functools.lru_cache(maxsize=256)
def country_of(place: str) -> tuple[str, str] | None:
    """The English name and the ISO 3166-1 alpha-3 code of a country, or of a (cloud) region's.

    Args:
        place: alpha-2 or alpha-3 code in any case, English name, or the code of a region or cloud
            region.

    Returns:
        None for what is neither, and for the world.
    """
    code = country_code(place)
    if code is None:
        for table in ("regions.csv", "cloud_regions.csv"):
            for row in _tables.rows(_tables.text(table)):
                if row[0].casefold() == place.strip().casefold():
                    code = row[1]
    if code is None or code == WORLD:
        return None
    for table in ("countries.csv", "territories.csv"):
        found = _tables.find(_tables.text(table), code)
        if found is not None:
            return found[2], found[1]
    return None


@functools.lru_cache(maxsize=256)
def region_of(country: str, region: str) -> Intensity | None:
    """The intensity of a region of a country, by its code or its name.

    Args:
        country: code or name of the country.
        region: ``US-CA``, ``CA``, ``california``, ``SE3`` or the like; accents and case do not
            matter.
    """
    iso2 = country_code(country)
    wanted = _plain(region)
    for row in _tables.rows(_tables.text("regions.csv")):
        code, of, name = row[0], row[1], row[2]
        if of != iso2:
            continue
        words = {_plain(code), _plain(code.removeprefix(f"{iso2}-")), _plain(name)}
        if wanted in words or wanted == _plain(name.partition("(")[0]):
            return of_region(code)
    return None


def _plain(text: str) -> str:
    marks = unicodedata.normalize("NFKD", text.strip().casefold().replace("_", " "))
    return "".join(c for c in marks if not unicodedata.combining(c)).strip()
