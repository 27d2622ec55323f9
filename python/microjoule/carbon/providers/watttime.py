"""WattTime, API v3: hourly averages of what is generated, and the marginal plant."""

from __future__ import annotations

import time
from typing import Any

from microjoule.carbon import _tables
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

# One pound (0.45359237 kg, exactly) a megawatt-hour, in g/kWh.
_G_PER_KWH = 0.45359237
_UNIT = "lbs_co2_per_mwh"
_AVERAGE = Kind("direct", "production", "average", "location")
_MARGINAL = Kind("direct", "production", "marginal", "location")
_SIGNALS = {_AVERAGE: "co2_aoer", _MARGINAL: "co2_moer"}
# A login holds for 30 minutes; by account, since a provider object may be short-lived.
_LOGIN_S = 25 * 60.0
_logins: dict[tuple[str, ...], tuple[str, float]] = {}


class WattTime(Service):
    """Asks WattTime.

    Args:
        user: name of an account; a free one has northern California and the marginal signal.
        password: its password.
        base_url: its address.
        budget_s: how long one answer may take, login and retries included.
        cache_dir: folder of the cache; None: the user's cache folder; empty: no cache.
    """

    name = "watttime"
    title = "WattTime"
    licence = "terms of service of WattTime"
    kinds = (_AVERAGE, _MARGINAL)
    part_s = 31 * 86400.0  # 32 days are allowed at once
    oldest_s = 3 * 86400.0  # averages are published within 72 hours

    def __init__(
        self,
        user: str,
        password: Secret | str,
        *,
        base_url: str = "https://api.watttime.org",
        budget_s: float = 6.0,
        cache_dir: str | None = None,
    ) -> None:
        self._user = secret(user, "the user of WattTime", "MICROJOULE_WATTTIME_USER").reveal()
        variable = "MICROJOULE_WATTTIME_PASSWORD"
        self._password = secret(password, "the password of WattTime", variable)
        identity = f"{user}\0{self._password.reveal()}"
        super().__init__(base_url, budget_s=budget_s, cache_dir=cache_dir, identity=identity)

    def zone(self, where: str) -> Zone:
        """Return the grid region of a place."""
        row = _tables.find(_tables.text("countries.csv"), where)
        found = _zones.watttime(where, row[1] if row else "")
        if found is None:
            raise NoZoneError(f"has no region for {where}")
        return found

    def _part(
        self, question: Question, zone: str, start: float, end: float, kind: Kind
    ) -> list[Slot]:
        params = {
            "region": zone,
            "signal_type": _SIGNALS[kind],
            "start": _iso(start),
            "end": _iso(end),
        }
        try:
            answer = question.get("/v3/historical", params, headers=self._login(question))
        except ProviderError as error:
            if error.status != 401:
                raise
            _logins.pop(self._account, None)  # it ended early: once more
            answer = question.get("/v3/historical", params, headers=self._login(question))
        return _slots(answer, zone, _SIGNALS[kind])

    def _login(self, question: Question) -> dict[str, str]:
        bearer, until_s = _logins.get(self._account, ("", 0.0))
        if time.monotonic() >= until_s:
            auth = (self._user, self._password.reveal())
            answer: Any = question.get("/login", auth=auth)
            bearer = answer["token"]
            if not isinstance(bearer, str) or not bearer.isascii() or not bearer.isprintable():
                raise ProviderError("gave a login that is not in its documented shape")
            _logins[self._account] = (bearer, time.monotonic() + _LOGIN_S)
        return {"authorization": f"Bearer {bearer}"}


def _slots(answer: Any, zone: str, signal: str) -> list[Slot]:
    meta = answer["meta"]
    if meta["region"] != zone or meta["signal_type"] != signal:
        raise ProviderError(f"answered for another region or signal than {zone}, {signal}")
    if meta["units"] != _UNIT:
        raise ProviderError(f"answered in another unit than {_UNIT}")
    length_s = float(meta["data_point_period_seconds"])
    slots = []
    for point in answer["data"]:
        g_per_kwh = figure(point["value"], _G_PER_KWH)
        if g_per_kwh is not None:
            start_s = instant(point["point_time"])
            slots.append(Slot(start_s, start_s + length_s, g_per_kwh))
    return slots


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
