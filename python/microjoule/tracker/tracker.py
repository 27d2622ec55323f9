"""The trackers: CodeCarbon's calls and figures, on microjoule's meters."""

from __future__ import annotations

import atexit
import functools
import os
import threading
import weakref
from collections.abc import Callable
from types import FrameType, TracebackType

from microjoule.carbon import Intensity
from microjoule.measurement import Measurement
from microjoule.meter import kept_meter
from microjoule.tracker import settings as _settings
from microjoule.tracker.data import EmissionsData, TaskEmissionsData
from microjoule.tracker.handlers import Handlers, handlers_of
from microjoule.tracker.hardware import Hardware, gpus_wanted
from microjoule.tracker.lock import Lock
from microjoule.tracker.log import logger, set_logger_format, set_logger_level
from microjoule.tracker.outputs.base import BaseOutput
from microjoule.tracker.place import Place, forced_intensity, offline_place, online_place
from microjoule.tracker.private import PrivateNames
from microjoule.tracker.run import Run, unique
from microjoule.tracker.ticker import ticker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])

__all__ = ["BaseEmissionsTracker", "EmissionsTracker", "OfflineEmissionsTracker"]

# Trackers that run: whoever forgets to stop one has its row all the same.
_running: weakref.WeakSet[BaseEmissionsTracker] = weakref.WeakSet()


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

    return call  # type: ignore[return-value]


class _Signature:
    """The signature that help() and editors show, made when they ask."""

    def __get__(self, tracker: object, owner: type[BaseEmissionsTracker]) -> Any:
        return _settings.signature_of(owner._arguments, owner._keyword_only)


