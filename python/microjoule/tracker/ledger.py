"""The energy of a run by component, in segments that follow one another without a gap.

A run is one window after another: each flush, task begin and task end is a lap. The segments add up
to the run, whatever they are asked for and in whatever order, and nothing waits for the sensors but
who wants a figure.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

from microjoule import _core
from microjoule.measurement import Measurement
from microjoule.tracker.tracks import CPU, GPU, Track

__all__ = ["Components", "Ledger", "Segment", "Shares"]

JOULES_PER_KWH = 3.6e6

# A measured figure is not waited for when what is still open of it is small beside the run.
_NEGLIGIBLE_REL = 1e-4
# From so many on, those that have settled are worked out and their windows given back.
_BACKLOG = 64

Components = tuple[float, float, float]
"""Processors, GPUs and memory: joules at the sensors, or watts."""


class Shares:
    """Which parts of what was measured are the run's, each from 0 to 1.

    Attributes:
        cpu: of the processors.
        ram: of the memory.
        gpus: of each GPU, by the id of its sensor; one that is not there counts whole.
    """

    __slots__ = ("cpu", "gpus", "ram")

    def __init__(self, cpu: float, ram: float, gpus: Mapping[str, float]) -> None:
        self.cpu, self.ram, self.gpus = cpu, ram, gpus

    def of(self, component: int, sensor: str = "") -> float:
        """The share of a component, or of one of its sensors."""
        if component == GPU:
            return self.gpus.get(sensor, 1.0)
        return self.cpu if component == CPU else self.ram


WHOLE = Shares(1.0, 1.0, {})


class Segment:
    """A stretch of a run: from one cut to the next."""

    __slots__ = ("_energy", "_ledger", "_measurements", "duration_s", "kg_per_kwh", "shares")

    def __init__(
        self,
        ledger: Ledger,
        measurements: tuple[Measurement, ...],
        duration_s: float,
        shares: Shares,
        kg_per_kwh: float,
    ) -> None:
        self._ledger = ledger
        self._measurements = measurements
        self._energy: Components | None = None
        self.duration_s = duration_s
        self.shares = shares
        self.kg_per_kwh = kg_per_kwh

    @property
    def settled(self) -> bool:
        """Whether its figures are there without waiting."""
        return all(measurement.settled for measurement in self._measurements)

    def energy(self) -> Components:
        """Joules by component; waits where what is open is not negligible."""
        energy = self._energy
        if energy is None:
            energy = self._energy = self._ledger._read(self, self._measurements)
            self._measurements = ()
        return energy


class Ledger:
    """Cuts a run into segments and adds them up.

    Args:
        tracks: what is measured; the first one's clock is the run's.
        constant_w: powers that are given, by component.
        shares: asked at each cut: the parts that are the run's.
        kg_per_kwh: asked at each cut: the carbon intensity.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        constant_w: Components,
        shares: Callable[[], Shares],
        kg_per_kwh: Callable[[], float],
    ) -> None:
        self._tracks = tuple(tracks)
        self._constant_w = constant_w
        self._shares = shares
        self._kg_per_kwh = kg_per_kwh
        self._open: list[Segment] = []
        self._sums = [0.0, 0.0, 0.0]
        self._kg = 0.0
        self._measured_j = 0.0
        self._duration_s = 0.0
        self._cut_ns = 0

    def start(self) -> None:
        """Begins the first segment."""
        for track in self._tracks:
            track.begin()
        self._cut_ns = time.monotonic_ns()

    def cut(self) -> Segment:
        """Ends a segment and begins the next one."""
        return self._keep(tuple(track.lap() for track in self._tracks))

    def stop(self) -> Segment:
        """Ends the last segment."""
        return self._keep(tuple(track.end() for track in self._tracks))

    def totals(self) -> tuple[Components, float, float]:
        """Joules by component, kg of CO2 equivalent (before PUE) and seconds up to the last cut."""
        self._add_up(len(self._open))
        cpu, gpu, ram = self._sums
        return (cpu, gpu, ram), self._kg, self._duration_s

    def _keep(self, measurements: tuple[Measurement, ...]) -> Segment:
        now = time.monotonic_ns()
        duration_s, self._cut_ns = (now - self._cut_ns) * 1e-9, now
        segment = Segment(self, measurements, duration_s, self._shares(), self._kg_per_kwh())
        self._open.append(segment)
        if len(self._open) >= _BACKLOG:
            self._add_up(self._settled())
        return segment

    def _settled(self) -> int:
        """How many of the oldest segments can be worked out without waiting."""
        for count, segment in enumerate(self._open):
            if not segment.settled:
                return count
        return len(self._open)

    def _add_up(self, count: int) -> None:
        for segment in self._open[:count]:
            energy = segment.energy()
            for i, joules in enumerate(energy):
                self._sums[i] += joules
            self._kg += kg_of(energy, segment.kg_per_kwh)
            self._duration_s += segment.duration_s
        del self._open[:count]

    def _read(self, segment: Segment, measurements: tuple[Measurement, ...]) -> Components:
        shares = segment.shares
        energy = [
            watts * segment.duration_s * shares.of(component) if watts else 0.0
            for component, watts in enumerate(self._constant_w)
        ]
        for track, measurement in zip(self._tracks, measurements, strict=True):
            figures = _core.figures(measurement)
            if not (figures.settled or self._negligible(track, figures)):
                figures = measurement._now()
            sensors = figures.sensors
            for column, component, factor, sensor in track.columns:
                share = factor * shares.of(component, sensor)
                energy[component] += sensors[column].energy * share
                if not sensors[column].model:
                    self._measured_j += sensors[column].energy
        return energy[0], energy[1], energy[2]

    def _negligible(self, track: Track, figures: _core.Figures) -> bool:
        # A model that has a figure goes on at the power of the tenth of a second before; its next
        # reading would say no more about a moment than that. What has none yet is waited for.
        counted = [figures.sensors[column] for column, *_ in track.columns]
        metered = [f for f in counted if not f.model]
        open_j = math.fsum(f.timing for f in metered)
        total_j = self._measured_j + math.fsum(f.energy for f in metered)
        return all(f.energy > 0 for f in counted) and open_j <= _NEGLIGIBLE_REL * total_j


def kg_of(energy: Components, kg_per_kwh: float) -> float:
    """What an energy weighs."""
    return math.fsum(energy) / JOULES_PER_KWH * kg_per_kwh
