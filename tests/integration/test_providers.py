"""The live providers against real servers that speak their documented shapes."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from microjoule import carbon
from microjoule.carbon.providers import (
    ElectricityMaps,
    ProviderError,
    UKCarbon,
    WattTime,
    _service,
    watttime,
)
from sim.providers import (
    electricity_maps_latest,
    electricity_maps_list,
    uk_intensity,
    uk_regional,
    watttime_historical,
)

ONLINE = {"MICROJOULE_OFFLINE": "0"}
TOKEN = "tok-3n-topsecret"
HOUR = 3600.0


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test was refused or logged in to is nothing to the next."""
    monkeypatch.setattr(_service, "_refused", {})
    monkeypatch.setattr(watttime, "_logins", {})


@pytest.fixture
def cache_dir(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def this_hour() -> float:
    return time.time() // HOUR * HOUR


def electricity_maps(server: HTTPServer, cache_dir: str = "") -> ElectricityMaps:
    return ElectricityMaps(TOKEN, base_url=server.url_for("/v3"), cache_dir=cache_dir)


def watt_time(server: HTTPServer, cache_dir: str = "") -> WattTime:
    return WattTime("me", "hush hush", base_url=server.url_for(""), cache_dir=cache_dir)


def uk(server: HTTPServer, cache_dir: str = "") -> UKCarbon:
    return UKCarbon(base_url=server.url_for(""), cache_dir=cache_dir)


# -- Electricity Maps -----------------------------------------------------------------------------


def test_electricity_maps_now(httpserver: HTTPServer) -> None:
    at = this_hour()
    httpserver.expect_oneshot_request(
        "/v3/carbon-intensity/latest",
        method="GET",
        headers={"auth-token": TOKEN, "accept": "application/json"},
        query_string={
            "zone": "DE",
            "emissionFactorType": "lifecycle",
            "temporalGranularity": "hourly",
            "shouldUseFallbackCallerLookup": "false",
        },
    ).respond_with_json(electricity_maps_latest("DE", at, 322))
    found = carbon.live("Germany", providers=[electricity_maps(httpserver)], environ=ONLINE)
    httpserver.check_assertions()
    assert found.g_per_kwh == 322
    assert (found.scope, found.basis, found.method, found.accounting) == (
        "lifecycle",
        "consumption",
        "average",
        "location",
    )
    assert (found.rung, found.source, found.place, found.name) == (
        "provider",
        "electricitymaps",
        "DE",
        "Germany",
    )
    assert found.year == datetime.now(UTC).year
    assert found.edition == time.strftime("%Y-%m-%dT%H:00Z", time.gmtime(at))
    assert (found.guess, found.note) == (False, "")
    assert dict(found.uncertainty_parts) == {"reporting": 0.05}


def test_electricity_maps_direct_where_direct_is_asked_for(httpserver: HTTPServer) -> None:
    httpserver.expect_request(
        "/v3/carbon-intensity/latest",
        query_string={
            "zone": "NO-NO1",
            "emissionFactorType": "direct",
            "temporalGranularity": "hourly",
            "shouldUseFallbackCallerLookup": "false",
        },
    ).respond_with_json(
        electricity_maps_latest("NO-NO1", this_hour(), 4, emissionFactorType="direct")
    )
    found = carbon.live(
        "NO1", scope="direct", providers=[electricity_maps(httpserver)], environ=ONLINE
    )
    assert (found.g_per_kwh, found.scope) == (4, "direct")


def test_an_estimate_and_a_zone_for_a_state_are_less_certain_and_say_so(
    httpserver: HTTPServer,
) -> None:
    httpserver.expect_request("/v3/carbon-intensity/latest").respond_with_json(
        electricity_maps_latest("US-CAL-CISO", this_hour(), 201, isEstimated=True)
    )
    found = carbon.live("US-CA", providers=[electricity_maps(httpserver)], environ=ONLINE)
    assert "US-CAL-CISO stands for US-CA" in found.note
    assert "estimate" in found.note
    assert dict(found.uncertainty_parts) == {
        "reporting": 0.05,
        "estimated": 0.1,
        "zone for region": 0.1,
    }
    assert found.uncertainty_rel == pytest.approx(0.15)


def test_an_older_hour_stands_in_up_to_six(httpserver: HTTPServer) -> None:
    provider = electricity_maps(httpserver)
    latest = "/v3/carbon-intensity/latest"
    httpserver.expect_oneshot_request(latest).respond_with_json(
        electricity_maps_latest("FR", this_hour() - 3 * HOUR, 21)
    )
    found = carbon.live("FR", providers=[provider], environ=ONLINE)
    assert found.g_per_kwh == 21
    assert dict(found.uncertainty_parts)["another hour"] == 0.15

    httpserver.expect_oneshot_request(latest).respond_with_json(
        electricity_maps_latest("FR", this_hour() - 9 * HOUR, 21)
    )
    found = carbon.live("FR", providers=[provider], environ=ONLINE)
    assert found.rung == "country"
    assert "Electricity Maps has no figure for that time" in found.note


def test_a_caller_that_was_located_is_noticed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v3/carbon-intensity/latest").respond_with_json(
        electricity_maps_latest("SE-SE3", this_hour(), 21)
    )
    found = carbon.live("NO", providers=[electricity_maps(httpserver)], environ=ONLINE)
    assert found.g_per_kwh == carbon.intensity("NO").g_per_kwh
    assert "answered for another zone than NO" in found.note


