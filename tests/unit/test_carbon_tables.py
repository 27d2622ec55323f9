"""The shipped tables: ranges, duplicates, malformed cells, keys, and figures checked by hand."""

import csv
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import microjoule.carbon
from microjoule import hardware
from microjoule.carbon import _tables

CARBON = Path(microjoule.carbon.__file__).parent / "data"
HARDWARE = Path(hardware.__file__).parent / "hardware_data"
THIS_YEAR = 2026


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


COUNTRIES = rows(CARBON / "countries.csv")
REGIONS = rows(CARBON / "regions.csv")
TERRITORIES = rows(CARBON / "territories.csv")
ALIASES = rows(CARBON / "aliases.csv")
TIMEZONES = rows(CARBON / "timezones.csv")
CPUS = rows(HARDWARE / "cpu_tdp.csv")
COMPILED_FILE = HARDWARE / "cpu_tdp_compiled.csv"
COMPILED = rows(COMPILED_FILE) if COMPILED_FILE.exists() else []
NOT_OPEN = {"iea_2019", "gsf_rtc", "ecologits", "boavizta_db", "boavizta_doc", "uptime"}


def duplicates(keys):
    seen = set()
    return [key for key in keys if key in seen or seen.add(key)]


class TestEveryTable:
    @pytest.mark.parametrize("path", sorted([*CARBON.iterdir(), *HARDWARE.iterdir()]), ids=str)
    def test_is_utf8_with_unix_line_ends_and_equal_widths(self, path):
        content = path.read_bytes()
        assert b"\r" not in content
        assert content.endswith(b"\n")
        if path.suffix == ".csv":
            widths = {len(row) for row in csv.reader(content.decode("utf-8").splitlines())}
            assert len(widths) == 1

    @pytest.mark.parametrize("folder", [CARBON, HARDWARE], ids=["carbon", "hardware"])
    def test_every_row_has_a_source_with_title_and_licence(self, folder):
        sources = {row["key"]: row for row in rows(folder / "sources.csv")}
        used = set()
        for path in folder.glob("*.csv"):
            if path.name != "sources.csv":
                used |= {row["source"] for row in rows(path)}
        assert used <= set(sources)
        assert not used & NOT_OPEN
        for row in sources.values():
            assert row["title"]
            assert row["publisher"]
            assert row["licence"]
            assert row["year"] == "" or 1990 < int(row["year"]) <= THIS_YEAR

    def test_the_edition_is_a_date(self):
        assert _tables.edition() == "2026-11-25"

    @pytest.mark.parametrize("name", ["countries.csv", "regions.csv", "aliases.csv", "sources.csv"])
    def test_our_splitter_reads_what_the_csv_module_reads(self, name):
        text = _tables.text(name)
        assert list(_tables.rows(text)) == list(csv.reader(text.splitlines()))[1:]

    @given(st.lists(st.text(st.characters(exclude_characters="\r\n")), min_size=1, max_size=5))
    def test_our_splitter_reads_any_line(self, cells):
        import io

        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(cells)
        assert _tables.split(out.getvalue()) == cells


class TestCountries:
    def test_codes_years_and_ranges(self):
        for row in COUNTRIES:
            assert row["iso2"] == "WORLD" or (len(row["iso2"]) == 2 and row["iso2"].isupper())
            assert len(row["iso3"]) == 3
            assert 1 < float(row["g_per_kwh"]) <= 1500
            assert 2000 <= int(row["year"]) <= THIS_YEAR
            assert row["scope"] in ("lifecycle", "direct")
            assert row["basis"] == "production"

    def test_one_preferred_row_a_country_and_it_stands_first(self):
        first = {}
        for row in COUNTRIES:
            first.setdefault(row["iso2"], row)
        preferred = [row for row in COUNTRIES if row["preferred"] == "1"]
        assert not duplicates(row["iso2"] for row in preferred)
        assert len(preferred) == len(first) == 213
        assert all(row["preferred"] == "1" for row in first.values())

    def test_no_row_twice(self):
        assert not duplicates((row["iso2"], row["year"], row["scope"]) for row in COUNTRIES)

    def test_namibia_is_not_missing(self):
        assert any(row["iso2"] == "NA" and row["name"] == "Namibia" for row in COUNTRIES)

    @pytest.mark.parametrize(
        ("iso2", "year", "g_per_kwh"),
        [  # typed from other places: CO2.js 30.75, 44.18, 383.55, 614.98; Ember's world 473
            ("NO", "2024", 30.75),
            ("FR", "2024", 44.18),
            ("US", "2024", 383.55),
            ("PL", "2024", 614.98),
            ("WORLD", "2024", 473),
        ],
    )
    def test_by_hand(self, iso2, year, g_per_kwh):
        (row,) = (r for r in COUNTRIES if r["iso2"] == iso2 and r["preferred"] == "1")
        assert row["year"] == year
        assert float(row["g_per_kwh"]) == pytest.approx(g_per_kwh, rel=2e-4)

    def test_the_direct_us_mean_is_epas(self):
        (row,) = (r for r in COUNTRIES if r["source"] == "egrid2023_cc")
        assert float(row["g_per_kwh"]) == pytest.approx(770.884 * 0.45359237, abs=5e-4)


