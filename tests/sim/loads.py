"""Loads: power as a function of time, with its energy in closed form.

A load is a list of segments, each ``watts + ripple_w * sin(2 pi x / ripple_ns)`` for
``duration_ns``, that repeats or holds its last segment for ever. ``simfs/load.h`` is the same
arithmetic in the same order; the server gets the very table that is used here as the truth.

Times are whole nanoseconds since the load began; before that nothing was drawn.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

NS = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """The nearest whole number of nanoseconds."""
    return round(seconds * NS)


class Segment(NamedTuple):
    """A stretch of constant power, with a sinusoidal ripple on it or without."""

    duration_ns: int
    watts: float
    ripple_w: float = 0.0
    ripple_ns: int = 0


class Load:
    """Power over time as a list of segments."""

    def __init__(self, segments: Iterable[Segment], *, repeats: bool) -> None:
        """Check the segments and sum them up.

        Raises:
            ValueError: for an empty list, a duration that is not positive, or negative power.
        """
        self.segments: Sequence[Segment] = tuple(segments)
        self.repeats = repeats
        if not self.segments:
            raise ValueError("a load needs at least one segment")
        for segment in self.segments:
            if segment.duration_ns <= 0:
                raise ValueError(f"a segment must last at least 1 ns, not {segment.duration_ns}")
            if not segment.watts >= abs(segment.ripple_w):
                raise ValueError(f"the power of a segment must not go below zero: {segment}")
            if segment.ripple_w != 0.0 and segment.ripple_ns <= 0:
                raise ValueError(f"a ripple needs a period of at least 1 ns: {segment}")
        table = np.array(self.segments, dtype=np.float64)
        durations_ns = np.array([s.duration_ns for s in self.segments], dtype=np.int64)
        self._watts: FloatArray = table[:, 1]
        self._ripple_w: FloatArray = table[:, 2]
        self._ripple_ns: FloatArray = table[:, 3]
        all_of_them = np.arange(len(self.segments))
        ends_j = np.cumsum(self._segment_energy_j(all_of_them, durations_ns))
        self._starts_ns: Int64Array = np.concatenate(([0], np.cumsum(durations_ns)[:-1]))
        self._starts_j: FloatArray = np.concatenate(([0.0], ends_j[:-1]))
        self._total_ns = int(durations_ns.sum())
        self._total_j = float(ends_j[-1])

    @property
    def duration_s(self) -> float:
        """How long the list of segments is."""
        return self._total_ns / NS

    @property
    def mean_w(self) -> float:
        """The mean power over the list of segments."""
        return self._total_j / self.duration_s

    def scaled(self, factor: float) -> Load:
        """The same load with ``factor`` times the power."""
        return Load(
            (
                s._replace(watts=s.watts * factor, ripple_w=s.ripple_w * factor)
                for s in self.segments
            ),
            repeats=self.repeats,
        )

    @overload
    def energy_j(self, elapsed_ns: int) -> float: ...
    @overload
    def energy_j(self, elapsed_ns: Int64Array) -> FloatArray: ...
    def energy_j(self, elapsed_ns: int | Int64Array) -> float | FloatArray:
        """Joules drawn in the first ``elapsed_ns``."""
        ns = np.maximum(np.asarray(elapsed_ns, dtype=np.int64), 0)
        whole_j: FloatArray = np.zeros(ns.shape)
        if self.repeats:
            whole_j = (ns // self._total_ns).astype(np.float64) * self._total_j
            ns = ns % self._total_ns
        index = self._segment_at(ns)
        joules = whole_j + (
            self._starts_j[index] + self._segment_energy_j(index, ns - self._starts_ns[index])
        )
        return joules if isinstance(elapsed_ns, np.ndarray) else float(joules)

    @overload
    def power_w(self, elapsed_ns: int) -> float: ...
    @overload
    def power_w(self, elapsed_ns: Int64Array) -> FloatArray: ...
    def power_w(self, elapsed_ns: int | Int64Array) -> float | FloatArray:
        """Watts drawn at ``elapsed_ns``."""
        given = np.asarray(elapsed_ns, dtype=np.int64)
        ns = np.maximum(given, 0)
        if self.repeats:
            ns = ns % self._total_ns
        index = self._segment_at(ns)
        x = (ns - self._starts_ns[index]).astype(np.float64)
        period = self._ripple_ns[index]
        turns = np.divide(2.0 * math.pi * x, period, out=np.zeros_like(x), where=period > 0)
        watts = self._watts[index] + self._ripple_w[index] * np.sin(turns)
        watts = np.where(given < 0, 0.0, watts)
        return watts if isinstance(elapsed_ns, np.ndarray) else float(watts)

    def _segment_at(self, ns: Int64Array) -> Int64Array:
        return np.asarray(np.searchsorted(self._starts_ns, ns, side="right") - 1, dtype=np.int64)

    def _segment_energy_j(self, index: Int64Array, elapsed_ns: Int64Array) -> FloatArray:
        x = elapsed_ns.astype(np.float64)
        period = self._ripple_ns[index]
        turns = np.divide(2.0 * math.pi * x, period, out=np.zeros_like(x), where=period > 0)
        ripple = self._ripple_w[index] * period / (2.0 * math.pi) * (1.0 - np.cos(turns))
        joules: FloatArray = (self._watts[index] * x + ripple) * 1e-9
        return joules


def Constant(watts: float) -> Load:  # noqa: N802  a load is named like the shape it has
    """The same power for ever."""
    return Load([Segment(NS, watts)], repeats=True)


def Sine(mean_w: float, amplitude_w: float, *, period_s: float) -> Load:  # noqa: N802
    """A sine around a mean."""
    period_ns = nanoseconds(period_s)
    return Load([Segment(period_ns, mean_w, amplitude_w, period_ns)], repeats=True)


def Square(  # noqa: N802
    low_w: float, high_w: float, *, period_s: float, duty: float = 0.5
) -> Load:
    """A square wave that starts low; ``duty`` is the share of a period at ``high_w``."""
    if not 0.0 < duty < 1.0:
        raise ValueError(f"the duty of a square wave must be between 0 and 1, not {duty}")
    period_ns = nanoseconds(period_s)
    high_ns = round(period_ns * duty)
    return Load([Segment(period_ns - high_ns, low_w), Segment(high_ns, high_w)], repeats=True)


@functools.lru_cache(maxsize=8)
def Telegraph(  # noqa: N802
    low_w: float,
    high_w: float,
    *,
    low_s: float,
    high_s: float,
    seed: int = 1,
    table_s: float = 3600.0,
) -> Load:
    """A random telegraph signal: two powers with exponential dwell times of the given means.

    The table of dwell times follows from the seed; it starts again after about ``table_s``.
    """
    pairs = math.ceil(table_s / (low_s + high_s))
    dwell_s = np.random.default_rng(seed).exponential((low_s, high_s), size=(pairs, 2))
    dwell_ns = np.maximum(np.rint(dwell_s * NS), 1.0).astype(np.int64).tolist()
    return Load(
        (
            Segment(duration_ns, watts)
            for pair in dwell_ns
            for duration_ns, watts in zip(pair, (low_w, high_w), strict=True)
        ),
        repeats=True,
    )


def Llm(  # noqa: N802
    *,
    idle_w: float = 55.0,
    prefill_w: float = 230.0,
    decode_w: float = 140.0,
    ripple_w: float = 35.0,
    prefill_s: float = 0.045,
    decode_s: float = 0.4,
    gap_s: float = 0.12,
    ripple_s: float = 0.017,
    seed: int | None = None,
    requests: int = 512,
) -> Load:
    """A language model at work: a prefill burst, decoding with a ripple a token, an idle gap.

    Without a seed every request is alike. With one, the lengths of ``requests`` requests are drawn
    from it, each between half and one and a half of what is given.
    """
    draw = None if seed is None else random.Random(seed)

    def length_ns(seconds: float) -> int:
        return nanoseconds(seconds if draw is None else seconds * draw.uniform(0.5, 1.5))

    segments: list[Segment] = []
    for _ in range(1 if draw is None else requests):
        segments += (
            Segment(length_ns(prefill_s), prefill_w),
            Segment(length_ns(decode_s), decode_w, ripple_w, nanoseconds(ripple_s)),
            Segment(length_ns(gap_s), idle_w),
        )
    return Load(segments, repeats=True)


def Steps(  # noqa: N802
    steps: Iterable[tuple[float, float]], *, repeats: bool = False
) -> Load:
    """Constant stretches by hand, as ``(seconds, watts)``; the last one goes on unless repeated."""
    return Load((Segment(nanoseconds(seconds), watts) for seconds, watts in steps), repeats=repeats)
