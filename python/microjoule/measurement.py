"""What a window measured: energy with its uncertainty, and where each figure came from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from microjoule import _core
from microjoule.result import JOULES_PER_KWH, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["JOULES_PER_KWH", "Measurement"]

_SCHEMA = 1


class Measurement(Result):
    """The energy of one window [t0, t1] of this machine, E(t1) - E(t0).

    It comes from `measure` or `end`, which never wait. Reading a figure of a window that has not
    settled yet waits for it, at most one second in all; then the best value so far comes, with
    ``settled`` False. While the window is open the figures are those so far.

    All uncertainties are standard uncertainties (GUM, k=1).
    """

    __slots__ = ("_stage", "_trace")

    _figures: _core.Figures
    _stage: str | None
    _trace: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]] | None

    # -- what it is ---------------------------------------------------------------------------

    @property
    def stage(self) -> str | None:
        """The life-cycle stage given to it, by its canonical name."""
        return getattr(self, "_stage", None)

    @property
    def scope(self) -> str:
        """Whose energy it is: ``machine``, everything that ran on it meanwhile."""
        return "machine"

    # -- how much -----------------------------------------------------------------------------

    @property
    def peak_power_w(self) -> float:
        """Highest mean power over one second, in watts; the mean of a window shorter than that."""
        return max(self.power_w, self._now().peak_w)

    @property
    def cpu_s(self) -> float:
        """CPU time in seconds that this process used meanwhile, over all its threads."""
        return math.fsum(f.energy for info, f in self._pairs() if info.kind == "process")

    @property
    def gpu_s(self) -> float | None:
        """GPU time in seconds; None where no GPU was measured."""
        return None

    @property
    def overhead_cpu_s(self) -> float:
        """CPU time in seconds that the sampler itself used meanwhile."""
        return self._now().overhead_cpu_s

    # -- how well it is known -----------------------------------------------------------------

    @property
    def bounds_j(self) -> tuple[float, float] | None:
        """Hard bounds in joules on what the counters counted; None where there are none.

        They hold whatever the power did between two updates of a counter; its gain is not in them.
        """
        counted = self._counted()
        if not counted or any(
            info.estimated or f.gap_s or f.ambiguous or f.resets for info, f in counted
        ):
            return None
        high = math.fsum(f.high for _, f in counted)
        # Power between two samples of a gauge is bounded by nothing.
        return None if math.isinf(high) else (math.fsum(f.low for _, f in counted), high)

    # -- carbon -------------------------------------------------------------------------------

    # -- the course of it ---------------------------------------------------------------------

    def trace(self) -> tuple[npt.NDArray[np.int64], dict[str, npt.NDArray[np.float64]]]:
        """E(t) over the window, where ``measure(trace=…)`` asked for it.

        Returns:
            Times in ns of CLOCK_MONOTONIC, shape (n,), and for each sensor id the joules since the
            start of the window, shape (n,). n is at most 65,536: a longer trace has a wider step.

        Raises:
            ValueError: No trace was asked for, or the window is still open.
        """
        self._now()
        kept = getattr(self, "_trace", None)
        if kept is None:
            raise ValueError(
                "this window has no trace: ask for one with measure(trace=True) or "
                "measure(trace=0.01), and read it after the window has ended"
            )
        times, energy = kept
        columns = enumerate(_core.sensors_of(self))
        return times, {s.id: energy[:, i] - energy[0, i] for i, s in columns if s.energy}

    def _course(self) -> tuple[Sequence[int], Sequence[float]]:
        """Times in ns since the Unix epoch, and the counted joules so far at each.

        The ends of the window, the borders of the meter's series, and the points of a trace.
        """
        from microjoule import wall

        figures = self._now()
        sensors = _core.sensors_of(self)
        counted = [i for i, sensor in enumerate(sensors) if sensor.counted]
        energy_j = math.fsum(figures.sensors[i].energy for i in counted)
        points = {figures.start_ns: 0.0, figures.end_ns: energy_j}
        for row, at in enumerate(figures.border_ns):
            first = row * len(sensors)
            points[at] = math.fsum(figures.border_energy[first + i] for i in counted)
        ordered = sorted(points)
        trace = getattr(self, "_trace", None)
        if trace is None:
            return [wall.unix_ns(at) for at in ordered], [points[at] for at in ordered]
        import numpy as np  # late: whoever has a trace has it already

        times, energy = trace
        between = ~np.isin(times, ordered)
        joules = (energy[between][:, counted] - energy[0, counted]).sum(axis=1)
        all_ns = np.concatenate((ordered, times[between]))
        all_j = np.concatenate(([points[at] for at in ordered], joules))
        order = np.argsort(all_ns, kind="stable")
        return (all_ns[order] + wall.unix_ns(0)).tolist(), all_j[order].tolist()

    def _items(self) -> Iterable[tuple[str, object]]:
        return {
            "schema": _SCHEMA,
            "label": self.label,
            "stage": self.stage,
            "started_at": self.started_at,
            "duration_s": self.duration_s,
            "cpu_s": self.cpu_s,
            "gpu_s": self.gpu_s,
            "energy_j": self.energy_j,
            "energy_kwh": self.energy_kwh,
            "by_sensor": self.by_sensor,
            "by_kind": self.by_kind,
            "power_w": self.power_w,
            "peak_power_w": self.peak_power_w,
            "uncertainty_j": self.uncertainty_j,
            "uncertainty_parts": self.uncertainty_parts,
            "bounds_j": self.bounds_j,
            "quality": self.quality,
            "reason": self.reason,
            "scope": self.scope,
            "co2e_g": self.co2e_g,
            "overhead_cpu_s": self.overhead_cpu_s,
            "settled": self.settled,
        }.items()

    # -- inside -------------------------------------------------------------------------------

    def _now(self) -> _core.Figures:
        figures: _core.Figures = self._read(_core.figures)
        return figures

    def _keep(self) -> None:
        self._trace = _core.take_trace(self)

    def _own_remarks(self) -> list[str]:
        figures = self._now()
        remarks = []
        if figures.suspended_s:
            remarks.append(
                f"The machine was suspended for {figures.suspended_s:.3g} s, which is not counted."
            )
        if figures.stretch > 1:
            remarks.append(
                f"The sampler reads {figures.stretch:.2g} times less often, to hold its overhead."
            )
        if figures.thread_error:
            import os

            remarks.append(
                f"The sampler has no thread ({os.strerror(figures.thread_error)}): "
                "the sensors are read only at begin, end and whenever a result is waited for."
            )
        return remarks