class TestTerritoriesAndNames:
    def test_codes_are_new_and_neighbours_exist(self):
        codes = {row["iso2"] for row in COUNTRIES}
        for row in TERRITORIES:
            assert len(row["iso2"]) == 2
            assert len(row["iso3"]) == 3
            assert row["iso2"] not in codes
            assert row["like"] == "" or row["like"] in codes
        assert not duplicates(row["iso2"] for row in TERRITORIES)
        everywhere = {r["iso3"] for r in COUNTRIES} & {r["iso3"] for r in TERRITORIES}
        assert not everywhere

    def test_the_rules_by_hand(self):
        like = {row["iso2"]: row["like"] for row in TERRITORIES if row["like"]}
        assert like == {
            "AX": "FI", "SJ": "NO", "LI": "CH", "MC": "FR", "SM": "IT",
            "VA": "IT", "JE": "GB", "GG": "GB", "IM": "GB",
        }  # fmt: skip

    def test_aliases_point_to_places_and_shadow_none(self):
        places = {row["iso2"] for row in (*COUNTRIES, *TERRITORIES)}
        names = {row["name"].casefold() for row in (*COUNTRIES, *TERRITORIES)}
        assert {row["iso2"] for row in ALIASES} <= places
        assert not {row["alias"].casefold() for row in ALIASES} & (
            names | {p.lower() for p in places}
        )
        assert not duplicates(row["alias"].casefold() for row in ALIASES)

    def test_every_time_zone_is_in_a_known_place(self):
        places = {row["iso2"] for row in (*COUNTRIES, *TERRITORIES)}
        assert {row["iso2"] for row in TIMEZONES} <= places
        assert not duplicates(row["tz"] for row in TIMEZONES)


class TestRegions:
    def test_codes_and_ranges(self):
        assert not duplicates(row["region"].casefold() for row in REGIONS)
        for row in REGIONS:
            assert 1 < float(row["g_per_kwh"]) <= 1000
            assert 2015 <= int(row["year"]) <= THIS_YEAR
            assert row["scope"] in ("direct", "lifecycle", "unknown")
            assert row["basis"] in ("production", "consumption")

    def test_no_region_code_is_also_a_country(self):
        places = {row["iso2"].casefold() for row in (*COUNTRIES, *TERRITORIES)}
        assert not {row["region"].casefold() for row in REGIONS} & places

    @pytest.mark.parametrize(
        ("region", "lb_per_mwh"),
        [("US-CA", 394.769), ("eGRID-CAMX", 429.983), ("eGRID-NYUP", 242.776)],
    )
    def test_by_hand_from_the_published_pounds(self, region, lb_per_mwh):
        (row,) = (r for r in REGIONS if r["region"] == region)
        assert float(row["g_per_kwh"]) == pytest.approx(lb_per_mwh * 0.45359237, abs=1e-3)


class TestCpus:
    def test_ranges_and_keys(self):
        for row in (*CPUS, *COMPILED):
            assert 0.01 < float(row["tdp_w"]) <= 1000
            assert row["key"] == hardware.normalise(row["model"]), row
            for column in ("cores", "threads"):
                assert row[column] == "" or 0 < int(row[column]) <= 512
        keys = [row["key"] for row in (*CPUS, *COMPILED)]
        assert not duplicates(keys)  # also: a primary row leaves no compiled one beside it

    def test_rows_of_unclear_rights_stand_apart_and_say_so(self):
        assert "cpu_power_cc" not in {row["source"] for row in CPUS}
        assert {row["source"] for row in COMPILED} <= {"cpu_power_cc"}
        assert all("upstream rights unclear" in row["licence"] for row in COMPILED)

    @pytest.mark.parametrize(
        ("key", "tdp_w", "cores"),
        [  # typed from the vendors' pages
            ("epyc 7763", 280, 64),
            ("xeon gold 6148", 150, 20),
            ("core i7-6700k", 91, 4),
            ("ryzen 9 3900x", 105, 12),
        ],
    )
    def test_by_hand(self, key, tdp_w, cores):
        (row,) = (r for r in CPUS if r["key"] == key)
        assert (float(row["tdp_w"]), int(row["cores"])) == (tdp_w, cores)

    def test_watts_per_core_is_the_median_of_the_table(self):
        ratios = [float(r["tdp_w"]) / int(r["cores"]) for r in CPUS if r["cores"]]
        assert statistics.median(ratios) == pytest.approx(hardware.WATTS_PER_CORE, rel=0.02)
