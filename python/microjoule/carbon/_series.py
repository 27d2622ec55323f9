"""A carbon intensity that changes over time, and what an energy met of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from microjoule.carbon import _check
from microjoule.carbon._figure import Intensity
from microjoule.carbon._kinds import AXES, checked_axes
from microjoule.carbon._slots import NS, Called, Met, Slots, meet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.carbon.providers import Provider

_REPORTING = 0.05  # as of any figure that somebody published
_COLUMNS = (
    "g_per_kwh",
    "gco2",
    "carbon_intensity",
    "carbonintensity",
    "carbon intensity",
    "intensity",
)


class Series:
    """Carbon intensity by slots of wall-clock time: made by one of the ``from_`` methods.

    A slot runs from its start up to its end; what no slot covers is a gap, for which another
    intensity stands in. Times are UTC; wall-clock time is mapped to the meter's clock once, so a
    later step of the clock moves nothing.

    Attributes:
        name: what it is called in results.
        scope, basis, method, accounting: its kind, as in `Intensity`; ``"unknown"`` where nobody
            said.
        includes_losses: whether losses on the way are in its values; None: nobody said.
        uncertainty_rel: standard uncertainty (k = 1) of its values, relative.
    """

    __slots__ = (
        "_origin",
        "_slots",
        "accounting",
        "basis",
        "includes_losses",
        "method",
        "name",
        "scope",
        "uncertainty_rel",
    )

    def __init__(
        self,
        slots: Slots | Called,
        name: str,
        axes: tuple[str | None, str | None, str | None, str | None],
        includes_losses: bool | None,
        uncertainty_rel: float,
    ) -> None:
        kind = checked_axes(**dict(zip(AXES, axes, strict=True)))
        self.scope, self.basis, self.method, self.accounting = (
            kind.get(axis, "unknown") for axis in AXES
        )
        sentence = "pass a relative standard uncertainty of 0 or more, such as 0.05"
        self.uncertainty_rel = _check.at_least("uncertainty_rel", uncertainty_rel, 0.0, sentence)
        self.includes_losses = includes_losses
        self.name = name
        self._slots = slots
        # Whose figures they are, where a provider gave them.
        self._origin: Intensity | None = None

    @classmethod
    def from_csv(
        cls,
        path: str,
        *,
        name: str | None = None,
        scope: str | None = None,
        basis: str | None = None,
        method: str | None = None,
        accounting: str | None = None,
        includes_losses: bool | None = None,
        uncertainty_rel: float = _REPORTING,
    ) -> Series:
        """Read a series from a CSV file with the columns start, end and g_per_kwh.

        Each row is labelled by the start of its slot, ISO 8601, UTC unless an offset is given.
        Without a column ``end`` the slots, the last one included, are as long as the shortest step
        between two rows. A longer step, and an empty cell, is a gap.

        Raises:
            ValueError: the file cannot be read, or a row is negative, no number, out of order,
                there twice, over another, or in another time zone; the line is named.
        """
        from microjoule.carbon import _slots_csv  # late: datetime and csv are not for everyone

        rows = _slots_csv.read(str(path), _COLUMNS, "grams of CO2e per kWh")
        slots = Slots(rows, str(path))
        axes = (scope, basis, method, accounting)
        return cls(slots, name or str(path), axes, includes_losses, uncertainty_rel)

    @classmethod
    def from_slots(
        cls,
        slots: Iterable[tuple[float, float, float]],
        *,
        name: str = "series",
        scope: str | None = None,
        basis: str | None = None,
        method: str | None = None,
        accounting: str | None = None,
        includes_losses: bool | None = None,
        uncertainty_rel: float = _REPORTING,
    ) -> Series:
        """Make a series of (start, end, value): Unix seconds twice and g/kWh.

        Raises:
            ValueError: as in `from_csv`; the slot is named by its number, from 1.
        """
        rows = [(f"slot {i}", *_slot(name, i, slot)) for i, slot in enumerate(slots, 1)]
        axes = (scope, basis, method, accounting)
        return cls(Slots(rows, name), name, axes, includes_losses, uncertainty_rel)

    @classmethod
    def from_callable(
        cls,
        function: Callable[[float], float | None],
        *,
        step_s: float = 300.0,
        name: str | None = None,
        scope: str | None = None,
        basis: str | None = None,
        method: str | None = None,
        accounting: str | None = None,
        includes_losses: bool | None = None,
        uncertainty_rel: float = _REPORTING,
    ) -> Series:
        """Make a series of a function: Unix seconds in, g/kWh out, None where it has no value.

        It is asked for the start of each slot, once, when figures are read, never while measuring.
        What it raises, and a negative answer, leaves a gap.

        Args:
            function: the function.
            step_s: length of a slot in seconds, 1 or more; slots begin at multiples of it.
            name: what it is called in results; None: the function's name.
            scope: its kind, with the next three axes.
            basis: see ``scope``.
            method: see ``scope``.
            accounting: see ``scope``.
            includes_losses: whether losses on the way are in it.
            uncertainty_rel: standard uncertainty of its values, relative.
        """
        if not callable(function):
            raise ValueError(f"{function!r} is no function: pass one of Unix seconds to g/kWh")
        number = isinstance(step_s, int | float) and not isinstance(step_s, bool)
        if not number or not 1 <= step_s <= 366 * 86_400:
            raise ValueError(f"step_s is {step_s!r}: pass the length of a slot in seconds, from 1")
        called = Called(function, step_s, _wrong)
        name = name or str(getattr(function, "__name__", "callable"))
        axes = (scope, basis, method, accounting)
        return cls(called, name, axes, includes_losses, uncertainty_rel)

    @staticmethod
    def from_live(
        where: str | None = None,
        *,
        scope: str | None = None,
        basis: str | None = None,
        method: str | None = None,
        accounting: str | None = None,
        providers: Iterable[Provider | str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Series:
        """Make the series of a place that a live provider is asked for when figures are read.

        Each question is about the time of the window, once it has passed. The share of the energy
        that the provider does not cover meets its newest figure, else that of the tables, with the
        reason in the note. The borders of half-hours are events for the sampler.

        Args:
            where: as in `microjoule.carbon.live`, and so are the others.
            scope: see ``where``.
            basis: see ``where``.
            method: see ``where``.
            accounting: see ``where``.
            providers: see ``where``.
            environ: see ``where``.

        Raises:
            ValueError: the place is unknown.
        """
        from microjoule.carbon.providers._course import Course  # late: it is a series itself

        return Course(where, (scope, basis, method, accounting), providers, environ)

    def borders_ns(self, after_ns: int, most: int) -> list[int]:
        """Return the next borders of slots after an instant, ns since the Unix epoch.

        An energy that is known at these is integrated exactly.
        """
        return self._slots.borders(after_ns, most)

    def mean(
        self,
        times_ns: Sequence[int],
        energy_j: Sequence[float],
        fallback: Intensity | None = None,
    ) -> Intensity:
        """Return the intensity that an energy met: ∫P·CI dt over the energy.

        Multiplied by the energy it gives the grams of ∫P(t)·CI(t) dt, exact for an E(t) that is
        linear between its anchors. The share of the energy that no slot covers has ``fallback``.

        Args:
            times_ns: when the energy was read, ns since the Unix epoch, shape (n,), n at least 2.
            energy_j: the energy so far at each, J, shape (n,).
            fallback: for what no slot covers; None: the intensity of this place.
        """
        from microjoule.carbon._resolve import resolve  # late: it stands on series in its turn

        return self._mean(times_ns, energy_j, lambda: resolve() if fallback is None else fallback)

    def _mean(
        self,
        times_ns: Sequence[int],
        energy_j: Sequence[float],
        stands_in: Callable[[], Intensity],
    ) -> Intensity:
        if len(times_ns) != len(energy_j) or len(times_ns) < 2:
            raise ValueError("a course has two instants or more, and an energy at each: pass both")
        met = meet(self._slots, times_ns, energy_j)
        if met.total_j <= 0:
            # No energy has no mean: the time stands in for it, and for no time the instant.
            since = int(times_ns[0])
            if int(times_ns[-1]) > since:
                met = meet(self._slots, times_ns, [int(t) - since for t in times_ns])
            else:
                met = meet(self._slots, (since, since + 1), (0.0, 1.0))
        rest_j = met.total_j - met.covered_j
        if rest_j <= 1e-12 * met.total_j:
            parts = (*self._known(1.0), *_borders(met, met.weighted, 0.0))
            return self._intensity(met.weighted / met.covered_j, parts, "", None)
        return self._filled(met, rest_j, stands_in())

    def _known(self, share: float) -> tuple[tuple[str, float], ...]:
        """What the values make of the uncertainty of a mean of which they are a share."""
        if self._origin is None:
            return (("reporting", self.uncertainty_rel * share),)
        return tuple((name, u * share) for name, u in self._origin.uncertainty_parts)

    def _filled(self, met: Met, rest_j: float, fallback: Intensity) -> Intensity:
        total_g = met.weighted + rest_j * fallback.g_per_kwh
        share = met.covered_j / met.total_j
        stand_in = f"{fallback.g_per_kwh:.4g} g/kWh of {fallback.name} ({fallback.rung}) stands in"
        stand_in += f" ({fallback.note})" if fallback.note else ""
        problem = getattr(self._slots, "problem", "")
        because = f" ({problem})" if problem else ""
        whose = "the series" if self._origin is None else self.name
        note = f"{whose} does not cover this time{because}: {stand_in}"
        if share > 0:
            note = (
                f"{100 * share:.3g} % of the energy met {met.weighted / met.covered_j:.4g} g/kWh "
                f"of {whose}; no slot covers the rest{because}: {stand_in}"
            )
        known = met.weighted / total_g if total_g else share
        parts = (
            *self._known(known),
            (fallback.rung, fallback.uncertainty_rel * (1 - known)),
            *_borders(met, total_g, fallback.g_per_kwh),
        )
        return self._intensity(total_g / met.total_j, parts, note, fallback)

    def _intensity(
        self,
        g_per_kwh: float,
        parts: tuple[tuple[str, float], ...],
        note: str,
        fallback: Intensity | None,
    ) -> Intensity:
        kind = {axis: getattr(self, axis) for axis in AXES}
        for axis in kind if fallback is not None else ():
            kind[axis] = kind[axis] if kind[axis] == getattr(fallback, axis) else "mixed"
        of = self._origin
        return Intensity(
            g_per_kwh=g_per_kwh,
            place=of.place if of else "series",
            name=of.name if of else self.name,
            year=of.year if of else None,
            **kind,
            includes_losses=self.includes_losses,
            source=of.source if of else "given",
            source_title=of.source_title if of else "series given by the user",
            licence=of.licence if of else "",
            uncertainty_parts=parts,
            edition=of.edition if of else "",
            rung=of.rung if of else "series",
            guess=any(one is not None and one.guess for one in (of, fallback)),
            note="; ".join(filter(None, [note, of.note if of else ""])),
        )


def _borders(met: Met, total_g: float, gap_g: float) -> tuple[tuple[str, float], ...]:
    """What it makes that the energy at a border is known no better than between two anchors."""
    unsure = math.fsum(
        abs((gap_g if after is None else after) - (gap_g if before is None else before)) * u_j
        for before, after, u_j in met.steps
    )
    return (("power between borders", unsure / total_g),) if unsure and total_g else ()


def _slot(name: str, number: int, slot: tuple[float, float, float]) -> tuple[int, int, float]:
    try:
        start, end, value = slot
        times = round(float(start) * NS), round(float(end) * NS)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{name}, slot {number}: {slot!r} is no slot; pass (start, end, g_per_kwh), the first "
            "two in Unix seconds"
        ) from None
    wrong = _wrong(value)
    if wrong:
        raise ValueError(f"{name}, slot {number}: {wrong}")
    return (*times, float(value))


def _wrong(value: object) -> str:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return f"{value!r} is no number; pass grams of CO2e per kWh"
    if not 0 <= float(value) < math.inf:
        return f"{value!r} is below 0 or no number; pass grams of CO2e per kWh, 0 or more"
    return ""
