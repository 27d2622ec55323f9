"""What each provider's client makes of a server that fails: the table, with the reason, in time."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from microjoule import carbon
from microjoule.carbon import Intensity
from microjoule.carbon.providers import (
    ElectricityMaps,
    Provider,
    UKCarbon,
    WattTime,
    _ask,
    _service,
    watttime,
)
from sim.providers import Raw, electricity_maps_latest, uk_intensity, watttime_historical

ONLINE = {"MICROJOULE_OFFLINE": "0"}
SECRETS = ("tok-3n-topsecret", "hush-hush", "aGlkZGVu")
BUDGET_S = 1.5
# What starting threads and closing sockets may take on a busy machine.
SLACK_S = 3.0


@dataclasses.dataclass
class Case:
    """A provider, a place it knows, and what a good answer of its looks like."""

    make: Callable[..., Provider]
    place: str
    body: Callable[[object], object]

    def provider(self, url: str, **more: object) -> Provider:
        return self.make(url, **{"budget_s": BUDGET_S, "cache_dir": "", **more})

    def ask(self, url: str, **more: object) -> Intensity:
        """Ask, and hold that it takes no longer than its budget."""
        began = time.monotonic()
        found = carbon.live(self.place, providers=[self.provider(url, **more)], environ=ONLINE)
        assert time.monotonic() - began < BUDGET_S + SLACK_S
        assert not [secret for secret in SECRETS if secret in repr(found)]
        return found

    def falls(self, url: str, says: str, **more: object) -> None:
        """The table stands in, with the reason."""
        found = self.ask(url, **more)
        table = carbon.intensity(self.place)
        assert (found.g_per_kwh, found.rung) == (table.g_per_kwh, table.rung)
        assert says in found.note


def hour() -> float:
    return time.time() // 3600 * 3600


CASES = {
    "electricitymaps": Case(
        lambda url, **more: ElectricityMaps(SECRETS[0], base_url=url, **more),
        "FR",
        lambda figure: electricity_maps_latest("FR", hour(), figure),
    ),
    "watttime": Case(
        lambda url, **more: WattTime("me", SECRETS[1], base_url=url, **more),
        "FR",
        lambda figure: watttime_historical("FR", [(hour(), figure)]),
    ),
    "ukcarbon": Case(
        lambda url, **more: UKCarbon(base_url=url, **more),
        "GB",
        lambda figure: uk_intensity([(hour(), 1, figure), (hour() + 1800, 1, figure)]),
    ),
}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(_service, "_refused", {})
    monkeypatch.setattr(_ask, "_FIRST_WAIT_S", 0.01)
    found = CASES[request.param]
    # The fault is in the answer that matters; the login has tests of its own.
    if request.param == "watttime":
        monkeypatch.setattr(
            WattTime, "_login", lambda self, question: {"authorization": "Bearer x"}
        )
    return found


ANY = re.compile(".*")


def says(server: HTTPServer, status: int, **more: object) -> str:
    """Let every question be answered so."""
    server.expect_request(ANY).respond_with_data(status=status, **more)  # type: ignore[arg-type]
    return server.url_for("")


def test_the_cases_work(case: Case, httpserver: HTTPServer) -> None:
    factor = 0.45359237 if case is CASES["watttime"] else 1
    httpserver.expect_request(ANY).respond_with_json(case.body(100))
    found = case.ask(httpserver.url_for(""))
    assert (found.g_per_kwh, found.rung) == (100 * factor, "provider")
    # A decimal, an integer of a zero and the largest possible are figures.
    for figure in (0, 12.5, 3000):
        httpserver.clear()
        httpserver.expect_request(ANY).respond_with_json(case.body(figure))
        assert case.ask(httpserver.url_for("")).g_per_kwh == figure * factor


# -- statuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words", "questions"),
    [
        (401, "does not accept the token or password (401)", 1),
        (403, "gives this account no access to it (403)", 1),
        (404, "does not know the place or the time asked for (404)", 1),
        (400, "answered with status 400", 1),
        (204, "answered with status 204", 1),
        (429, "has had too many questions (429)", 3),
        (500, "answered with status 500", 3),
        (503, "answered with status 503", 3),
    ],
)
def test_a_status(
    case: Case, httpserver: HTTPServer, status: int, words: str, questions: int
) -> None:
    # Servers echo what they were sent; none of it may come out again.
    body = json.dumps({"error": "bad token " + " ".join(SECRETS)}) if status != 204 else ""
    url = says(httpserver, status, response_data=body, content_type="application/json")
    case.falls(url, words)
    # Asked again where that helps; the login of WattTime is renewed once.
    renewed = status == 401 and case is CASES["watttime"]
    assert len(httpserver.log) == questions + renewed
    if 400 <= status < 500 and status != 429:
        case.falls(url, words)
        assert len(httpserver.log) == questions + renewed  # refused for good


def test_one_that_recovers_is_asked_again(case: Case, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(ANY).respond_with_data(status=500)
    httpserver.expect_oneshot_request(ANY).respond_with_data(status=429)
    httpserver.expect_request(ANY).respond_with_json(case.body(100))
    assert case.ask(httpserver.url_for("")).rung == "provider"
    assert len(httpserver.log) == 3


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(case: Case, httpserver: HTTPServer, as_date: bool) -> None:
    times: list[float] = []

    def answer(_: Request) -> Response:
        times.append(time.time())
        if len(times) > 1:
            return Response(json.dumps(case.body(100)))
        later = formatdate(time.time() + 2, usegmt=True) if as_date else "1"
        return Response(status=429, headers={"retry-after": later})

    httpserver.expect_request(ANY).respond_with_handler(answer)
    assert case.ask(httpserver.url_for(""), budget_s=4).rung == "provider"
    # A date has whole seconds: two of them are more than one.
    assert times[1] - times[0] >= 0.95


def test_who_asks_for_more_time_than_there_is_is_left_alone(
    case: Case, httpserver: HTTPServer, tmp_path: Path
) -> None:
    url = says(httpserver, 429, headers={"retry-after": "1000"})
    case.falls(url, "too many questions", cache_dir=str(tmp_path))
    case.falls(url, "is left alone for", cache_dir=str(tmp_path))
    assert len(httpserver.log) == 1


def test_a_pause_doubles_and_ends(
    case: Case, httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ask, "_ATTEMPTS", 1)
    url = says(httpserver, 500)
    now = time.time() // 3600 * 3600
    for pause_s, asked in ((30, 1), (60, 2), (120, 3)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        case.falls(url, "status 500", cache_dir=str(tmp_path))
        case.falls(url, f"left alone for {pause_s} s", cache_dir=str(tmp_path))
        assert len(httpserver.log) == asked
        now += pause_s + 1
    httpserver.clear()
    httpserver.expect_request(ANY).respond_with_json(case.body(100))
    monkeypatch.setattr(time, "time", lambda: now)
    assert case.ask(url, cache_dir=str(tmp_path)).rung == "provider"
    # A good answer ends it, and a clock that was set back does not make it longer.
    monkeypatch.setattr(time, "time", lambda: now - 86400)
    httpserver.clear()
    says(httpserver, 500)
    case.falls(url, "status 500", cache_dir=str(tmp_path))


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Please log in</body></html>",
        b'{"zone": "FR", "carbonIntens',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        gzip.compress(b'{"zone": "FR"}'),
    ],
    ids=["empty", "html", "truncated", "no utf-8", "deep", "gzip unasked"],
)
def test_no_json(case: Case, httpserver: HTTPServer, body: bytes) -> None:
    case.falls(says(httpserver, 200, response_data=body), "gave an answer that is no JSON")


@pytest.mark.parametrize(
    "body", ["null", "3", '"FR"', "[]", "{}", "[[]]", '{"data": null}', '{"data": [{}], "meta": 3}']
)
def test_another_shape(case: Case, httpserver: HTTPServer, body: str) -> None:
    found = case.ask(says(httpserver, 200, response_data=body))
    assert found.rung == "country"
    assert (
        "answer that is not in its documented shape" in found.note or "answered for" in found.note
    )


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (-1, "that no grid can have"),
        (1e9, "that no grid can have"),
        (10**400, "that no grid can have"),
        (float("nan"), "no JSON"),
        (float("inf"), "no JSON"),
        ("322", "no number"),
        (True, "no number"),
        ([], "no number"),
        ({"value": 3}, "no number"),
    ],
    ids=repr,
)
def test_garbage_for_a_figure(
    case: Case, httpserver: HTTPServer, figure: object, words: str
) -> None:
    url = says(httpserver, 200, response_data=json.dumps(case.body(figure)))
    case.falls(url, words)


def test_null_is_no_figure_but_a_forecast_is(case: Case, httpserver: HTTPServer) -> None:
    url = says(httpserver, 200, response_data=json.dumps(case.body(None)))
    if case is CASES["ukcarbon"]:
        assert "forecast" in case.ask(url).note
    else:
        case.falls(url, "has no figure for that time")


@pytest.mark.parametrize("when", ["yesterday", "2026-01-01T00:00:00", 5, None, "9999999-01-01"])
def test_garbage_for_a_time(case: Case, httpserver: HTTPServer, when: object) -> None:
    def spoiled(thing: object) -> object:
        if isinstance(thing, dict):
            times = ("datetime", "point_time", "from")
            return {k: when if k in times else spoiled(v) for k, v in thing.items()}
        return [spoiled(one) for one in thing] if isinstance(thing, list) else thing

    url = says(httpserver, 200, response_data=json.dumps(spoiled(case.body(100))))
    case.falls(url, "gave a time")


def test_a_huge_body_is_not_read(case: Case) -> None:
    sent = [0]

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[")
        while sent[0] < 1 << 30:
            sent[0] += connection.send(b" " * 65536)

    with Raw(answer).running() as server:
        case.falls(server.url, "an answer of more than 4 MiB", budget_s=10)
    assert sent[0] < 64 << 20


# -- connections ----------------------------------------------------------------------------------


def test_nobody_listens(case: Case) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    case.falls(f"http://127.0.0.1:{port}", "cannot be reached")


def test_a_name_that_does_not_exist(case: Case) -> None:
    found = case.ask("http://no-such-host.invalid")
    assert found.rung == "country"
    assert "cannot be reached" in found.note or "no answer within" in found.note


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", b"what?\r\n\r\n"]
)
def test_the_connection_breaks(case: Case, sent: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(sent)

    with Raw(answer).running() as server:
        case.falls(server.url, "broke the connection off")
        assert server.connections == 3


@pytest.fixture
def end() -> Iterator[threading.Event]:
    """Ends the servers that would go on."""
    event = threading.Event()
    yield event
    event.set()


def test_a_server_that_never_answers(case: Case, end: threading.Event) -> None:
    def answer(_: socket.socket) -> None:
        end.wait(20)

    with Raw(answer).running() as server:
        found = case.ask(server.url)
        assert found.rung == "country"
        assert "no answer within 1.5 s" in found.note or "did not answer in time" in found.note


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\n\r\n["])
def test_a_server_that_drips(case: Case, end: threading.Event, head: bytes) -> None:
    """Each byte comes before any time-out of a read: only the budget ends it."""
    gone = threading.Event()

    def answer(connection: socket.socket) -> None:
        try:
            connection.sendall(head)
            while not end.wait(0.05):
                connection.sendall(b" ")
        except OSError:
            gone.set()

    with Raw(answer).running() as server:
        case.falls(server.url, "gave no answer within 1.5 s")
        assert gone.wait(5)  # the connection is closed, not left behind


def test_a_redirect_is_not_followed(case: Case, httpserver: HTTPServer) -> None:
    thieves: list[bytes] = []

    def steal(connection: socket.socket) -> None:
        thieves.append(b"asked")

    with Raw(steal).running() as thief:
        for status in (301, 302, 307, 308):
            httpserver.clear()
            url = says(httpserver, status, headers={"location": thief.url + "/v3"})
            case.falls(url, f"redirects to another address ({status}), which is not followed")
            _service._refused.clear()
        assert thief.connections == 0


def test_a_proxy_that_cannot_be_used(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks9://127.0.0.1:1")
    case.falls("http://192.0.2.1", "could not be asked")


# -- the login of WattTime ------------------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(_service, "_refused", {})
    monkeypatch.setattr(watttime, "_logins", {})
    return CASES["watttime"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, "{}", "does not accept the token or password (401)"),
        (403, "{}", "no access"),
        (500, "{}", "status 500"),
        (200, "{}", "documented shape"),
        (200, '{"token": 5}', "documented shape"),
        (200, '{"token": "a\\r\\nhost: evil"}', "documented shape"),
        (200, '{"token": null}', "documented shape"),
        (200, "<html>", "no JSON"),
    ],
)
def test_a_login_that_fails(
    fresh: Case, httpserver: HTTPServer, status: int, body: str, words: str
) -> None:
    httpserver.expect_request("/login").respond_with_data(body, status=status)
    fresh.falls(httpserver.url_for(""), words)
    assert {request.path for request, _ in httpserver.log} == {"/login"}


# -- several --------------------------------------------------------------------------------------


def test_each_reason_is_kept_down_to_the_table(httpserver: HTTPServer) -> None:
    _service._refused.clear()
    url = says(httpserver, 404)
    providers = [case.provider(url) for case in CASES.values()]
    found = carbon.live("FR", providers=providers, environ=ONLINE)
    assert found.rung == "country"
    assert found.note.split("; ") == [
        "Electricity Maps does not know the place or the time asked for (404)",
        "WattTime does not know the place or the time asked for (404)",
        "GB Carbon Intensity API gives Great Britain only",
    ]


def test_nothing_that_is_shown_or_logged_has_a_secret(
    httpserver: HTTPServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    for name in ("httpx", "httpcore"):
        caplog.set_level(0, name)
    _service._refused.clear()
    watttime._logins.clear()
    httpserver.expect_request("/login").respond_with_json({"token": SECRETS[2]})
    url = says(httpserver, 500)
    shown = ""
    for case in CASES.values():
        provider = case.provider(url)
        shown += repr(provider) + str(vars(provider))
        shown += repr(carbon.live(case.place, providers=[provider], environ=ONLINE).to_dict())
    # werkzeug is the server, which may log what it likes.
    shown += "".join(record.getMessage() for record in caplog.records if record.name != "werkzeug")
    shown += "".join(capfd.readouterr())
    assert "status 500" in shown
    assert not [secret for secret in SECRETS if secret in shown]


def test_without_the_extra_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tenacity", None)
    providers = [case.provider("http://192.0.2.1") for case in CASES.values()]
    found = carbon.live("GB", providers=providers, environ=ONLINE)
    assert found.rung == "country"
    assert found.note == ("live figures need httpx and tenacity: pip install 'microjoule[carbon]'")
