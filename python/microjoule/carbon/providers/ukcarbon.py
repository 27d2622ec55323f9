"""The GB Carbon Intensity API of the system operator (NESO): half-hours, no account."""

from __future__ import annotations

import time
from typing import Any

from microjoule.carbon.providers import _zones
from microjoule.carbon.providers._ask import Question
from microjoule.carbon.providers._protocol import (
    Kind,
    NoZoneError,
    ProviderError,
    Slot,
    Zone,
    figure,
    instant,
)
from microjoule.carbon.providers._service import Service


class UKCarbon(Service):
    """Asks the GB Carbon Intensity API.

    Its figures hold imports and the losses of the grid. A half-hour that is not over has a forecast
    only, and so has every region.

    Args:
        base_url: its address.
        budget_s: how long one answer may take, retries included.
        cache_dir: folder of the cache; None: the user's cache folder; empty: no cache.
    """

    name = "ukcarbon"
    title = "GB Carbon Intensity API"
    licence = "CC BY 4.0"
    kinds = (Kind("direct", "consumption", "average", "location"),)
    includes_losses = True
    part_s = 13 * 86400.0  # 14 days are allowed at once
    oldest_s = 3600.0

    def __init__(
        self,
        *,
        base_url: str = "https://api.carbonintensity.org.uk",
        budget_s: float = 6.0,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__(base_url, budget_s=budget_s, cache_dir=cache_dir)

    def zone(self, where: str) -> Zone:
        """Return the number of a region, empty for all of Great Britain."""
        found = _zones.uk(where)
        if found is None:
            raise NoZoneError("gives Great Britain only")
        return found

    def _part(
        self, question: Question, zone: str, start: float, end: float, kind: Kind
    ) -> list[Slot]:
        span = f"{_minute(start)}/{_minute(end)}"
        if not zone:
            answer: Any = question.get(f"/intensity/{span}")
            points = answer["data"]
        else:
            answer = question.get(f"/regional/intensity/{span}/regionid/{zone}")
            # An object in practice, a list of one in the definition.
            region = answer["data"][0] if isinstance(answer["data"], list) else answer["data"]
            if str(region["regionid"]) != zone:
                raise ProviderError(f"answered for another region than {zone}")
            points = region["data"]
        return _slots(points)


def _slots(points: Any) -> list[Slot]:
    slots = []
    for point in points:
        actual = figure(point["intensity"].get("actual"))
        g_per_kwh = figure(point["intensity"]["forecast"]) if actual is None else actual
        if g_per_kwh is not None:
            start_s, end_s = instant(point["from"]), instant(point["to"])
            slots.append(Slot(start_s, end_s, g_per_kwh, estimated=actual is None))
    return slots


def _minute(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(at))
