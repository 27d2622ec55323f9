"""Electricity Maps, API v3: the average mix of what is consumed, hour by hour, worldwide."""

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
from microjoule.carbon.providers._service import Service, secret
from microjoule.config import Secret

_HOUR_S = 3600.0


class ElectricityMaps(Service):
    """Asks Electricity Maps.

    Args:
        token: of an account; the free one has one zone and the last 24 hours.
        base_url: its address.
        budget_s: how long one answer may take, retries included.
        cache_dir: folder of the cache; None: the user's cache folder; empty: no cache.
    """

    name = "electricitymaps"
    title = "Electricity Maps"
    licence = "terms of service of Electricity Maps"
    kinds = (
        Kind("lifecycle", "consumption", "average", "location"),
        Kind("direct", "consumption", "average", "location"),
    )
    part_s = 10 * 86400.0  # what past-range gives at once, hour by hour
    oldest_s = 6 * _HOUR_S

    def __init__(
        self,
        token: Secret | str,
        *,
        base_url: str = "https://api.electricitymaps.com/v3",
        budget_s: float = 6.0,
        cache_dir: str | None = None,
    ) -> None:
        variable = "MICROJOULE_ELECTRICITYMAPS_TOKEN"
        self._token = secret(token, "the token of Electricity Maps", variable)
        super().__init__(
            base_url, budget_s=budget_s, cache_dir=cache_dir, identity=self._token.reveal()
        )

    def zone(self, where: str) -> Zone:
        """Return the zone of a place."""
        found = _zones.electricity_maps(where)
        if found is None:
            raise NoZoneError(f"has no zone for {where}")
        return found

    def _now(self, question: Question, zone: str, at: float, kind: Kind) -> list[Slot]:
        answer = self._get(question, "latest", zone, kind)
        return _slots([answer])

    def _part(
        self, question: Question, zone: str, start: float, end: float, kind: Kind
    ) -> list[Slot]:
        # The last 24 hours are free of charge, and stand under an address of their own.
        if start >= time.time() - 24 * _HOUR_S:
            answer = self._get(question, "history", zone, kind)
            points = answer["history"]
        else:
            answer = self._get(question, "past-range", zone, kind, start=_iso(start), end=_iso(end))
            points = answer["data"]
        return [slot for slot in _slots(points) if start <= slot.start_s < end]

    def _get(
        self, question: Question, what: str, zone: str, kind: Kind, **more: str
    ) -> dict[str, object]:
        answer = question.get(
            f"/carbon-intensity/{what}",
            {
                **_place(zone),
                **more,
                "emissionFactorType": kind.scope,
                "temporalGranularity": "hourly",
                # Without it an unknown zone is answered with that of the caller's address.
                "shouldUseFallbackCallerLookup": "false",
            },
            headers={"auth-token": self._token.reveal()},
        )
        if not isinstance(answer, dict):
            raise ProviderError("gave an answer that is not in its documented shape")
        if "zone" in _place(zone) and answer.get("zone") != zone:
            raise ProviderError(f"answered for another zone than {zone}")
        return answer


def _slots(points: Any) -> list[Slot]:
    """Return the points that have a figure; one is labelled by the start of its hour."""
    slots = []
    for point in points:
        g_per_kwh = figure(point["carbonIntensity"])
        if g_per_kwh is not None:
            start_s = instant(point["datetime"])
            estimated = point.get("isEstimated") is True
            slots.append(Slot(start_s, start_s + _HOUR_S, g_per_kwh, estimated))
    return slots


def _place(zone: str) -> dict[str, str]:
    provider, colon, region = zone.partition(":")
    if colon:
        return {"dataCenterProvider": provider, "dataCenterRegion": region}
    return {"zone": zone}


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
