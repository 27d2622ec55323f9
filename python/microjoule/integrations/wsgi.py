"""The energy of every request of a WSGI application: Flask, Django."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping

from microjoule.integrations.middleware import Middleware
from microjoule.integrations.outcomes import outcome_of
from microjoule.requesting import current_request, request

__all__ = ["EnergyMiddleware"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from microjoule.request import Request

    Environ = dict[str, Any]
    StartResponse = Callable[..., Callable[[bytes], object]]
    App = Callable[[Environ, StartResponse], Iterable[bytes]]


class EnergyMiddleware(Middleware):
    """Gives each request of a WSGI application its energy.

    A request begins when the server hands it over and ends when the server calls ``close()`` on the
    body, which it does after the last byte and when the client is gone. Inside,
    `microjoule.current_request()` is the request; `Meter.on_settled` tells of each.

    An exception marks it failed, a body that is closed before its end cancelled, and so do
    statuses: 429 and 503 are rejected, every other one from 500 is failed.

    Its arguments are those of `Middleware`: the paths of ``skip`` are as in ``PATH_INFO``, and
    ``label`` is given the environ.

    Source: PEP 3333.
    """

    app: App

    @staticmethod
    def _method_and_path(told: MutableMapping[str, Any]) -> str:
        return f"{told.get('REQUEST_METHOD', 'GET')} {told.get('PATH_INFO', '/')}"

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        if environ.get("PATH_INFO", "") in self._skip:
            return self.app(environ, start_response)
        block = self._block(environ)
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
