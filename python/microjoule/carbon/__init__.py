"""From joules to grams of CO2 equivalent: where the electricity comes from, and what it weighs.

Pure functions over dated tables; nothing of microjoule but `microjoule.config` is imported. No
socket is opened unless ``MICROJOULE_OFFLINE`` is 0, and then only by what asks a live provider:
`live`, `live_series` and `resolve`. How a figure comes about: ``docs/carbon.md``.
"""

from microjoule.carbon._footprint import JOULES_PER_KWH, Footprint, footprint
from microjoule.carbon._intensity import Intensity, intensity
from microjoule.carbon._kinds import require_same_kind, same_kind
from microjoule.carbon._mix import Mix, mix
from microjoule.carbon._resolve import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.carbon.providers import LiveSeries as LiveSeries
    from microjoule.carbon.providers import live as live
    from microjoule.carbon.providers import live_series as live_series

__all__ = [
    "JOULES_PER_KWH",
    "Footprint",
    "Intensity",
    "LiveSeries",
    "Mix",
    "footprint",
    "intensity",
    "live",
    "live_series",
    "mix",
    "require_same_kind",
    "resolve",
    "same_kind",
]


def __getattr__(name: str) -> object:
    if name in ("LiveSeries", "live", "live_series"):
        from microjoule.carbon import providers  # late: only who goes online pays for it

        return getattr(providers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
