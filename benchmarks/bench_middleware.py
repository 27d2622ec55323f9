"""What the middlewares add to a request: CPU time of the thread that serves, in alternating rounds.

The application does next to nothing and no server stands before it, so that the difference of two
rounds is the middleware's own work. ``python benchmarks/bench_middleware.py`` prints microseconds.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import microjoule as uj
from microjoule.integrations import asgi, wsgi

ROUNDS = 40
REQUESTS = 2_000

SCOPE = {"type": "http", "method": "GET", "path": "/predict"}
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"{}"}


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(BODY)


async def nothing(message: Any = None) -> Any:
    return {"type": "http.request"}


def asgi_round(app: Callable[..., Any]) -> float:
    """Microseconds of CPU time for each request."""

    async def serve() -> float:
        start_s = time.thread_time()
        for _ in range(REQUESTS):
            await app(SCOPE, nothing, nothing)
        return (time.thread_time() - start_s) / REQUESTS * 1e6

    return asyncio.run(serve())


def wsgi_app(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"{}"]


def wsgi_round(app: Callable[..., Any]) -> float:
    """Microseconds of CPU time for each request."""

    def starting(status: str, headers: object) -> None:
        """Sends nothing."""

    start_s = time.thread_time()
    for _ in range(REQUESTS):
        body: Iterator[bytes] = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/predict"}, starting)
        for _part in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()
    return (time.thread_time() - start_s) / REQUESTS * 1e6


def main() -> None:
    with uj.Meter() as meter:
        for name, one_round, bare, measured in (
            ("ASGI", asgi_round, asgi_app, asgi.EnergyMiddleware(asgi_app, meter=meter)),
            ("WSGI", wsgi_round, wsgi_app, wsgi.EnergyMiddleware(wsgi_app, meter=meter)),
        ):
            one_round(measured)
            added = sorted(one_round(measured) - one_round(bare) for _ in range(ROUNDS))
            low, high = added[ROUNDS // 10], added[-1 - ROUNDS // 10]
            middle = statistics.median(added)
            print(f"{name}: {middle:.1f} us a request [{low:.1f}, {high:.1f}] ({ROUNDS} pairs)")


if __name__ == "__main__":
    main()
