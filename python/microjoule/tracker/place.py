"""Where a tracker's electricity comes from: arguments and settings to an intensity and its names.

Nothing is looked up on the network unless ``MICROJOULE_OFFLINE`` is 0. What is unknown is the world
mean and says so, never a clean default.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Mapping

from microjoule import carbon, config
from microjoule.carbon import Intensity
from microjoule.tracker.live import Live
from microjoule.tracker.log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Place", "offline_place", "online_place"]


class Place:
    """The columns of a row that tell the place, and the carbon intensity there.

    Attributes:
        country_name: English name; empty where unknown.
        country_iso_code: ISO 3166-1 alpha-3, or what was given; empty where nothing was.
        region: lower case; empty where none.
        cloud_provider: lower case; empty off cloud.
        cloud_region: as given; empty off cloud.
        stands: what a kWh weighs by the tables, or by whom the user names.
        live: who asks a live provider; None: nobody does.
    """

    __slots__ = (
        "cloud_provider",
        "cloud_region",
        "country_iso_code",
        "country_name",
        "live",
        "region",
        "stands",
    )

    def __init__(
        self,
        stands: Intensity,
        country_name: str = "",
        country_iso_code: str = "",
        region: str = "",
        cloud_provider: str = "",
        cloud_region: str = "",
    ) -> None:
        self.stands = stands
        self.country_name = country_name
        self.country_iso_code = country_iso_code
        self.region = region
        self.cloud_provider = cloud_provider
        self.cloud_region = cloud_region
        self.live: Live | None = None

    @property
    def intensity(self) -> Intensity:
        """What a kWh weighs now, and where that comes from."""
        return self.stands if self.live is None else self.live.now()

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


def online_place(settings: Mapping[str, Any], forced: Intensity | None) -> Place:
    """What the settings say, else the country of the time zone (a guess), else the world mean."""
    found = carbon.resolve(environ={**os.environ, "MICROJOULE_OFFLINE": "1"})
    if found.guess:
        # The world mean's own note says what to set.
        way = "" if found.rung == "world mean" else "set MICROJOULE_COUNTRY "
        logger.warning(
            "The place is a guess: %s; %sor use OfflineEmissionsTracker(country_iso_code=…)",
            found.note,
            way,
        )
    country = carbon.country_of(found.place)
    name, iso3 = country if country else ("", "")
    region = found.place.lower() if country and len(found.place) > 2 else ""
    place = Place(forced or found, name, iso3, region)
    if forced is None and _may_ask(settings):
        environ = _with_token(settings)
        place.live = Live(lambda: carbon.resolve(environ=environ), found)
    return place


def offline_place(settings: Mapping[str, Any], forced: Intensity | None) -> Place:
    """What the arguments of the offline tracker say; with a token, Electricity Maps about them."""
    provider = str(settings.get("cloud_provider") or "").lower()
    cloud_region = str(settings.get("cloud_region") or "")
    given = str(settings.get("country_iso_code") or "").strip()
    region = str(settings.get("region") or "").strip().lower()
    place = _country(given, region)
    if provider:
        place = _cloud(place, provider, cloud_region)
    if forced is not None:
        place.stands = forced
    elif settings["electricitymaps_api_token"] and _may_ask(settings):
        environ = _with_token(settings)
        where = str(settings.get("country_2letter_iso_code") or "").upper() or place.stands.place
        place.live = Live(
            lambda: carbon.live(where, providers=["electricitymaps"], environ=environ), place.stands
        )
    return place


def _may_ask(settings: Mapping[str, Any]) -> bool:
    """Whether a live provider may be asked; a token without that is warned of."""
    if not config.get("offline").value:
        return True
    if settings["electricitymaps_api_token"]:
        logger.warning(
            "There is a token for Electricity Maps, and nothing leaves the machine: set "
            "MICROJOULE_OFFLINE=0 to let it be asked"
        )
    return False


def _with_token(settings: Mapping[str, Any]) -> Mapping[str, str]:
    token = settings["electricitymaps_api_token"]
    return {**os.environ, "MICROJOULE_ELECTRICITYMAPS_TOKEN": str(token)} if token else os.environ


def _country(given: str, region: str) -> Place:
    if not given:
        return Place(_look_up("WORLD")[0], region=region)
    found, name, iso3 = _look_up(given)
    if not iso3:
        iso = given.upper()
        logger.error("Does not support country with ISO code %s", iso)
        logger.warning("We do not have data for %s, using world average.", iso)
        return Place(found, "", iso, region)
    if region:
        finer = _look_up_region(iso3, region)
        if finer is None:
            logger.error("Region: %s not found for Country with ISO CODE : %s", region, iso3)
        else:
            found = finer
    return Place(found, name, iso3, region)


# The tables are read anew at each look-up, and programs make a tracker a call or a request.
@functools.lru_cache(maxsize=64)
def _look_up(given: str) -> tuple[Intensity, str, str]:
    """Intensity, name and alpha-3 code of a country; the world without these two if unknown."""
    country = carbon.country_of(given)
    if country is None:
        return carbon.intensity("WORLD"), "", ""
    return carbon.intensity(country[1]), *country


@functools.lru_cache(maxsize=64)
def _look_up_region(country: str, region: str) -> Intensity | None:
    code = carbon.region_in(country, region)
    return None if code is None else carbon.intensity(code)


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
    place.stands = found
    country = carbon.country_of(found.place)
    if country:
        place.country_name, place.country_iso_code = country
    return place
