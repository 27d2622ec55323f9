"""Settings: order of the places, ranges, and what a hostile checkout must not reach."""

import copy
import json
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import config

# A child finds the package where this process found it, whatever its working directory.
CHILD_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
}


@pytest.fixture
def place(tmp_path):
    """A project folder, a home, and ways to write their files."""
    project = tmp_path / "src" / "project" / "deep"
    project.mkdir(parents=True)
    user_file = tmp_path / "home" / ".config" / "microjoule" / "config.toml"
    user_file.parent.mkdir(parents=True)

    class Place:
        cwd = str(project)
        home = str(tmp_path / "home")
        pyproject = project.parent / "pyproject.toml"
        user = user_file

        def load(self, environ=None, **arguments):
            return config.load(environ or {}, self.cwd, self.home, arguments=arguments)

    return Place()


class TestDefaults:
    def test_nothing_set_gives_the_defaults_of_the_table(self, place):
        settings = place.load()
        assert settings.sysfs == "/sys"
        assert settings.procfs == "/proc"
        assert settings.devfs == "/dev"
        assert settings.nvml == "libnvidia-ml.so.1"
        assert settings.amdsmi == "libamd_smi.so"
        assert settings.sources is None
        assert settings.period_s == 0.001
        assert settings.pace == "events"
        assert (settings.country, settings.region, settings.intensity) == (None, None, None)
        assert settings.store is None
        assert settings.offline is True
        assert settings.warnings == ()
        assert settings.origin("period_s") == "default"

    def test_an_empty_variable_is_not_set(self, place):
        settings = place.load({"MICROJOULE_COUNTRY": "", "MICROJOULE_PERIOD": "  "})
        assert settings.country is None
        assert settings.period_s == 0.001


