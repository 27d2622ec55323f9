"""Decorators around functions, coroutines, generators and asynchronous generators."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator

__all__ = ["around"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])
    _T = TypeVar("_T")


def around(
    function: _F,
    start: Callable[[], _T],
    finish: Callable[[Any, _T, BaseException | None], None],
) -> _F:
    """Calls `start` before each call of the function and `finish` after it.

    `finish` gets the decorated function, what `start` gave, and the exception that ended the call,
    which goes on. The same function may run in many threads and tasks at once.
    """
    import functools
    import inspect
    from typing import cast

    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def asynchronous_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            opened = start()
            inner = function(*args, **kwargs)
            sent: Any = None
            thrown: BaseException | None = None
            ended: BaseException | None = None
            try:
                while True:
                    try:
                        if thrown is None:
                            item = await inner.asend(sent)
                        else:
                            item = await inner.athrow(thrown)
                    except StopAsyncIteration:
                        return
                    sent = thrown = None
                    try:
                        sent = yield item
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as error:
                        # What the consumer throws belongs to the inner generator.
                        thrown = error
            except BaseException as error:
                ended = error
                raise
            finally:
                finish(asynchronous_generator, opened, ended)
                ended = None

        return cast("_F", asynchronous_generator)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            opened = start()
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                finish(coroutine, opened, error)
                raise
            finish(coroutine, opened, None)
            return result

        return cast("_F", coroutine)

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            opened = start()
            try:
                result = yield from function(*args, **kwargs)
            except BaseException as error:
                finish(generator, opened, error)
                raise
            finish(generator, opened, None)
            return result

        return cast("_F", generator)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        opened = start()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            finish(wrapper, opened, error)
            raise
        finish(wrapper, opened, None)
        return result

    return cast("_F", wrapper)
