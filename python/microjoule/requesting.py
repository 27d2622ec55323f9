"""Requests: the fair share of one among concurrent ones, by context manager, decorator or token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType

from microjoule import _core
from microjoule.decorating import around
from microjoule.meter import Meter, kept_meter
from microjoule.request import Request

__all__ = ["begin_request", "current_request", "end_request", "request", "step", "wrap"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _C = TypeVar("_C", bound=Callable[..., Any])

# The requests that this task or thread is in, innermost first; by whom they were opened.
_Blocks = tuple["request | None", Request, Meter, "_Blocks | None"]
_inside: ContextVar[_Blocks | None] = ContextVar("microjoule.request", default=None)


def begin_request(
    label: str | None = None,
    *,
    weight: float = 1.0,
    devices: str | Sequence[str] | Mapping[str, float] | None = None,
    meter: Meter | None = None,
) -> int:
    """Opens a request and returns its token. Never waits; any thread may end it.

    Args:
        label: A name for it.
        weight: How much of the devices it uses beside the others: from 1e-6 to 1e6, or 0 while it
            waits.
        devices: Sensor ids or kinds that it uses, or a mapping from them to a factor on its weight
            there; None: all that are counted.
        meter: A meter of one's own; None: the process-wide one.

    Raises:
        ValueError: A bad argument, or the meter is closed.
    """
    return (meter or kept_meter()).begin_request(label, weight=weight, devices=devices)


def end_request(token: int, *, meter: Meter | None = None) -> Request:
    """Closes a request.

    Raises:
        ValueError: The token is unknown or has ended already.
    """
    return (meter or kept_meter()).end_request(token)


def step(
    requests: Sequence[Request | int], weights: Sequence[float], *, meter: Meter | None = None
) -> None:
    """Sets the weights of many requests at one stamp: one iteration of an engine.

    Whoever is not named keeps his weight; 0 takes a request out of the split until its next one.
    One that has ended is left out. More than 4,096 at once are stamped in several parts.

    Args:
        requests: Requests of one meter, or their tokens.
        weights: One for each.
        meter: Their meter; None: the process-wide one.

    Raises:
        ValueError: Not one weight for each, a bad weight, or a request of another meter.
    """
    (meter or kept_meter()).step(requests, weights)


def current_request() -> Request | None:
    """The request that this task or thread is in, the innermost one."""
    around_here = _inside.get()
    return None if around_here is None else around_here[1]


def wrap(function: _C) -> _C:
    """A callable that carries the current request into another thread, like that of an executor.

    ``asyncio.to_thread`` and tasks do so by themselves.

    Raises:
        ValueError: It is not callable.
    """
    import functools
    from typing import cast

    if not callable(function):
        raise ValueError(f"wrap() takes something callable, not {function!r}")
    carried = _inside.get()

    @functools.wraps(function)
    def carrying(*args: Any, **kwargs: Any) -> Any:
        before = _inside.set(carried)
        try:
            return function(*args, **kwargs)
        finally:
            _inside.reset(before)

    return cast("_C", carrying)


class request:  # noqa: N801 (used as a verb: with request("chat") as r)
    """One request among concurrent ones: a block, or every call of what it decorates.

    ``with request("chat") as r:`` yields the `Request`, whose figures are those so far until the
    block ends; ``async with`` does the same. An exception in the block marks it failed, a cancelled
    task cancelled; the exception goes on. As a decorator it takes functions, coroutines, generators
    and asynchronous generators; the last request is then the function's ``last_request``.

    Args:
        label: A name for it; a decorated function gives its own.
        weight: As in `begin_request`.
        devices: As in `begin_request`.
        meter: A meter of one's own; None: the process-wide one.

    Raises:
        ValueError: A bad label or meter; a bad weight or device when it begins.
    """

    __slots__ = ("_devices", "_label", "_meter", "_open", "_weight")

    def __init__(
        self,
        label: str | None = None,
        *,
        weight: float = 1.0,
        devices: str | Sequence[str] | Mapping[str, float] | None = None,
        meter: Meter | None = None,
    ) -> None:
        """Checks the arguments; nothing has begun yet."""
        if label is not None and not isinstance(label, str):
            raise ValueError(
                f'label is {label!r}: pass a name, and decorate with @request() or @request("name")'
            )
        if meter is not None and not isinstance(meter, Meter):
            raise ValueError(f"meter is {meter!r}: pass a microjoule.Meter, or nothing")
        self._label = label
        self._weight = weight
        self._devices = devices
        self._meter = meter
        self._open: list[tuple[Request, Meter]] = []

    def _start(self, label: str | None) -> tuple[Request, Meter]:
        meter = self._meter or kept_meter()
        return meter._open_request(label, self._weight, self._devices), meter

    def __enter__(self) -> Request:
        """Opens it; the stamp is the last thing that happens."""
        meter = self._meter or kept_meter()
        own = meter._open_request(self._label, self._weight, self._devices)
        self._open.append((own, meter))
        _inside.set((self, own, meter, _inside.get()))
        return own

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Closes it; never waits, and lets every exception of the block pass."""
        # The same object may be open in many tasks and threads: each ends its own request.
        around_here = _inside.get()
        if around_here is not None and around_here[0] is self:
            _, own, meter, outer = around_here
            _inside.set(outer)
        elif self._open:
            own, meter = self._open[-1]
        else:
            return
        self._end(own, meter, error)

    def end(self, error: BaseException | None = None) -> None:
        """Ends what this object opened last, before its block does; a second time does nothing.

        For servers, whose blocks go on after the last byte. What called it is still inside the
        request for `current_request`.
        """
        if self._open:
            self._end(*self._open[-1], error)

    def _end(self, own: Request, meter: Meter, error: BaseException | None) -> None:
        try:
            self._open.remove((own, meter))
        except ValueError:  # it was ended before
            return
        _close(own, meter, error)

    async def __aenter__(self) -> Request:
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

    def __call__(self, function: _C) -> _C:
        """Decorates a function, coroutine, generator or asynchronous generator."""
        import inspect

        if not callable(function):
            raise ValueError(f"request() decorates something callable, not {function!r}")
        label = self._label or getattr(function, "__qualname__", type(function).__name__)
        # A generator's steps may run in any context: it is current in none of them.
        everywhere = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

        def start() -> tuple[Request, Meter]:
            opened = self._start(label)
            if not everywhere:
                _inside.set((None, *opened, _inside.get()))
            return opened

        def finish(
            decorated: Any, opened: tuple[Request, Meter], error: BaseException | None
        ) -> None:
            around_here = _inside.get()
            if around_here is not None and around_here[1] is opened[0]:
                _inside.set(around_here[3])
            _close(*opened, error)
            decorated.last_request = opened[0]

        return around(function, start, finish)


def _close(own: Request, meter: Meter, error: BaseException | None) -> None:
    _core.close(own)
    if error is not None:
        # asyncio's or that of an executor: neither is loaded for this.
        gone = isinstance(error, GeneratorExit) or type(error).__name__ == "CancelledError"
        own.mark("cancelled" if gone else "failed")
    if meter._drains:
        meter._ended(own)
