"""What a meter makes of a load: updates at instants of its own, units, wraps.

The mirror of ``simfs/counter.h``: it says which number a read at a given instant must give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.loads import FloatArray, Int64Array, Load

ATTOJOULES_PER_MICROJOULE = 10**12

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_MASK_64 = 0xFFFFFFFFFFFFFFFF


def uniform(seed: int, k: Int64Array) -> FloatArray:
    """Splitmix64 of the seed and each k, as a number in [0, 1)."""
    z = np.uint64(seed & _MASK_64) + np.uint64(_GOLDEN) * (k.astype(np.uint64) + np.uint64(1))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX_2)
    z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def modulus_aj(max_range_uj: int) -> int:
    """The modulus behind powercap's ``max_energy_range_uj``, which is one unit short of it."""
    return max_range_uj * ATTOJOULES_PER_MICROJOULE * 2**32 // (2**32 - 1)


@dataclass(frozen=True)
class Publisher:
    """A load seen only at ``epoch + phase + k * period + jitter_k``."""

    load: Load
    epoch_ns: int
    period_ns: int
    phase_ns: int = 0
    jitter_ns: int = 0
    seed: int = 0
    lost: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what would let updates overtake one another."""
        if min(self.period_ns, self.phase_ns, self.jitter_ns) < 0:
            raise ValueError("period, phase and jitter of a sensor's updates must not be negative")
        if self.jitter_ns > 0 and 2 * self.jitter_ns >= self.period_ns:
            raise ValueError("the jitter of a sensor's updates must be below half of their period")
        if not 0.0 <= self.lost < 1.0:
            raise ValueError(f"the share of lost updates must be in [0, 1), not {self.lost}")

    def update_times(self, t0_ns: int, t1_ns: int) -> Int64Array:
        """The instants in [t0, t1] at which a new value appears, lost updates left out."""
        if self.period_ns == 0:
            raise ValueError("this sensor is up to date at every read: it has no update times")
        first_ns = self.epoch_ns + self.phase_ns
        first_k = max(0, (t0_ns - first_ns - self.jitter_ns) // self.period_ns)
        last_k = (t1_ns - first_ns + self.jitter_ns) // self.period_ns
        k = np.arange(first_k, last_k + 1, dtype=np.int64)
        times = self._times(k)
        kept = (times >= t0_ns) & (times <= t1_ns)
        if self.lost > 0.0:
            kept &= uniform(~self.seed, k) >= self.lost
        return times[kept]

    def last_update(self, t_ns: int) -> int:
        """The last update at or before an instant; the epoch where there was none yet."""
        if self.period_ns == 0:
            return t_ns
        span_ns = 4 * self.period_ns
        while True:
            times = self.update_times(t_ns - span_ns, t_ns)
            if len(times) > 0:
                return int(times[-1])
            if t_ns - span_ns <= self.epoch_ns:
                return self.epoch_ns
            span_ns *= 4

    def energy_j(self, t_ns: int) -> float:
        """Joules from the epoch to an instant of CLOCK_MONOTONIC."""
        return self.load.energy_j(t_ns - self.epoch_ns)

    def _times(self, k: Int64Array) -> Int64Array:
        offset = np.floor((2.0 * uniform(self.seed, k) - 1.0) * self.jitter_ns).astype(np.int64)
        return np.asarray(self.epoch_ns + self.phase_ns + k * self.period_ns + offset)


@dataclass(frozen=True)
class Counter:
    """A cumulative counter in units, starting anywhere, modulo a range (0: none)."""

    publisher: Publisher
    unit_aj: int
    start_uj: int = 0
    max_range_uj: int = 0

    def __post_init__(self) -> None:
        """Refuse what no register could hold."""
        if self.unit_aj <= 0:
            raise ValueError("the unit of a counter must be positive")
        if self.max_range_uj < 0 or self.start_uj < 0:
            raise ValueError("start and range of a counter must not be negative")
        if 0 < self.max_range_uj < self.start_uj:
            raise ValueError(f"a counter up to {self.max_range_uj} cannot start at {self.start_uj}")

    def microjoules(self, t_ns: int) -> int:
        """What a read at an instant shows, no fault being at work."""
        value_aj = self.start_uj * ATTOJOULES_PER_MICROJOULE + self._units(t_ns) * self.unit_aj
        if self.max_range_uj > 0:
            value_aj %= modulus_aj(self.max_range_uj)
        return value_aj // ATTOJOULES_PER_MICROJOULE

    def register_value(self, t_ns: int) -> int:
        """The same as the 32 bits of an energy status register."""
        start = self.start_uj * ATTOJOULES_PER_MICROJOULE // self.unit_aj
        return (start + self._units(t_ns)) % 2**32

    def _units(self, t_ns: int) -> int:
        joules = self.publisher.energy_j(self.publisher.last_update(t_ns))
        return math.floor(joules / (self.unit_aj * 1e-18))
