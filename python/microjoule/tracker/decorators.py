"""Trackers around functions and blocks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, TypeVar, cast

from microjoule.tracker import settings as _settings
from microjoule.tracker.data import EmissionsData
from microjoule.tracker.tracker import (
    BaseEmissionsTracker,
    EmissionsTracker,
    OfflineEmissionsTracker,
)

__all__ = ["TaskEmissionsTracker", "track_emissions", "track_task_emissions"]

_F = TypeVar("_F", bound=Callable[..., Any])

_NOT_HERE = ("force_mode_cpu_load", "metadata")
_ARGUMENTS = {
    **{k: v for k, v in _settings.DEFAULTS.items() if k not in _NOT_HERE},
    "offline": (False, bool),
    **_settings.OFFLINE_DEFAULTS,
}


def track_emissions(fn: Callable[..., Any] | None = None, *args: Any, **kwargs: Any) -> Any:
    """Tracks every call of a function, a coroutine function or a generator: a row a call.

    Bare or with the arguments of the trackers; ``offline=True`` takes those of
    `OfflineEmissionsTracker` too.

    Raises:
        TypeError: an argument that there is not.
        Exception: at the call, offline without a country or a cloud provider.
    """
    names = list(_ARGUMENTS)
    if fn is not None and not callable(fn):
        args, fn = (fn, *args), None
    if len(args) > len(names):
        raise TypeError(f"track_emissions() takes {len(names)} arguments after the function")
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in _ARGUMENTS or name in given:
            raise TypeError(f"track_emissions() got an unexpected keyword argument {name!r}")
        given[name] = value

    @contextmanager
    def tracked() -> Iterator[None]:
        tracker = _make(dict(given))
        tracker.start()
        try:
            yield
        finally:
            tracker.stop()

    def decorate(function: _F) -> _F:
        return _around(function, tracked)

    return decorate(fn) if fn is not None else decorate


track_emissions.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter("fn", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None),
        *_settings.signature_of(_ARGUMENTS).parameters.values(),
    ]
)


def _make(given: dict[str, Any]) -> BaseEmissionsTracker:
    if given.pop("offline", False):
        conf = _settings.pick(given, _settings.OFFLINE_DEFAULTS)
        if not conf["country_iso_code"] and not conf["cloud_provider"]:
            raise Exception("Needs ISO Code of the Country for Offline mode")
        return OfflineEmissionsTracker(**given)
    for name in _settings.OFFLINE_DEFAULTS:
        given.pop(name, None)
    return EmissionsTracker(**given)


_Around = Callable[[], AbstractContextManager[None]]


def _around(function: _F, context: _Around) -> _F:
    """Puts every call into a context of its own; the function keeps its kind."""
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def asynchronous_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            with context():
                inner = function(*args, **kwargs)
                sent: Any = None
                thrown: BaseException | None = None
                while True:
                    try:
                        item = await (inner.asend(sent) if thrown is None else inner.athrow(thrown))
                    except StopAsyncIteration:
                        return
                    sent = thrown = None
                    try:
                        sent = yield item
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as error:
                        thrown = error  # what the consumer throws is for the inner generator

        return cast("_F", asynchronous_generator)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with context():
                return await function(*args, **kwargs)

        return cast("_F", coroutine)
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with context():
                return (yield from function(*args, **kwargs))

        return cast("_F", generator)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with context():
            return function(*args, **kwargs)

    return cast("_F", plain)


class TaskEmissionsTracker:
    """A task as a block.

    Args:
        task_name: name of the task.
        tracker: whose task it is; None: one of its own, which is stopped at the end.
    """

    def __init__(self, task_name: str, tracker: BaseEmissionsTracker | None = None) -> None:
        self.is_default_tracker = tracker is None
        self.task_name = task_name
        self.tracker = EmissionsTracker() if tracker is None else tracker
        self.emissions_data: EmissionsData | None = None

    def __enter__(self) -> TaskEmissionsTracker:
        """Begins the task."""
        self.tracker.start_task(self.task_name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Ends it; exceptions of the block pass."""
        self.emissions_data = self.tracker.stop_task()
        if self.is_default_tracker:
            self.tracker.stop()


def track_task_emissions(
    fn: _F | None = None, tracker: BaseEmissionsTracker | None = None, task_name: str = ""
) -> Any:
    """Makes a task of every call of a function.

    Args:
        fn: the function, where the decorator is bare.
        tracker: whose task it is; None: one is made here, and stopped after the first call.
        task_name: name of the task; empty: the function's.
    """
    own = EmissionsTracker() if tracker is None else tracker

    def decorate(function: _F) -> _F:
        name = task_name or getattr(function, "__name__", "task")

        @contextmanager
        def task() -> Iterator[None]:
            own.start_task(name)
            try:
                yield
            finally:
                own.stop_task()
                if tracker is None:
                    own.stop()

        return _around(function, task)

    return decorate(fn) if fn is not None else decorate
