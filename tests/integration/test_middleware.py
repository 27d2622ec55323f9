"""Energy of every request under real servers: uvicorn for ASGI, that of wsgiref for WSGI."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import math
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

import microjoule as uj
from microjoule.integrations import asgi, wsgi

PART_S = 0.05


def work(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def current_label() -> str | None:
    own = uj.current_request()
    return own and own.label


def in_a_thread(request: Request) -> Response:
    """A plain function: Starlette runs it in a pool."""
    return JSONResponse({"label": current_label()})


async def in_the_loop(request: Request) -> Response:
    return JSONResponse({"label": await asyncio.to_thread(current_label)})


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for n in range(int(request.query_params.get("parts", 4))):
            yield f"data: {n}\n\n"
            await asyncio.sleep(PART_S)

    return StreamingResponse(parts(), media_type="text/event-stream")


async def with_an_afterlife(request: Request) -> Response:
    return PlainTextResponse("done", background=BackgroundTask(work, 0.3))


async def broken(request: Request) -> Response:
    raise RuntimeError("broken on purpose")


async def too_many(request: Request) -> Response:
    return PlainTextResponse("later", status_code=429)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


APP = Starlette(
    routes=[
        Route("/thread", in_a_thread),
        Route("/loop", in_the_loop),
        Route("/stream", stream),
        Route("/afterlife", with_an_afterlife),
        Route("/broken", broken),
        Route("/too-many", too_many),
        Route("/health", in_the_loop),
        WebSocketRoute("/echo", echo),
    ]
)


class Told:
    """The requests that a meter has told of."""

    def __init__(self, meter: uj.Meter) -> None:
        self._requests: list[uj.Request] = []
        meter.on_settled(self._requests.append)

    def next(self, count: int = 1) -> list[uj.Request]:
        """The next ones, which must come within a time that no machine needs."""
        until = time.monotonic() + 10
        while len(self._requests) < count and time.monotonic() < until:
            time.sleep(0.005)
        assert len(self._requests) == count, self._requests
        taken = self._requests[:]
        self._requests.clear()
        return taken


@pytest.fixture
def told(meter: uj.Meter) -> Told:
    return Told(meter)


@pytest.fixture
def address(meter: uj.Meter) -> Iterator[str]:
    """Where uvicorn serves the application."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = asgi.EnergyMiddleware(APP, skip=["/health"], meter=meter)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_a_request_is_the_current_one_in_the_loop_and_in_threads(address: str, told: Told) -> None:
    for path in ("/thread", "/loop"):
        assert httpx.get(f"http://{address}{path}").json() == {"label": f"GET {path}"}
        (r,) = told.next()
        assert r.label == f"GET {path}"
        assert r.outcome == "completed"
        assert r.settled
        assert r.energy_j > 0
        assert r.wasted_j == 0


def test_a_path_that_is_skipped_is_served_and_not_measured(address: str, told: Told) -> None:
    assert httpx.get(f"http://{address}/health").json() == {"label": None}
    httpx.get(f"http://{address}/loop")
    assert [r.label for r in told.next()] == ["GET /loop"]


def test_a_stream_ends_with_its_last_byte(address: str, told: Told) -> None:
    assert httpx.get(f"http://{address}/stream").text.count("data:") == 4
    (r,) = told.next()
    assert r.outcome == "completed"
    assert r.duration_s > 3 * PART_S


def test_what_runs_after_the_response_is_not_in_it(address: str, told: Told) -> None:
    assert httpx.get(f"http://{address}/afterlife").text == "done"
    (r,) = told.next()
    assert r.outcome == "completed"
    assert r.duration_s < 0.3


def test_a_client_that_leaves_ends_its_request_and_wastes_its_joules(
    address: str, told: Told
) -> None:
    with (
        httpx.stream("GET", f"http://{address}/stream?parts=1000") as response,
        contextlib.closing(response.iter_text()) as parts,
    ):
        next(parts)
    (r,) = told.next()
    assert r.outcome == "cancelled"
    assert r.wasted_j == r.energy_j > 0
    assert r.duration_s < 1000 * PART_S


