"""Values over wall-clock time: slots with a start and an end, and what an energy met of them.

Times are int64 nanoseconds since the Unix epoch (UTC), so that nothing is rounded.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from microjoule.config import Frozen

NS = 1_000_000_000
# A step at a border that no anchor fell on lies anywhere between the anchors around it.
_UNIFORM = 1 / math.sqrt(12)

Slot = tuple[int, int, float]


class Slots:
    """Slots [start, end) in order, none over another; what lies between them is a gap.

    Args:
        rows: where each stands (``"line 7"``), start and end in ns, and the value.
        origin: what they come from, for the sentence that refuses them.

    Raises:
        ValueError: a slot ends before it starts, is out of order, or lies over the one before.
    """

    __slots__ = ("_ends", "_starts", "_values")

    def __init__(self, rows: Iterable[tuple[str, int, int, float]], origin: str) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._values: list[float] = []
        before = ""
        for place, start, end, value in rows:
            if end <= start:
                raise ValueError(f"{origin}, {place}: the slot ends before it starts")
            if self._starts and start == self._starts[-1]:
                raise ValueError(
                    f"{origin}, {place}: starts at the same instant as {before}; keep one of them "
                    "(times without an offset are UTC: local time in the hour that daylight saving "
                    "repeats needs its offset)"
                )
            if self._starts and start < self._starts[-1]:
                raise ValueError(
                    f"{origin}, {place}: earlier than {before}; sort the slots by time"
                )
            if self._starts and start < self._ends[-1]:
                raise ValueError(
                    f"{origin}, {place}: overlaps {before}; each slot ends where the next starts, "
                    "or before"
                )
            self._starts.append(start)
            self._ends.append(end)
            self._values.append(value)
            before = place
        if not self._starts:
            raise ValueError(f"{origin}: there is no slot in it; pass at least one")

    def within(self, start_ns: int, end_ns: int) -> list[Slot]:
        """Return the slots that share time with [start, end)."""
        first = bisect_right(self._ends, start_ns)
        last = bisect_left(self._starts, end_ns)
        return list(
            zip(
                self._starts[first:last],
                self._ends[first:last],
                self._values[first:last],
                strict=True,
            )
        )

    def borders(self, after_ns: int, most: int) -> list[int]:
        """Return the first ``most`` instants after ``after_ns`` at which a slot starts or ends."""
        ends = self._ends[bisect_right(self._ends, after_ns) :][:most]
        starts = self._starts[bisect_right(self._starts, after_ns) :][:most]
        return sorted({*starts, *ends})[:most]


class Called:
    """Slots of one length on the grid of the Unix epoch, whose values a function gives.

    What it raises, and what is no value, leaves a gap: a run is not lost for it. Each slot is asked
    for once.

    Args:
        function: takes the start of a slot in Unix seconds; None means that there is no value.
        step_s: length of a slot in seconds.
        check: says what is wrong with a value, or nothing.
    """

    __slots__ = ("_check", "_function", "_known", "_step_ns", "problem")

    def __init__(
        self,
        function: Callable[[float], float | None],
        step_s: float,
        check: Callable[[object], str],
    ) -> None:
        self._function = function
        self._step_ns = round(step_s * NS)
        self._check = check
        self._known: dict[int, float | None] = {}
        self.problem = ""

    def within(self, start_ns: int, end_ns: int) -> list[Slot]:
        """Return the slots that share time with [start, end) and have a value."""
        first = start_ns - start_ns % self._step_ns
        slots = []
        for start in range(first, end_ns, self._step_ns):
            value = self._value(start)
            if value is not None:
                slots.append((start, start + self._step_ns, value))
        return slots

    def borders(self, after_ns: int, most: int) -> list[int]:
        """Return the first ``most`` borders of the grid after ``after_ns``."""
        first = after_ns - after_ns % self._step_ns + self._step_ns
        return [first + i * self._step_ns for i in range(most)]

    def _value(self, start: int) -> float | None:
        if start not in self._known:
            try:
                value = self._function(start / NS)
                wrong = "" if value is None else self._check(value)
            except Exception as error:
                value, wrong = None, f"{type(error).__name__}: {error}"
            if wrong:
                self.problem = wrong
            self._known[start] = None if wrong or value is None else float(value)
        return self._known[start]


class Met(Frozen):
    """What an energy met of some slots.

    Attributes:
        total_j: the energy, J.
        covered_j: the part of it that fell into slots, J.
        weighted: sum of value times energy over that part.
        steps: for each border inside that no anchor fell on, the values before and after (None: a
            gap) and the standard uncertainty of the energy at it, J.
    """

    __slots__ = ("covered_j", "steps", "total_j", "weighted")
    total_j: float
    covered_j: float
    weighted: float
    steps: tuple[tuple[float | None, float | None, float], ...]

    def __init__(
        self,
        *,
        total_j: float,
        covered_j: float,
        weighted: float,
        steps: tuple[tuple[float | None, float | None, float], ...],
    ) -> None:
        self._fill(total_j=total_j, covered_j=covered_j, weighted=weighted, steps=steps)


def meet(slots: Slots | Called, times_ns: Sequence[int], energy_j: Sequence[float]) -> Met:
    """Integrate P(t) times the slots' value over the course of an energy.

    Exact for E(t) linear between its anchors, and whatever the power did where an anchor stands at
    each border. Costs a search for each border, whatever the number of anchors.

    Args:
        slots: the slots.
        times_ns: the anchors, shape (n,), n at least 2, not decreasing.
        energy_j: E at each, J, shape (n,).
    """
    t0, t1 = int(times_ns[0]), int(times_ns[-1])
    e0, e1 = float(energy_j[0]), float(energy_j[-1])
    covered: list[float] = []
    weighted: list[float] = []
    steps: list[tuple[float | None, float | None, float]] = []

    def at(border: int, before: float | None, after: float | None) -> float:
        i = bisect_left(times_ns, border)
        if int(times_ns[i]) == border:
            return float(energy_j[i])
        since, until = int(times_ns[i - 1]), int(times_ns[i])
        low, high = float(energy_j[i - 1]), float(energy_j[i])
        steps.append((before, after, abs(high - low) * _UNIFORM))
        return low + (high - low) * ((border - since) / (until - since))

    found = slots.within(t0, t1)
    begin = e0
    for i, (start, end, value) in enumerate(found):
        if start > t0 and not (i and found[i - 1][1] == start):
            begin = at(start, None, value)
        if end < t1:
            follows = i + 1 < len(found) and found[i + 1][0] == end
            stop = at(end, value, found[i + 1][2] if follows else None)
        else:
            stop = e1
        covered.append(stop - begin)
        weighted.append(value * (stop - begin))
        begin = stop
    return Met(
        total_j=e1 - e0,
        covered_j=math.fsum(covered),
        weighted=math.fsum(weighted),
        steps=tuple(steps),
    )
