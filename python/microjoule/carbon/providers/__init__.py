"""Live carbon intensity from those who publish it, off unless ``MICROJOULE_OFFLINE`` is 0.

Importing it loads no network module; httpx and tenacity (``pip install 'microjoule[carbon]'``) are
loaded when a provider is asked. No provider learns where this machine is: the place is the one that
the settings or the time zone name. How it is asked: ``docs/carbon.md``.
"""

from microjoule.carbon.providers._live import LiveSeries, instead_of, live, live_series
from microjoule.carbon.providers._protocol import (
    Kind,
    MissingExtraError,
    NoZoneError,
    Provider,
    ProviderError,
    Reading,
    Slot,
)
from microjoule.carbon.providers.electricitymaps import ElectricityMaps
from microjoule.carbon.providers.ukcarbon import UKCarbon
from microjoule.carbon.providers.watttime import WattTime

__all__ = [
    "ElectricityMaps",
    "Kind",
    "LiveSeries",
    "MissingExtraError",
    "NoZoneError",
    "Provider",
    "ProviderError",
    "Reading",
    "Slot",
    "UKCarbon",
    "WattTime",
    "instead_of",
    "live",
    "live_series",
]
