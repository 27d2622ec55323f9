"""The energy of every request of an ASGI application: FastAPI, Starlette, Litestar, Quart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping

from microjoule.integrations.outcomes import outcome_of
from microjoule.meter import Meter
from microjoule.requesting import request

__all__ = ["EnergyMiddleware"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]


class EnergyMiddleware:
    """Gives each request of an ASGI 3 application its energy.

    A request begins when the server hands it over and ends when its last byte has been sent, or
    when the client is gone; what the application does afterwards, like a background task, is not in
    it. A WebSocket is one request from its handshake to its close. Inside, `microjoule.
    current_request()` is the request, in tasks and threads too; `Meter.on_settled` tells of each.

    An exception marks it failed, a client that leaves early marks it cancelled, and so do statuses:
    429 and 503 are rejected, every other one from 500 is failed. Their joules are `wasted_j`.

    Args:
        app: The application.
        skip: Paths that are not measured, as they are in ``scope["path"]``.
        label: Makes the label from the scope; None: method and path.
        meter: A meter of one's own; None: the process-wide one, which starts with the first request
            (of each worker, where a server forks).

    Source: the ASGI specification, version 3.0, https://asgi.readthedocs.io/en/latest/specs/.
    """

    def __init__(
        self,
        app: App,
        *,
        skip: Collection[str] = (),
        label: Callable[[Scope], str] | None = None,
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        kind = scope["type"]
        if kind not in _EXCHANGES or scope["path"] in self._skip:
            await self.app(scope, receive, send)
            return
        block = request(self._label(scope), meter=self._meter)
        with block as own:
            exchange = _EXCHANGES[kind]()

            async def receiving() -> Message:
                message = await receive()
                if message["type"] in _GONE and not exchange.over:
                    exchange.over = True
                    if exchange.cut_short(message):
                        own.mark("cancelled")
                    block.end()
                return message

            async def sending(message: Message) -> None:
                try:
                    await send(message)
                except OSError:  # so does a server say that the client is gone
                    if not exchange.over:
                        exchange.over = True
                        own.mark("cancelled")
                        block.end()
                    raise
                if exchange.ends_with(message) and not exchange.over:
                    exchange.over = True
                    outcome = outcome_of(exchange.status)
                    if outcome is not None:
                        own.mark(outcome)
                    block.end()

            await self.app(scope, receiving, sending)


_GONE = ("http.disconnect", "websocket.disconnect")


class _Http:
    """How far one HTTP exchange is."""

    __slots__ = ("_trailers", "over", "status")

    def __init__(self) -> None:
        self.over = False
        self.status = 200
        self._trailers = False

    def ends_with(self, message: Message) -> bool:
        kind = message["type"]
        if kind == "http.response.body":
            return not (message.get("more_body") or self._trailers)
        if kind == "http.response.start":
            self.status = message["status"]
            self._trailers = bool(message.get("trailers"))
            return False
        if kind == "http.response.trailers":
            return not message.get("more_trailers")
        return bool(kind == "http.response.pathsend") and not self._trailers

    def cut_short(self, message: Message) -> bool:
        return True


class _WebSocket:
    """How far one WebSocket is."""

    __slots__ = ("over", "status")

    def __init__(self) -> None:
        self.over = False
        self.status = 101

    def ends_with(self, message: Message) -> bool:
        kind = message["type"]
        if kind == "websocket.http.response.start":
            self.status = message["status"]
        elif kind == "websocket.http.response.body":
            return not message.get("more_body")
        return bool(kind == "websocket.close")

    def cut_short(self, message: Message) -> bool:
        # 1000 is a normal closure, 1001 a page that was left (RFC 6455, section 7.4.1).
        return message.get("code", 1005) not in {1000, 1001, 1005}


_EXCHANGES: dict[str, type[_Http] | type[_WebSocket]] = {"http": _Http, "websocket": _WebSocket}


def _method_and_path(scope: Scope) -> str:
    return f"{scope.get('method', 'WS')} {scope['path']}"
