"""The energy of every request of a WSGI application: Flask, Django."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from microjoule.integrations.outcomes import outcome_of
from microjoule.meter import Meter
from microjoule.requesting import current_request, request

__all__ = ["EnergyMiddleware"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from microjoule.request import Request

    Environ = dict[str, Any]
    StartResponse = Callable[..., Callable[[bytes], object]]
    App = Callable[[Environ, StartResponse], Iterable[bytes]]


class EnergyMiddleware:
    """Gives each request of a WSGI application its energy.

    A request begins when the server hands it over and ends when the server calls ``close()`` on the
    body, which it does after the last byte and when the client is gone. Inside,
    `microjoule.current_request()` is the request; `Meter.on_settled` tells of each.

    An exception marks it failed, a body that is closed before its end cancelled, and so do
    statuses: 429 and 503 are rejected, every other one from 500 is failed.

    Args:
        app: The application.
        skip: Paths that are not measured, as they are in ``PATH_INFO``.
        label: Makes the label from the environ; None: method and path.
        meter: A meter of one's own; None: the process-wide one, which starts with the first request
            (of each worker, where a server forks).

    Source: PEP 3333.
    """

    def __init__(
        self,
        app: App,
        *,
        skip: Collection[str] = (),
        label: Callable[[Environ], str] | None = None,
        meter: Meter | None = None,
    ) -> None:
        """Nothing is measured yet.

        Raises:
            ValueError: ``skip`` is one path and no collection of them.
        """
        if isinstance(skip, str):
            raise ValueError(f"skip is {skip!r}: pass the paths as a list, like [{skip!r}]")
        self.app = app
        self._skip = frozenset(skip)
        self._label = label or _method_and_path
        self._meter = meter

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        if environ.get("PATH_INFO", "") in self._skip:
            return self.app(environ, start_response)
        block = request(self._label(environ), meter=self._meter)
        own = block.__enter__()

        def starting(status: str, *rest: Any) -> Callable[[bytes], object]:
            outcome = outcome_of(int(status.split(" ", 1)[0]))
            if outcome is not None:
                own.mark(outcome)
            return start_response(status, *rest)

        try:
            body = self.app(environ, starting)
        except BaseException as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
        return _Body(body, block, own)


class _Body:
    """A body whose request ends when it is closed."""

    __slots__ = ("_block", "_body", "_complete", "_own")

    def __init__(self, body: Iterable[bytes], block: request, own: Request) -> None:
        self._body = body
        self._block = block
        self._own = own
        self._complete = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception:
            self._own.mark("failed")
            raise
        self._complete = True

    def close(self) -> None:
        if not self._complete and self._own.outcome == "completed":
            self._own.mark("cancelled")
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._leave()

    def _leave(self) -> None:
        # Where a server closes it in another thread there is nothing to leave here.
        if current_request() is self._own:
            self._block.__exit__(None, None, None)
        else:
            self._block.end()


def _method_and_path(environ: Environ) -> str:
    return f"{environ.get('REQUEST_METHOD', 'GET')} {environ.get('PATH_INFO', '/')}"