def test_electricity_maps_history_of_a_day(httpserver: HTTPServer) -> None:
    first = this_hour() - 20 * HOUR
    figures = [(first + n * HOUR, None if n == 3 else 100 + n) for n in range(20)]
    httpserver.expect_oneshot_request("/v3/carbon-intensity/history").respond_with_json(
        electricity_maps_list("history", "NL", list(reversed(figures)))
    )
    start, end = first + 1800, first + 6 * HOUR
    found = carbon.live_series(
        "NL", start, end, providers=[electricity_maps(httpserver)], environ=ONLINE
    )
    # The hour without a figure is a gap, and the hours at both ends are whole.
    assert found.slots == tuple(
        (first + n * HOUR, first + (n + 1) * HOUR, 100.0 + n) for n in (0, 1, 2, 4, 5)
    )
    assert found.intensity.g_per_kwh == pytest.approx((100 + 101 + 102 + 104 + 105) / 5)
    assert found.intensity.rung == "provider"


def test_a_long_history_is_asked_for_in_parts_of_ten_days(httpserver: HTTPServer) -> None:
    start = datetime(2025, 3, 1, tzinfo=UTC)
    end = datetime(2025, 3, 26, tzinfo=UTC)
    asked: list[tuple[str, str]] = []

    def answer(request: Request) -> Response:
        first, last = request.args["start"], request.args["end"]
        asked.append((first, last))
        at = datetime.fromisoformat(first).timestamp()
        figures = []
        while at < datetime.fromisoformat(last).timestamp():
            figures.append((at, at // HOUR % 24))
            at += HOUR
        body = electricity_maps_list("data", "FR", figures)  # type: ignore[arg-type]
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request("/v3/carbon-intensity/past-range").respond_with_handler(answer)
    found = carbon.live_series(
        "FR", start, end, providers=[electricity_maps(httpserver)], environ=ONLINE
    )
    assert asked == [
        ("2025-03-01T00:00:00Z", "2025-03-11T00:00:00Z"),
        ("2025-03-11T00:00:00Z", "2025-03-21T00:00:00Z"),
        ("2025-03-21T00:00:00Z", "2025-03-26T00:00:00Z"),
    ]
    assert len(found.slots) == 25 * 24
    assert found.slots[0] == (start.timestamp(), start.timestamp() + HOUR, 0.0)
    assert found.slots[-1][1] == end.timestamp()
    assert found.intensity.g_per_kwh == pytest.approx(11.5)
    assert found.intensity.year == 2025


def test_a_history_that_breaks_off_is_kept_as_far_as_it_goes(httpserver: HTTPServer) -> None:
    start = datetime(2025, 3, 1, tzinfo=UTC).timestamp()
    past = "/v3/carbon-intensity/past-range"
    httpserver.expect_ordered_request(past).respond_with_json(
        electricity_maps_list("data", "FR", [(start, 20)])
    )
    httpserver.expect_ordered_request(past).respond_with_data(status=403)
    found = carbon.live_series(
        "FR", start, start + 20 * 86400, providers=[electricity_maps(httpserver)], environ=ONLINE
    )
    assert found.slots == ((start, start + HOUR, 20.0),)
    assert "it ends early: Electricity Maps gives this account no access" in found.intensity.note


def test_an_instant_of_the_past(httpserver: HTTPServer) -> None:
    at = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
    hour = at.timestamp() - 1800
    httpserver.expect_request("/v3/carbon-intensity/past-range").respond_with_json(
        electricity_maps_list("data", "FR", [(hour - HOUR, 1), (hour, 2), (hour + HOUR, 3)])
    )
    found = carbon.live("FR", at=at, providers=[electricity_maps(httpserver)], environ=ONLINE)
    assert (found.g_per_kwh, found.edition, found.year) == (2, "2025-03-01T12:00Z", 2025)


# -- WattTime -------------------------------------------------------------------------------------


def expect_login(server: HTTPServer, bearer: str = "a.b.c") -> None:
    basic = base64.b64encode(b"me:hush hush").decode()
    server.expect_request("/login", headers={"authorization": f"Basic {basic}"}).respond_with_json(
        {"token": bearer}
    )


def test_watttime_average_in_grams_with_one_login(httpserver: HTTPServer) -> None:
    expect_login(httpserver)
    at = this_hour() - 30 * HOUR

    def answer(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer a.b.c"
        assert request.args["signal_type"] == "co2_aoer"
        region = request.args["region"]
        body = watttime_historical(region, [(at - HOUR, 500.0), (at, 1000.0)])
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request("/v3/historical").respond_with_handler(answer)
    for place, zone in (("CA-QC", "HQ"), ("IN", "IND"), ("FR", "FR")):
        provider = watt_time(httpserver)
        found = carbon.live(place, providers=[provider], environ=ONLINE)
        assert found.g_per_kwh == pytest.approx(453.59237, rel=1e-15), zone
        assert (found.scope, found.basis, found.method) == ("direct", "production", "average")
        # Averages come days late: the hour is another one.
        assert dict(found.uncertainty_parts) == {
            "reporting": 0.05,
            "production basis": 0.22,
            "another hour": 0.15,
        }
    httpserver.check_assertions()
    assert sum(request.path == "/login" for request, _ in httpserver.log) == 1


def test_watttime_marginal_is_marked_and_never_a_default(httpserver: HTTPServer) -> None:
    expect_login(httpserver)
    now = time.time() // 300 * 300
    httpserver.expect_request("/v3/historical").respond_with_handler(
        lambda request: Response(
            json.dumps(
                watttime_historical(
                    "CAISO_NORTH",
                    [(now - 300, 870.1), (now, 900.0)],
                    signal=request.args["signal_type"],
                    period_s=300,
                )
            )
        )
    )
    provider = watt_time(httpserver)
    found = carbon.live("US-CA", method="marginal", providers=[provider], environ=ONLINE)
    assert found.g_per_kwh == pytest.approx(900 * 0.45359237)
    assert found.method == "marginal"
    signals = {request.args["signal_type"] for request, _ in httpserver.log if request.args}
    assert signals == {"co2_moer"}
    assert carbon.live("US-CA", providers=[provider], environ=ONLINE).method == "average"


def test_marginal_has_no_table_to_fall_to(httpserver: HTTPServer) -> None:
    with pytest.raises(ValueError, match=r"no marginal figure for .*\(Electricity Maps has no"):
        carbon.live(
            "US-CA", method="marginal", providers=[electricity_maps(httpserver)], environ=ONLINE
        )


def test_a_login_that_ended_early_is_renewed_once(httpserver: HTTPServer) -> None:
    expect_login(httpserver)
    body = watttime_historical("NO", [(this_hour() - 20 * HOUR, 20.0)])
    httpserver.expect_oneshot_request("/v3/historical").respond_with_data(status=401)
    httpserver.expect_request("/v3/historical").respond_with_json(body)
    found = carbon.live("NO", providers=[watt_time(httpserver)], environ=ONLINE)
    assert found.rung == "provider"
    assert [request.path for request, _ in httpserver.log] == [
        "/login",
        "/v3/historical",
        "/login",
        "/v3/historical",
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"units": "kg_co2_per_mwh"}, "another unit"),
        ({"signal": "co2_moer"}, "another region or signal"),
        ({"period_s": 0}, "hours that overlap"),
    ],
)
def test_watttime_in_another_unit_is_refused(
    httpserver: HTTPServer, change: dict[str, object], says: str
) -> None:
    expect_login(httpserver)
    body = watttime_historical("NO", [(this_hour(), 20.0)], **change)  # type: ignore[arg-type]
    httpserver.expect_request("/v3/historical").respond_with_json(body)
    found = carbon.live("NO", providers=[watt_time(httpserver)], environ=ONLINE)
    assert found.rung == "country"
    assert says in found.note


