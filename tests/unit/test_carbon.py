"""Intensity of a place, and which place holds: given, settings, time zone, world."""

import ast
import json
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import carbon
from microjoule.carbon import Intensity, _intensity, _tables, intensity, resolve

PACKAGE = Path(carbon.__file__).parent


# A child finds the package where this process found it, whatever its working directory.
CHILD_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
}


@pytest.fixture
def nowhere(tmp_path):
    """Keywords for `resolve` on a machine without time zone, project and home."""
    (tmp_path / "etc").mkdir()
    return {"environ": {}, "root": str(tmp_path), "cwd": str(tmp_path)}


class TestLookUp:
    @pytest.mark.parametrize(
        ("where", "place"),
        [
            ("NO", "NO"), ("no", "NO"), (" NO ", "NO"), ("NOR", "NO"), ("nor", "NO"),
            ("Norway", "NO"), ("NORWAY", "NO"), ("NA", "NA"), ("na", "NA"), ("Namibia", "NA"),
            ("UK", "GB"), ("Great Britain", "GB"), ("USA", "US"), ("united  states", "US"),
            ("The Netherlands", "NL"), ("South Korea", "KR"), ("Russia", "RU"),
            ("Côte d'Ivoire", "CI"), ("cote d'ivoire", "CI"), ("TÜRKIYE", "TR"), ("Turkey", "TR"),
            ("Réunion", "RE"), ("Congo, The Democratic Republic of the", "CD"),
            ("WORLD", "WORLD"), ("world", "WORLD"), ("WLD", "WORLD"),
        ],
    )  # fmt: skip
    def test_codes_and_names_in_any_case(self, where, place):
        found = intensity(where)
        assert found.place == place
        assert not found.guess

    def test_norway_with_everything_needed_to_judge_it(self, monkeypatch):
        monkeypatch.setattr(_intensity, "_this_year", lambda: 2026)
        found = _intensity._search("NO", _intensity.ANYTHING)
        assert found.g_per_kwh == 30.746
        assert found.year == 2024
        assert (found.scope, found.basis) == ("lifecycle", "production")
        assert (found.method, found.accounting) == ("average", "location")
        assert found.source == "owid_ember_ct"
        assert "Ember" in found.source_title
        assert found.licence == "CC BY 4.0"
        assert found.edition == "2026-11-25"
        assert (found.rung, found.guess) == ("country", False)
        # Reporting 5 %, two years 8 %·√2, production basis 22 %, a year's mean 15 %, a country for
        # a region 15 %.
        by_hand = math.sqrt(0.05**2 + 2 * 0.08**2 + 0.22**2 + 0.15**2 + 0.15**2)
        assert found.uncertainty_rel == pytest.approx(by_hand)
        assert dict(found.uncertainty_parts)["age"] == pytest.approx(0.113, abs=1e-3)

    @pytest.mark.parametrize(
        ("where", "spread"), [("US", 0.6), ("AU", 0.6), ("CN", 0.4), ("CA", 2.5)]
    )
    def test_a_country_of_many_grids_is_less_certain(self, where, spread):
        found = intensity(where)
        assert dict(found.uncertainty_parts)["country for region"] == spread
        assert found.uncertainty_rel > spread

    def test_the_world_mean_is_uncertain_by_its_whole(self):
        found = intensity("WORLD")
        assert found.g_per_kwh == 472.94
        assert found.year == 2024
        assert found.uncertainty_rel == 1.0
        assert found.rung == "world mean"

    @pytest.mark.parametrize(
        ("where", "place"),
        [("AX", "FI"), ("SJ", "NO"), ("Liechtenstein", "CH"), ("MC", "FR"), ("SM", "IT"),
         ("VA", "IT"), ("JE", "GB"), ("GGY", "GB"), ("Isle of Man", "GB")],
    )  # fmt: skip
    def test_small_territories_take_their_neighbours_figures_and_say_so(self, where, place):
        found = intensity(where)
        assert found.place == place
        assert found.g_per_kwh == intensity(place).g_per_kwh
        assert "stand in" in found.note
        assert found.uncertainty_rel > intensity(place).uncertainty_rel

    @pytest.mark.parametrize("where", ["AD", "Andorra", "XK", "Kosovo", "CF", "CW", "Curaçao"])
    def test_a_known_place_without_figures_is_the_world_mean_marked(self, where):
        found = intensity(where)
        assert (found.place, found.rung, found.guess) == ("WORLD", "world mean", True)
        assert "no figure for" in found.note

    @pytest.mark.parametrize(
        ("where", "g_per_kwh", "scope"),
        [("US-CA", 179.064, "direct"), ("us-ca", 179.064, "direct"), ("CA-QC", 1.5, "direct"),
         ("eGRID-CAMX", 195.037, "direct"), ("NO1", 26.0, "lifecycle"), ("AU-TAS", 150, "direct"),
         ("HK-CLP", 650, "unknown")],
    )  # fmt: skip
    def test_regions_by_code(self, where, g_per_kwh, scope):
        found = intensity(where)
        assert (found.g_per_kwh, found.scope, found.rung) == (g_per_kwh, scope, "region")
        assert "country for region" not in dict(found.uncertainty_parts)

    def test_consumption_based_rows_carry_no_doubt_about_the_basis(self):
        assert "production basis" not in dict(intensity("CA-QC").uncertainty_parts)
        assert "production basis" in dict(intensity("US-CA").uncertainty_parts)

    def test_an_own_figure(self):
        for figure in (17, 17.0, 0, 1e3):
            found = intensity(figure)
            assert found.g_per_kwh == figure
            assert (found.place, found.rung, found.scope) == ("given", "given", "unknown")
            assert found.year is None

    def test_asked_twice_it_is_the_same_object(self):
        assert intensity("NO") is intensity("NO")

    @given(st.text(max_size=12))
    def test_any_text_is_a_place_or_a_valueerror(self, text):
        try:
            found = intensity(text)
        except ValueError:
            return
        assert found.g_per_kwh > 0


