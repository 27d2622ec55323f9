"""Recordings: every reading of a run, to be looked at and to be measured once more.

``uj run --record FILE`` and ``Meter(record=FILE)`` make one. To run a program against it in real
time, set ``MICROJOULE_SOURCES=replay`` and ``MICROJOULE_REPLAY=FILE``. To find out what the core
made of it, `figures` runs the core over it in virtual time: the windows that were measured then
have the very figures that they had. docs/recordings.md describes the file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from microjoule import _core
from microjoule.config import Frozen
from microjoule.sensors import Sensor

__all__ = ["Readings", "Recording", "Window", "figures", "read"]


class Readings(Frozen):
    """The readings of one sensor, column by column; each is a list of the same length.

    Attributes:
        before_ns: When each read began, in nanoseconds of the recording.
        after_ns: When it had ended.
        status: ``ok``, ``retry`` (it failed, the next one may not) or ``lost``.
        errno: Of a failed read, else 0.
        raw: What was read, in steps of the sensor's unit; 0 where the read failed.
    """

    __slots__ = ("after_ns", "before_ns", "errno", "raw", "status")

    before_ns: list[int]
    after_ns: list[int]
    status: list[str]
    errno: list[int]
    raw: list[int]

    def __init__(
        self,
        before_ns: list[int],
        after_ns: list[int],
        status: list[str],
        errno: list[int],
        raw: list[int],
    ) -> None:
        """One list for each column."""
        self._fill(before_ns=before_ns, after_ns=after_ns, status=status, errno=errno, raw=raw)


class Window(Frozen):
    """What the core makes of one window of a recording.

    Attributes:
        start_ns: Start in nanoseconds of the recording.
        end_ns: End.
        energy_j: Joules of the counted sensors; NaN where there was none.
        by_sensor: Joules by sensor id.
        timing_j: Standard uncertainty in joules (k=1) by sensor id: when counters changed.
        gap_s: Seconds by sensor id for which nothing is known.
        settled: Whether the recording goes on for long enough to settle it.
    """

    __slots__ = ("start_ns", "end_ns", "energy_j", "by_sensor", "timing_j", "gap_s", "settled")

    start_ns: int
    end_ns: int
    energy_j: float
    by_sensor: dict[str, float]
    timing_j: dict[str, float]
    gap_s: dict[str, float]
    settled: bool

    def __init__(self, infos: Sequence[_core.SensorInfo], figures: _core.Figures) -> None:
        """Names what the core gives by number."""
        pairs = [(i, f) for i, f in zip(infos, figures.sensors, strict=True) if i.energy]
        counted = [f.energy for info, f in pairs if info.counted]
        self._fill(
            start_ns=figures.start_ns,
            end_ns=figures.end_ns,
            energy_j=math.fsum(counted) if counted else math.nan,
            by_sensor={info.id: f.energy for info, f in pairs},
            timing_j={info.id: f.timing for info, f in pairs},
            gap_s={info.id: f.gap_s for info, f in pairs},
            settled=figures.settled,
        )


class Recording(Frozen):
    """A recording.

    Attributes:
        facts: When and by what it was recorded, and on what kind of machine.
        sensors: The sensors that were read.
        readings: What was read of each, by sensor id; ``process.cpu`` is its CPU time.
        dropped: How many entries are missing because the disk was too slow.
    """

    __slots__ = ("dropped", "facts", "readings", "sensors")

    facts: dict[str, str]
    sensors: list[Sensor]
    readings: dict[str, Readings]
    dropped: int

    def __init__(self, native: _core.Recording) -> None:
        """Turns what the core has read into lists."""
        infos = native.sensors()
        self._fill(
            facts=dict(native.facts),
            sensors=[Sensor(info) for info in infos if info.energy],
            readings={info.id: Readings(*native.readings(i)) for i, info in enumerate(infos)},
            dropped=native.dropped,
        )


def read(path: str | os.PathLike[str]) -> Recording:
    """Reads a recording; a last line that was cut off is left out.

    Raises:
        ValueError: There is no such file, or it is no recording; the message names the line.
    """
    return Recording(_core.read_recording(os.fspath(path)))


def figures(
    path: str | os.PathLike[str], windows: Sequence[tuple[int, int]] | None = None
) -> list[Window]:
    """Runs the core over a recording in virtual time.

    Args:
        path: The recording.
        windows: (start, end) in nanoseconds of the recording; None: the windows that were measured
            when it was made, in the order in which they ended, with the figures they had then.

    Raises:
        ValueError: It is no recording, or a window is not within it.
    """
    native = _core.read_recording(os.fspath(path))
    infos = native.sensors()
    return [Window(infos, figures) for figures in native.rerun(windows)]
