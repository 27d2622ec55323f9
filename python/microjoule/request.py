"""What one request took: its share of the energy that flowed while it was there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from types import TracebackType

from microjoule import _core
from microjoule.result import Result

__all__ = ["Request"]

_SCHEMA = 1
# Names of phases that a request may have; what comes after them is "other".
_MOST_PHASES = _core.PHASES - 1
_OUTCOMES = ("completed", "failed", "cancelled", "retried", "rejected")


class Request(Result):
    """The energy of one request among concurrent ones.

    At each instant a device's energy is split among those who are active on it, by weight; a
    request has the sum of its parts. All requests of a meter and what is nobody's add up to the
    energy that flowed (`Meter.books`).

    It comes from `request` or `end_request`, which never wait. Reading a figure of one that has not
    settled yet waits for it, at most one second in all; then the best value so far comes, with
    ``settled`` False. While it is open the figures are those so far.

    All uncertainties are standard uncertainties (GUM, k=1).
    """

    __slots__ = ("_in_phase", "_input", "_outcome", "_output", "_phases", "_weight")

    _figures: _core.RequestFigures
    _phases: dict[str, int]
    _in_phase: int
    _weight: float
    _outcome: str
    _input: int
    _output: int

    # -- while it runs ------------------------------------------------------------------------

    @property
    def weight(self) -> float:
        """Its weight beside the others: 0 while it waits, else from 1e-6 to 1e6.

        Setting it counts from now on; after the end it changes nothing.

        Raises:
            ValueError: It is no such number.
        """
        return getattr(self, "_weight", 1.0)

    @weight.setter
    def weight(self, weight: float) -> None:
        try:
            _core.weigh(self, weight)
        except TypeError:
            raise ValueError(
                f"weight is {weight!r}: pass 0, or a number from 1e-6 to 1e6"
            ) from None
        self._weight = weight

    def phase(self, name: str) -> _Phase:
        """A sub-account, like ``"prefill"``: from now on, or for a block as a context manager.

        After a block the phase from before it goes on. The first eight names of a request have an
        account each; what comes after them, and the time outside of any phase, is ``other``.

        Raises:
            ValueError: The name is no text.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"phase is {name!r}: pass a name, like 'prefill'")
        if not hasattr(self, "_phases"):
            self._phases = {}
            self._in_phase = 0
        number = self._phases.get(name)
        if number is None and name != "other" and len(self._phases) < _MOST_PHASES:
            number = self._phases[name] = len(self._phases) + 1
        before = self._in_phase
        self._enter(number or 0)
        return _Phase(self, before)

    def idle(self) -> None:
        """Takes it out of the split: it waits for a client or a lock. After the end: nothing."""
        _core.set_idle(self, True)

    def active(self) -> None:
        """Takes it back in."""
        _core.set_idle(self, False)

    def tokens(self, *, input: int | None = None, output: int | None = None) -> None:
        """Notes how many tokens it read and wrote, for `energy_per_token_j`.

        Raises:
            ValueError: A number is below 0 or no whole number.
        """
        for name, count in (("input", input), ("output", output)):
            if count is None:
                continue
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise ValueError(f"{name} is {count!r}: pass a number of tokens, 0 or more")
            setattr(self, f"_{name}", count)

    def mark(self, outcome: str) -> None:
        """Notes how it went: anything but ``completed`` makes its energy a waste.

        An exception in a ``with`` block marks it ``failed``, a cancelled task ``cancelled``.

        Raises:
            ValueError: The outcome is none of completed, failed, cancelled, retried, rejected.
        """
        if outcome not in _OUTCOMES:
            raise ValueError(f"outcome is {outcome!r}: pass one of {', '.join(_OUTCOMES)}")
        self._outcome = outcome

    # -- what it is ---------------------------------------------------------------------------

    @property
    def outcome(self) -> str:
        """``completed``, ``failed``, ``cancelled``, ``retried`` or ``rejected``."""
        return getattr(self, "_outcome", "completed")

    @property
    def scope(self) -> str:
        """Who was in the split: ``process``, the requests of this process."""
        return "process"

    @property
    def boundary(self) -> str:
        """What its energy holds: ``accelerator`` where only GPUs are in it, else ``host``."""
        kinds = {info.kind for info, _ in self._counted()}
        return "accelerator" if kinds == {"gpu"} else "host"

    # -- how much -----------------------------------------------------------------------------

    @property
    def by_sensor(self) -> dict[str, float]:
        """Joules by sensor id, of those that it takes part in."""
        return {info.id: own.energy for info, own in self._portions()}

    @property
    def by_phase(self) -> dict[str, float]:
        """Joules by phase in the order of their first use, ``other`` last; they add up."""
        sums = [0.0] * _core.PHASES
        for info, own in self._portions():
            if info.counted:
                sums = [a + b for a, b in zip(sums, own.by_phase, strict=True)]
        named = {name: sums[number] for name, number in getattr(self, "_phases", {}).items()}
        return named | {"other": sums[0]}

    @property
    def share(self) -> dict[str, float]:
        """Its mean share of each sensor over time, 0 to 1, by sensor id."""
        return {info.id: own.share for info, own in self._portions()}

    @property
    def wasted_j(self) -> float:
        """Its joules if it did not complete, else 0."""
        return 0.0 if self.outcome == "completed" else self.energy_j

    @property
    def input_tokens(self) -> int | None:
        """Tokens that it read, where `tokens` was told."""
        return getattr(self, "_input", None)

    @property
    def output_tokens(self) -> int | None:
        """Tokens that it wrote, where `tokens` was told."""
        return getattr(self, "_output", None)

    @property
    def energy_per_token_j(self) -> float:
        """Joules for each token that it wrote; NaN where none was told."""
        return self.energy_j / self.output_tokens if self.output_tokens else math.nan

    def _items(self) -> Iterable[tuple[str, object]]:
        return {
            "schema": _SCHEMA,
            "label": self.label,
            "outcome": self.outcome,
            "started_at": self.started_at,
            "duration_s": self.duration_s,
            "weight": self.weight,
            "energy_j": self.energy_j,
            "energy_kwh": self.energy_kwh,
            "by_sensor": self.by_sensor,
            "by_kind": self.by_kind,
            "by_phase": self.by_phase,
            "share": self.share,
            "power_w": self.power_w,
            "wasted_j": self.wasted_j,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "energy_per_token_j": self.energy_per_token_j,
            "uncertainty_j": self.uncertainty_j,
            "uncertainty_parts": self.uncertainty_parts,
            "quality": self.quality,
            "reason": self.reason,
            "scope": self.scope,
            "boundary": self.boundary,
            "co2e_g": self.co2e_g,
            "settled": self.settled,
        }.items()

    # -- inside -------------------------------------------------------------------------------

    def _enter(self, number: int) -> None:
        self._in_phase = number
        _core.enter_phase(self, number)

    def _now(self) -> _core.RequestFigures:
        figures: _core.RequestFigures = self._read(_core.request_figures)
        return figures

    def _portions(self) -> list[tuple[_core.SensorInfo, _core.PortionFigures]]:
        pairs = zip(_core.sensors_of(self), self._now().sensors, strict=True)
        return [(info, own) for info, own in pairs if own.counted_in]

    def _pairs(self) -> list[tuple[_core.SensorInfo, _core.SensorFigures]]:
        return [(info, own) for info, own in self._portions()]

    def _course(self) -> tuple[Sequence[int], Sequence[float]]:
        from microjoule import wall

        figures = self._now()
        return [wall.unix_ns(figures.start_ns), wall.unix_ns(figures.end_ns)], [0.0, self.energy_j]

    def _own_remarks(self) -> list[str]:
        if not self._now().forsaken:
            return []
        return ["The process was forked meanwhile: what it took since then is its parent's."]


class _Phase:
    """A phase that has been entered; the one before it goes on at the end of a block."""

    __slots__ = ("_before", "_request")

    def __init__(self, request: Request, before: int) -> None:
        self._request = request
        self._before = before

    def __enter__(self) -> Request:
        """The request itself."""
        return self._request

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Goes back to the phase before."""
        self._request._enter(self._before)
