"""Meters: windows over this machine's sensors, by context manager, decorator or token."""

from __future__ import annotations

import atexit
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType

from microjoule import _core, config, wall
from microjoule.config import Frozen
from microjoule.decorating import around
from microjoule.measurement import Measurement
from microjoule.request import Request
from microjoule.sensors import Sensor, discover, listed
from microjoule.stages import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    import warnings
    from typing import Any, TypeVar

    from microjoule.carbon import Intensity, Series
    from microjoule.requesting import request
    from microjoule.settling import Drain

    _F = TypeVar("_F", bound=Callable[..., Any])

__all__ = [
    "Books",
    "Meter",
    "begin",
    "end",
    "kept_meter",
    "lap",
    "measure",
    "meter",
    "running_meter",
]


# Beyond these a period is no pace: the sampler could not keep up, or would miss wraps.
_SHORTEST_S = 1e-5
_LONGEST_S = 3600.0
# Borders of slots known in advance: seven years of hours, half a year of five minutes.
_MOST_BORDERS = 65536

_core.set_result_type(Measurement)
_core.set_request_type(Request)

_Devices = str | Sequence[str] | Mapping[str, float] | None


class Books(Frozen):
    """What flowed since a meter began.

    Attributes:
        total_j: Joules of the counted sensors.
        attributed_j: The part of it that requests account for.
        unattributed_j: The rest.
        gap_s: Seconds for which a counted sensor could not be read, the longest of them.
        by_sensor: Joules by sensor id.
        attributed_by_sensor: The part of each that requests account for.
        idle_w: Idle power by sensor id, where the split is marginal and it is known.
    """

    __slots__ = (
        "attributed_by_sensor",
        "attributed_j",
        "by_sensor",
        "gap_s",
        "idle_w",
        "total_j",
        "unattributed_j",
    )

    total_j: float
    attributed_j: float
    unattributed_j: float
    gap_s: float
    by_sensor: dict[str, float]
    attributed_by_sensor: dict[str, float]
    idle_w: dict[str, float]

    def __init__(self, infos: Sequence[_core.SensorInfo], books: _core.Books) -> None:
        """Sums up what the core has."""
        pairs = list(zip(infos, books.sensors, strict=True))
        accounts = list(zip(infos, books.accounts, strict=True))
        self._fill(
            total_j=sum(a.total for info, a in accounts if info.counted),
            attributed_j=sum(a.attributed for info, a in accounts if info.counted),
            unattributed_j=sum(a.unattributed for info, a in accounts if info.counted),
            gap_s=max((f.gap_s for info, f in pairs if info.counted), default=0.0),
            by_sensor={info.id: f.energy for info, f in pairs if info.energy},
            attributed_by_sensor={info.id: a.attributed for info, a in accounts if info.energy},
            idle_w={info.id: a.idle_w for info, a in accounts if info.energy and a.idle_w > 0},
        )


# Found once, at the first request: an import statement costs more than a request does.
_request: type[request] | None = None

# Meters whose sampler may run, and those of them that are paused while the process forks.
_meters: weakref.WeakSet[Meter] = weakref.WeakSet()
_paused: list[Meter] = []
_quiet: list[warnings.catch_warnings[None]] = []
# A call into a driver that takes longer than this is not waited for by a fork.
_LONGEST_CALL_S = 0.005


def _pause_for_fork() -> None:
    """Ends the sampler's threads before a fork.

    From 3.12 on CPython warns whoever forks a process that has threads, and counts native ones: a
    user's test suite that takes warnings for errors would fail because of us. A thread inside a
    driver's call cannot be ended, and the fork does not wait for it: if there is no other, nobody
    is warned of it. It holds no lock that the child could miss.
    """
    left = 0
    for running in list(_meters):
        if running.running:
            left += running._native.pause(_LONGEST_CALL_S)
            _paused.append(running)
    if left and len(os.listdir("/proc/self/task")) == 1 + left:
        import warnings

        quiet = warnings.catch_warnings()
        quiet.__enter__()
        warnings.filterwarnings("ignore", r"This process .* is multi-threaded", DeprecationWarning)
        _quiet.append(quiet)


