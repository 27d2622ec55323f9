"""The trackers: CodeCarbon's calls and figures, on microjoule's meters."""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ClassVar, TypeVar, cast

from microjoule import _core
from microjoule.measurement import Measurement
from microjoule.meter import kept_meter
from microjoule.tracker import settings as _settings
from microjoule.tracker.data import EmissionsData, TaskEmissionsData, later
from microjoule.tracker.handlers import handlers_of
from microjoule.tracker.hardware import Hardware, gpus_wanted, index_of
from microjoule.tracker.ledger import Components, Ledger, Segment, kg_of
from microjoule.tracker.lock import Lock
from microjoule.tracker.log import logger, set_logger_format, set_logger_level
from microjoule.tracker.outputs.base import BaseOutput
from microjoule.tracker.place import Place, forced_intensity, offline_place, online_place
from microjoule.tracker.private import PrivateNames
from microjoule.tracker.rows import row
from microjoule.tracker.task import Task
from microjoule.tracker.ticker import ticker
from microjoule.tracker.tracks import Track, load_model, machine
from microjoule.tracker.usage import ProcessTree, Usage

__all__ = ["BaseEmissionsTracker", "EmissionsTracker", "OfflineEmissionsTracker"]

_F = TypeVar("_F", bound=Callable[..., Any])

# Trackers that run: one beside another counts the same machine a second time, and says so.
_running: weakref.WeakSet[BaseEmissionsTracker] = weakref.WeakSet()
_parent_ran = False


def _quiet(method: _F) -> _F:
    """What goes wrong inside is logged and never reaches the program."""

    @functools.wraps(method)
    def call(self: BaseEmissionsTracker, *args: Any, **kwargs: Any) -> Any:
        if self._inert:
            return None
        try:
            with self._lock:
                return method(self, *args, **kwargs)
        except Exception as error:
            logger.warning("%s() failed: %s", method.__name__, error, exc_info=True)
            return None

    return cast("_F", call)


