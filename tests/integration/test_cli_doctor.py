"""`uj doctor` on this machine, and on one whose meters are hidden."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.bed import PowercapBed


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, "MICROJOULE_COUNTRY": "NO", **more}


def doctor(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microjoule", "doctor", *arguments],
        env=environ(**more),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_text_and_json_tell_the_same() -> None:
    told, document = doctor(), doctor("--json")
    assert told.returncode == document.returncode
    found = json.loads(document.stdout)
    assert found["schema"] == 1
    assert found["intensity"]["place"] == "NO"
    ways = {"powercap", "perf", "msr", "nvml", "amdsmi", "hwmon", "battery"}
    modelled = {"model"} if any(s["source"] == "model" for s in found["sensors"]) else set()
    assert {f["way"] for f in found["findings"]} == ways | modelled
    for sensor in found["sensors"]:
        assert sensor["id"] in told.stdout
    for finding in found["findings"]:
        for mend in finding["mend"]:
            assert mend["command"] in told.stdout
    assert (found["quality"] == "measured") == (document.returncode == 0)


def test_nothing_measurable_is_status_3_and_said(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    nowhere = str(tmp_path / "nowhere")
    done = doctor(
        MICROJOULE_SYSFS=str(tmp_path),
        MICROJOULE_DEVFS=nowhere,
        MICROJOULE_NVML=nowhere,
        MICROJOULE_AMDSMI=nowhere,
    )
    assert done.returncode == 3
    assert "estimated" in done.stdout.splitlines()[0]
    assert f"no {tmp_path}/class/powercap" in " ".join(done.stdout.split())


def test_named_sources_that_are_not_to_be_had_are_a_problem_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    done = doctor("--json", MICROJOULE_SYSFS=str(tmp_path), MICROJOULE_SOURCES="powercap")
    found = json.loads(done.stdout)
    assert (done.returncode, found["sensors"]) == (3, [])
    assert "powercap" in found["problems"][0]


@pytest.mark.bed
def test_simulated_meters_are_measured_and_refused_ones_are_told(bed: PowercapBed) -> None:
    done = doctor(**bed.environ)
    assert done.returncode == 0
    assert done.stdout.startswith("Energy is measured here, by powercap.")
    assert "cpu0.package" in done.stdout
    for zone in ("package-0", "dram"):
        bed[zone].fail("EACCES")
    done = doctor(**bed.environ)
    assert done.returncode == 3
    text = " ".join(done.stdout.split())
    assert "cpu0.package powercap 61 µJ no not read: " in text
    assert "permission denied for" in text
    assert f"sudo chmod a+r {bed.root}/class/powercap/intel-rapl:*/energy_uj" in text


@pytest.mark.parametrize(
    ("arguments", "variables"), [(["--jso"], {}), ([], {"MICROJOULE_COUNTRY": "Atlantis"})]
)
def test_bad_input(arguments: list[str], variables: dict[str, str]) -> None:
    done = doctor(*arguments, **variables)
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_reader_that_goes_away_is_no_failure_of_ours() -> None:
    line = f"{sys.executable} -m microjoule doctor --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", line], env=environ(), check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("{", "")
