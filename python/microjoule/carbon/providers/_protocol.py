"""What a live provider of carbon intensity is, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from microjoule.config import Frozen

# Lignite in an old plant gives some 1200 g/kWh; WattTime's marginal figures reach 1500.
_MOST_G_PER_KWH = 3000.0


class Kind(NamedTuple):
    """The four axes of a figure, as in `microjoule.carbon.Intensity`."""

    scope: str
    basis: str
    method: str
    accounting: str


class Slot(NamedTuple):
    """A stretch of time (unix seconds, UTC) and its figure in g/kWh."""

    start_s: float
    end_s: float
    g_per_kwh: float
    estimated: bool = False


class Zone(NamedTuple):
    """How a provider calls a place; ``note`` says where that is not quite the place asked for."""

    code: str
    note: str = ""


class Reading(Frozen):
    """What a provider knows: slots in time order, without overlap, of one zone and one kind.

    Attributes:
        slots: the figures; from `Provider.latest` exactly one.
        zone: the provider's own name of the place.
        kind: scope, basis, method and accounting.
        uncertainty_parts: what makes the figures less certain than the provider's best, ``(reason,
            relative)`` pairs, k = 1.
        note: a sentence on that, or empty.
    """

    __slots__ = ("slots", "zone", "kind", "uncertainty_parts", "note")
    slots: tuple[Slot, ...]
    zone: str
    kind: Kind
    uncertainty_parts: tuple[tuple[str, float], ...]
    note: str

    def __init__(
        self,
        slots: tuple[Slot, ...],
        zone: str,
        kind: Kind,
        uncertainty_parts: tuple[tuple[str, float], ...] = (),
        note: str = "",
    ) -> None:
        self._fill(
            slots=slots, zone=zone, kind=kind, uncertainty_parts=uncertainty_parts, note=note
        )


class ProviderError(Exception):
    """A provider that gave no figure: ``str()`` says why, and holds nothing secret.

    Attributes:
        status: status of the HTTP answer, where there was one.
        again: the same question may be answered a moment later.
        after_s: seconds after which it asked to come back.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        again: bool = False,
        after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.again = again
        self.after_s = after_s


class MissingExtraError(ProviderError):
    """The packages that ask over the network are not installed."""


class NoZoneError(ProviderError):
    """A place that the provider does not know."""


class Provider(Protocol):
    """A live provider of carbon intensity.

    Attributes:
        name: key of the provider in `Intensity.source` and in ``MICROJOULE_PROVIDERS``.
        title: its name in a sentence.
        licence: what its figures may be used for.
        kinds: what it gives, best first.
        includes_losses: whether the losses of the grid are in its figures; None where it does not
            say.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def kinds(self) -> tuple[Kind, ...]: ...

    @property
    def includes_losses(self) -> bool | None: ...

    def latest(self, where: str, at: float, kind: Kind) -> Reading:
        """Return the figure that holds at an instant.

        Args:
            where: ISO 3166-1 alpha-2 code, code of a region, or cloud region (``aws:eu-north-1``).
            at: unix seconds.
            kind: one of `kinds`.

        Raises:
            NoZoneError: it does not know the place.
            ProviderError: there is none.
        """
        ...

    def history(self, where: str, start: float, end: float, kind: Kind) -> Reading:
        """Return the figures between two instants (unix seconds), as far as there are any.

        Raises:
            NoZoneError: it does not know the place.
            ProviderError: there is none at all.
        """
        ...


def figure(raw: object, factor: float = 1.0) -> float | None:
    """Return a provider's figure in g/kWh, None for a null.

    Args:
        raw: what stood in the answer.
        factor: grams per kWh of the provider's unit.

    Raises:
        ProviderError: it is no figure.
    """
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise ProviderError("gave something that is no number as a figure")
    try:
        g_per_kwh = raw * factor
        possible = 0 <= g_per_kwh <= _MOST_G_PER_KWH
    except OverflowError:  # JSON has integers of any size
        possible = False
    if not possible:
        raise ProviderError("gave a figure that no grid can have")
    return g_per_kwh


def instant(raw: object) -> float:
    """Return an ISO 8601 time with offset as unix seconds.

    Raises:
        ProviderError: it is none.
    """
    try:
        when = datetime.fromisoformat(raw)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ProviderError("gave a time that cannot be read") from None
    if when.tzinfo is None:
        raise ProviderError("gave a time without its offset from UTC")
    return when.timestamp()


def in_order(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """Return slots in time order; of two with the same start the later one counts.

    Raises:
        ProviderError: there are none, or they overlap.
    """
    by_start = {slot.start_s: slot for slot in slots}
    ordered = tuple(by_start[start] for start in sorted(by_start))
    if not ordered:
        raise ProviderError("has no figure for that time")
    for slot, after in zip(ordered, (*ordered[1:], None), strict=True):
        bad = not slot.start_s < slot.end_s < math.inf
        if bad or (after is not None and slot.end_s > after.start_s):
            raise ProviderError("gave hours that overlap")
    return ordered


def holding(slots: tuple[Slot, ...], at: float, oldest_s: float) -> Slot:
    """Return the slot of an instant, else the last before it that is not too old.

    Raises:
        ProviderError: there is none.
    """
    before = [slot for slot in slots if slot.start_s <= at]
    if not before or at - before[-1].end_s > oldest_s:
        raise ProviderError("has no figure for that time")
    return before[-1]