def _resume() -> None:
    """Starts the threads again: a window that is open may see no other event for hours."""
    _warn_again()
    while _paused:
        _paused.pop()._native.resume()


def _warn_again() -> None:
    while _quiet:
        _quiet.pop().__exit__(None, None, None)


def _in_child() -> None:
    """A child starts what it uses at its first begin or end."""
    _warn_again()
    _paused.clear()


def _resume_when_forked() -> None:
    """The same, when the call of fork is over: from 3.13 on CPython counts after its hooks."""
    forker = sys._getframe(1)
    instruction = forker.f_lasti

    def resume_unless_forking() -> None:
        frame = here = sys._getframe(1)
        while frame is not None and frame is not forker:
            frame = frame.f_back  # type: ignore[assignment]
        if frame is forker and frame is not here and frame.f_lasti == instruction:
            _core.soon(resume_unless_forking)  # in another's hook
        else:
            _resume()

    if _paused:
        _core.soon(resume_unless_forking)


if sys.version_info >= (3, 12):
    os.register_at_fork(
        before=_pause_for_fork,
        after_in_parent=_resume_when_forked if sys.version_info >= (3, 13) else _resume,
        after_in_child=_in_child,
    )


class Meter:
    """A sampler over this machine's sensors, and the windows that are asked of it.

    Args:
        sources: Names of the sources to use; None: the best available for each device.
        period_s: Sampling period in seconds, for ``pace="fixed"`` and for traces.
        pace: ``"events"``: fast where something happens and slow elsewhere; ``"fixed"``: always at
            the period.
        overhead_limit: The share of one core that the sampler may use.
        intensity: The carbon intensity of what this meter measures: a `microjoule.carbon.Series`,
            or whatever `microjoule.carbon.intensity` takes; None: that of the place. Where the
            slots of a series meet, the sampler reads as it does at the ends of a window, so that
            the energy of each slot is known as well as that of a window.
        record: A new file for every reading and window, to be replayed (`microjoule.recording`).
        split: How a device's energy is split among requests. ``"fair"``: all of it by weight;
            ``"marginal"``: what it draws with nobody there in equal parts, the rest by weight.
        idle_w: Idle power in watts by sensor id or kind, for ``"marginal"``; what is not named is
            learnt from times with no request.

    Raises:
        ValueError: A bad argument, or sources were named and none of them can be read, or the
            recording cannot be written.
    """

    __slots__ = (
        "__weakref__",
        "_begin",
        "_begin_request",
        "_drains",
        "_end",
        "_end_request",
        "_factors",
        "_intensity",
        "_labels",
        "_native",
        "_period_s",
        "_refused",
    )

    def __init__(
        self,
        sources: Sequence[str] | None = None,
        period_s: float | None = None,
        pace: str | None = None,
        overhead_limit: float = 0.05,
        intensity: Series | Intensity | str | float | None = None,
        record: str | os.PathLike[str] | None = None,
        split: str = "fair",
        idle_w: Mapping[str, float] | None = None,
    ) -> None:
        """Finds the sensors, reads each once and starts the sampler."""
        if not isinstance(overhead_limit, int | float) or not 0 < overhead_limit <= 1:
            raise ValueError(
                f"overhead_limit is {overhead_limit!r}: pass a share of one core above 0, at most 1"
            )
        self._intensity = _checked(intensity)
        if record is not None and not (isinstance(record, str | os.PathLike) and os.fspath(record)):
            raise ValueError(f"record is {record!r}: pass the path of a new file, or nothing")
        if split not in ("fair", "marginal"):
            raise ValueError(f"split is {split!r}: pass 'fair' or 'marginal'")
        if idle_w is not None and split != "marginal":
            raise ValueError("idle_w needs split='marginal': a fair split knows no idle power")
        settings = config.load(arguments={"sources": sources, "period": period_s, "pace": pace})
        found = discover(settings)
        self._refused = list(found.refused)
        found.add_process()
        self._period_s = settings.period_s
        self._native = _core.Meter(
            found,
            fixed=settings.pace == "fixed",
            period_ns=round(min(max(settings.period_s, _SHORTEST_S), _LONGEST_S) * 1e9),
            overhead_limit=overhead_limit,
            record=None if record is None else os.fspath(record),
            facts=() if record is None else _facts(settings),
            marginal=split == "marginal",
            idle_w=_by_sensor(found.found, idle_w or {}, math.nan, "idle_w"),
        )
        self._begin_request = self._native.begin_request
        self._end_request = self._native.end_request
        self._factors: dict[str | tuple[str, ...], list[float]] = {}
        self._drains: list[Drain] = []
        self._begin = self._native.begin
        self._end = self._native.end
        self._labels: dict[int, str] = {}
        self._native.start()
        borders = getattr(self._intensity, "borders_ns", None)
        if borders is not None:
            self._schedule(borders)
        _meters.add(self)

    def begin(self, label: str | None = None) -> int:
        """Opens a window and returns its token. Never waits; any thread may end it.

        Raises:
            ValueError: The meter is closed, or the label is no text.
        """
        if label is None:
            return self._begin()
        if not isinstance(label, str):
            raise ValueError(f"label is {label!r}: pass a name, or nothing")
        token = self._begin()
        self._labels[token] = label
        return token

    def end(self, token: int) -> Measurement:
        """Closes a window.

        Raises:
            ValueError: The token is unknown or has ended already.
        """
        try:
            measurement = self._end(token)
        except TypeError:
            raise _not_a_token(token) from None
        if self._labels:
            measurement._label = self._labels.pop(token, None)
        if self._intensity is not None:
            measurement._intensity = self._intensity
        return measurement

    def lap(self, token: int) -> Measurement:
        """Ends a window and begins the next one at the same stamp, under the same token.

        Raises:
            ValueError: The token is unknown or has ended already.
        """
        try:
            measurement = self._native.lap(token)
        except TypeError:
            raise _not_a_token(token) from None
        measurement._label = self._labels.get(token)
        if self._intensity is not None:
            measurement._intensity = self._intensity
        return measurement

    def measure(
        self, label: str | None = None, *, stage: str | None = None, trace: bool | float = False
    ) -> measure:
        """`microjoule.measure` on this meter."""
        return measure(label, stage=stage, trace=trace, meter=self)

    def begin_request(
        self, label: str | None = None, *, weight: float = 1.0, devices: _Devices = None
    ) -> int:
        """`microjoule.begin_request` on this meter."""
        if devices is None and label is None:
            try:
                return self._begin_request(weight)
            except TypeError:
                raise _not_a_weight(weight) from None
        if label is not None and not isinstance(label, str):
            raise ValueError(f"label is {label!r}: pass a name, or nothing")
        try:
            token = self._begin_request(weight, self._factors_of(devices))
        except TypeError:
            raise _not_a_weight(weight) from None
        if label is not None:
            self._labels[token] = label
        return token

    def end_request(self, token: int) -> Request:
        """`microjoule.end_request` on this meter."""
        try:
            request = self._end_request(token)
        except TypeError:
            raise ValueError(
                f"{token!r} is no token of an open request: pass what begin_request() returned, "
                "once"
            ) from None
        if self._labels:
            request._label = self._labels.pop(token, None)
        if self._intensity is not None:
            request._intensity = self._intensity
        if self._drains:
            self._ended(request)
        return request

    def request(
        self, label: str | None = None, *, weight: float = 1.0, devices: _Devices = None
    ) -> request:
        """`microjoule.request` on this meter."""
        global _request
        if _request is None:
            from microjoule import requesting  # which imports this module

            _request = requesting.request
        return _request(label, weight=weight, devices=devices, meter=self)

    def step(self, requests: Sequence[Request | int], weights: Sequence[float]) -> None:
        """`microjoule.step` on this meter."""
        try:
            self._native.step(requests, weights)
        except TypeError:
            raise ValueError(
                "step() takes requests of this meter or their tokens, and a number for each"
            ) from None
        for each, weight in zip(requests, weights, strict=True):
            if isinstance(each, Request):
                each._weight = weight

    def on_settled(self, callback: Callable[[Request], object]) -> None:
        """Calls back with each request that ends from now on, once it has settled.

        On a thread of its own, in the order in which they ended. What the callback raises goes to
        the log ``microjoule``.

        Raises:
            ValueError: It is not callable.
        """
        from microjoule.settling import Drain

        if not callable(callback):
            raise ValueError(f"on_settled() takes something callable, not {callback!r}")
        self._drains.append(Drain(callback))

    def sensors(self) -> list[Sensor]:
        """The sensors of this meter, and those that were refused, with the reason."""
        return listed(self._native.sensors(), self._refused, self._native.update_periods_ns())

    def books(self) -> Books:
        """What flowed since this meter began."""
        return Books(self._native.sensors(), self._native.books())

    def recording_problem(self) -> str:
        """What the recording lacks, in a sentence; empty if it is whole, or there is none."""
        return self._native.recording_problem()

    def stats(self) -> _core.SamplerStats:
        """What the sampler has cost and met so far."""
        return self._native.stats()

    @property
    def running(self) -> bool:
        """Whether the sampler runs."""
        return self._native.running

    def close(self) -> None:
        """Stops the sampler. Windows and requests that are open can still be ended."""
        for drain in self._drains:
            drain.close()
        self._native.close()

    def __enter__(self) -> Meter:
        """The meter itself; it is closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Closes the meter."""
        self.close()

    def _open_request(self, label: str | None, weight: float, devices: _Devices) -> Request:
        try:
            if devices is None:
                request = self._native.open_request(weight)
            else:
                request = self._native.open_request(weight, self._factors_of(devices))
        except TypeError:
            raise _not_a_weight(weight) from None
        if label is not None:
            request._label = label
        if weight != 1.0:
            request._weight = weight
        if self._intensity is not None:
            request._intensity = self._intensity
        return request

    def _ended(self, request: Request) -> None:
        for drain in self._drains:
            drain.put(request)

    def _factors_of(self, devices: _Devices) -> list[float] | None:
        if devices is None:
            return None
        if isinstance(devices, Mapping):
            return _factors(self._native.sensors(), devices)
        try:
            key = devices if isinstance(devices, str) else tuple(devices)
            known = self._factors.get(key)
        except TypeError:
            raise ValueError(
                f"devices is {devices!r}: pass sensor ids or kinds, or a mapping from them to a "
                "weight"
            ) from None
        if known is None:
            names = (key,) if isinstance(key, str) else key
            known = _factors(self._native.sensors(), dict.fromkeys(names, 1.0))
            self._factors[key] = known
        return known

    def _open(self, trace_s: float, *, calm: bool = False) -> Measurement:
        measurement = self._native.open(round(trace_s * 1e9), calm)
        if self._intensity is not None:
            measurement._intensity = self._intensity
        return measurement

    def _schedule(self, *borders_ns: Callable[[int, int], list[int]]) -> None:
        """Settles E wherever slots of these series meet from now on, while a window is open.

        Wall-clock time is mapped to the monotonic clock here, once.
        """
        now = wall.unix_ns(time.monotonic_ns())
        borders = {at for next_ones in borders_ns for at in next_ones(now, _MOST_BORDERS)}
        self._native.schedule([wall.monotonic_ns(at) for at in sorted(borders)][:_MOST_BORDERS])


