"""Countries, regions and clouds; what is unknown is the world mean and says so."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from microjoule import carbon
from microjoule.tracker import EmissionsTracker, OfflineEmissionsTracker
from microjoule.tracker.data import EmissionsData

WORLD = carbon.intensity("WORLD").g_per_kwh


def row(**place: Any) -> tuple[EmissionsData, float]:
    tracker = OfflineEmissionsTracker(output_methods=[], force_ram_power=100, **place)
    tracker.start()
    tracker.stop()
    data = tracker.final_emissions_data
    assert data is not None
    return data, data.emissions / data.energy_consumed * 1000


@pytest.mark.parametrize("code", ["FRA", "fra", "FR", "fr", "France"])
def test_a_country_in_every_spelling(code: str) -> None:
    data, g_per_kwh = row(country_iso_code=code)
    assert (data.country_name, data.country_iso_code) == ("France", "FRA")
    assert g_per_kwh == pytest.approx(carbon.intensity("FR").g_per_kwh)
    assert data.on_cloud == "N"


def test_an_unknown_country_is_the_world_and_says_so(said: list[str]) -> None:
    data, g_per_kwh = row(country_iso_code="XYZ")
    assert (data.country_name, data.country_iso_code) == ("", "XYZ")
    assert g_per_kwh == pytest.approx(WORLD)
    assert any(line.startswith("ERROR Does not support country with ISO code XYZ") for line in said)
    assert "WARNING We do not have data for XYZ, using world average." in said


def test_no_country_is_the_world() -> None:
    data, g_per_kwh = row()
    assert (data.country_name, data.country_iso_code) == ("", "")
    assert g_per_kwh == pytest.approx(WORLD)


@pytest.mark.parametrize(
    ("country", "region", "code"),
    [
        ("USA", "California", "US-CA"),
        ("USA", "new york", "US-NY"),
        ("CAN", "quebec", "CA-QC"),
        ("CAN", "Québec", "CA-QC"),
        ("SWE", "SE3", "SE3"),
        ("NOR", "no1", "NO1"),
    ],
)
def test_a_region(country: str, region: str, code: str) -> None:
    data, g_per_kwh = row(country_iso_code=country, region=region)
    assert data.region == region.lower()
    assert g_per_kwh == pytest.approx(carbon.intensity(code).g_per_kwh)


def test_an_unknown_region_is_the_country(said: list[str]) -> None:
    data, g_per_kwh = row(country_iso_code="USA", region="Nowhere")
    assert data.region == "nowhere"
    assert g_per_kwh == pytest.approx(carbon.intensity("US").g_per_kwh)
    assert any("Region: nowhere not found for Country with ISO CODE : USA" in s for s in said)


def test_a_cloud_region() -> None:
    data, g_per_kwh = row(cloud_provider="gcp", cloud_region="us-east1")
    assert data.on_cloud == "Y"
    assert (data.cloud_provider, data.cloud_region) == ("gcp", "us-east1")
    assert data.country_iso_code == "USA"
    assert isinstance(data.region, str)
    assert g_per_kwh == pytest.approx(carbon.intensity("gcp:us-east1").g_per_kwh)


def test_an_unknown_cloud_region_is_the_country(said: list[str]) -> None:
    data, g_per_kwh = row(country_iso_code="FRA", cloud_provider="aws", cloud_region="mars-1")
    assert data.on_cloud == "Y"
    assert g_per_kwh == pytest.approx(carbon.intensity("FR").g_per_kwh)
    assert any(line.startswith("ERROR") for line in said)
    row(country_iso_code="FRA", cloud_provider="aws")
    assert any("there is no cloud_region" in line for line in said)


def test_online_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with EmissionsTracker() as tracker:
        pass
    assert tracker.final_emissions is not None


def test_online_takes_the_settings_and_calls_a_guess_a_guess(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("TZ", "Europe/Oslo")
    with EmissionsTracker(output_methods=[]) as tracker:
        pass
    assert tracker.final_emissions_data.country_iso_code == "NOR"
    assert tracker.intensity.guess
    (guess,) = (line for line in said if "The place is a guess" in line)
    assert guess.count("MICROJOULE_COUNTRY") == 1
    said.clear()
    monkeypatch.setenv("MICROJOULE_COUNTRY", "PL")
    with EmissionsTracker(output_methods=[]) as tracker:
        pass
    assert tracker.final_emissions_data.country_name == "Poland"
    assert not any("guess" in line for line in said)


def test_no_place_at_all_is_told_once_what_to_set(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    with EmissionsTracker(output_methods=[]) as tracker:
        assert tracker.intensity.rung == "world mean"
    (guess,) = (line for line in said if "The place is a guess" in line)
    assert guess.casefold().count("set microjoule_country") == 1
    assert "OfflineEmissionsTracker(country_iso_code=…)" in guess


def test_a_token_alone_asks_nobody(no_sockets: list[str], said: list[str]) -> None:
    _, g_per_kwh = row(country_iso_code="FRA", electricitymaps_api_token="a-secret")
    assert g_per_kwh == pytest.approx(carbon.intensity("FR").g_per_kwh)
    assert no_sockets == []
    assert sum("set MICROJOULE_OFFLINE=0" in line for line in said) == 1
    assert not any("a-secret" in line for line in said)


@pytest.mark.parametrize("kind", [EmissionsTracker, OfflineEmissionsTracker])
def test_with_leave_a_provider_is_asked_beside_the_program(
    kind: type[EmissionsTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []
    gate = threading.Event()

    def live(*_: object, environ: Any, **__: object) -> carbon.Intensity:
        gate.wait(10)
        token = environ["MICROJOULE_ELECTRICITYMAPS_TOKEN"]
        asked.append((token, threading.current_thread() is threading.main_thread()))
        return carbon.intensity(7.0)

    real = carbon.resolve

    def resolve(*args: Any, environ: Any, **more: Any) -> carbon.Intensity:
        if environ.get("MICROJOULE_OFFLINE") == "1":
            return real(*args, environ=environ, **more)
        return live(environ=environ)

    monkeypatch.setenv("MICROJOULE_OFFLINE", "0")
    monkeypatch.setenv("MICROJOULE_COUNTRY", "FR")
    monkeypatch.setattr(carbon, "live", live)
    monkeypatch.setattr(carbon, "resolve", resolve)
    more = {"country_iso_code": "FRA"} if kind is OfflineEmissionsTracker else {}
    tracker = kind(output_methods=[], electricitymaps_api_token="mine", force_ram_power=100, **more)
    tracker.start()
    time.sleep(0.05)
    by_the_tables = tracker.flush()
    total_kwh = tracker._total_energy.kWh
    assert by_the_tables / total_kwh * 1000 == pytest.approx(
        carbon.intensity("FR").g_per_kwh, rel=0.2
    )
    tracker._place.live.thread.join(0)
    gate.set()
    tracker._place.live.thread.join(10)
    assert asked == [("mine", False)]
    before = tracker._prepare_emissions_data()
    time.sleep(0.05)
    tracker.stop()
    after = tracker.final_emissions_data
    after.compute_delta_emission(before)
    assert after.emissions / after.energy_consumed * 1000 == pytest.approx(7.0)


def test_a_provider_that_fails_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def live(*_: object, **__: object) -> carbon.Intensity:
        raise ValueError("no zone")

    monkeypatch.setenv("MICROJOULE_OFFLINE", "0")
    monkeypatch.setattr(carbon, "live", live)
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", output_methods=[], co2_signal_api_token="old"
    )
    tracker.start()
    tracker._place.live.thread.join(10)
    assert tracker.stop() is not None
    assert any("live carbon intensity was not to be had: no zone" in line for line in said)
