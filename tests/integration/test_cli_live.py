"""`uj run` where the network is allowed: the hours of the run, from servers on loopback."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from microjoule import carbon
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant
from sim.providers import uk_intensity, uk_regional, watttime_historical

HOUR = 3600.0
G_PER_LB_MWH = 0.45359237
# `uj`, but that its providers live at another address than their own.
UJ_AT = """
import sys
from microjoule.carbon.providers import ElectricityMaps, UKCarbon, WattTime
for provider in (ElectricityMaps, UKCarbon, WattTime):
    provider.__init__.__kwdefaults__["base_url"] = sys.argv[1]
from microjoule.cli import main
sys.exit(main(sys.argv[2:]))
"""


class Live:
    """`uj` with the network allowed and a server that stands in for every provider."""

    def __init__(self, server: HTTPServer, tmp_path: Path) -> None:
        self.server = server
        self._environ = {
            **os.environ,
            "MICROJOULE_OFFLINE": "0",
            "MICROJOULE_COUNTRY": "GB",
            "MICROJOULE_PROVIDERS": "ukcarbon",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }

    def uj(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", UJ_AT, self.server.url_for(""), *arguments],
            env={**self._environ, **environ},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def run(self, *command: str, **environ: str) -> dict[str, Any]:
        done = self.uj("run", "--json", "--", *command, **environ)
        assert done.returncode == 0, done.stderr
        fields: dict[str, Any] = json.loads(done.stderr)
        return fields

    def paths(self) -> list[str]:
        return [request.path for request, _ in self.server.log]


@pytest.fixture
def live(httpserver: HTTPServer, tmp_path: Path) -> Live:
    return Live(httpserver, tmp_path)


def watttime(server: HTTPServer, figures: Any) -> None:
    """Lets the server be WattTime, with slots of a second."""
    server.expect_request("/login").respond_with_json({"token": "a.b.c"})

    def answer(request: Request) -> Response:
        found = figures(request)
        if isinstance(found, int):
            return Response(status=found)
        return Response(json.dumps(watttime_historical("UK", found, period_s=1)))

    server.expect_request("/v3/historical").respond_with_handler(answer)


WATTTIME = {
    "MICROJOULE_PROVIDERS": "watttime",
    "MICROJOULE_WATTTIME_USER": "me",
    "MICROJOULE_WATTTIME_PASSWORD": "hush",
}


def whole_seconds(request: Request) -> list[tuple[float, object]]:
    """Seconds of 0 and 1000 lb/MWh in turn, around now."""
    now = int(time.time())
    return [(at, 1000.0 * (at % 2)) for at in range(now - 20, now + 20)]


def test_a_run_meets_the_half_hour_it_ran_in(live: Live) -> None:
    now = time.time() // 1800 * 1800
    live.server.expect_request(re.compile("^/intensity/")).respond_with_json(
        uk_intensity([(now - 1800, 120, None), (now, 120, None), (now + 1800, 120, None)])
    )
    found = live.run("true")
    where = found["footprint"]["intensity"]
    assert where["g_per_kwh"] == pytest.approx(120)
    assert (where["rung"], where["place"], where["source"]) == ("provider", "GB", "ukcarbon")
    assert (where["scope"], where["licence"]) == ("direct", "CC BY 4.0")
    assert where["uncertainty_parts"]["estimated"] == pytest.approx(0.1)
    assert found["measurement"]["co2e_g"] == pytest.approx(found["footprint"]["co2e_g"])
    assert len(live.paths()) == 1  # one question, though two figures stand on it


def test_nobody_is_asked_before_the_run_has_ended(live: Live, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    asked: list[bool] = []

    def answer(_: Request) -> Response:
        asked.append(mark.exists())
        return Response(status=500)

    live.server.expect_request(re.compile("^/intensity/")).respond_with_handler(answer)
    live.run("touch", str(mark))
    assert set(asked) == {True}
    # An unknown place is an error before anything starts, and an own figure is asked of nobody.
    live.server.clear_log()
    done = live.uj("run", "--country", "Atlantis", "--", "true")
    assert (done.returncode, "unknown place 'Atlantis'" in done.stderr) == (2, True)
    assert "330 g/kWh" in live.uj("run", "--intensity", "330", "--", "true").stderr
    assert live.run("true", MICROJOULE_INTENSITY="12")["footprint"]["intensity"]["rung"] == "given"
    assert live.paths() == []


def test_the_grams_are_the_integral_over_the_slots_of_the_provider(
    live: Live, bed_factory: BedFactory
) -> None:
    bed: PowercapBed = bed_factory([Zone("package-0", Constant(100))])
    watttime(live.server, whole_seconds)
    found = live.run("sleep", "2.6", **WATTTIME, **bed.environ)
    measured, where = found["measurement"], found["footprint"]["intensity"]
    start = datetime.fromisoformat(measured["started_at"]).timestamp()
    end = start + measured["duration_s"]
    edges = [start, *range(int(start) + 1, int(end) + 1), end]
    grams = sum(
        100 * (b - a) / 3.6e6 * 1000 * G_PER_LB_MWH * (int(a) % 2)
        for a, b in itertools.pairwise(edges)
    )
    assert found["footprint"]["co2e_g"] == pytest.approx(grams, rel=0.02)
    assert (where["source"], where["rung"], where["note"]) == ("watttime", "provider", "")


@pytest.mark.parametrize("newest", [900.0, None], ids=["its newest figure", "the table"])
def test_what_the_provider_does_not_cover_falls_to_the_next_rung(
    live: Live, newest: float | None
) -> None:
    ends = int(time.time()) + 2

    def figures(request: Request) -> list[tuple[float, object]] | int:
        asked_from = datetime.fromisoformat(request.args["start"]).timestamp()
        if asked_from > time.time() - 2 * HOUR:  # what the run itself met
            return [(at, 800.0) for at in range(ends - 60, ends)]
        return 500 if newest is None else [(ends - 1, newest)]

    watttime(live.server, figures)
    where = live.run("sleep", "3", **WATTTIME)["footprint"]["intensity"]
    stands = carbon.intensity("GB").g_per_kwh if newest is None else newest * G_PER_LB_MWH
    found = re.match(
        r"([\d.]+) % of the energy met 362\.9 g/kWh of WattTime; no slot covers the rest: "
        rf"{stands:.4g} g/kWh of United Kingdom \((country|provider)\) stands in(.*)",
        where["note"],
    )
    assert found, where["note"]
    share = float(found[1]) / 100
    assert 0 < share < 1
    mean = share * 800 * G_PER_LB_MWH + (1 - share) * stands
    assert where["g_per_kwh"] == pytest.approx(mean, rel=0.01)
    if newest is None:
        assert (found[2], where["scope"]) == ("country", "mixed")
        assert "WattTime answered with status 500" in where["note"]
    else:
        assert (found[2], where["scope"]) == ("provider", "direct")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response(status=500), "answered with status 500"),
        (Response(status=429, headers={"retry-after": "60"}), "has had too many questions (429)"),
        (Response("<html>"), "gave an answer that is no JSON"),
        (Response('{"data": 5}'), "gave an answer that is not in its documented shape"),
    ],
)
def test_a_provider_that_fails_costs_the_run_nothing_but_its_figure(
    live: Live, answer: Response, reason: str
) -> None:
    live.server.expect_request(re.compile("^/intensity/")).respond_with_response(answer)
    done = live.uj("run", "--", "sh", "-c", "exit 7")
    assert done.returncode == 7
    told = " ".join(done.stderr.split())
    assert re.search(r"energy [\d.]+ .?J", told)
    assert f"GB Carbon Intensity API {reason}" in told
    assert f"{carbon.intensity('GB').g_per_kwh:.0f} g/kWh, United Kingdom" in told


def test_without_an_account_the_table_and_the_reason(live: Live) -> None:
    done = live.uj("run", "--", "true", MICROJOULE_PROVIDERS="electricitymaps")
    assert "Electricity Maps has no token: set MICROJOULE_ELECTRICITYMAPS_TOKEN" in " ".join(
        done.stderr.split()
    )
    assert live.paths() == []


def test_a_zone_that_only_the_provider_knows(live: Live) -> None:
    now = time.time() // 1800 * 1800
    figures = [(now - 1800, 20), (now, 20), (now + 1800, 20)]
    live.server.expect_request(
        re.compile(r"^/regional/intensity/.*/regionid/16$")
    ).respond_with_json({"data": uk_regional(16, figures)})
    for place in ({"MICROJOULE_REGION": "GB-SCT"}, {"MICROJOULE_COUNTRY": "GB-SCT"}):
        where = live.run("true", **place)["footprint"]["intensity"]
        assert (where["place"], where["g_per_kwh"]) == ("GB-SCT", pytest.approx(20))
    where = live.run("true", MICROJOULE_REGION="GB-SCT", MICROJOULE_OFFLINE="1")["footprint"]
    assert where["intensity"]["place"] == "GB"
    assert "no figure for GB-SCT: that of its country stands in" in where["intensity"]["note"]


def test_losses_and_a_figure_that_may_have_them_in_it(live: Live) -> None:
    done = live.uj("run", "--losses", "0.06", "--", "true")
    assert done.returncode == 2
    assert "--losses: a live figure may have them in it" in done.stderr