class BaseEmissionsTracker(PrivateNames):
    """What both trackers do.

    The arguments, their order, defaults and precedence are CodeCarbon's: all of them are in
    ``docs/from-codecarbon.md``. ``None`` where that makes no sense means the default.

    Raises:
        TypeError: an argument that there is not.
        ValueError: an argument that cannot be; the sentence says what to pass.
        OSError: ``output_dir`` does not exist.
    """

    _arguments: ClassVar[_settings.Table] = _settings.DEFAULTS
    _keyword_only: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = _settings.bind(
            type(self).__name__, self._arguments, self._keyword_only, args, kwargs
        )
        self._lock = threading.RLock()
        self._inert = False
        # The level first: everything after it may have something to say.
        level = given.get("log_level", _settings.UNSET)
        if level is not _settings.UNSET:
            set_logger_level(level)
        conf = _settings.pick(given, self._arguments)
        _settings.check(conf)
        set_logger_level(conf["log_level"])
        set_logger_format(conf["logger_preamble"])
        self._settings = conf
        self._project_name = str(conf["project_name"])
        self._measure_power_secs = float(conf["measure_power_secs"])
        self._api_call_interval = int(conf["api_call_interval"])
        self._experiment_id = str(conf["experiment_id"])
        self._experiment_name = str(conf["experiment_name"])
        self._tracking_mode = conf["tracking_mode"]
        self._output_dir = conf["output_dir"]
        self._output_methods = conf["output_methods"]
        self._pue = float(conf["pue"])
        self._wue = float(conf["wue"])
        self._forced_intensity = forced_intensity(conf["force_carbon_intensity_g_co2e_kwh"])
        self.run_id: Any = uuid.uuid4()
        self._place: Place | None = None
        self._hardware_found: Hardware | None = None
        self._gpus: list[str] = []
        self._output_handlers: list[BaseOutput] = handlers_of(conf, given)
        self._save_to_file = any(type(h).__name__ == "FileOutput" for h in self._output_handlers)
        self._forget_run()
        self._multiple = None if conf["allow_multiple_runs"] else Lock()
        if self._multiple is not None:
            try:
                self._multiple.acquire()
            except OSError as error:
                logger.error("Another instance of codecarbon is already running: %s", error)
                self._inert = True

    def _forget_run(self) -> None:
        self._ledger: Ledger | None = None
        self._usage: Usage | None = None
        self._tree: ProcessTree | None = None
        self._whole: Measurement | None = None
        self._start_time: float | None = None
        self._stopped = False
        self._tasks: dict[str, Task] = {}
        self._active_task: str | None = None
        self._since_output: list[Segment] = []
        self._measurements = 0
        self._tick: int | None = None
        self._notes: list[str] = []

    # -- the run ------------------------------------------------------------------------------

    @_quiet
    def start(self) -> None:
        """Begins the run. Never raises; a second call changes nothing."""
        if self._ledger is not None and not self._stopped:
            logger.warning("Already started tracking")
            return
        if self._stopped:
            self._forget_run()
            self.run_id = uuid.uuid4()
            for handler in self._output_handlers:
                self._ask(handler, "restart")
        self._begin()
        self._measured()

    @_quiet
    def flush(self) -> float | None:
        """Writes what came so far; returns it in kg of CO2 equivalent.

        None before the start.
        """
        if self._ledger is None or self._stopped:
            logger.error("The tracker is not running: call start() before flush()")
            return None
        ticker.revive()
        self._cut()
        self._measured()
        data = self._write("out")
        return data.emissions

    @_quiet
    def stop(self) -> float | None:
        """Ends the run, writes it, and returns it in kg of CO2 equivalent.

        A second call returns the same number and writes nothing; None without a start.
        """
        if self._ledger is None:
            logger.warning("The tracker was never started: there is nothing to stop")
            return None
        if self._stopped:
            logger.warning("Tracker already stopped !")
            return self.final_emissions
        if self._active_task is not None:
            self._end_task(self._active_task)
        if self._tick is not None:
            ticker.remove(self._tick)
        segment = self._ledger.stop()
        self._take(segment)
        if self._whole is not None:
            _core.close(self._whole)
        self._stopped = True
        _running.discard(self)
        self._measured()
        data = self._write("out")
        if self._tasks:
            rows = [
                TaskEmissionsData.of(name, task.emissions_data)
                for name, task in self._tasks.items()
                if task.emissions_data is not None
            ]
            for handler in self._output_handlers:
                self._ask(handler, "task_out", rows, self._experiment_name)
        self._final = data
        for handler in self._output_handlers:
            self._ask(handler, "exit")
        if self._multiple is not None:
            self._multiple.release()
        return data.emissions

    def __enter__(self) -> BaseEmissionsTracker:
        """Starts; the tracker itself."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Stops; exceptions of the block pass."""
        self.stop()

    def service_shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Stops; for ``signal.signal(signal.SIGTERM, tracker.service_shutdown)``."""
        logger.warning("Signal %d: the tracker stops", signum)
        self.stop()

    # -- tasks --------------------------------------------------------------------------------

    @_quiet
    def start_task(self, task_name: str | None = None) -> None:
        """Begins a task; without a name it gets one. One at a time. ``start`` is not needed."""
        if self._active_task is not None:
            logger.info("A task is already under measure")
            return
        name = str(uuid.uuid4()) if task_name is None else str(task_name)
        if name in self._tasks:
            name = f"{name}_{uuid.uuid4()}"
        if self._ledger is None or self._stopped:
            if self._stopped:
                self._forget_run()
                self.run_id = uuid.uuid4()
            self._begin()
        else:
            self._cut()
        self._since_output.clear()
        self._tasks[name] = Task(name)
        self._active_task = name

    @_quiet
    def stop_task(self, task_name: str | None = None) -> EmissionsData | None:
        """Ends a task and returns what it came to; of an ended one, what it had come to.

        The figures are worked out when they are first looked at. None for an unknown name.
        """
        name = self._active_task if task_name is None else str(task_name)
        task = self._tasks.get(name) if name is not None else None
        if name is None or task is None:
            logger.warning("There is no task %s to stop", "" if name is None else repr(name))
            return None
        if task.is_active:
            self._end_task(name)
        return task.emissions_data

    def _end_task(self, name: str) -> None:
        task = self._tasks[name]
        self._cut()
        task.is_active = False
        self._active_task = None
        self._since_output.clear()
        segments = task.segments
        moment = time.time()
        task.emissions_data = later(lambda: self._row(segments, moment))

    # -- figures ------------------------------------------------------------------------------

    @property
    def final_emissions(self) -> float | None:
        """Kg of CO2 equivalent of the run that has ended; None before."""
        return None if self._final is None else self._final.emissions

    @property
    def final_emissions_data(self) -> EmissionsData | None:
        """The row of the run that has ended; None before."""
        return self._final

    _final: EmissionsData | None = None

    @property
    def measurement(self) -> Measurement | None:
        """The window of the run on the machine's sensors: quality, uncertainty, bounds, reason.

        None before the start.
        """
        if self._whole is not None:
            self._whole._notes = tuple(self._notes)
        return self._whole

    def get_detected_hardware(self) -> dict[str, Any]:
        """What the machine is, by the names of a row's columns."""
        return self._machine().to_dict()

    @property
    def intensity(self) -> Any:
        """The carbon intensity that the run's energy is weighed with, and where it comes from."""
        return self._where().intensity

    # -- inside: a run ------------------------------------------------------------------------

    def _begin(self) -> None:
        kept_meter()  # first: what the machine is gets told from its sensors
        self._machine()
        self._where()
        for note in self._overlaps():
            self._notes.append(note)
        gpu_indices = [i for i in map(index_of, self._gpus) if i is not None]
        process = self._tracking_mode == "process"
        self._tree = ProcessTree(gpu_indices) if process else None
        self._usage = Usage(gpu_indices)
        ledger = Ledger(self._tracks(), self._constant_w(), self._shares, self._factor)
        self._start_time = time.perf_counter()
        ledger.start()
        self._ledger = ledger
        self._tick = ticker.add(self._on_tick, max(0.01, self._measure_power_secs))
        _running.add(self)

    def _tracks(self) -> list[Track]:
        forced_cpu = self._settings["force_cpu_power"]
        by_model = forced_cpu is not None or bool(self._settings.get("force_mode_cpu_load"))
        forced_ram = self._settings["force_ram_power"] is not None
        tracks = [machine(self._gpus, cpu=not by_model, ram=not forced_ram)]
        if by_model:
            tracks.append(load_model(forced_cpu))
            self._notes.append(
                "The row's processor energy is the load model's for a power that was given, not "
                "what the sensors measured."
            )
        # A window of its own over the whole run: quality, uncertainty and reason come from there.
        self._whole = tracks[0].meter._open(0.0)
        self._whole._label = self._project_name
        return tracks

    def _constant_w(self) -> Components:
        return 0.0, 0.0, float(self._settings["force_ram_power"] or 0.0)

    def _shares(self) -> Components:
        return self._tree.shares() if self._tree is not None else (1.0, 1.0, 1.0)

    def _factor(self) -> float:
        return self._where().kg_per_kwh

    def _cut(self) -> None:
        if self._ledger is None:
            raise AssertionError("a run is cut while it goes on")
        self._take(self._ledger.cut())

    def _take(self, segment: Segment) -> None:
        self._since_output.append(segment)
        if self._active_task is not None:
            self._tasks[self._active_task].segments.append(segment)

    def _on_tick(self) -> None:
        """A measurement is due: the meter needs none, what lives on it does."""
        with self._lock:
            if self._ledger is None or self._stopped:
                return
            try:
                if self._usage is not None:
                    self._usage.look()
                if self._tree is not None:
                    self._cut()
                self._measured()
            except Exception as error:
                logger.warning("A measurement failed: %s", error, exc_info=True)

    def _measured(self) -> None:
        self._measurements += 1
        interval = self._api_call_interval
        if interval > 0 and self._measurements % interval == 0:
            live = [h for h in self._output_handlers if _has_live(h)]
            if live:
                if not self._stopped:
                    self._cut()
                self._write("live_out", live)

    def _write(self, how: str, handlers: list[BaseOutput] | None = None) -> EmissionsData:
        total = self._total()
        segments, self._since_output = self._since_output, []
        moment = time.time()
        delta = later(lambda: self._row(segments, moment))
        for handler in self._output_handlers if handlers is None else handlers:
            self._ask(handler, how, total, delta)
        return total

    def _ask(self, handler: BaseOutput, what: str, *args: Any) -> None:
        """One output's fault is its own."""
        method = getattr(handler, what, None)
        if method is None:
            return
        try:
            method(*args)
        except Exception as error:
            logger.warning("%s.%s() failed: %s", type(handler).__name__, what, error, exc_info=True)

    # -- inside: rows -------------------------------------------------------------------------

    def _total(self) -> EmissionsData:
        if self._ledger is None:
            raise RuntimeError("the tracker was never started: call start() first")
        energy, kg, duration_s = self._ledger.totals()
        return self._fill(energy, kg, duration_s, time.time())

    def _row(self, segments: list[Segment], moment: float) -> EmissionsData:
        energies = [segment.energy() for segment in segments]
        cpu, gpu, ram = (sum(energy[i] for energy in energies) for i in range(3))
        pairs = zip(energies, segments, strict=True)
        kg = sum(kg_of(energy, segment.kg_per_kwh) for energy, segment in pairs)
        return self._fill((cpu, gpu, ram), kg, sum(s.duration_s for s in segments), moment)

    def _fill(
        self, energy: Components, kg: float, duration_s: float, moment: float
    ) -> EmissionsData:
        return row(
            energy,
            kg,
            duration_s,
            moment,
            project_name=self._project_name,
            run_id=str(self.run_id),
            experiment_id=self._experiment_id,
            place=self._where(),
            hardware=self._machine(),
            tracking_mode=self._tracking_mode,
            means=self._usage.means() if self._usage is not None else None,
            pue=self._pue,
            wue=self._wue,
        )

    # -- inside: what is known ----------------------------------------------------------------

    def _where(self) -> Place:
        if self._place is None:
            self._place = self._find_place()
        return self._place

    def _find_place(self) -> Place:
        return online_place(self._forced_intensity)

    def _machine(self) -> Hardware:
        if self._hardware_found is None:
            from microjoule.sensors import sensors

            counted = [s.id for s in sensors() if s.counted and s.readable and s.kind == "gpu"]
            self._gpus, known = gpus_wanted(counted, self._settings["gpu_ids"])
            self._hardware_found = Hardware(known)
        return self._hardware_found

    def _overlaps(self) -> list[str]:
        notes = []
        others = [other for other in _running if other is not self]
        sentence = "counts the same machine at the same time: the rows do not add up to its energy."
        if others:
            notes.append(f"Another tracker of this process {sentence}")
            for other in others:
                note = f"Another tracker of this process {sentence}"
                if note not in other._notes:
                    other._notes.append(note)
        if _parent_ran:
            notes.append(f"A tracker of the parent process {sentence}")
        return notes

    # -- names that other people's code reads: see PrivateNames -------------------------------

    def _prepare_emissions_data(self, delta: bool = False) -> EmissionsData:
        """The row as it is now."""
        with self._lock:
            if self._final is not None and self._stopped:
                return self._final
            if self._ledger is not None:
                self._cut()
            return self._row(list(self._since_output), time.time()) if delta else self._total()

    def _measure_power_and_energy(self) -> None:
        """A measurement between two ticks."""
        self._on_tick()

    def _so_far(self) -> EmissionsData | None:
        if self._ledger is None:
            return None
        return self._prepare_emissions_data()

    def __getstate__(self) -> Any:
        raise TypeError(f"{type(self).__name__} holds a running meter and cannot be pickled")