def _checked(intensity: Series | Intensity | str | float | None) -> Series | Intensity | None:
    if intensity is None:
        return None
    from microjoule import carbon

    if isinstance(intensity, carbon.Series | carbon.Intensity):
        return intensity
    return carbon.intensity(intensity)


def _by_sensor(
    infos: Sequence[_core.SensorInfo], named: Mapping[str, float], default: float, what: str
) -> list[float]:
    """A number for each sensor, by id or kind; an id goes before a kind, which means the counted.

    Raises:
        ValueError: A name that no sensor has, or a number below 0.
    """
    out = [default] * len(infos)
    for by_id in (False, True):
        for i, info in enumerate(infos):
            name = info.id if by_id else info.kind
            if info.energy and name in named and (by_id or info.counted):
                out[i] = named[name]
    known = {name for info in infos if info.energy for name in (info.id, info.kind)}
    for name, number in named.items():
        if name not in known:
            raise ValueError(
                f"{what} names {name!r}, which is no sensor here: "
                f"pass one of {', '.join(sorted(known)) or 'those that sensors() lists'}"
            )
        if not isinstance(number, int | float) or not 0 <= number < math.inf:
            raise ValueError(f"{what} of {name!r} is {number!r}: pass a number, 0 or more")
    return out


def _factors(infos: Sequence[_core.SensorInfo], devices: Mapping[str, float]) -> list[float]:
    factors = _by_sensor(infos, devices, 0.0, "devices")
    if not any(factor and info.counted for factor, info in zip(factors, infos, strict=True)):
        raise ValueError("devices names no sensor that is counted: pass at least one of those")
    return factors