# -- Great Britain --------------------------------------------------------------------------------


def test_uk_actual_where_there_is_one_else_the_forecast(httpserver: HTTPServer) -> None:
    now = time.time() // 1800 * 1800
    figures = [(now + n * 1800, 200 + n, None if n >= 0 else 100 + n) for n in range(-4, 2)]

    def answer(request: Request) -> Response:
        assert "auth-token" not in request.headers
        assert "authorization" not in request.headers
        start, end = (datetime.fromisoformat(text) for text in request.path.split("/")[2:])
        assert start.timestamp() < now <= end.timestamp()
        return Response(json.dumps(uk_intensity(figures)))  # type: ignore[arg-type]

    httpserver.expect_request(re.compile("^/intensity/")).respond_with_handler(answer)
    found = carbon.live("United Kingdom", providers=[uk(httpserver)], environ=ONLINE)
    httpserver.check_assertions()
    assert found.g_per_kwh == 200
    assert (found.scope, found.basis, found.licence) == ("direct", "consumption", "CC BY 4.0")
    assert "forecast" in found.note
    assert "without Northern Ireland" in found.note

    series = carbon.live_series("GB", now - 3600, now, providers=[uk(httpserver)], environ=ONLINE)
    assert series.slots == ((now - 3600, now - 1800, 98.0), (now - 1800, now, 99.0))
    assert "forecast" not in series.intensity.note