class TestBadInput:
    @pytest.mark.parametrize(
        ("where", "near"),
        [("Norwey", "Norway (NO)"), ("Germny", "Germany (DE)"), ("Californa", "US-CA"),
         ("Untied States", "United States (US)"), ("NOO", "NO")],
    )  # fmt: skip
    def test_an_unknown_place_names_the_nearest(self, where, near):
        with pytest.raises(ValueError) as error:
            intensity(where)
        assert repr(where) in str(error.value)
        assert near in str(error.value)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("where", ["XX", "ZZZ", "", "475", "☃"])
    def test_nothing_near_still_says_what_to_pass(self, where):
        with pytest.raises(ValueError, match="pass an ISO 3166 code such as NO"):
            intensity(where)

    @pytest.mark.parametrize("figure", [-1, -0.001, math.nan, math.inf])
    def test_an_impossible_figure(self, figure):
        with pytest.raises(ValueError, match="pass a number of 0 or more"):
            intensity(figure)

    @pytest.mark.parametrize("where", [True, [], b"NO", {}])
    def test_what_is_neither_place_nor_figure(self, where):
        with pytest.raises(ValueError, match="is no carbon intensity"):
            intensity(where)


class TestResolve:
    def test_arguments_win_over_everything(self, nowhere):
        nowhere["environ"] = {"MICROJOULE_INTENSITY": "5", "MICROJOULE_COUNTRY": "PL"}
        assert resolve("NO", **nowhere).place == "NO"
        assert resolve(region="US-CA", **nowhere).place == "US-CA"
        assert resolve(intensity_g_per_kwh=12, **nowhere).g_per_kwh == 12
        assert resolve("NO", 12, **nowhere).g_per_kwh == 12
        assert resolve(intensity_g_per_kwh=0, **nowhere).g_per_kwh == 0

    def test_figure_over_region_over_country(self, nowhere):
        environ = nowhere["environ"]
        environ["MICROJOULE_COUNTRY"] = "PL"
        assert resolve(**nowhere).place == "PL"
        environ["MICROJOULE_REGION"] = "US-WA"
        assert resolve(**nowhere).place == "US-WA"
        environ["MICROJOULE_INTENSITY"] = "33"
        found = resolve(**nowhere)
        assert (found.g_per_kwh, found.rung) == (33, "given")
        assert found.note == "from MICROJOULE_INTENSITY"

    def test_files_count_and_the_environment_wins_over_them(self, nowhere, tmp_path):
        home = tmp_path / "home"
        (home / ".config/microjoule").mkdir(parents=True)
        (tmp_path / "pyproject.toml").write_text("[tool.microjoule]\ncountry = 'SE'\n")
        assert resolve(home=str(home), **nowhere).place == "SE"
        (home / ".config/microjoule/config.toml").write_text("intensity = 30\n")
        assert resolve(home=str(home), **nowhere).g_per_kwh == 30
        nowhere["environ"] = {"MICROJOULE_COUNTRY": "PL"}
        assert resolve(home=str(home), **nowhere).place == "PL"

    def test_the_time_zone_is_a_guess_and_less_certain(self, nowhere):
        nowhere["environ"] = {"TZ": "Europe/Oslo"}
        found = resolve(**nowhere)
        assert (found.place, found.rung, found.guess) == ("NO", "time zone", True)
        assert "Europe/Oslo" in found.note
        sure = intensity("NO").uncertainty_rel
        assert found.uncertainty_rel == pytest.approx(math.hypot(sure, 0.1))

    def test_the_time_zone_of_a_territory(self, nowhere):
        nowhere["environ"] = {"TZ": "Europe/Mariehamn"}
        found = resolve(**nowhere)
        assert (found.place, found.rung, found.guess) == ("FI", "time zone", True)
        nowhere["environ"] = {"TZ": "Europe/Andorra"}
        found = resolve(**nowhere)
        assert (found.place, found.rung, found.guess) == ("WORLD", "world mean", True)
        assert "Europe/Andorra" in found.note

    @pytest.mark.parametrize("environ", [{}, {"TZ": "UTC"}, {"TZ": "Mars/Phobos"}])
    def test_no_place_is_the_world_mean_marked_never_a_clean_default(self, nowhere, environ):
        nowhere["environ"] = environ
        found = resolve(**nowhere)
        assert (found.place, found.rung, found.guess) == ("WORLD", "world mean", True)
        assert found.g_per_kwh == 472.94
        assert found.uncertainty_rel == 1.0
        assert "MICROJOULE_COUNTRY" in found.note

    @pytest.mark.parametrize(
        ("variable", "value", "says"),
        [
            ("MICROJOULE_COUNTRY", "Norwey", "MICROJOULE_COUNTRY: unknown place 'Norwey'"),
            ("MICROJOULE_REGION", "US-CX", "MICROJOULE_REGION: unknown place 'US-CX'"),
            ("MICROJOULE_REGION", "NO", "MICROJOULE_REGION: unknown place 'NO'"),
            ("MICROJOULE_INTENSITY", "-3", "MICROJOULE_INTENSITY is '-3'"),
            ("MICROJOULE_INTENSITY", "low", "MICROJOULE_INTENSITY is 'low'"),
        ],
    )
    def test_given_but_unknown_is_an_error_that_names_the_variable(
        self, nowhere, variable, value, says
    ):
        nowhere["environ"] = {variable: value, "TZ": "Europe/Oslo"}
        with pytest.raises(ValueError) as error:
            resolve(**nowhere)
        assert str(error.value).startswith(says)

    def test_bad_arguments(self, nowhere):
        with pytest.raises(ValueError, match="unknown place 'Norwey'"):
            resolve("Norwey", **nowhere)
        with pytest.raises(ValueError, match="unknown place 'Norwey'"):
            resolve("Norwey", 12, **nowhere)
        with pytest.raises(ValueError, match="is no place"):
            resolve("", **nowhere)
        with pytest.raises(ValueError, match="unknown place 'Bavaria'"):
            resolve(region="Bavaria", **nowhere)
        with pytest.raises(ValueError, match="0 or more"):
            resolve(intensity_g_per_kwh=-1, **nowhere)

    def test_intensity_of_nowhere_is_resolve(self, monkeypatch):
        monkeypatch.setenv("MICROJOULE_COUNTRY", "FR")
        assert intensity() == resolve() == intensity("FR")