def _not_a_weight(weight: object) -> ValueError:
    return ValueError(f"weight is {weight!r}: pass 0 (it waits), or a number from 1e-6 to 1e6")


def _facts(settings: config.Settings) -> list[tuple[str, str]]:
    """What a recording says of its origin: nothing by which somebody could be found."""
    from datetime import UTC, datetime

    from microjoule import hardware
    from microjoule._version import __version__

    system = os.uname()
    return [
        ("recorded", datetime.now(UTC).isoformat(timespec="seconds")),
        ("by", f"microjoule {__version__}"),
        ("system", f"{system.sysname} {system.release} {system.machine}"),
        ("processor", hardware.cpu_model(settings.procfs, settings.sysfs).name),
    ]


def _not_a_token(token: object) -> ValueError:
    return ValueError(f"{token!r} is no token of an open window: pass what begin() returned, once")


class _SharedMeter(Meter):
    """The process-wide meter: closed when the last of those who asked for it has closed it."""

    __slots__ = ("_users",)

    def __init__(self) -> None:
        super().__init__()
        self._users = 0

    def close(self) -> None:
        global _shared
        with _lock:
            self._users -= 1
            if self._users > 0:
                return
            if _shared is self:
                _shared = None
        super().close()


_lock = threading.RLock()
_shared: _SharedMeter | None = None
# The same, once somebody uses it who never closes it.
_kept: _SharedMeter | None = None


