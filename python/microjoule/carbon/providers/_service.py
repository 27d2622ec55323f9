"""What the three providers have in common: cache, cool-down, refusals, and which slot holds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any, ClassVar

from microjoule.carbon.providers import _cache
from microjoule.carbon.providers._ask import Question
from microjoule.carbon.providers._cache import Cache
from microjoule.carbon.providers._protocol import (
    Kind,
    MissingExtraError,
    ProviderError,
    Reading,
    Slot,
    Zone,
    figure,
    holding,
    in_order,
)
from microjoule.config import Secret

# How long an answer stands: grids are published every 5 to 60 minutes, and a past that has settled
# does not change.
_FRESH_S = 300.0
_SETTLED_AFTER_S = 7 * 86400.0
_SETTLED_FRESH_S = 90 * 86400.0
# Up to this age an answer stands in where no new one can be had.
_STALE_S = 7200.0

# A provider that failed is left alone for a while, twice as long each time.
_FIRST_PAUSE_S = 30.0
_LONGEST_PAUSE_S = 3600.0
_HISTORY_BUDGETS = 5
_LONGEST_BUDGET_S = 60.0

# Standard uncertainties (k = 1, relative), our estimates.
_ESTIMATED = 0.1
_STALE = 0.1
_ANOTHER_HOUR = 0.15
_ZONE_FOR_REGION = 0.1

# Questions that were refused for good, by the hash of what was asked and of who asked: a wrong
# token does not become right while this process runs.
_refused: dict[tuple[str, ...], ProviderError] = {}


def secret(given: Secret | str, what: str, variable: str) -> Secret:
    """Return what opens an account.

    Raises:
        ValueError: there is none, or none that can travel in a header of HTTP; it is never shown.
    """
    text = given.reveal() if isinstance(given, Secret) else given
    if not isinstance(text, str) or not text.strip() or not text.isprintable():
        raise ValueError(f"{what} is missing or not one line of text: pass it, or set {variable}")
    return Secret(text)


class Service:
    """A provider behind HTTP.

    Args:
        base_url: its address.
        budget_s: how long one answer may take, retries included; a history of several parts may
            take five times as long.
        cache_dir: folder of the cache; None: the user's cache folder; empty: no cache.
        identity: what tells one account from another; only its hash is kept.
    """

    name: str
    title: str
    licence: str
    kinds: tuple[Kind, ...]
    includes_losses: bool | None = None
    # The longest history that is asked for at once, and how old the newest figure may be.
    part_s: ClassVar[float]
    oldest_s: ClassVar[float]

    def __init__(
        self, base_url: str, *, budget_s: float, cache_dir: str | None, identity: str = ""
    ) -> None:
        number = isinstance(budget_s, int | float) and not isinstance(budget_s, bool)
        if not number or not 0 < budget_s <= _LONGEST_BUDGET_S:
            raise ValueError(f"budget_s is {budget_s!r}: pass seconds above 0, at most 60")
        self._base_url = base_url.rstrip("/")
        self._budget_s = budget_s
        self._cache = Cache(_cache.folder() if cache_dir is None else cache_dir or None)
        hashed = hashlib.sha256(identity.encode()).hexdigest() if identity else ""
        self._account = (self.name, self._base_url, hashed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base_url!r})"

    # -- what each provider says for itself --------------------------------------------------------

    def zone(self, where: str) -> Zone:
        """Return the provider's name of a place; NoZoneError: it has none."""
        raise NotImplementedError

    def _now(self, question: Question, zone: str, at: float, kind: Kind) -> list[Slot]:
        """Ask for the newest figures."""
        return self._part(question, zone, at - self.oldest_s, at + 1800, kind)

    def _part(
        self, question: Question, zone: str, start: float, end: float, kind: Kind
    ) -> list[Slot]:
        """Ask for a history of at most `part_s`."""
        raise NotImplementedError

    # -- the protocol ------------------------------------------------------------------------------

    def latest(self, where: str, at: float, kind: Kind) -> Reading:
        """Return the figure that holds at an instant; see `Provider.latest`."""
        zone = self.zone(where)
        if abs(time.time() - at) < 1800:
            reading = self._kept(
                ("now", zone.code, *kind),
                lambda question: self._now(question, zone.code, at, kind),
                zone,
                kind,
                self._budget_s,
                settled=False,
            )
        else:
            # Whole hours, so that the questions of one hour are one question.
            hour = at // 3600 * 3600
            reading = self._history_part(
                zone, hour - self.oldest_s, hour + 7200, kind, self._budget_s
            )
        slot = holding(reading.slots, at, self.oldest_s)
        parts, notes = list(reading.uncertainty_parts), [reading.note]
        if slot.estimated:
            parts.append(("estimated", _ESTIMATED))
            notes.append("an estimate or forecast, not yet a measurement")
        if slot.end_s <= at:
            parts.append(("another hour", _ANOTHER_HOUR))
            notes.append("the newest that there is")
        if zone.note:
            parts.append(("zone for region", _ZONE_FOR_REGION))
            notes.append(zone.note)
        return Reading((slot,), zone.code, kind, tuple(parts), "; ".join(filter(None, notes)))

    def history(self, where: str, start: float, end: float, kind: Kind) -> Reading:
        """Return the figures between two instants; see `Provider.history`."""
        zone = self.zone(where)
        slots: list[Slot] = []
        parts: dict[str, float] = {}
        notes: list[str] = []
        spent = time.monotonic() + _HISTORY_BUDGETS * self._budget_s
        at = start // 3600 * 3600
        while at < end:
            until = min(at + self.part_s, -(-end // 3600) * 3600)
            left_s = min(self._budget_s, max(0.1, spent - time.monotonic()))
            try:
                reading = self._history_part(zone, at, until, kind, left_s)
            except ProviderError as error:
                if isinstance(error, MissingExtraError) or not slots:
                    raise
                notes.append(f"it ends early: {self.title} {error}")
                break
            slots += reading.slots
            parts.update(reading.uncertainty_parts)
            notes.append(reading.note)
            at = until
        within = in_order(slot for slot in slots if slot.end_s > start and slot.start_s < end)
        estimated_s = sum(slot.end_s - slot.start_s for slot in within if slot.estimated)
        if estimated_s:
            covered_s = sum(slot.end_s - slot.start_s for slot in within)
            parts["estimated"] = _ESTIMATED * estimated_s / covered_s
        if zone.note:
            parts["zone for region"] = _ZONE_FOR_REGION
            notes.append(zone.note)
        sentences = dict.fromkeys(filter(None, notes))
        return Reading(within, zone.code, kind, tuple(parts.items()), "; ".join(sentences))

    def _history_part(
        self, zone: Zone, start: float, end: float, kind: Kind, budget_s: float
    ) -> Reading:
        return self._kept(
            ("history", zone.code, f"{start:.0f}", f"{end:.0f}", *kind),
            lambda question: self._part(question, zone.code, start, end, kind),
            zone,
            kind,
            budget_s,
            settled=end < time.time() - _SETTLED_AFTER_S,
        )

    # -- cache, cool-down, refusals ----------------------------------------------------------------

    def _kept(
        self,
        asked: tuple[str, ...],
        ask: Callable[[Question], list[Slot]],
        zone: Zone,
        kind: Kind,
        budget_s: float,
        *,
        settled: bool,
    ) -> Reading:
        """Return an answer from the cache while it is fresh, else from the provider."""
        key = (*self._account, *asked)
        kept = self._cached(key)
        if kept is not None and kept[1] <= (_SETTLED_FRESH_S if settled else _FRESH_S):
            return Reading(kept[0], zone.code, kind)
        try:
            slots = self._ask(key, ask, budget_s)
        except MissingExtraError:
            raise
        except ProviderError as error:
            if kept is None or kept[1] > _STALE_S:
                raise
            note = f"an answer of {kept[1] / 60:.0f} minutes ago, since {self.title} {error}"
            return Reading(kept[0], zone.code, kind, (("stale", _STALE),), note)
        self._cache.write({"stored_at_s": time.time(), "slots": slots}, *key)
        return Reading(slots, zone.code, kind)

    def _ask(
        self, key: tuple[str, ...], ask: Callable[[Question], list[Slot]], budget_s: float
    ) -> tuple[Slot, ...]:
        for asked in (self._account, key):
            if asked in _refused:
                raise ProviderError(str(_refused[asked]))
        pause_s = self._check_pause()
        question = Question(self._base_url, budget_s)
        try:
            slots = question.within_budget(ask)
        except ProviderError as error:
            if error.status == 401:
                _refused[self._account] = error
            elif error.status is not None and not error.again:
                _refused[key] = error
            else:
                self._pause(error, pause_s)
            raise
        if pause_s:
            self._cache.write({"until_s": 0.0, "pause_s": 0.0}, *self._account, "pause")
        return in_order(slots)

    def _check_pause(self) -> float:
        """Return how long the last pause was; ProviderError: it is not over."""
        record = self._cache.read(*self._account, "pause") or {}
        until_s, pause_s = record.get("until_s"), record.get("pause_s")
        if not isinstance(until_s, float) or not isinstance(pause_s, float):
            return 0.0
        left_s = until_s - time.time()
        # A clock that was set back must not make a pause of years.
        if 0 < left_s <= pause_s:
            raise ProviderError(f"failed a moment ago and is left alone for {left_s:.0f} s more")
        return pause_s if left_s > -_LONGEST_PAUSE_S else 0.0

    def _pause(self, error: ProviderError, last_s: float) -> None:
        pause_s = min(max(_FIRST_PAUSE_S, 2 * last_s), _LONGEST_PAUSE_S)
        if error.after_s is not None:
            pause_s = max(pause_s, error.after_s)
        record = {"until_s": time.time() + pause_s, "pause_s": pause_s}
        self._cache.write(record, *self._account, "pause")

    def _cached(self, key: tuple[str, ...]) -> tuple[tuple[Slot, ...], float] | None:
        """Return the slots of an answer on disk and its age in seconds; None: none, or broken."""
        record = self._cache.read(*key)
        if record is None:
            return None
        try:
            age_s = time.time() - float(record["stored_at_s"])  # type: ignore[arg-type]
            slots = in_order(_slot(raw) for raw in record["slots"])  # type: ignore[attr-defined]
        except (LookupError, TypeError, ValueError, ProviderError):
            return None
        return (slots, age_s) if age_s >= 0 else None


def _slot(raw: Any) -> Slot:
    start_s, end_s, g_per_kwh, estimated = raw
    known = figure(g_per_kwh)
    if known is None or not isinstance(estimated, bool):
        raise ValueError
    return Slot(float(start_s), float(end_s), float(known), estimated)
