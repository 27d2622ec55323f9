"""Tasks: their own figures, beside a run that they leave as it is."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from microjoule.tracker import EmissionsTracker, TaskEmissionsTracker, track_task_emissions

WATTS = 50.0


def tracker_of(**arguments: object) -> EmissionsTracker:
    return EmissionsTracker(force_ram_power=WATTS, force_cpu_power=0, **arguments)


def kwh(seconds: float) -> float:
    return WATTS * seconds / 3.6e6


def test_a_task_needs_no_start_and_has_its_own_figures() -> None:
    tracker = tracker_of()
    assert tracker.start_task("load") is None
    time.sleep(0.1)
    load = tracker.stop_task("load")
    time.sleep(0.1)
    tracker.start_task("fit")
    time.sleep(0.2)
    fit = tracker.stop_task()
    tracker.stop()
    for data, seconds in ((load, 0.1), (fit, 0.2)):
        assert seconds <= data.duration < seconds + 0.15
        assert data.ram_energy == pytest.approx(kwh(data.duration))
        assert data.ram_power == pytest.approx(WATTS)
    total = tracker.final_emissions_data
    assert total.duration >= 0.4
    assert total.ram_energy == pytest.approx(kwh(total.duration))
    assert total.emissions_rate == pytest.approx(total.emissions / total.duration)


def test_tasks_and_what_lies_between_make_up_the_run() -> None:
    tracker = tracker_of()
    tracker.start()
    began = time.monotonic()
    spans = []
    for _ in range(3):
        time.sleep(0.05)
        tracker.start_task()
        time.sleep(0.05)
        spans.append(tracker.stop_task().duration)
    tracker.stop()
    total = tracker.final_emissions_data
    assert total.duration == pytest.approx(time.monotonic() - began, abs=0.1)
    assert sum(spans) + 3 * 0.05 <= total.duration
    assert total.ram_energy == pytest.approx(kwh(total.duration))


def test_names(said: list[str]) -> None:
    tracker = tracker_of(output_methods=[])
    tracker.start_task("a")
    tracker.stop_task()
    tracker.start_task("a")
    tracker.stop_task()
    tracker.start_task()
    tracker.start_task("b")
    assert any("A task is already under measure" in line for line in said)
    tracker.stop_task()
    first, second, third = tracker._tasks
    assert first == "a"
    assert second.startswith("a_")
    assert len(third) == 36
    assert [task.task_name for task in tracker._tasks.values()] == [first, second, third]
    assert not any(task.is_active for task in tracker._tasks.values())
    assert tracker.stop_task("nobody") is None
    assert tracker.stop_task() is None
    tracker.stop()


def test_stopping_a_task_again_gives_what_it_had_come_to() -> None:
    tracker = tracker_of(output_methods=[])
    tracker.start_task("a")
    time.sleep(0.05)
    first = tracker.stop_task("a")
    time.sleep(0.05)
    assert tracker.stop_task("a") == first
    assert tracker._tasks["a"].emissions_data == first
    tracker.stop()


def test_stop_ends_an_open_task_and_a_flush_leaves_it_open() -> None:
    tracker = tracker_of()
    tracker.start()
    tracker.start_task("open")
    time.sleep(0.1)
    assert tracker.flush() is not None
    assert tracker._tasks["open"].is_active
    time.sleep(0.1)
    tracker.stop()
    data = tracker._tasks["open"].emissions_data
    assert data.duration >= 0.2
    assert data.ram_energy == pytest.approx(kwh(data.duration))


def test_the_file_of_tasks_has_all_columns() -> None:
    tracker = tracker_of(experiment_name="night")
    for name in ("load", "fit"):
        tracker.start_task(name)
        tracker.stop_task()
    tracker.stop()
    path = Path(f"emissions_night_{tracker.run_id}.csv")
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["task_name"] for row in found] == ["load", "fit"]
    assert {"region", "longitude", "latitude", "ram_energy"} <= set(found[0])
    assert "experiment_id" not in found[0]
    assert float(found[0]["duration"]) == tracker._tasks["load"].emissions_data.duration


def test_a_flush_writes_the_tasks_that_have_ended() -> None:
    tracker = tracker_of()
    tracker.start_task("load")
    tracker.stop_task()
    tracker.start_task("fit")
    tracker.flush()
    with Path(f"emissions_base_{tracker.run_id}.csv").open(newline="") as file:
        assert [row["task_name"] for row in csv.DictReader(file)] == ["load"]
    tracker.stop()
    with Path(f"emissions_base_{tracker.run_id}.csv").open(newline="") as file:
        assert [row["task_name"] for row in csv.DictReader(file)] == ["load", "fit"]


def test_a_row_that_is_looked_at_late_knows_its_own_run_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracker = tracker_of(output_methods=[])
    tracker.start_task("load")
    data = tracker.stop_task()
    tracker.stop()
    run_id = str(tracker.run_id)
    with monkeypatch.context() as patch:
        patch.setattr("microjoule.tracker.usage._cpu_ticks", lambda: pytest.fail("looked"))
        late = data.cpu_utilization_percent
    assert late == tracker.final_emissions_data.cpu_utilization_percent
    tracker.start()
    tracker.stop()
    assert data.run_id == run_id != str(tracker.run_id)


def test_a_block_is_a_task() -> None:
    tracker = tracker_of(output_methods=[])
    with TaskEmissionsTracker("fit", tracker=tracker) as task:
        time.sleep(0.05)
    assert task.emissions_data.duration >= 0.05
    assert list(tracker._tasks) == ["fit"]
    tracker.stop()
    with TaskEmissionsTracker("alone") as task:
        pass
    assert task.tracker.final_emissions is not None
    assert Path("emissions.csv").exists()


def test_every_call_is_a_task() -> None:
    tracker = tracker_of(output_methods=[])

    @track_task_emissions(tracker=tracker, task_name="double")
    def double(x: int) -> int:
        """Twice."""
        return 2 * x

    assert [double(1), double(2)] == [2, 4]
    assert double.__doc__ == "Twice."
    first, second = tracker._tasks
    assert first == "double"
    assert second.startswith("double_")
    tracker.stop()

    @track_task_emissions
    def once() -> str:
        return "done"

    assert once() == "done"
    assert Path("emissions.csv").exists()


def test_thousands_of_tasks_add_up() -> None:
    tracker = tracker_of(output_methods=[])
    tracker.start()
    for _ in range(3000):
        tracker.start_task()
        tracker.stop_task()
    tracker.stop()
    total = tracker.final_emissions_data
    spans = [task.emissions_data.ram_energy for task in tracker._tasks.values()]
    assert len(spans) == 3000
    assert 0 < sum(spans) <= total.ram_energy
    assert total.ram_energy == pytest.approx(kwh(total.duration))
