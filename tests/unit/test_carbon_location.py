"""The country of the time zone: every place it is read from, and what names no country."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule.carbon import location


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    return tmp_path


class TestZoneName:
    def test_tz_comes_first_then_timezone_then_localtime(self, root):
        (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
        assert location.zone_name({}, str(root)) == ("Asia/Tokyo", "/etc/localtime")
        (root / "etc/timezone").write_text("# where\nEurope/Paris\n")
        assert location.zone_name({}, str(root)) == ("Europe/Paris", "/etc/timezone")
        assert location.zone_name({"TZ": ":Europe/Oslo"}, str(root)) == ("Europe/Oslo", "TZ")

    @pytest.mark.parametrize(
        ("tz", "zone"),
        [
            ("Europe/Oslo", "Europe/Oslo"),
            (":Europe/Oslo", "Europe/Oslo"),
            (":/usr/share/zoneinfo/Europe/Oslo", "Europe/Oslo"),
            ("posix/Europe/Oslo", "Europe/Oslo"),
            ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            ("Japan", "Japan"),
            ("GB-Eire", "GB-Eire"),
            ("", "UTC"),
            ("UTC", "UTC"),
            ("GMT+0", "GMT+0"),
            ("Etc/GMT-14", "Etc/GMT-14"),
            ("EST5EDT", "EST5EDT"),
        ],
    )
    def test_tz_that_names_a_zone(self, root, tz, zone):
        assert location.zone_name({"TZ": tz}, str(root)) == (zone, "TZ")

    @pytest.mark.parametrize(
        "tz",
        ["CET-1CEST", "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3", "AAA3BBB", "/etc/localtime"],
    )
    def test_a_posix_string_is_ignored(self, root, tz):
        (root / "etc/timezone").write_text("Europe/Oslo\n")
        assert location.zone_name({"TZ": tz}, str(root)) == ("Europe/Oslo", "/etc/timezone")

    def test_relative_links_and_no_link_at_all(self, root):
        assert location.zone_name({}, str(root)) == (None, "")
        (root / "etc/localtime").write_bytes(b"TZif2")  # a copy instead of a link
        assert location.zone_name({}, str(root)) == (None, "")
        (root / "etc/localtime").unlink()
        (root / "etc/localtime").symlink_to("../usr/share/zoneinfo/Pacific/Auckland")
        assert location.zone_name({}, str(root))[0] == "Pacific/Auckland"

    @given(st.text(max_size=20))
    def test_no_text_makes_it_raise(self, text):
        place = location.locate({"TZ": text}, os.devnull)
        assert place.country is None or len(place.country) == 2


class TestLocate:
    @pytest.mark.parametrize(
        ("zone", "country"),
        [
            ("Europe/Oslo", "NO"),  # by hand: zone.tab
            ("America/Chicago", "US"),
            ("Africa/Windhoek", "NA"),
            ("Asia/Calcutta", "IN"),  # backward links
            ("Europe/Kiev", "UA"),
            ("US/Pacific", "US"),
            ("Atlantic/Reykjavik", "IS"),
            ("Iceland", "IS"),  # tzdata links it to Abidjan
            ("Atlantic/Jan_Mayen", "SJ"),  # and this one to Berlin
            ("Africa/Timbuktu", "ML"),
        ],
    )
    def test_zones_of_countries(self, root, zone, country):
        place = location.locate({"TZ": zone}, str(root))
        assert place.country == country
        assert place.reason == f"guessed from the time zone {zone} (TZ)"

    @pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "GMT", "CET", "EST", "EST5EDT", "Factory"])
    def test_zones_of_no_country(self, root, zone):
        place = location.locate({"TZ": zone}, str(root))
        assert place.country is None
        assert "belongs to no country" in place.reason

    def test_unknown_zone_and_no_zone_say_so(self, root):
        assert "not in the table" in location.locate({"TZ": "Mars/Phobos"}, str(root)).reason
        assert "names no time zone" in location.locate({}, str(root)).reason

    def test_the_locale_is_not_asked(self, root):
        assert location.locate({"LANG": "en_US.UTF-8"}, str(root)).country is None
