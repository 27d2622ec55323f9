"""What a window and a request have in common: energy, its uncertainty, and its carbon."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Generator, Iterable, Sequence

from microjoule import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from microjoule.carbon import Embodied, Footprint, Intensity, Series

__all__ = ["JOULES_PER_KWH", "Result"]

JOULES_PER_KWH = 3.6e6
# A figure that is read waits this long for the sampler, never longer.
_PATIENCE_S = 1.0
# The record of a window is given back once, by whichever thread reads it first.
_taking = threading.Lock()


def _forget_locks() -> None:
    """In a forked child: whoever held it in the parent does not exist here."""
    global _taking
    _taking = threading.Lock()


os.register_at_fork(after_in_child=_forget_locks)


class Result(_core.Window):
    """Figures that settle a moment after they were asked for; reading one waits for that.

    All uncertainties are standard uncertainties (GUM, k=1).
    """

    __slots__ = ("_figures", "_intensity", "_label", "_notes", "_timed_out")

    _figures: Any
    _intensity: Series | Intensity
    _label: str | None
    _notes: tuple[str, ...]
    _timed_out: bool

    @property
    def label(self) -> str | None:
        """The name given to it."""
        return getattr(self, "_label", None)

    @property
    def started_at(self) -> str:
        """Wall-clock time of the start, ISO 8601 with offset."""
        from microjoule import wall

        return wall.iso(self._stamps()[0])

    @property
    def duration_s(self) -> float:
        """Length in seconds; so far, while it is open."""
        start, end = self._stamps()
        if end == 0:
            import time

            end = time.monotonic_ns()
        return (end - start) * 1e-9

    # -- how much -----------------------------------------------------------------------------

    @property
    def energy_j(self) -> float:
        """Energy in joules: the sum over the counted sensors, with nothing twice.

        NaN where there was no sensor at all: what is missing is not zero.
        """
        counted = self._counted()
        return math.fsum(figures.energy for _, figures in counted) if counted else math.nan

    @property
    def energy_kwh(self) -> float:
        """The same in kilowatt-hours (1 kWh = 3.6e6 J)."""
        return self.energy_j / JOULES_PER_KWH

    @property
    def power_w(self) -> float:
        """Mean power in watts."""
        duration = self.duration_s
        return self.energy_j / duration if duration > 0 else 0.0

    @property
    def by_sensor(self) -> dict[str, float]:
        """Joules by sensor id, those included that do not count towards the total."""
        return {info.id: figures.energy for info, figures in self._pairs() if info.energy}

    @property
    def by_kind(self) -> dict[str, float]:
        """Joules of the counted sensors by kind, like ``cpu`` and ``dram``."""
        kinds: dict[str, float] = {}
        for info, figures in self._counted():
            kinds[info.kind] = kinds.get(info.kind, 0.0) + figures.energy
        return kinds

    # -- how well it is known -----------------------------------------------------------------

    @property
    def uncertainty_parts(self) -> dict[str, float]:
        """Standard uncertainty in joules by cause.

        ``timing`` (when a counter changed, and how power varied in between) and ``quantisation``
        are independent from sensor to sensor; ``gain`` (calibration) and ``model`` are correlated
        and add linearly.
        """
        counted = [figures for _, figures in self._counted()]
        return {
            "timing": math.hypot(*(f.timing for f in counted)),
            "quantisation": math.hypot(*(f.quantisation for f in counted)),
            "gain": math.fsum(f.gain for f in counted),
            "model": math.fsum(f.model for f in counted),
        }

    @property
    def uncertainty_j(self) -> float:
        """Combined standard uncertainty of ``energy_j`` in joules (k=1)."""
        return math.hypot(*self.uncertainty_parts.values())

    @property
    def quality(self) -> str:
        """``measured``, ``estimated``, or ``mixed``: part of it is an estimate, or is missing."""
        counted = self._counted()
        estimated = [info.estimated for info, _ in counted]
        if all(estimated):
            return "estimated"
        whole = not any(estimated) and not any(f.gap_s or f.resets for _, f in counted)
        return "measured" if whole and not self._now().lagged else "mixed"

    @property
    def reason(self) -> str:
        """What a reader must know of the figures, in sentences; empty if there is nothing."""
        return " ".join(self._remarks())

    @property
    def settled(self) -> bool:
        """Whether the figures are final."""
        return hasattr(self, "_figures") or _core.settled(self)

    def wait(self, timeout_s: float = _PATIENCE_S) -> bool:
        """Waits until the figures are final.

        Args:
            timeout_s: For how long at most, in seconds.

        Returns:
            Whether they are.

        Raises:
            ValueError: The timeout is no number of seconds.
        """
        if not isinstance(timeout_s, int | float) or not timeout_s >= 0:
            raise ValueError(f"timeout is {timeout_s!r}: pass seconds, 0 or more")
        if hasattr(self, "_figures"):
            return True
        if self._stamps()[1] == 0:
            return False
        return _core.wait(self, timeout_s)

    def __await__(self) -> Generator[object, None, Self]:
        """Waits without blocking the event loop; gives the result itself."""
        import asyncio

        loop = asyncio.get_running_loop()
        yield from loop.run_in_executor(None, self.wait, _PATIENCE_S).__await__()
        return self

    @property
    def carbon(self) -> Footprint:
        """The carbon footprint: energy at the sensors, PUE 1, intensity of the meter or the place.

        The place comes from the settings, else from the time zone (marked a guess), else it is the
        world mean (marked as that): ``carbon.intensity.rung`` and ``.source`` say which. Where
        ``MICROJOULE_OFFLINE`` is 0, a live provider says what the hours of the window were like.
        """
        return self.footprint()

    def footprint(
        self,
        intensity: Series | Intensity | str | float | None = None,
        *,
        fallback: Intensity | None = None,
        pue: float | str = 1.0,
        host_factor: float = 1.0,
        losses: float = 0.0,
        embodied: Embodied | Sequence[Embodied] | None = None,
        wue_site: float | str | None = None,
        wue_source: float | str | None = None,
        at_wall: bool = False,
    ) -> Footprint:
        """The footprint with other factors; what they are: `microjoule.carbon.footprint`.

        Args:
            intensity: Also a `microjoule.carbon.Series`, which is integrated over the course of
                the window: exactly if it is the meter's own, else over its trace, else with the
                power taken as constant, which the uncertainty covers. None: the meter's own, else
                that of the place.
            fallback: What stands in where a series has no slot; None: that of the place.
            pue: Power usage effectiveness of the building, or a provider.
            host_factor: IT energy over sensor energy.
            losses: Share lost on the way from the power plant.
            embodied: What `microjoule.carbon.embodied` gave.
            wue_site: Litres per kWh of IT energy, or a provider.
            wue_source: Litres per kWh of electricity.
            at_wall: The sensors stand at the wall.

        Raises:
            ValueError: A factor is out of its range.
        """
        from microjoule import carbon

        where = getattr(self, "_intensity", None) if intensity is None else intensity
        where = carbon.here() if where is None else where
        if isinstance(where, carbon.Series):
            where = where.mean(*self._course(), fallback)
        return carbon.footprint(
            self.energy_j,
            uncertainty_j=self.uncertainty_j,
            intensity=where,
            pue=pue,
            host_factor=host_factor,
            losses=losses,
            embodied=embodied,
            wue_site=wue_site,
            wue_source=wue_source,
            at_wall=at_wall,
        )

    @property
    def co2e_g(self) -> float:
        """Operational carbon in grams of CO2 equivalent, from `carbon`; NaN without any sensor."""
        return self.carbon.co2e_g if self._counted() else math.nan

    def to_dict(self) -> dict[str, object]:
        """All figures, ready for JSON: what is missing is None. ``schema`` is 1."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in self._items()
        }

    def __repr__(self) -> str:
        kind = type(self).__name__
        name = f" {self.label!r}" if self.label else ""
        if not self.settled:
            return f"<{kind}{name}: not settled yet>"
        return (
            f"<{kind}{name}: {self.energy_j:.6g} J ± {self.uncertainty_j:.2g} J in "
            f"{self.duration_s:.4g} s, {self.quality}>"
        )

    # -- inside -------------------------------------------------------------------------------

    def _stamps(self) -> tuple[int, int]:
        if hasattr(self, "_figures"):
            return self._figures.start_ns, self._figures.end_ns
        return _core.stamps(self)

    def _now(self) -> _core.Figures | _core.RequestFigures:
        raise NotImplementedError

    def _items(self) -> Iterable[tuple[str, object]]:
        """The figures of `to_dict` by name."""
        raise NotImplementedError

    def _read(self, figures_of: Callable[[_core.Window], Any]) -> Any:
        """The figures: final ones are kept, and the native record given back."""
        if hasattr(self, "_figures"):
            return self._figures
        # What is open is not waited for: its figures are those so far.
        if self._stamps()[1] and not getattr(self, "_timed_out", False):
            self._timed_out = not _core.wait(self, _PATIENCE_S)
        with _taking:
            if hasattr(self, "_figures"):
                return self._figures  # another thread was faster
            figures = figures_of(self)
            if figures.settled:
                self._keep()
                self._figures = figures
                _core.release(self)
        return figures

    def _course(self) -> tuple[Sequence[int], Sequence[float]]:
        """Times in ns since the Unix epoch, and the counted joules so far at each."""
        raise NotImplementedError

    def _keep(self) -> None:
        """What else is to be read before the record is given back."""

    def _own_remarks(self) -> list[str]:
        return []

    def _pairs(self) -> list[tuple[_core.SensorInfo, _core.SensorFigures]]:
        return list(zip(_core.sensors_of(self), self._now().sensors, strict=True))

    def _counted(self) -> list[tuple[_core.SensorInfo, _core.SensorFigures]]:
        return [(info, figures) for info, figures in self._pairs() if info.counted]

    def _remarks(self) -> list[str]:
        figures = self._now()
        duration = self.duration_s
        remarks = []
        if not self._counted():
            remarks.append("No sensor can be read here: nothing was measured.")
        for info, own in self._counted():
            if info.estimated:
                remarks.append(f"{info.id} is an estimate ({info.method}).")
            if own.gap_s:
                remarks.append(
                    f"{info.id} could not be read for {own.gap_s:.3g} s of {duration:.3g} s: "
                    "the energy of that time is missing."
                )
            if own.resets:
                remarks.append(f"The counter of {info.id} was reset meanwhile.")
            if own.ambiguous:
                remarks.append(
                    f"{info.id} was not read for so long that a wrap of its counter may be missing."
                )
            if info.reason:
                remarks.append(f"{info.id}: {info.reason}.")
        if figures.lagged:
            remarks.append("A sensor did not answer in time; its part was closed without it.")
        if figures.late_s:
            remarks.append(f"Its ends were moved by {figures.late_s:.3g} s.")
        remarks += self._own_remarks()
        if not figures.settled:
            remarks.append("Not settled: the best values so far.")
        remarks += getattr(self, "_notes", ())
        return remarks
