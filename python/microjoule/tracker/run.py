"""One run of a tracker, from its start to its stop: what is measured, and what it came to."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Mapping, Sequence

from microjoule import _core
from microjoule.measurement import Measurement
from microjoule.tracker.data import EmissionsData, later
from microjoule.tracker.hardware import Hardware, index_of
from microjoule.tracker.ledger import WHOLE, Components, Ledger, Segment, Shares, kg_of
from microjoule.tracker.log import logger
from microjoule.tracker.place import Place
from microjoule.tracker.rows import row
from microjoule.tracker.task import Task
from microjoule.tracker.tracks import Track, load_model, machine
from microjoule.tracker.usage import Means, ProcessTree, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Run", "unique"]

# Which of the processes of one job on this node it is, by who started them.
_RANKS = ("SLURM_LOCALID", "LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK")

# Runs that go on: one beside another counts the same machine a second time, and says so.
_going_on: weakref.WeakSet[Run] = weakref.WeakSet()
_parent_had_one = False

_SAME = "counts the same machine at the same time: the rows do not add up to its energy."
_GIVEN = (
    "The row's processor energy is the load model's for a power that was given, not what the "
    "sensors measured."
)
_SHARE = (
    "The rows hold this process tree's share of it: an estimate, by CPU time, resident memory and "
    "NVML's utilisation by process."
)


class Run:
    """Begins when it is made.

    Args:
        conf: the settled arguments.
        place: where it is.
        hardware: on what.
        names: the columns that name it; looked at when a row is made.

    Attributes:
        window: over the whole run; quality, uncertainty and reason come from there.
        tasks: by name.
        active_task: name of the open one, None without.
        stopped: whether it has ended.
    """

    def __init__(
        self, conf: Mapping[str, Any], place: Place, hardware: Hardware, names: Mapping[str, str]
    ) -> None:
        gpus: Sequence[str] = hardware.gpu_ids or ()
        indices = [i for i in map(index_of, gpus) if i is not None]
        self._process_id = os.getpid()
        self._notes = _overlaps()
        self._place = place
        self._hardware = hardware
        self._names = names
        self._pue, self._wue = float(conf["pue"]), float(conf["wue"])
        self._tree = ProcessTree(indices) if conf["tracking_mode"] == "process" else None
        if self._tree is not None:
            self._notes.append(_SHARE)
        else:
            self._notes += _rank_notes()
        self._usage = Usage(indices)
        self._means: Means | None = None  # of the whole run, once it has ended
        ram_w = conf["force_ram_power"]
        tracks = self._tracks(gpus, conf, ram=ram_w is None)
        self._ledger = Ledger(
            tracks, (0.0, 0.0, float(ram_w or 0.0)), self._shares, lambda: place.kg_per_kwh
        )
        self.tasks: dict[str, Task] = {}
        self.active_task: str | None = None
        self.stopped = False
        self._since_output: list[Segment] = []
        place.intensity  # noqa: B018 (a live one is asked for now, so that it is there at the end)
        self.start_time = time.perf_counter()
        self.window = tracks[0].meter._open(0.0, calm=True)
        self.window._label = names["project_name"]
        self._ledger.start()
        _going_on.add(self)

    @property
    def is_ours(self) -> bool:
        """Whether it was begun in this process: a forked child's is the parent's to write."""
        return self._process_id == os.getpid()

    @property
    def by_share(self) -> bool:
        """Whether it holds a share that is asked for at each measurement."""
        return self._tree is not None

    @property
    def measurement(self) -> Measurement:
        """The window with what is to be known of it."""
        self.window._notes = tuple(self._notes)
        return self.window

    def look(self) -> None:
        """Notes how busy the machine is."""
        self._usage.look()

    def cut(self) -> None:
        """Ends a segment and begins the next one."""
        self._take(self._ledger.cut())

    def stop(self) -> None:
        """Ends the last segment, and the run."""
        self._take(self._ledger.stop())
        _core.close(self.window)
        self._means = self._usage.means()
        self.stopped = True
        _going_on.discard(self)

    def begin_task(self, name: str) -> None:
        """Opens a task; the time since the last output is no longer looked at."""
        self._since_output.clear()
        self.tasks[name] = Task(name)
        self.active_task = name

    def end_task(self) -> None:
        """Ends the open task."""
        if self.active_task is None:
            raise AssertionError("only an open task is ended")
        task = self.tasks[self.active_task]
        self.cut()
        task.is_active = False
        self.active_task = None
        self._since_output.clear()
        task.emissions_data = self._later(task.segments)

    def total(self) -> EmissionsData:
        """The row so far, up to the last cut."""
        energy, kg, duration_s = self._ledger.totals()
        return self._row(energy, kg, duration_s, time.time())

    def delta(self) -> EmissionsData:
        """The row of what came since the last call."""
        segments, self._since_output = self._since_output, []
        return self._later(segments)

    def note(self, text: str) -> None:
        """Adds to the reason of the measurement, once."""
        if text not in self._notes:
            self._notes.append(text)

    def _tracks(self, gpus: Sequence[str], conf: Mapping[str, Any], *, ram: bool) -> list[Track]:
        full_load_w = conf["force_cpu_power"]
        by_model = full_load_w is not None or conf["force_mode_cpu_load"]
        tracks = [machine(gpus, cpu=not by_model, ram=ram)]
        if by_model:
            tracks.append(load_model(full_load_w))
            self._notes.append(_GIVEN)
        return tracks

    def _shares(self) -> Shares:
        return self._tree.shares() if self._tree is not None else WHOLE

    def _take(self, segment: Segment) -> None:
        self._since_output.append(segment)
        if self.active_task is not None:
            self.tasks[self.active_task].segments.append(segment)

    def _later(self, segments: list[Segment]) -> EmissionsData:
        moment = time.time()
        return later(lambda: self._sum(segments, moment))

    def _sum(self, segments: list[Segment], moment: float) -> EmissionsData:
        energies = [segment.energy() for segment in segments]
        cpu, gpu, ram = (sum(energy[i] for energy in energies) for i in range(3))
        pairs = zip(energies, segments, strict=True)
        kg = sum(kg_of(energy, segment.kg_per_kwh) for energy, segment in pairs)
        return self._row((cpu, gpu, ram), kg, sum(s.duration_s for s in segments), moment)

    def _row(
        self, energy: Components, kg: float, duration_s: float, moment: float
    ) -> EmissionsData:
        return row(
            energy,
            kg,
            duration_s,
            moment,
            **self._names,
            place=self._place,
            hardware=self._hardware,
            means=self._means or self._usage.means(),
            pue=self._pue,
            wue=self._wue,
        )


def _overlaps() -> list[str]:
    """What a new run has to say of others; they are told of it too."""
    others = list(_going_on)
    notes = [f"Another tracker of this process {_SAME}"] if others else []
    for other in others:
        other.note(f"Another tracker of this process {_SAME}")
    if _parent_had_one:
        notes.append(f"A tracker of the parent process {_SAME}")
    return notes


def _rank_notes() -> list[str]:
    """Warns where several processes of one job count the same node."""
    for name in _RANKS:
        rank = os.environ.get(name, "")
        if rank.isdigit() and int(rank) > 0:
            text = (
                f"{name} is {rank}: each process of this job that tracks counts the whole node. "
                "Track on local rank 0 alone, or with tracking_mode='process'."
            )
            logger.warning("%s", text)
            return [text]
    return []


def unique() -> str:
    """A random UUID (version 4) as text, without the module for it."""
    word = bytearray(os.urandom(16))
    word[6] = word[6] & 0x0F | 0x40
    word[8] = word[8] & 0x3F | 0x80
    text = word.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _after_fork() -> None:
    """In a forked child the parent's runs are the parent's."""
    global _going_on, _parent_had_one
    _parent_had_one = _parent_had_one or len(_going_on) > 0
    _going_on = weakref.WeakSet()


os.register_at_fork(after_in_child=_after_fork)