class EmissionsTracker(BaseEmissionsTracker):
    """Tracks energy and carbon of this machine from ``start`` to ``stop``.

    The place comes from microjoule's settings, else from the time zone (a guess, and said so), else
    it is the world mean. Nothing is looked up on the network.
    """


class OfflineEmissionsTracker(BaseEmissionsTracker):
    """The same for a place that is given.

    Args:
        country_iso_code: ISO 3166-1 alpha-3 code (alpha-2 and names are taken too).
        region: state, province or bidding zone of it, by code or name.
        cloud_provider: ``aws``, ``gcp`` or ``azure``.
        cloud_region: a region of it.
        country_2letter_iso_code: alpha-2 code, for the zones of a provider.
    """

    _arguments: ClassVar[_settings.Table] = {**_settings.DEFAULTS, **_settings.OFFLINE_DEFAULTS}
    _keyword_only = frozenset(_settings.OFFLINE_DEFAULTS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._country_iso_code = self._settings["country_iso_code"]
        self._region = self._settings["region"]

    def _find_place(self) -> Place:
        return offline_place(self._settings, self._forced_intensity)


for _class in (BaseEmissionsTracker, EmissionsTracker, OfflineEmissionsTracker):
    _class.__signature__ = _settings.signature_of(_class._arguments, _class._keyword_only)  # type: ignore[attr-defined]


def _has_live(handler: BaseOutput) -> bool:
    return getattr(type(handler), "live_out", None) is not BaseOutput.live_out


# -- the end of the process -------------------------------------------------------------------


@atexit.register
def _stop_all() -> None:
    """What nobody stopped is written all the same."""
    for tracker in list(_running):
        tracker.stop()


def _after_fork() -> None:
    """In a forked child the parent's trackers are the parent's."""
    global _running, _parent_ran
    _parent_ran = _parent_ran or len(_running) > 0
    for tracker in list(_running):
        tracker._lock = threading.RLock()
    _running = weakref.WeakSet()


os.register_at_fork(after_in_child=_after_fork)
