"""What a row says: columns, units, sums, powers given by the user, PUE and WUE."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from microjoule.tracker import EmissionsTracker, OfflineEmissionsTracker
from microjoule.tracker.data import EmissionsData, TaskEmissionsData, later

COLUMNS = [
    "timestamp",
    "project_name",
    "run_id",
    "experiment_id",
    "duration",
    "emissions",
    "emissions_rate",
    "cpu_power",
    "gpu_power",
    "ram_power",
    "cpu_energy",
    "gpu_energy",
    "ram_energy",
    "energy_consumed",
    "water_consumed",
    "country_name",
    "country_iso_code",
    "region",
    "cloud_provider",
    "cloud_region",
    "os",
    "python_version",
    "codecarbon_version",
    "cpu_count",
    "cpu_model",
    "gpu_count",
    "gpu_model",
    "longitude",
    "latitude",
    "ram_total_size",
    "tracking_mode",
    "cpu_utilization_percent",
    "gpu_utilization_percent",
    "ram_utilization_percent",
    "ram_used_gb",
    "on_cloud",
    "pue",
    "wue",
]


def a_row(**changes: Any) -> EmissionsData:
    return EmissionsData(**{**dict.fromkeys(COLUMNS, 1.0), **changes})


def tracked(seconds: float = 0.2, **arguments: Any) -> EmissionsData:
    tracker = OfflineEmissionsTracker(country_iso_code="NOR", **arguments)
    tracker.start()
    time.sleep(seconds)
    tracker.stop()
    data = tracker.final_emissions_data
    assert data is not None
    return data


def test_columns_and_forms() -> None:
    data = tracked()
    text = Path("emissions.csv").read_text()
    assert text.splitlines()[0].split(",") == COLUMNS
    assert text.endswith("\n")
    assert "\r" not in text
    row = next(csv.DictReader(text.splitlines()))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", row["timestamp"])
    assert row["longitude"] == row["latitude"] == ""
    for name in COLUMNS:
        value = getattr(data, name)
        if isinstance(value, float):
            assert float(row[name]) == value, name
    assert [field.name for field in dataclasses.fields(data)] == COLUMNS
    tasks = [field.name for field in dataclasses.fields(TaskEmissionsData)]
    assert tasks == ["task_name", *(c for c in COLUMNS if c not in ("experiment_id", "pue", "wue"))]


def test_sums_and_rates() -> None:
    data = tracked()
    parts = data.cpu_energy + data.gpu_energy + data.ram_energy
    assert data.energy_consumed == pytest.approx(parts, rel=1e-9)
    assert data.emissions_rate == pytest.approx(data.emissions / data.duration)
    for part in ("cpu", "gpu", "ram"):
        power, energy = getattr(data, f"{part}_power"), getattr(data, f"{part}_energy")
        assert power * data.duration / 3.6e6 == pytest.approx(energy)


def test_powers_that_are_given_are_exact() -> None:
    data = tracked(force_ram_power=20, force_carbon_intensity_g_co2e_kwh=100)
    assert data.ram_power == pytest.approx(20)
    assert data.emissions == pytest.approx(data.energy_consumed * 0.1)


@pytest.mark.parametrize("watts", [0, 0.0])
def test_nothing_is_a_power(watts: float) -> None:
    data = tracked(force_ram_power=watts, force_cpu_power=watts)
    assert data.energy_consumed == 0.0
    assert tracked(force_carbon_intensity_g_co2e_kwh=0).emissions == 0.0


def test_a_given_processor_power_is_that_of_full_load() -> None:
    # Between the model's idle share and full load, whatever the machine does meanwhile.
    data = tracked(force_cpu_power=300)
    assert 300 * 0.05 / 0.75 * 0.99 <= data.cpu_power <= 300 * 1.01
    twice = tracked(force_cpu_power=600, output_methods=[])
    assert twice.cpu_power >= 600 * 0.05 / 0.75 * 0.99


@pytest.mark.parametrize("garbage", ["much", -1, float("nan"), True, [1]])
def test_garbage_is_left_out_with_a_warning(garbage: Any, said: list[str]) -> None:
    plain = tracked(output_methods=[])
    data = tracked(
        output_methods=[],
        force_carbon_intensity_g_co2e_kwh=garbage,
        force_ram_power=garbage,
    )
    factor = data.emissions / data.energy_consumed
    assert factor == pytest.approx(plain.emissions / plain.energy_consumed)
    assert sum("is left out" in line for line in said) == 2


def test_pue_and_wue() -> None:
    data = tracked(pue=1.5, wue=2, force_ram_power=20, force_carbon_intensity_g_co2e_kwh=100)
    assert data.pue == 1.5
    assert data.wue == 2.0
    assert data.ram_power == pytest.approx(30)
    assert data.ram_energy == pytest.approx(30 * data.duration / 3.6e6)
    assert data.water_consumed == pytest.approx(2 * data.energy_consumed)
    assert data.emissions == pytest.approx(data.energy_consumed * 0.1)


def test_a_row_as_callers_take_it_apart() -> None:
    data = tracked()
    assert list(data.values) == COLUMNS
    read = json.loads(data.toJSON())
    assert list(read) == sorted(COLUMNS)
    assert read["emissions"] == data.emissions
    assert dataclasses.asdict(data) == dict(data.values) == data.__dict__


def test_the_difference_of_two_rows() -> None:
    now, before = a_row(duration=3.0, emissions=6.0), a_row(duration=1.0, emissions=2.0)
    now.compute_delta_emission(before)
    assert (now.duration, now.emissions, now.emissions_rate) == (2.0, 4.0, 2.0)
    assert now.cpu_energy == 0.0
    same = a_row()
    same.compute_delta_emission(a_row())
    assert same.emissions_rate == 0


def test_a_later_row_is_worked_out_once_whatever_is_asked_first() -> None:
    calls = []

    def work_out() -> EmissionsData:
        calls.append(1)
        return a_row(pue=2.0)

    for look in (
        lambda row: row.pue,
        lambda row: vars(row)["pue"],
        lambda row: dataclasses.asdict(row)["pue"],
        lambda row: row.values["pue"],
        lambda row: json.loads(row.toJSON())["pue"],
    ):
        calls.clear()
        row = later(work_out)
        assert calls == []
        assert look(row) == 2.0
        assert row == a_row(pue=2.0)
        assert type(row) is EmissionsData
        assert calls == [1]
    assert later(work_out) == a_row(pue=2.0)
    assert repr(later(work_out)) == repr(a_row(pue=2.0))


def test_private_names_are_there_during_and_after() -> None:
    tracker = EmissionsTracker(force_ram_power=10, output_methods=[])
    assert tracker._total_energy.kWh == 0
    assert tracker._total_emissions == 0
    tracker.start()
    time.sleep(0.1)
    during = tracker._total_ram_energy.kWh
    assert during > 0
    assert tracker._prepare_emissions_data().ram_energy >= during
    tracker._measure_power_and_energy()
    assert pytest.approx(10) == tracker._ram_power.W
    assert tracker._start_time is not None
    tracker.stop()
    final = tracker.final_emissions_data
    assert final is not None
    assert tracker._prepare_emissions_data().values == final.values
    assert tracker._total_energy.kWh == final.energy_consumed
    assert tracker._total_cpu_energy.kWh == final.cpu_energy
    assert tracker._total_gpu_energy.kWh == final.gpu_energy
    assert tracker._total_ram_energy.kWh == final.ram_energy
    assert tracker._total_emissions == final.emissions
    assert isinstance(tracker._hardware, list)
    assert tracker._tasks == {}
    assert tracker._active_task is None


def test_the_run_has_a_name_that_can_be_given() -> None:
    tracker = EmissionsTracker()
    tracker.run_id = "trial-7"
    tracker.start()
    tracker.stop()
    assert tracker.final_emissions_data.run_id == "trial-7"