@pytest.mark.parametrize("wrapped", [False, True], ids=["object", "list of one"])
def test_uk_region_in_both_shapes(httpserver: HTTPServer, wrapped: bool) -> None:
    start = datetime(2025, 3, 1, tzinfo=UTC).timestamp()
    region = uk_regional(16, [(start, 12), (start + 1800, None), (start + 3600, 30)])
    httpserver.expect_request(
        "/regional/intensity/2025-03-01T00:00Z/2025-03-01T02:00Z/regionid/16"
    ).respond_with_json({"data": [region] if wrapped else region})
    found = uk(httpserver).history("GB-SCT", start, start + 7200, UKCarbon.kinds[0])
    assert [slot[:3] for slot in found.slots] == [
        (start, start + 1800, 12),
        (start + 3600, start + 5400, 30),
    ]
    assert dict(found.uncertainty_parts) == {"estimated": pytest.approx(0.1)}


def test_uk_gives_great_britain_only(httpserver: HTTPServer) -> None:
    found = carbon.live("NO", providers=[uk(httpserver)], environ=ONLINE)
    assert found.rung == "country"
    assert found.note == "GB Carbon Intensity API gives Great Britain only"
    assert httpserver.log == []


# -- cache ----------------------------------------------------------------------------------------


def test_an_answer_is_asked_for_once_and_kept_private(
    httpserver: HTTPServer, cache_dir: str
) -> None:
    httpserver.expect_request("/v3/carbon-intensity/latest").respond_with_json(
        electricity_maps_latest("NO", this_hour(), 28)
    )
    old = os.umask(0)
    try:
        for _ in range(3):
            provider = electricity_maps(httpserver, cache_dir)
            found = carbon.live("NO", providers=[provider], environ=ONLINE)
            assert found.g_per_kwh == 28
    finally:
        os.umask(old)
    assert len(httpserver.log) == 1
    assert stat.S_IMODE(os.stat(cache_dir).st_mode) == 0o700
    (file,) = Path(cache_dir).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN not in file.read_text() + str(file)

    # Another account has its own answers.
    ElectricityMaps("other", base_url=httpserver.url_for("/v3"), cache_dir=cache_dir).latest(
        "NO", time.time(), ElectricityMaps.kinds[0]
    )
    assert len(httpserver.log) == 2