class TestOrder:
    def test_each_place_wins_over_the_weaker_ones(self, place):
        place.pyproject.write_text("[tool.microjoule]\nperiod = 0.1\npace = 'fixed'\n")
        assert place.load().period_s == 0.1
        assert place.load().origin("period") == f"period in {place.pyproject}"

        place.user.write_text("period = 0.2\n")
        assert place.load().period_s == 0.2
        assert place.load().origin("period") == f"period in {place.user}"

        environ = {"MICROJOULE_PERIOD": "0.3"}
        assert place.load(environ).period_s == 0.3
        assert place.load(environ).origin("MICROJOULE_PERIOD") == "MICROJOULE_PERIOD"

        settings = place.load(environ, period_s=0.4)
        assert settings.period_s == 0.4
        assert settings.value("period").level == "argument"
        assert settings.pace == "fixed"  # what only the weakest place says still holds

    def test_none_as_an_argument_is_not_given(self, place):
        assert place.load({"MICROJOULE_PACE": "fixed"}, pace=None).pace == "fixed"

    def test_the_nearest_project_file_with_our_table_wins(self, place):
        outer = place.pyproject.parent.parent / "pyproject.toml"
        outer.write_text("[tool.microjoule]\ncountry = 'SE'\n")
        place.pyproject.write_text("[project]\nname = 'x'\ndependencies = ['microjoule']\n")
        assert place.load().country == "SE"
        place.pyproject.write_text("[tool.microjoule]\ncountry = 'NO'\n")
        assert place.load().country == "NO"

    def test_xdg_config_home_is_honoured_and_a_relative_one_ignored(self, tmp_path):
        folder = tmp_path / "xdg" / "microjoule"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text("country = 'FR'\n")
        found = config.get("country", {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, str(tmp_path))
        assert found.value == "FR"
        assert config.get("country", {"XDG_CONFIG_HOME": "xdg"}, str(tmp_path)).value is None

    def test_an_environment_without_a_home_has_no_user_file(self, place):
        place.user.write_text("country = 'FR'\n")
        assert config.load({}, place.cwd).country is None
        assert config.load({"HOME": place.home}, place.cwd).country == "FR"

    def test_strongest_prefers_the_place_over_the_kind(self, place):
        place.user.write_text("intensity = 30\n")
        names = ("intensity", "region", "country")
        key, value = config.strongest(names, {"MICROJOULE_COUNTRY": "PL"}, place.cwd, place.home)
        assert (key, value.value) == ("country", "PL")
        key, value = config.strongest(names, {}, place.cwd, place.home)
        assert (key, value.value) == ("intensity", 30.0)
        assert config.strongest(names, {}, place.cwd, None) is None


class TestValues:
    @pytest.mark.parametrize(
        ("key", "raw", "value"),
        [
            ("period", "0.01", 0.01),
            ("pace", "Fixed", "fixed"),
            ("sources", "powercap, NVML,powercap", ("powercap", "nvml")),
            ("intensity", "0", 0.0),
            ("offline", "0", False),
            ("offline", "1", True),
            ("country", " NO ", "NO"),
            ("store", "sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ],
    )
    def test_from_the_environment(self, place, key, raw, value):
        found = config.get(key, {f"MICROJOULE_{key.upper()}": raw}, place.cwd)
        assert found.value == value

    @pytest.mark.parametrize(
        ("key", "raw", "says"),
        [
            ("period", "0", "above 0"),
            ("period", "-0.1", "above 0"),
            ("period", "fast", "above 0"),
            ("period", "nan", "above 0"),
            ("period", "inf", "above 0"),
            ("pace", "warp", "'events'"),
            ("sources", "powercap,nvlm", "did you mean nvml"),
            ("sources", "quantum", "powercap, perf, msr"),
            ("sources", ",", "at least one"),
            ("sources", "replay,powercap", "pass replay alone"),
            ("intensity", "-1", "0 or more"),
            ("intensity", "nan", "0 or more"),
            ("intensity", "low", "g/kWh"),
            ("offline", "yes", "pass 1"),
            ("offline", "2", "pass 1"),
        ],
    )
    def test_out_of_range_is_one_sentence_that_says_what_to_pass(self, place, key, raw, says):
        variable = f"MICROJOULE_{key.upper()}"
        with pytest.raises(ValueError) as error:
            place.load({variable: raw})
        assert str(error.value).startswith(f"{variable} is {raw!r}: ")
        assert says in str(error.value)
        assert "\n" not in str(error.value)

    def test_an_argument_is_named_as_the_caller_knows_it(self, place):
        with pytest.raises(ValueError, match=r"^period_s is -1: pass"):
            place.load(period_s=-1)
        with pytest.raises(ValueError, match=r"^period_s is True: pass"):
            place.load(period_s=True)
        with pytest.raises(ValueError, match=r"no setting 'peroid'.*'period'"):
            place.load(peroid=1)

    def test_get_does_not_trip_over_another_setting(self, place):
        assert config.get("pace", {"MICROJOULE_PERIOD": "x"}, place.cwd).value == "events"

    def test_toml_types(self, place):
        place.user.write_text(
            "period = 1\nsources = ['model', 'hwmon']\noffline = false\nintensity = 12\n"
        )
        settings = place.load()
        assert (settings.period_s, settings.sources) == (1.0, ("model", "hwmon"))
        assert (settings.offline, settings.intensity) == (False, 12.0)
        place.user.write_text("period = true\n")
        with pytest.raises(ValueError, match=r"period in .*config.toml is True"):
            place.load()

    @given(st.text(max_size=30))
    def test_any_text_gives_a_value_in_range_or_valueerror(self, text):
        environ = {f"MICROJOULE_{key}": text for key in ("PERIOD", "INTENSITY", "SOURCES", "PACE")}
        for key in ("period", "intensity", "sources", "pace"):
            try:
                value = config.get(key, environ, "/").value
            except ValueError:
                continue
            if key == "period":
                assert value > 0
            elif key == "intensity":
                assert value is None or value >= 0
            elif key == "sources":
                assert value is None or set(value) <= set(config.KNOWN_SOURCES)
            else:
                assert value in config.KNOWN_PACES


class TestProjectFile:
    """A checkout must not name a library to load, a place to write or a host to ask."""

    @pytest.mark.parametrize(
        "key",
        [
            "nvml",
            "amdsmi",
            "sysfs",
            "procfs",
            "devfs",
            "replay",
            "store",
            "offline",
            "providers",
            "electricitymaps_token",
            "watttime_user",
            "watttime_password",
            "dashboard",
        ],
    )
    def test_what_can_harm_is_never_read_from_it(self, place, key):
        body = {
            "offline": "offline = false",
            "providers": "[tool.microjoule.providers]\nhost = 'http://evil'",
            "dashboard": "[tool.microjoule.dashboard]\ncommand = 'rm -rf /'",
        }.get(key, f"{key} = '/evil'")
        place.pyproject.write_text(f"[tool.microjoule]\ncountry = 'NO'\n{body}\n")
        settings = place.load()
        assert "evil" not in repr({**settings.to_dict()})
        assert settings.offline is True
        assert settings.country == "NO"
        (warning,) = settings.warnings
        assert repr(key) in warning
        assert "never read from a project file" in warning

    @pytest.mark.parametrize(
        "raw", ["'replay'", "['Replay']", "'powercap, replay '", "[1, 'replay']"]
    )
    def test_it_cannot_pass_off_recorded_figures(self, place, raw):
        place.pyproject.write_text(f"[tool.microjoule]\nsources = {raw}\n")
        settings = place.load({"MICROJOULE_REPLAY": "run.rec"})
        assert settings.sources is None
        (warning,) = settings.warnings
        assert "never read from a project file" in warning
        assert "MICROJOULE_SOURCES" in warning
        place.pyproject.write_text("[tool.microjoule]\nsources = ['powercap']\n")
        assert place.load().sources == ("powercap",)

    def test_an_unknown_key_is_left_out_and_named(self, place):
        place.pyproject.write_text("[tool.microjoule]\ncontry = 'NO'\n")
        settings = place.load()
        assert settings.country is None
        assert "unknown key 'contry'" in settings.warnings[0]
        assert "did you mean 'country'?" in settings.warnings[0]

    def test_a_broken_project_file_stops_nothing(self, place):
        place.pyproject.write_text("[tool.microjoule\ncountry = ")
        settings = place.load()
        assert settings.country is None
        assert "not valid TOML" in settings.warnings[0]

    def test_a_bad_value_of_a_known_key_is_an_error(self, place):
        place.pyproject.write_text("[tool.microjoule]\nperiod = -1\n")
        with pytest.raises(ValueError, match=r"period in .*pyproject.toml is -1: pass"):
            place.load()

    def test_a_fifo_a_folder_and_a_huge_file_are_not_read(self, place):
        os.mkfifo(place.pyproject)
        assert place.load().country is None
        place.pyproject.unlink()
        place.pyproject.mkdir()
        assert place.load().country is None
        place.pyproject.rmdir()
        place.pyproject.write_bytes(b"[tool.microjoule]\ncountry = 'NO'\n#" + b"x" * (1 << 20))
        assert place.load().country is None

    def test_a_deleted_working_directory_is_no_error(self, tmp_path):
        gone = tmp_path / "gone"
        gone.mkdir()
        code = (
            "import os; from microjoule import config; os.rmdir(os.getcwd());"
            "print(config.load({}).pace)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=gone,
            env=CHILD_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "events\n"

    @pytest.mark.parametrize(
        "text",
        [
            "[ tool . microjoule ]\ncountry = 'NO'",
            "[tool.'microjoule']\ncountry = 'NO'",
            "[tool]\nmicrojoule = {country = 'NO'}",
            "[tool]\nmicrojoule.country = 'NO'",
            "tool.microjoule.country = 'NO'",
        ],
    )
    def test_every_usual_way_to_write_the_table_is_seen(self, place, text):
        place.pyproject.write_text(text + "\n")
        assert place.load().country == "NO"


class TestUserFile:
    def test_an_unknown_key_is_left_out_and_named(self, place):
        place.user.write_text("perod = 1\n[dashboard]\nanything = 1\n")
        assert "did you mean 'period'?" in place.load().warnings[0]
        assert len(place.load().warnings) == 1  # tables belong to other parts

    def test_invalid_toml_is_one_sentence(self, place):
        place.user.write_text("period = \n")
        with pytest.raises(ValueError, match=r"config.toml is not valid TOML"):
            place.load()


SAID = {
    "MICROJOULE_ELECTRICITYMAPS_TOKEN": "tok-3n-topsecret",
    "MICROJOULE_WATTTIME_PASSWORD": "hush hush",
}


class TestSecrets:
    """A token is in no repr, message or report; whoever sends it reveals it."""

    def test_it_is_shown_nowhere(self, place):
        settings = place.load(SAID)
        shown = repr(settings) + str(settings.to_dict()) + json.dumps(settings.to_dict())
        shown += repr(settings.value("electricitymaps_token")) + str(settings.watttime_password)
        assert "topsecret" not in shown
        assert "hush" not in shown
        assert settings.to_dict()["electricitymaps_token"]["value"] == "set"
        assert settings.electricitymaps_token.reveal() == "tok-3n-topsecret"
        assert settings.watttime_password.reveal() == "hush hush"

    def test_settings_with_secrets_are_values_like_all_others(self, place):
        settings = place.load(SAID)
        assert settings == place.load(SAID) == pickle.loads(pickle.dumps(settings))
        assert hash(settings) == hash(place.load(SAID))
        other = {**SAID, "MICROJOULE_WATTTIME_PASSWORD": "other"}
        assert settings != place.load(other)

    @pytest.mark.parametrize(
        ("key", "raw"),
        [
            ("electricitymaps_token", "topsecret\r\nHost: evil"),
            ("electricitymaps_token", "top secret"),
            ("watttime_password", "topsecret\x1b[2J"),
        ],
    )
    def test_one_that_cannot_be_sent_is_refused_and_not_shown(self, place, key, raw):
        with pytest.raises(ValueError, match="is not usable: pass the") as error:
            place.load({f"MICROJOULE_{key.upper()}": raw})
        assert "secret" not in str(error.value)

    def test_providers_keep_their_order(self, place):
        assert place.load({"MICROJOULE_PROVIDERS": "ukcarbon, WattTime"}).providers == (
            "ukcarbon",
            "watttime",
        )
        with pytest.raises(ValueError, match="did you mean watttime"):
            place.load({"MICROJOULE_PROVIDERS": "wattime"})


class TestFrozen:
    def test_settings_and_values_are_frozen_and_travel(self, place):
        settings = place.load({"MICROJOULE_COUNTRY": "NO"})
        with pytest.raises(AttributeError, match="frozen"):
            settings.country = "PL"
        with pytest.raises(AttributeError, match="frozen"):
            del settings.country
        assert pickle.loads(pickle.dumps(settings)) == settings
        assert copy.deepcopy(settings) == settings
        assert hash(settings) == hash(copy.copy(settings))
        assert settings != place.load()
        assert settings != "settings"
        assert settings.to_dict()["country"] == {"value": "NO", "origin": "MICROJOULE_COUNTRY"}


def test_without_a_file_no_parser_is_loaded(tmp_path):
    code = (
        "import sys; from microjoule import config; config.load({});"
        "print(sorted({'tomllib', 're', 'difflib', 'json', 'dataclasses'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env=CHILD_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