class BaseEmissionsTracker(PrivateNames):
    """What both trackers do.

    The arguments, their order, defaults and precedence are CodeCarbon's: all of them are in
    ``docs/from-codecarbon.md``. ``None`` where that makes no sense means the default.

    Raises:
        TypeError: an argument that there is not.
        ValueError: an argument that cannot be; the sentence says what to pass.
        OSError: ``output_dir`` does not exist.
    """

    __signature__ = _Signature()
    _arguments: ClassVar[_settings.Table] = _settings.DEFAULTS
    _keyword_only: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = _settings.bind(
            type(self).__name__, self._arguments, self._keyword_only, args, kwargs
        )
        # The level first: everything after it may have something to say.
        set_logger_level(given.get("log_level"))
        conf = self._settings = _settings.pick(given, self._arguments)
        _settings.check(conf)
        set_logger_level(conf["log_level"])
        set_logger_format(conf["logger_preamble"])
        self._lock = threading.RLock()
        self._inert = False
        self._forced_intensity = forced_intensity(conf["force_carbon_intensity_g_co2e_kwh"])
        self._handlers = Handlers(handlers_of(conf))
        self._run: Run | None = None
        self._names = self._new_names()
        self._own_id: Any = None
        self._final: EmissionsData | None = None
        self._place: Place | None = None
        self._hardware_found: Hardware | None = None
        self._measurements = 0
        self._tick: int | None = None
        self._multiple = None if conf["allow_multiple_runs"] else Lock()
        self._inert = not self._alone()

    # -- the run ------------------------------------------------------------------------------

    @_quiet
    def start(self) -> None:
        """Begins the run. Never raises; a second call changes nothing."""
        if self._run is not None and not self._run.stopped:
            logger.warning("Already started tracking")
            return
        run = self._begin()
        if run is not None:
            self._measured(run)

    @_quiet
    def flush(self) -> float | None:
        """Writes what came so far; returns it in kg of CO2 equivalent.

        None before the start.
        """
        run = self._run
        if run is None or run.stopped:
            logger.error("The tracker is not running: call start() before flush()")
            return None
        ticker.revive()
        run.cut()
        self._measured(run)
        data = self._write(run, "out")
        self._write_tasks(run)
        return data.emissions

    @_quiet
    def stop(self) -> float | None:
        """Ends the run, writes it, and returns it in kg of CO2 equivalent.

        A second call returns the same number and writes nothing; None without a start.
        """
        run = self._run
        if run is None:
            logger.warning("The tracker was never started: there is nothing to stop")
            return None
        if run.stopped:
            logger.warning("Tracker already stopped !")
            return self.final_emissions
        if run.active_task is not None:
            run.end_task()
        if self._tick is not None:
            ticker.remove(self._tick)
        run.stop()
        _running.discard(self)
        self._measured(run)
        self._final = data = self._write(run, "out")
        self._write_tasks(run)
        if run.is_ours:
            self._handlers.ask("exit")
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
        run = self._run
        if run is not None and run.active_task is not None:
            logger.info("A task is already under measure")
            return
        if run is not None and not run.stopped:
            run.cut()
        else:
            run = self._begin()
            if run is None:
                return
        name = unique() if task_name is None else str(task_name)
        run.begin_task(f"{name}_{unique()}" if name in run.tasks else name)

    @_quiet
    def stop_task(self, task_name: str | None = None) -> EmissionsData | None:
        """Ends a task and returns what it came to; of an ended one, what it had come to.

        The figures are worked out when they are first looked at. None for an unknown name.
        """
        name = self._active_task if task_name is None else str(task_name)
        task = self._tasks.get(name) if name is not None else None
        if self._run is None or task is None:
            logger.warning("There is no task %s to stop", "" if name is None else repr(name))
            return None
        if task.is_active:
            self._run.end_task()
        return task.emissions_data

    # -- figures ------------------------------------------------------------------------------

    @property
    def run_id(self) -> Any:
        """Names the run in its rows: a UUID, or what was put in its place."""
        if self._own_id is None:
            import uuid  # late: a tracker starts without

            self._own_id = uuid.UUID(self._names["run_id"])
        return self._own_id

    @run_id.setter
    def run_id(self, name: Any) -> None:
        self._own_id = name
        self._names["run_id"] = str(name)

    @property
    def final_emissions(self) -> float | None:
        """Kg of CO2 equivalent of the run that has ended; None before."""
        return None if self._final is None else self._final.emissions

    @property
    def final_emissions_data(self) -> EmissionsData | None:
        """The row of the run that has ended; None before."""
        return self._final

    @property
    def measurement(self) -> Measurement | None:
        """The window of the run on the machine's sensors: quality, uncertainty, bounds, reason.

        None before the start.
        """
        return None if self._run is None else self._run.measurement

    @property
    def intensity(self) -> Intensity:
        """The carbon intensity that the run's energy is weighed with, and where it comes from."""
        return self._where().intensity

    def get_detected_hardware(self) -> dict[str, Any]:
        """What the machine is, by the names of a row's columns."""
        return self._machine().to_dict()

    # -- inside -------------------------------------------------------------------------------

    def _begin(self) -> Run | None:
        """Begins a run; None where another tracker forbids it."""
        if self._run is not None:
            if not self._alone():
                return None
            self._names, self._own_id = self._new_names(), None
        run = Run(self._settings, self._where(), self._machine(), self._names)
        self._run, self._measurements = run, 0
        self._tick = ticker.add(self._on_tick, max(0.01, self._measure_power_secs))
        _running.add(self)
        return run

    def _new_names(self) -> dict[str, str]:
        """The columns that name a run; a run keeps its own when another one follows."""
        conf = self._settings
        columns = ("project_name", "experiment_id", "tracking_mode")
        return {"run_id": unique(), **{name: str(conf[name]) for name in columns}}

    def _alone(self) -> bool:
        """Whether this tracker may run; takes the lock where only one may."""
        if self._multiple is None:
            return True
        try:
            self._multiple.acquire()
        except OSError as error:
            logger.error("Another instance of codecarbon is already running: %s", error)
            return False
        return True

    def _on_tick(self) -> None:
        """A measurement is due: the meter needs none, what lives on it does."""
        with self._lock:
            run = self._run
            if run is None or run.stopped:
                return
            try:
                run.look()
                if run.by_share:
                    run.cut()
                self._measured(run)
            except Exception as error:
                logger.warning("A measurement failed: %s", error, exc_info=True)

    def _measured(self, run: Run) -> None:
        """Counts a measurement; every so many of them the live outputs get their row."""
        self._measurements += 1
        interval = int(self._settings["api_call_interval"])
        if interval > 0 and self._measurements % interval == 0 and self._handlers.live:
            self._write(run, "live_out", self._handlers.live)

    def _write(self, run: Run, how: str, handlers: list[BaseOutput] | None = None) -> EmissionsData:
        if how == "live_out" and not run.stopped:
            run.cut()
        total = run.total()
        if run.is_ours:
            self._handlers.ask(how, total, run.delta(), among=handlers)
        return total

    def _write_tasks(self, run: Run) -> None:
        """Hands on all tasks that have ended."""
        tasks = [
            TaskEmissionsData.of(name, task.emissions_data)
            for name, task in run.tasks.items()
            if task.emissions_data is not None
        ]
        if tasks and run.is_ours:
            self._handlers.ask("task_out", tasks, str(self._settings["experiment_name"]))

    def _where(self) -> Place:
        if self._place is None:
            self._place = self._find_place()
        return self._place

    def _find_place(self) -> Place:
        return online_place(self._settings, self._forced_intensity)

    def _machine(self) -> Hardware:
        if self._hardware_found is None:
            known = kept_meter()._native.sensors()
            self._hardware_found = Hardware(gpus_wanted(known, self._settings["gpu_ids"]))
        return self._hardware_found

    def _prepare_emissions_data(self, delta: bool = False) -> EmissionsData:
        """The row as it is now; see `PrivateNames`."""
        with self._lock:
            run = self._run
            if run is None:
                raise RuntimeError("the tracker was never started: call start() first")
            if run.stopped and self._final is not None:
                return self._final
            run.cut()
            return run.delta() if delta else run.total()

    def __getstate__(self) -> Any:
        raise TypeError(f"{type(self).__name__} holds a running meter and cannot be pickled")


class EmissionsTracker(BaseEmissionsTracker):
    """Tracks energy and carbon of this machine from ``start`` to ``stop``.

    The place comes from microjoule's settings, else from the time zone (a guess, and said so), else
    it is the world mean. Nothing is looked up on the network unless ``MICROJOULE_OFFLINE`` is 0.
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

    def _find_place(self) -> Place:
        return offline_place(self._settings, self._forced_intensity)


@atexit.register
def _stop_all() -> None:
    """What nobody stopped is written all the same."""
    for tracker in list(_running):
        tracker.stop()


def _after_fork() -> None:
    """In a forked child the parent's trackers are the parent's to stop."""
    global _running
    for tracker in list(_running):
        tracker._lock = threading.RLock()
    _running = weakref.WeakSet()


os.register_at_fork(after_in_child=_after_fork)