def meter() -> Meter:
    """The process-wide meter, started on first use.

    Each call is one use; ``close()`` gives one back, and the last one stops the sampler.
    """
    global _shared
    with _lock:
        if _shared is None:
            _shared = _SharedMeter()
        _shared._users += 1
        return _shared


def running_meter() -> Meter | None:
    """The process-wide meter if it runs."""
    return _shared


def kept_meter() -> Meter:
    """The process-wide meter for those who never close it: one use, kept until exit."""
    global _kept
    if _kept is not None:
        return _kept
    with _lock:
        if _kept is None:
            meter()
            _kept = _shared
        assert _kept is not None
        return _kept


@atexit.register
def _pause_at_exit() -> None:
    # Handlers that were registered earlier run later, and may still measure: paused, not closed.
    if _shared is not None:
        _shared._native.pause()


def _forget_locks() -> None:
    """In a forked child: whoever held them in the parent does not exist here."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_forget_locks)


def begin(label: str | None = None) -> int:
    """Opens a window on the process-wide meter and returns its token.

    The cheapest way to measure: a clock read and a queue push. Tokens may overlap and cross
    threads.
    """
    return (_kept or kept_meter()).begin(label)


def end(token: int) -> Measurement:
    """Closes a window of the process-wide meter.

    Raises:
        ValueError: The token is unknown or has ended already.
    """
    if _shared is None:
        raise _not_a_token(token)
    return _shared.end(token)


def lap(token: int) -> Measurement:
    """Ends a window and begins the next one at the same stamp, under the same token.

    Raises:
        ValueError: The token is unknown or has ended already.
    """
    if _shared is None:
        raise _not_a_token(token)
    return _shared.lap(token)


# The blocks that this task or thread is in, innermost first.
_Blocks = tuple["measure", Measurement, "_Blocks | None"]
_inside: ContextVar[_Blocks | None] = ContextVar("microjoule.measure", default=None)


class measure:  # noqa: N801 (used as a verb: with measure("train") as m)
    """Measures a block, or every call of what it decorates.

    ``with measure("train") as m:`` yields the `Measurement`, whose figures are those so far until
    the block ends; ``async with`` does the same. As a decorator it takes functions, coroutines,
    generators and asynchronous generators; the last measurement is then the function's attribute
    ``last_measurement``.

    Args:
        label: A name for the window; a decorated function gives its own.
        stage: A life-cycle stage, like ``"construction/training"`` or an alias like ``"train"``.
        trace: True, or a step in seconds, keeps E(t) for `Measurement.trace`.
        meter: A meter of one's own; None: the process-wide one.

    Raises:
        ValueError: A bad stage or trace step.
    """

    __slots__ = ("_label", "_meter", "_open", "_stage", "_trace")

    def __init__(
        self,
        label: str | None = None,
        *,
        stage: str | None = None,
        trace: bool | float = False,
        meter: Meter | None = None,
    ) -> None:
        """Checks the arguments; nothing is measured yet."""
        if label is not None and not isinstance(label, str):
            raise ValueError(
                f'label is {label!r}: pass a name, and decorate with @measure() or @measure("name")'
            )
        if not isinstance(trace, bool | int | float) or (
            not isinstance(trace, bool) and not 1e-4 <= trace <= 3600
        ):
            raise ValueError(
                f"trace is {trace!r}: pass True, or a step in seconds from 0.0001 to 3600"
            )
        if meter is not None and not isinstance(meter, Meter):
            raise ValueError(f"meter is {meter!r}: pass a microjoule.Meter, or nothing")
        self._label = label
        self._stage = canonical(stage)
        self._trace = trace
        self._meter = meter
        self._open: list[Measurement] = []

    def _start(self, label: str | None) -> Measurement:
        meter = self._meter or _kept or kept_meter()
        step = meter._period_s if self._trace is True else float(self._trace)
        measurement = meter._open(step)
        measurement._label = label
        measurement._stage = self._stage
        return measurement

    def __enter__(self) -> Measurement:
        """Opens the window; the stamp is the last thing that happens."""
        measurement = self._start(self._label)
        self._open.append(measurement)
        _inside.set((self, measurement, _inside.get()))
        return measurement

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Closes the window; never waits, and lets every exception of the block pass."""
        # The same object may be open in many tasks and threads: each ends its own window.
        measurement = self._open[-1]
        around = _inside.get()
        if around is not None and around[0] is self:
            measurement = around[1]
            _inside.set(around[2])
        self._open.remove(measurement)
        _core.close(measurement)

    async def __aenter__(self) -> Measurement:
        """As `__enter__`."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """As `__exit__`."""
        self.__exit__(kind, error, where)

    def __call__(self, function: _F) -> _F:
        """Decorates a function, coroutine, generator or asynchronous generator."""
        if not callable(function):
            raise ValueError(f"measure() decorates something callable, not {function!r}")
        label = self._label or getattr(function, "__qualname__", type(function).__name__)
        return around(function, lambda: self._start(label), _finish)


def _finish(function: Any, measurement: Measurement, error: BaseException | None) -> None:
    _core.close(measurement)
    function.last_measurement = measurement