def test_a_kept_answer_stands_in_for_two_hours(
    httpserver: HTTPServer, cache_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = ElectricityMaps.kinds[0]
    provider = electricity_maps(httpserver, cache_dir)
    httpserver.expect_oneshot_request("/v3/carbon-intensity/latest").respond_with_json(
        electricity_maps_latest("NO", this_hour(), 28)
    )
    provider.latest("NO", time.time(), kind)
    httpserver.expect_request("/v3/carbon-intensity/latest").respond_with_data(status=404)
    later = time.time() + HOUR
    monkeypatch.setattr(time, "time", lambda: later)
    reading = provider.latest("NO", later, kind)
    assert reading.slots[0].g_per_kwh == 28
    assert dict(reading.uncertainty_parts)["stale"] == 0.1
    assert "60 minutes ago, since Electricity Maps does not know the place" in reading.note
    monkeypatch.setattr(time, "time", lambda: later + HOUR + 60)
    with pytest.raises(ProviderError, match="does not know the place"):
        provider.latest("NO", later + HOUR + 60, kind)


def test_a_past_that_has_settled_is_asked_for_once(
    httpserver: HTTPServer, cache_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = datetime(2025, 3, 1, tzinfo=UTC).timestamp()
    httpserver.expect_request("/v3/carbon-intensity/past-range").respond_with_json(
        electricity_maps_list("data", "FR", [(start, 20), (start + HOUR, 21)])
    )
    provider = electricity_maps(httpserver, cache_dir)
    kind = ElectricityMaps.kinds[0]
    first = provider.history("FR", start, start + 2 * HOUR, kind)
    later = time.time() + 30 * 86400
    monkeypatch.setattr(time, "time", lambda: later)
    assert provider.history("FR", start, start + 2 * HOUR, kind) == first
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"schema": 2}',
        b'{"schema": 1, "stored_at_s": 1e400, "slots": []}',
        b'{"schema": 1, "stored_at_s": "now", "slots": [[0, 3600, 1, false]]}',
        b'{"schema": 1, "stored_at_s": 99999999999, "slots": [[0, 99999999999, 1, false]]}',
        b'{"schema": 1, "stored_at_s": NOW, "slots": [[0, 99999999999, -1, false]]}',
        b'{"schema": 1, "stored_at_s": NOW, "slots": [[0, 99999999999, NaN, false]]}',
        b'{"schema": 1, "stored_at_s": NOW, "slots": [[0, 99999999999, 1]]}',
        b'{"schema": 1, "stored_at_s": NOW, "slots": 3}',
    ],
)
def test_a_broken_cache_is_no_cache(httpserver: HTTPServer, cache_dir: str, broken: bytes) -> None:
    httpserver.expect_request("/v3/carbon-intensity/latest").respond_with_json(
        electricity_maps_latest("NO", this_hour(), 28)
    )
    provider = electricity_maps(httpserver, cache_dir)
    assert carbon.live("NO", providers=[provider], environ=ONLINE).g_per_kwh == 28
    (file,) = Path(cache_dir).iterdir()
    file.write_bytes(broken.replace(b"NOW", str(time.time()).encode()))
    assert carbon.live("NO", providers=[provider], environ=ONLINE).g_per_kwh == 28
    assert len(httpserver.log) == 2
    assert b'"stored_at_s"' in file.read_bytes() != broken


