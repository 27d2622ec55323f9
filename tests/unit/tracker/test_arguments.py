"""Arguments, settings from outside, and what is refused."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path

import pytest

from microjoule.tracker import (
    EmissionsTracker,
    OfflineEmissionsTracker,
    OutputMethod,
    track_emissions,
)
from microjoule.tracker.settings import (
    clean_env_key,
    get_hierarchical_config,
    parse_env_config,
    parse_gpu_ids,
)

BOTH = [EmissionsTracker, OfflineEmissionsTracker]
ARGUMENTS = [
    "project_name",
    "measure_power_secs",
    "api_call_interval",
    "api_endpoint",
    "api_key",
    "output_dir",
    "output_file",
    "output_methods",
    "save_to_file",
    "save_to_api",
    "save_to_logger",
    "logging_logger",
    "save_to_prometheus",
    "save_to_logfire",
    "prometheus_url",
    "output_handlers",
    "gpu_ids",
    "emissions_endpoint",
    "experiment_id",
    "experiment_name",
    "electricitymaps_api_token",
    "co2_signal_api_token",
    "tracking_mode",
    "log_level",
    "on_csv_write",
    "logger_preamble",
    "force_cpu_power",
    "force_ram_power",
    "pue",
    "wue",
    "force_carbon_intensity_g_co2e_kwh",
    "force_mode_cpu_load",
    "allow_multiple_runs",
    "rapl_include_dram",
    "rapl_prefer_psys",
    "metadata",
]
OFFLINE = [
    "country_iso_code",
    "region",
    "cloud_provider",
    "cloud_region",
    "country_2letter_iso_code",
]


def test_every_argument_is_there_in_its_order() -> None:
    assert list(inspect.signature(EmissionsTracker).parameters) == ARGUMENTS
    assert list(inspect.signature(OfflineEmissionsTracker).parameters) == ARGUMENTS + OFFLINE
    own = list(inspect.signature(track_emissions).parameters)
    assert own[0] == "fn"
    both = set(ARGUMENTS) - {"force_mode_cpu_load", "metadata"}
    assert set(own) == both | set(OFFLINE) | {"offline", "fn"}


@pytest.mark.parametrize("kind", BOTH)
def test_the_project_is_the_first(kind: type[EmissionsTracker]) -> None:
    assert kind("mine", 2, output_methods=[])._project_name == "mine"


@pytest.mark.parametrize("kind", BOTH)
def test_defaults(kind: type[EmissionsTracker]) -> None:
    conf = kind()._conf
    assert conf["project_name"] == "codecarbon"
    assert conf["measure_power_secs"] == 15
    assert conf["api_call_interval"] == 8
    assert conf["output_file"] == "emissions.csv"
    assert conf["tracking_mode"] == "machine"
    assert conf["experiment_name"] == "base"
    assert conf["experiment_id"] == "5b0fa12a-3dd7-45bb-9766-cc326314d9f1"
    assert conf["pue"] == 1.0
    assert conf["wue"] == 0


@pytest.mark.parametrize("kind", BOTH)
def test_an_unknown_argument_is_refused(kind: type[EmissionsTracker]) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'projekt_name'"):
        kind(projekt_name="x")
    with pytest.raises(TypeError, match=r"'projekt_name': did you mean project_name\?$"):
        kind(projekt_name="x")
    with pytest.raises(TypeError, match=r"argument 'zzzzzz'$"):
        kind(zzzzzz="x")
    with pytest.raises(TypeError, match="multiple values"):
        kind("a", project_name="b")
    with pytest.raises(TypeError, match="positional"):
        kind(*range(60))


def test_the_place_is_no_positional_argument_and_not_online() -> None:
    with pytest.raises(TypeError):
        EmissionsTracker(country_iso_code="FRA")


@pytest.mark.parametrize("kind", BOTH)
def test_none_where_it_makes_no_sense_is_the_default(kind: type[EmissionsTracker]) -> None:
    tracker = kind(
        measure_power_secs=None, output_dir=None, pue=None, project_name=None, output_handlers=None
    )
    assert tracker._measure_power_secs == 15
    tracker.start()
    assert tracker.stop() is not None


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"tracking_mode": "gpu"}, "pass 'machine' or 'process'"),
        ({"on_csv_write": "replace"}, "Unknown `on_csv_write` value: replace"),
        ({"output_methods": "csv,xml"}, "Unknown output method 'xml'"),
        ({"pue": 0.5}, "pue is 0.5: pass a number of 1 or more"),
        ({"pue": "much"}, "pue is 'much': pass a number"),
        ({"wue": -1}, "wue is -1: pass a number of 0 or more"),
        ({"measure_power_secs": "often"}, "measure_power_secs is 'often': pass a number"),
        ({"measure_power_secs": -1}, "measure_power_secs is -1: pass seconds, 0 or more"),
    ],
)
@pytest.mark.parametrize("kind", BOTH)
def test_what_cannot_be_is_refused(
    kind: type[EmissionsTracker], bad: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError) as caught:
        kind(**bad)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("kind", BOTH)
def test_a_missing_folder_is_named(kind: type[EmissionsTracker]) -> None:
    with pytest.raises(OSError, match="Folder 'nowhere' doesn't exist !"):
        kind(output_dir="nowhere")


def test_argument_before_environment_before_local_before_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder.parent / "home"
    (home / ".codecarbon.config").write_text(
        "[codecarbon]\nproject_name = home\nexperiment_name = home\npue = 1.1\nwue = 1\n"
    )
    (folder / ".codecarbon.config").write_text(
        "[codecarbon]\nproject_name = local\nexperiment_name = local\npue = 1.2\n"
    )
    monkeypatch.setenv("codecarbon_project_name", "environment")
    monkeypatch.setenv("CODECARBON_EXPERIMENT_NAME", "environment")
    conf = EmissionsTracker(project_name="argument", output_methods=[])._conf
    assert conf["project_name"] == "argument"
    assert conf["experiment_name"] == "environment"
    assert conf["pue"] == 1.2
    assert conf["wue"] == 1.0
    assert get_hierarchical_config()["project_name"] == "environment"
    assert parse_env_config()["codecarbon"]["project_name"] == "environment"
    assert clean_env_key("CODECARBON_PUE") == "pue"


def test_settings_are_read_as_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECARBON_SAVE_TO_FILE", "False")
    monkeypatch.setenv("CODECARBON_GPU_IDS", "0, MIG-GPU-1,2")
    monkeypatch.setenv("CODECARBON_API_CALL_INTERVAL", "-1")
    monkeypatch.setenv("CODECARBON_COUNTRY_ISO_CODE", "NOR")
    monkeypatch.setenv("CODECARBON_ALLOW_MULTIPLE_RUNS", "TRUE")
    tracker = OfflineEmissionsTracker()
    conf = tracker._conf
    assert conf["save_to_file"] is False
    assert conf["api_call_interval"] == -1
    assert conf["allow_multiple_runs"] is True
    tracker.start()
    tracker.stop()
    assert tracker.final_emissions_data.country_iso_code == "NOR"
    assert not Path("emissions.csv").exists()


def test_what_cannot_be_read_is_warned_of_and_the_default_holds(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("CODECARBON_PUE", "very good")
    assert EmissionsTracker(output_methods=[])._conf["pue"] == 1.0
    assert any(line.startswith("WARNING pue is 'very good'") for line in said)


def test_a_broken_file_is_left_out(folder: Path, said: list[str]) -> None:
    (folder / ".codecarbon.config").write_text("no section\n")
    assert EmissionsTracker(output_methods=[])._conf["pue"] == 1.0
    assert any("cannot be read and is left out" in line for line in said)


def test_one_line_names_the_settings_and_never_their_values(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("CODECARBON_API_KEY", "a-secret")
    EmissionsTracker(output_methods=[])
    assert [line for line in said if "api_key" in line] == [
        "INFO Taken from outside: api_key (the environment)"
    ]
    assert not any("a-secret" in line for line in said)


def test_save_to_is_deprecated_once() -> None:
    with pytest.warns(DeprecationWarning, match="output_methods") as caught:
        EmissionsTracker(save_to_file=False, save_to_logger=False)
    assert len(caught) == 1


def test_output_methods_win_and_take_words() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert EmissionsTracker(save_to_file=True, output_methods=[])._output_handlers == []
    for form in ("csv", "CSV, csv", ["csv"], [OutputMethod.CSV]):
        handlers = EmissionsTracker(output_methods=form)._output_handlers
        assert [type(h).__name__ for h in handlers] == ["FileOutput"]


def test_a_list_of_handlers_stays_the_callers() -> None:
    own: list[object] = []
    EmissionsTracker(output_handlers=own)
    EmissionsTracker(output_handlers=own)
    assert own == []


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("0,1", ["0", "1"]),
        ("[0, 1]", ["0", "1"]),
        ("GPU-12ab,3", ["GPU-12ab", "3"]),
        ("MIG-GPU-77", ["GPU-77"]),
        ("", []),
    ],
)
def test_gpu_ids(text: str, ids: list[object]) -> None:
    assert parse_gpu_ids(text) == ids


def test_an_old_token_name_is_warned_of(said: list[str]) -> None:
    EmissionsTracker(co2_signal_api_token="t", output_methods=[])
    assert any("co2_signal_api_token is deprecated" in line for line in said)


def test_no_effect_is_said_at_debug(said: list[str]) -> None:
    EmissionsTracker(rapl_include_dram=True, log_level="debug", output_methods=[])
    assert any(line.startswith("DEBUG rapl_include_dram has no effect") for line in said)