class TestValue:
    def test_it_is_frozen_hashable_and_travels(self):
        found = intensity("NO")
        assert isinstance(found, Intensity)
        with pytest.raises(AttributeError, match="frozen"):
            found.g_per_kwh = 1.0
        assert not hasattr(found, "__dict__")
        assert pickle.loads(pickle.dumps(found)) == found
        assert hash(found) == hash(pickle.loads(pickle.dumps(found)))
        assert repr(found).startswith("Intensity(g_per_kwh=30.746, place='NO'")
        fields = json.loads(json.dumps(found.to_dict()))
        assert fields["uncertainty_parts"]["reporting"] == 0.05
        assert set(fields) == set(Intensity.__slots__)


class TestBorders:
    def test_carbon_imports_nothing_of_microjoule_but_config(self):
        allowed = ("microjoule.carbon", "microjoule.config")
        for path in PACKAGE.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    assert node.level == 0, path
                    names = [node.module or ""]
                    if node.module == "microjoule":
                        names = [f"microjoule.{alias.name}" for alias in node.names]
                for name in names:
                    if name.split(".")[0] == "microjoule":
                        assert name.startswith(allowed), f"{path.name} imports {name}"

    def test_a_later_look_up_is_a_few_calls_and_reads_nothing(self, monkeypatch):
        intensity("NO")
        opened = []
        monkeypatch.setattr(_tables, "text", opened.append)
        calls = []
        sys.setprofile(lambda frame, event, _: calls.append(event))
        try:
            intensity("NO")
        finally:
            sys.setprofile(None)
        assert calls.count("call") <= 3  # intensity, look_up, and the end of the profiling
        assert not opened

    def test_the_first_look_up_reads_each_table_once(self, monkeypatch):
        monkeypatch.setattr(_intensity, "_cache", {})
        monkeypatch.setattr(_tables, "_sources", {})
        read = []
        real = _tables.text
        monkeypatch.setattr(_tables, "text", lambda name: read.append(name) or real(name))
        intensity("NO")
        assert sorted(set(read)) == ["countries.csv", "edition.txt", "sources.csv"]
        assert len(read) <= 4  # once for the code, once for the rows

    def test_a_table_look_up_loads_nothing_heavy(self, tmp_path):
        code = (
            "import sys; before = set(sys.modules);"
            "from microjoule import carbon, hardware;"
            "carbon.intensity('NO'); carbon.resolve(environ={'TZ': 'Europe/Oslo'});"
            "carbon.footprint(1.0, intensity='Norway'); hardware.cpu_model();"
            "carbon.intensity('aws:us-east-1'); carbon.intensity('California', when=2023);"
            "carbon.intensity('US', scope='direct'); carbon.mix('NO');"
            "print(*sorted(set(sys.modules) - before))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(os.path.abspath(p) for p in sys.path if p),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        loaded = set(done.stdout.split())
        heavy = {
            "numpy", "socket", "ssl", "urllib", "http", "json", "dataclasses", "csv", "re",
            "importlib.metadata", "importlib.resources", "asyncio", "argparse", "pathlib",
            "tomllib", "difflib", "unicodedata", "typing", "logging", "datetime", "httpx",
        }  # fmt: skip
        assert not loaded & heavy

    def test_the_public_list(self):
        assert set(carbon.__all__) == {
            "JOULES_PER_KWH", "Cost", "Embodied", "Equivalent", "Factor", "Footprint", "Intensity",
            "LiveSeries", "listed", "live", "live_series",
            "Mix", "Prices", "Reported", "Series", "Total", "Water", "cost", "country_of",
            "embodied",
            "equivalents", "footprint", "here", "intensity", "mix", "pue_default", "pue_of",
            "region_in", "reported_models",
            "require_same_kind", "resolve", "same_kind", "total", "wue_of",
        }  # fmt: skip
        for name in carbon.__all__:
            assert hasattr(carbon, name)
