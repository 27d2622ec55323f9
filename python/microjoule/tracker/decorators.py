"""Trackers around functions and blocks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from microjoule.decorating import around
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

    def start() -> BaseEmissionsTracker:
        tracker = _make(dict(given))
        tracker.start()
        return tracker

    def stop(_: Any, tracker: BaseEmissionsTracker, error: BaseException | None) -> None:
        tracker.stop()

    def decorate(function: _F) -> _F:
        return around(function, start, stop)

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

        def stop(_: Any, started: None, error: BaseException | None) -> None:
            own.stop_task()
            if tracker is None:
                own.stop()

        return around(function, lambda: own.start_task(name), stop)

    return decorate(fn) if fn is not None else decorate
