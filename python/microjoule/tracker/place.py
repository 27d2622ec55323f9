"""Where a tracker's electricity comes from: arguments and settings to an intensity and its names.

Nothing is looked up on the network. What is unknown is the world mean and says so, never a clean
default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from microjoule import carbon
from microjoule.carbon import Intensity, places
from microjoule.tracker.log import logger

__all__ = ["Place", "offline_place", "online_place"]


class Place:
    """The columns of a row that tell the place, and the carbon intensity there.

    Attributes:
        country_name: English name; empty where unknown.
        country_iso_code: ISO 3166-1 alpha-3, or what was given; empty where nothing was.
        region: lower case; empty where none.
        cloud_provider: lower case; empty off cloud.
        cloud_region: as given; empty off cloud.
        intensity: what a kWh weighs, and where that comes from.
    """

    __slots__ = (
        "cloud_provider",
        "cloud_region",
        "country_iso_code",
        "country_name",
        "intensity",
        "region",
    )

    def __init__(
        self,
        intensity: Intensity,
        country_name: str = "",
        country_iso_code: str = "",
        region: str = "",
        cloud_provider: str = "",
        cloud_region: str = "",
    ) -> None:
        self.intensity = intensity
        self.country_name = country_name
        self.country_iso_code = country_iso_code
        self.region = region
        self.cloud_provider = cloud_provider
        self.cloud_region = cloud_region

    @property
    def on_cloud(self) -> str:
        """``Y`` or ``N``."""
        return "Y" if self.cloud_provider else "N"

    @property
    def kg_per_kwh(self) -> float:
        """The intensity in kg of CO2 equivalent per kWh."""
        return self.intensity.g_per_kwh / 1000


def forced_intensity(value: Any) -> Intensity | None:
    """The figure that overrides every table; None (with a warning) if it is none."""
    if value is None:
        return None
    try:
        figure = float(value)
    except (TypeError, ValueError):
        figure = math.nan
    if not 0 <= figure < math.inf or isinstance(value, bool):
        logger.warning(
            "force_carbon_intensity_g_co2e_kwh is %r and is left out: pass a number of 0 or more",
            value,
        )
        return None
    return carbon.intensity(figure)


def online_place(forced: Intensity | None) -> Place:
    """What the settings say, else the country of the time zone (a guess), else the world mean."""
    found = carbon.resolve()
    if found.guess:
        logger.warning(
            "The place is a guess: %s. Set MICROJOULE_COUNTRY, or use OfflineEmissionsTracker("
            "country_iso_code=…)",
            found.note or "the world mean stands in",
        )
    country = places.country_of(found.place)
    name, iso3 = country if country else ("", "")
    region = found.place.lower() if country and len(found.place) > 2 else ""
    return Place(forced or found, name, iso3, region)


def offline_place(settings: Mapping[str, Any], forced: Intensity | None) -> Place:
    """What the arguments of the offline tracker say."""
    provider = str(settings.get("cloud_provider") or "").lower()
    cloud_region = str(settings.get("cloud_region") or "")
    given = str(settings.get("country_iso_code") or "").strip()
    region = str(settings.get("region") or "").strip().lower()
    place = _country(given, region)
    if provider:
        place = _cloud(place, provider, cloud_region)
    if forced is not None:
        place.intensity = forced
    return place


def _country(given: str, region: str) -> Place:
    if not given:
        return Place(carbon.intensity("WORLD"), region=region)
    country = places.country_of(given)
    if country is None:
        iso = given.upper()
        logger.error("Does not support country with ISO code %s", iso)
        logger.warning("We do not have data for %s, using world average.", iso)
        return Place(carbon.intensity("WORLD"), "", iso, region)
    name, iso3 = country
    found = carbon.intensity(iso3)
    if region:
        finer = places.region_of(iso3, region)
        if finer is None:
            logger.error("Region: %s not found for Country with ISO CODE : %s", region, iso3)
        else:
            found = finer
    return Place(found, name, iso3, region)


def _cloud(place: Place, provider: str, region: str) -> Place:
    """The same place, seen from a cloud region."""
    place.cloud_provider = provider
    if not region:
        logger.error("cloud_provider is %s, but there is no cloud_region: pass both", provider)
        return place
    place.cloud_region = region
    try:
        found = carbon.intensity(f"{provider}:{region}")
    except ValueError as error:
        logger.error("Cloud region %s of %s: %s", region, provider, error)
        logger.warning("The figure of the country stands in for the cloud region")
        return place
    place.intensity = found
    country = places.country_of(found.place)
    if country:
        place.country_name, place.country_iso_code = country
    return place
