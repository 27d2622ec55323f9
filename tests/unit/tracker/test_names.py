"""The name `codecarbon`: who asks for it gets these trackers, and nobody else is touched."""

from __future__ import annotations

import csv
import json
import logging
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from microjoule.tracker import EmissionsTracker
from microjoule.tracker.log import logger, set_logger_format

# What third parties import from where.
IMPORTS = """
    from codecarbon import EmissionsTracker, OfflineEmissionsTracker, OutputMethod, track_emissions
    from codecarbon.emissions_tracker import (
        BaseEmissionsTracker, BaseOutput, EmissionsData, EmissionsTracker, Energy, OutputMethod,
        OfflineEmissionsTracker, Power, TaskEmissionsTracker, Time, Water, logger, track_emissions,
        track_task_emissions)
    from codecarbon.output import (
        BaseOutput, BoAmpsOutput, CodeCarbonAPIOutput, EmissionsData, FileOutput,
        GoogleCloudLoggerOutput, HTTPOutput, LogfireOutput, LoggerOutput, OutputMethod,
        PrometheusOutput, TaskEmissionsData)
    from codecarbon.output_methods.base_output import BaseOutput, OutputMethod
    from codecarbon.output_methods.emissions_data import EmissionsData, TaskEmissionsData
    from codecarbon.output_methods.file import FileOutput
    from codecarbon.output_methods.logger import GoogleCloudLoggerOutput, LoggerOutput
    from codecarbon.output_methods.http import CodeCarbonAPIOutput, HTTPOutput
    from codecarbon.output_methods.metrics.prometheus import PrometheusOutput
    from codecarbon.output_methods.metrics.logfire import LogfireOutput
    from codecarbon.output_methods.boamps import BoAmpsOutput
    from codecarbon.core.units import EmissionsPerKWh, Energy, Power, Time, Water
    from codecarbon.core.config import (
        clean_env_key, get_hierarchical_config, parse_env_config, parse_gpu_ids)
    from codecarbon.core.api_client import ApiClient
    from codecarbon.core.cpu import is_rapl_available
    from codecarbon.core.util import is_linux_os
    from codecarbon.external.hardware import CPU
    from codecarbon.external.logger import logger, set_logger_format, set_logger_level
    from codecarbon.lock import LOCKFILE, Lock
    import codecarbon
    assert codecarbon.__version__ == "3.3.2" and codecarbon.__app_name__ == "codecarbon"
    assert sorted(codecarbon.__all__) == [
        "EmissionsTracker", "OfflineEmissionsTracker", "OutputMethod", "track_emissions"]
"""

OBJECT = """
    from codecarbon import EmissionsTracker

    tracker = EmissionsTracker()
    tracker.start()
    sum(range(100_000))
    emissions: float = tracker.stop()
    print(emissions)
"""
BLOCK = """
    from codecarbon import EmissionsTracker

    with EmissionsTracker() as tracker:
        sum(range(100_000))
"""
DECORATOR = """
    from codecarbon import track_emissions

    @track_emissions()
    def train():
        sum(range(100_000))

    train()
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=60, check=False
    )


def program(text: str) -> str:
    Path("program.py").write_text(textwrap.dedent(text))
    return "program.py"


INSTALL = "    import microjoule as uj; uj.install_as_codecarbon(); uj.install_as_codecarbon()\n"


def test_every_import_works() -> None:
    done = run(program(INSTALL + IMPORTS))
    assert done.returncode == 0, done.stderr


def test_the_specs_are_found_and_an_installed_one_is_shadowed_only_on_request() -> None:
    Path("codecarbon").mkdir()
    Path("codecarbon/__init__.py").write_text("mine = True\n")
    Path("codecarbon/output.py").write_text("")
    text = """
        import importlib.util
        import microjoule
        from microjoule import EmissionsTracker
        EmissionsTracker(output_methods=[], log_level="error")
        import codecarbon, codecarbon.output
        assert codecarbon.mine
        microjoule.install_as_codecarbon()
        for name in ("codecarbon", "codecarbon.output", "codecarbon.output_methods.file"):
            spec = importlib.util.find_spec(name)
            assert spec is not None and spec.name == name
        import codecarbon
        assert codecarbon.EmissionsTracker is EmissionsTracker
        assert codecarbon.__spec__ is not None and list(codecarbon.__path__) == []
        assert importlib.util.find_spec("codecarbon.no_such") is None
    """
    done = run(program(text))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("listing", [OBJECT, BLOCK, DECORATOR])
@pytest.mark.parametrize("way", ["install", "runner", "one import"])
def test_the_three_listings_run_unchanged(listing: str, way: str) -> None:
    if way == "install":
        done = run(program(INSTALL + listing))
    elif way == "runner":
        done = run("-m", "microjoule.codecarbon", program(listing))
    else:
        done = run(program(listing.replace("from codecarbon", "from microjoule")))
    assert done.returncode == 0, done.stderr
    with open("emissions.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert len(row) == 38
    assert float(row["energy_consumed"]) > 0


def test_the_runner_hands_on_arguments_modules_and_status() -> None:
    text = "    import codecarbon, sys\n    print(sys.argv[1:])\n    sys.exit(7)\n"
    done = run("-m", "microjoule.codecarbon", program(text), "--lr", "1")
    assert (done.returncode, done.stdout) == (7, "['--lr', '1']\n")
    done = run("-m", "microjoule.codecarbon", "-m", "json.tool", "--help")
    assert done.returncode == 0
    for wrong in (["no-such.py"], ["-m"], [], ["-m", "no_such.module"], ["--hlp"], ["."]):
        done = run("-m", "microjoule.codecarbon", *wrong)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_a_start_loads_nothing_heavy() -> None:
    text = """
        import sys
        from microjoule import OfflineEmissionsTracker
        tracker = OfflineEmissionsTracker(country_iso_code="FRA", log_level="error")
        tracker.start()
        heavy = {"numpy", "pandas", "requests", "dataclasses", "inspect", "socket", "subprocess"}
        loaded = sorted(heavy & set(sys.modules))
        tracker.stop()
        import json
        print(json.dumps(loaded))
    """
    done = run(program(text))
    assert json.loads(done.stdout) == []


def test_trackers_in_threads() -> None:
    found: list[float | None] = []

    def work() -> None:
        with EmissionsTracker(output_methods=[], log_level="error") as tracker:
            tracker.start_task("part")
            tracker.stop_task("part")
        found.append(tracker.final_emissions)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(kg is not None and kg >= 0 for kg in found)


def test_other_peoples_handlers_stay(capsys: pytest.CaptureFixture[str]) -> None:
    own = logging.NullHandler()
    logger.addHandler(own)
    try:
        EmissionsTracker(output_methods=[], logger_preamble="mine")
        logger.warning("seen once")
        assert own in logger.handlers
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("seen once") == 1
        assert "[mine] [codecarbon WARNING @ " in err
    finally:
        logger.removeHandler(own)
        set_logger_format()
