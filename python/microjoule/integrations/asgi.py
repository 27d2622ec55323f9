"""The energy of every request of an ASGI application: FastAPI, Starlette, Litestar, Quart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping

from microjoule.integrations.middleware import Middleware
from microjoule.integrations.outcomes import outcome_of

__all__ = ["EnergyMiddleware"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]


class EnergyMiddleware(Middleware):
    """Gives each request of an ASGI 3 application its energy.

    A request begins when the server hands it over and ends when its last byte has been sent, or
    when the client is gone; what the application does afterwards, like a background task, is not in
    it. A WebSocket is one request from its handshake to its close. Inside, `microjoule.
    current_request()` is the request, in tasks and threads too; `Meter.on_settled` tells of each.

    An exception marks it failed, a client that leaves early marks it cancelled, and so do statuses:
    429 and 503 are rejected, every other one from 500 is failed. Their joules are `wasted_j`.

    Its arguments are those of `Middleware`: the paths of ``skip`` are as in ``scope["path"]``, and
    ``label`` is given the scope.

    Source: the ASGI specification, version 3.0, https://asgi.readthedocs.io/en/latest/specs/.
    """

    app: App

    @staticmethod
    def _method_and_path(told: MutableMapping[str, Any]) -> str:
        return f"{told.get('method', 'WS')} {told['path']}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        kind = scope["type"]
        if kind not in _EXCHANGES or scope["path"] in self._skip:
            await self.app(scope, receive, send)
            return
        block = self._block(scope)
        with block as own:
            exchange = _EXCHANGES[kind]()

            def ended(outcome: str | None) -> None:
                """The first end counts."""
                if not exchange.over:
                    exchange.over = True
                    if outcome is not None:
                        own.mark(outcome)
                    block.end()

            async def receiving() -> Message:
                message = await receive()
                if message["type"] in _GONE:
                    ended("cancelled" if exchange.cut_short(message) else None)
                return message

            async def sending(message: Message) -> None:
                try:
                    await send(message)
                except OSError:  # so does a server say that the client is gone
                    ended("cancelled")
                    raise
                if exchange.ends_with(message):
                    ended(outcome_of(exchange.status))

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