def test_a_cache_that_cannot_be_written_stops_nothing(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/v3/carbon-intensity/latest").respond_with_json(
        electricity_maps_latest("NO", this_hour(), 28)
    )
    (tmp_path / "file").write_text("")
    for path in (str(tmp_path / "file"), str(tmp_path / "file" / "below"), ""):
        provider = electricity_maps(httpserver, path)
        assert carbon.live("NO", providers=[provider], environ=ONLINE).g_per_kwh == 28
    assert len(httpserver.log) == 3


# -- settings and resolve -------------------------------------------------------------------------


@pytest.fixture
def at_loopback(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """The providers of the settings ask the test's server."""
    for cls, path in ((ElectricityMaps, "/v3"), (WattTime, ""), (UKCarbon, "")):
        monkeypatch.setitem(cls.__init__.__kwdefaults__, "base_url", httpserver.url_for(path))
    return httpserver


def settings(tmp_path: Path, **more: str) -> dict[str, str]:
    return {**ONLINE, "XDG_CACHE_HOME": str(tmp_path), "TZ": "UTC", **more}


def test_resolve_asks_a_provider_about_the_place(at_loopback: HTTPServer, tmp_path: Path) -> None:
    at_loopback.expect_request("/v3/carbon-intensity/latest").respond_with_handler(
        lambda request: Response(
            json.dumps(electricity_maps_latest(request.args["zone"], this_hour(), 28))
        )
    )
    environ = settings(tmp_path, MICROJOULE_ELECTRICITYMAPS_TOKEN=TOKEN)
    named = carbon.resolve(environ={**environ, "MICROJOULE_COUNTRY": "NO"})
    assert (named.g_per_kwh, named.rung, named.guess, named.note) == (28, "provider", False, "")
    guessed = carbon.resolve(environ={**environ, "TZ": "Europe/Oslo"})
    assert (guessed.g_per_kwh, guessed.rung, guessed.guess) == (28, "provider", True)
    assert "guessed from the time zone Europe/Oslo" in guessed.note
    assert dict(guessed.uncertainty_parts)["time zone"] == 0.1
    assert carbon.resolve(intensity_g_per_kwh=12, environ=environ).rung == "given"
    assert len(at_loopback.log) == 1  # the second answer came from the cache
    folder = tmp_path / "microjoule" / "providers"
    assert len(list(folder.iterdir())) == 1


def test_the_order_of_the_settings_holds_and_reasons_are_kept(
    at_loopback: HTTPServer, tmp_path: Path
) -> None:
    now = time.time() // 1800 * 1800
    at_loopback.expect_request("/v3/carbon-intensity/latest").respond_with_data(status=401)
    at_loopback.expect_request(re.compile("^/intensity/")).respond_with_json(
        uk_intensity([(now, 150, 149)])
    )
    environ = settings(
        tmp_path,
        MICROJOULE_ELECTRICITYMAPS_TOKEN=TOKEN,
        MICROJOULE_COUNTRY="GB",
        MICROJOULE_PROVIDERS="watttime,electricitymaps,ukcarbon",
    )
    found = carbon.resolve(environ=environ)
    assert (found.g_per_kwh, found.source) == (149, "ukcarbon")
    assert found.note == (
        "Great Britain, without Northern Ireland; "
        "WattTime has no account: set MICROJOULE_WATTTIME_USER and MICROJOULE_WATTTIME_PASSWORD; "
        "Electricity Maps does not accept the token or password (401)"
    )
    assert TOKEN not in repr(found)


def test_an_account_of_the_users_file(at_loopback: HTTPServer, tmp_path: Path) -> None:
    expect_login(at_loopback)
    at_loopback.expect_request("/v3/historical").respond_with_json(
        watttime_historical("NO", [(this_hour() - 20 * HOUR, 100.0)])
    )
    file = tmp_path / "microjoule" / "config.toml"
    file.parent.mkdir()
    file.write_text(
        "offline = false\nproviders = ['watttime']\n"
        "watttime_user = 'me'\nwatttime_password = 'hush hush'\n"
    )
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "MICROJOULE_COUNTRY": "NO"}
    found = carbon.resolve(environ=environ)
    assert (found.source, found.g_per_kwh) == ("watttime", pytest.approx(45.359237))


