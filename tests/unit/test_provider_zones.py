"""What the providers call a place; what they do not know goes to the next rung."""

from __future__ import annotations

import pytest

from microjoule import carbon
from microjoule.carbon import _tables
from microjoule.carbon._codes import country_code
from microjoule.carbon.providers import NoZoneError, UKCarbon, WattTime, _zones
from microjoule.carbon.providers._protocol import Zone


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("NO", "NO"),
        ("NO1", "NO-NO1"),
        ("SE4", "SE-SE4"),
        ("CA-QC", "CA-QC"),
        ("AU-ACT", "AU-NSW"),
        ("CL", "CL-SEN"),
        ("US", "US"),
        ("US-HI", "US-HI"),
        ("US-NW-SCL", "US-NW-SCL"),
        ("IT-SIC", "IT-SIC"),
        ("ES-CN-TE", "ES-CN-TE"),
        ("aws:eu-north-1", "aws:eu-north-1"),
        ("gcp:europe-west1", "gcp:europe-west1"),
        ("azure:swedencentral", "azure:swedencentral"),
    ],
)
def test_electricity_maps(place: str, zone: str) -> None:
    assert _zones.electricity_maps(place) == Zone(zone)


@pytest.mark.parametrize(
    ("place", "zone"),
    [("US-CA", "US-CAL-CISO"), ("US-TX", "US-TEX-ERCO"), ("eGRID-NEWE", "US-NE-ISNE")],
)
def test_a_zone_that_is_most_of_a_state_says_so(place: str, zone: str) -> None:
    found = _zones.electricity_maps(place)
    assert found is not None
    assert found.code == zone
    assert place in found.note


@pytest.mark.parametrize("place", ["WORLD", "given", "US-WA", "CN-BJ", "eGRID-SRSO", "x:y", "aws:"])
def test_electricity_maps_does_not_know(place: str) -> None:
    assert _zones.electricity_maps(place) is None


@pytest.mark.parametrize(
    ("place", "region"),
    [
        ("NO", "NO"),
        ("GB", "UK"),
        ("IN", "IND"),
        ("ZA", "ZAF"),
        ("CA-AB", "AESO"),
        ("AU-VIC", "NEM_VIC"),
        ("US-VT", "ISONE_VT"),
    ],
)
def test_watttime(place: str, region: str) -> None:
    assert WattTime("me", "x", cache_dir="").zone(place).code == region


@pytest.mark.parametrize("place", ["US", "CA", "AU", "JP", "NO1", "US-WA", "WORLD", "XX"])
def test_watttime_does_not_know(place: str) -> None:
    with pytest.raises(NoZoneError, match=f"has no region for {place}"):
        WattTime("me", "x", cache_dir="").zone(place)


@pytest.mark.parametrize(
    ("place", "number"), [("GB", ""), ("GB-ENG", "15"), ("GB-SCT", "16"), ("GB-WLS", "17")]
)
def test_uk(place: str, number: str) -> None:
    assert UKCarbon(cache_dir="").zone(place).code == number


@pytest.mark.parametrize("place", ["GB-NIR", "IE", "JE", "NO", "WORLD"])
def test_great_britain_is_not_more_than_that(place: str) -> None:
    with pytest.raises(NoZoneError, match="gives Great Britain only"):
        UKCarbon(cache_dir="").zone(place)


def test_every_named_place_is_one_of_the_tables_or_lies_in_one() -> None:
    regions = {row[0] for row in _tables.rows(_tables.text("regions.csv"))}
    named = {place for places in _zones._ELECTRICITY_MAPS_MOSTLY.values() for place in places}
    named |= {place for places in _zones._WATTTIME_MOSTLY.values() for place in places}
    named |= set(_zones._WATTTIME) | set(_zones._ELECTRICITY_MAPS)
    for place in named - regions:
        assert country_code(place[:2]) == place[:2], place
    for country in (*_zones._ELECTRICITY_MAPS_PARTS, *_zones._WATTTIME_PARTED):
        assert carbon.intensity(country).rung == "country", country


def test_every_zone_that_is_a_target_is_a_zone() -> None:
    for zone in (*_zones._ELECTRICITY_MAPS.values(), *_zones._ELECTRICITY_MAPS_MOSTLY):
        assert _zones.electricity_maps(zone) == Zone(zone)


@pytest.mark.parametrize(
    ("place", "country"),
    [("GB-SCT", "GB"), ("us-nw-scl", "US"), ("DK1", "DK"), ("GB-NIR", "GB"), ("JP-TK", "JP")],
)
def test_a_zone_that_the_tables_lack_falls_to_its_country(place: str, country: str) -> None:
    found = carbon.live(place, environ={})
    assert found.place == country
    assert f"no figure for {place.upper()}: that of its country stands in" in found.note


def test_a_place_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown place 'US-XX'"):
        carbon.live("US-XX", environ={})