def test_statuses_and_exceptions_are_outcomes(address: str, told: Told) -> None:
    assert httpx.get(f"http://{address}/broken").status_code == 500
    assert told.next()[0].outcome == "failed"
    assert httpx.get(f"http://{address}/too-many").status_code == 429
    assert told.next()[0].outcome == "rejected"
    assert httpx.get(f"http://{address}/nothing-here").status_code == 404
    assert told.next()[0].outcome == "completed"


def test_a_web_socket_is_one_request(address: str, told: Told) -> None:
    with connect(f"ws://{address}/echo") as client:
        for text in ("a", "b"):
            client.send(text)
            assert client.recv() == text
        time.sleep(0.1)
    (r,) = told.next()
    assert (r.label, r.outcome) == ("WS /echo", "completed")
    assert r.duration_s > 0.1


def test_the_books_balance_over_concurrent_clients(
    address: str, told: Told, meter: uj.Meter
) -> None:
    def client() -> None:
        with httpx.Client(base_url=f"http://{address}") as session:
            for path in ("/thread", "/stream?parts=2", "/loop", "/broken"):
                session.get(path)

    clients = [threading.Thread(target=client) for _ in range(6)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    requests = told.next(24)
    books = meter.books()
    slack_j = 1e-9 * books.total_j
    assert books.attributed_j + books.unattributed_j == pytest.approx(books.total_j, abs=slack_j)
    assert math.fsum(r.energy_j for r in requests) == pytest.approx(books.attributed_j, abs=slack_j)


def test_one_path_is_no_collection_of_them(meter: uj.Meter) -> None:
    for middleware in (asgi.EnergyMiddleware, wsgi.EnergyMiddleware):
        with pytest.raises(ValueError, match=r"\['/health'\]"):
            middleware(APP, skip="/health")  # type: ignore[arg-type]


# -- WSGI -------------------------------------------------------------------------------------


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """No line for each request."""

    def log_request(self, *args: object) -> None:
        """Nor here."""


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    path = environ["PATH_INFO"]
    if path == "/broken":
        raise RuntimeError("broken on purpose")
    start_response("503 Busy" if path == "/busy" else "200 OK", [("Content-Type", "text/plain")])

    def parts() -> Iterator[bytes]:
        for _ in range(10_000 if path == "/endless" else 3):
            time.sleep(PART_S)
            yield (current_label() or "none").encode() + b"\n"
            if path == "/half":
                raise RuntimeError("broken on purpose")

    return parts()


@pytest.fixture
def wsgi_address(meter: uj.Meter, capfd: pytest.CaptureFixture[str]) -> Iterator[tuple[str, int]]:
    app = wsgi.EnergyMiddleware(wsgi_app, skip=["/health"], meter=meter)
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield ("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


def get(address: tuple[str, int], path: str) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection(*address)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_wsgi_ends_when_the_body_is_closed(wsgi_address: tuple[str, int], told: Told) -> None:
    status, text = get(wsgi_address, "/whole")
    assert (status, text) == (200, "GET /whole\n" * 3)
    (r,) = told.next()
    assert (r.label, r.outcome) == ("GET /whole", "completed")
    assert r.duration_s > 2 * PART_S
    assert r.energy_j > 0
    # The thread serves the next one, and is in no request before that.
    assert get(wsgi_address, "/health")[1] == "none\n" * 3


def test_wsgi_statuses_and_exceptions_are_outcomes(
    wsgi_address: tuple[str, int], told: Told
) -> None:
    for path, status, outcome in (
        ("/busy", 503, "rejected"),
        ("/broken", 500, "failed"),
        ("/half", 200, "failed"),
    ):
        assert get(wsgi_address, path)[0] == status
        (r,) = told.next()
        assert (r.label, r.outcome) == (f"GET {path}", outcome)


def test_wsgi_a_client_that_leaves_ends_its_request(
    wsgi_address: tuple[str, int], told: Told
) -> None:
    with socket.create_connection(wsgi_address) as client:
        client.sendall(b"GET /endless HTTP/1.0\r\n\r\n")
        client.recv(1)
    (r,) = told.next()
    assert r.outcome in ("cancelled", "failed")
    assert r.wasted_j == r.energy_j > 0
