"""From joules to grams of CO2 equivalent: where the electricity comes from, and what it weighs.

Pure functions over dated tables; nothing of microjoule but `microjoule.config` is imported. No
socket is opened unless ``MICROJOULE_OFFLINE`` is 0, and then only by what asks a live provider:
`live`, `live_series`, `resolve`, and `Series.from_live`, which is what `here` gives then. How a
figure comes about: ``docs/carbon.md``.
"""

from microjoule.carbon._figure import Intensity
from microjoule.carbon._intensity import intensity
from microjoule.carbon._kinds import require_same_kind, same_kind
from microjoule.carbon._resolve import here, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.carbon._codes import country_of as country_of
    from microjoule.carbon._codes import listed as listed
    from microjoule.carbon._codes import region_in as region_in
    from microjoule.carbon._embodied import Embodied as Embodied
    from microjoule.carbon._embodied import embodied as embodied
    from microjoule.carbon._equivalents import Equivalent as Equivalent
    from microjoule.carbon._equivalents import equivalents as equivalents
    from microjoule.carbon._facility import Factor as Factor
    from microjoule.carbon._facility import pue_default as pue_default
    from microjoule.carbon._facility import pue_of as pue_of
    from microjoule.carbon._facility import wue_of as wue_of
    from microjoule.carbon._footprint import JOULES_PER_KWH as JOULES_PER_KWH
    from microjoule.carbon._footprint import Footprint as Footprint
    from microjoule.carbon._footprint import footprint as footprint
    from microjoule.carbon._mix import Mix as Mix
    from microjoule.carbon._mix import mix as mix
    from microjoule.carbon._price import Cost as Cost
    from microjoule.carbon._price import Prices as Prices
    from microjoule.carbon._price import cost as cost
    from microjoule.carbon._reported import Reported as Reported
    from microjoule.carbon._reported import reported_models as reported_models
    from microjoule.carbon._series import Series as Series
    from microjoule.carbon._total import Total as Total
    from microjoule.carbon._total import total as total
    from microjoule.carbon._water import Water as Water
    from microjoule.carbon.providers import LiveSeries as LiveSeries
    from microjoule.carbon.providers import live as live
    from microjoule.carbon.providers import live_series as live_series

__all__ = [
    "Cost",
    "Embodied",
    "Equivalent",
    "Factor",
    "Footprint",
    "Intensity",
    "JOULES_PER_KWH",
    "LiveSeries",
    "Mix",
    "Prices",
    "Reported",
    "Series",
    "Total",
    "Water",
    "cost",
    "country_of",
    "embodied",
    "equivalents",
    "footprint",
    "here",
    "intensity",
    "listed",
    "live",
    "live_series",
    "mix",
    "pue_default",
    "pue_of",
    "region_in",
    "reported_models",
    "require_same_kind",
    "resolve",
    "same_kind",
    "total",
    "wue_of",
]

# A look-up in a table needs none of these: they are loaded when they are first used.
_HOME = {
    "Cost": "_price",
    "Embodied": "_embodied",
    "Equivalent": "_equivalents",
    "Factor": "_facility",
    "Footprint": "_footprint",
    "JOULES_PER_KWH": "_footprint",
    "LiveSeries": "providers",
    "Mix": "_mix",
    "Prices": "_price",
    "Reported": "_reported",
    "Series": "_series",
    "Total": "_total",
    "Water": "_water",
    "cost": "_price",
    "country_of": "_codes",
    "embodied": "_embodied",
    "equivalents": "_equivalents",
    "footprint": "_footprint",
    "listed": "_codes",
    "live": "providers",
    "live_series": "providers",
    "mix": "_mix",
    "pue_default": "_facility",
    "pue_of": "_facility",
    "region_in": "_codes",
    "reported_models": "_reported",
    "total": "_total",
    "wue_of": "_facility",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'microjoule.carbon' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"microjoule.carbon.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