def test_the_users_file_is_that_of_the_home_that_was_passed(
    at_loopback: HTTPServer, tmp_path: Path
) -> None:
    expect_login(at_loopback)
    at_loopback.expect_request("/v3/historical").respond_with_json(
        watttime_historical("NO", [(this_hour() - 20 * HOUR, 100.0)])
    )
    file = tmp_path / ".config" / "microjoule" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "offline = false\nproviders = ['watttime']\ncountry = 'NO'\n"
        "watttime_user = 'me'\nwatttime_password = 'hush hush'\n"
    )
    found = carbon.resolve(environ={}, home=str(tmp_path))
    assert (found.source, found.g_per_kwh) == ("watttime", pytest.approx(45.359237))
    assert (tmp_path / ".cache" / "microjoule" / "providers").is_dir()


@pytest.mark.parametrize("setting", ["MICROJOULE_REGION", "MICROJOULE_COUNTRY"])
def test_a_zone_of_the_settings_that_only_a_provider_knows(
    at_loopback: HTTPServer, tmp_path: Path, setting: str
) -> None:
    now = time.time() // 1800 * 1800
    at_loopback.expect_request(
        re.compile("^/regional/intensity/.*/regionid/16$")
    ).respond_with_json({"data": uk_regional(16, [(now - 1800, 20), (now, 20)])})
    environ = settings(tmp_path, MICROJOULE_PROVIDERS="ukcarbon", **{setting: "GB-SCT"})
    found = carbon.resolve(environ=environ)
    assert (found.place, found.g_per_kwh, found.rung) == ("GB-SCT", 20, "provider")
    offline = carbon.resolve(environ={setting: "GB-SCT"})
    assert (offline.place, offline.g_per_kwh) == ("GB", carbon.intensity("GB").g_per_kwh)
    assert "no figure for GB-SCT: that of its country stands in" in offline.note
    with pytest.raises(ValueError, match=f"{setting}: unknown place 'GB-XYZ'"):
        carbon.resolve(environ={setting: "GB-XYZ"})
    with pytest.raises(ValueError, match=f"{setting}: the tables have no marginal figure"):
        carbon.resolve(environ={setting: "GB-SCT"}, method="marginal")


def test_a_cloud_region_of_the_settings_is_asked_for_by_name(
    at_loopback: HTTPServer, tmp_path: Path
) -> None:
    at_loopback.expect_request(
        "/v3/carbon-intensity/latest",
        query_string={
            "dataCenterProvider": "aws",
            "dataCenterRegion": "eu-north-1",
            "emissionFactorType": "lifecycle",
            "temporalGranularity": "hourly",
            "shouldUseFallbackCallerLookup": "false",
        },
    ).respond_with_json(electricity_maps_latest("SE-SE3", this_hour(), 17))
    environ = settings(
        tmp_path, MICROJOULE_ELECTRICITYMAPS_TOKEN=TOKEN, MICROJOULE_REGION="aws:eu-north-1"
    )
    assert carbon.resolve(environ=environ).g_per_kwh == 17


def test_a_name_that_is_no_provider() -> None:
    with pytest.raises(ValueError, match="no provider 'wattime': pass names out of electricity"):
        carbon.live("NO", providers=["wattime"], environ=ONLINE)
