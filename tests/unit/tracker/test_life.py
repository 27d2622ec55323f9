"""start, flush, stop, restart, blocks, locks, threads, forks and the end of the process."""

from __future__ import annotations

import csv
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from microjoule.tracker import BaseOutput, EmissionsTracker, OfflineEmissionsTracker


def rows(path: str = "emissions.csv") -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *args],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_start_gives_none_and_stop_kilograms() -> None:
    tracker = EmissionsTracker()
    assert tracker.final_emissions is None
    assert tracker.final_emissions_data is None
    assert tracker.start() is None
    time.sleep(0.2)
    kg = tracker.stop()
    assert isinstance(kg, float)
    assert kg > 0
    assert tracker.final_emissions == kg
    assert tracker.final_emissions_data.emissions == kg
    assert float(rows()[0]["emissions"]) == kg


def test_a_second_start_changes_nothing(said: list[str]) -> None:
    tracker = EmissionsTracker()
    tracker.start()
    time.sleep(0.2)
    tracker.start()
    tracker.stop()
    assert tracker.final_emissions_data.duration >= 0.2
    assert any(line.startswith("WARNING Already started") for line in said)


def test_a_second_stop_gives_the_same_and_writes_nothing(said: list[str]) -> None:
    tracker = EmissionsTracker()
    tracker.start()
    kg = tracker.stop()
    assert tracker.stop() == kg
    assert len(rows()) == 1
    assert any("already stopped" in line for line in said)


def test_stop_and_flush_without_start(said: list[str]) -> None:
    tracker = EmissionsTracker()
    assert tracker.flush() is None
    assert tracker.stop() is None
    assert not Path("emissions.csv").exists()
    assert any(line.startswith("ERROR") for line in said)
    assert any(line.startswith("WARNING") for line in said)


def test_flush_gives_running_totals() -> None:
    tracker = EmissionsTracker(force_ram_power=10)
    tracker.start()
    time.sleep(0.1)
    first = tracker.flush()
    time.sleep(0.1)
    last = tracker.stop()
    found = rows()
    assert [float(row["emissions"]) for row in found] == [first, last]
    assert first < last
    assert len({row["run_id"] for row in found}) == 1


def test_update_keeps_one_row_a_run() -> None:
    for _ in range(2):
        tracker = EmissionsTracker(on_csv_write="update")
        tracker.start()
        tracker.flush()
        tracker.flush()
        tracker.stop()
    assert len(rows()) == 2


def test_restart_is_a_run_of_its_own() -> None:
    tracker = EmissionsTracker(force_ram_power=100)
    runs = []
    for seconds in (0.3, 0.1):
        tracker.start()
        time.sleep(seconds)
        tracker.stop()
        runs.append(tracker.final_emissions_data)
    first, second = runs
    assert first.run_id != second.run_id
    assert second.duration < first.duration
    for data in runs:
        assert data.ram_energy == pytest.approx(100 * data.duration / 3.6e6, rel=1e-9)
    assert len(rows()) == 2


def test_the_block_gives_the_tracker_and_lets_exceptions_pass() -> None:
    def fail() -> None:
        with EmissionsTracker() as tracker:
            assert isinstance(tracker, EmissionsTracker)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(rows()) == 1


class Broken(BaseOutput):
    def out(self, total: Any, delta: Any) -> None:
        raise RuntimeError("no")

    def exit(self) -> None:
        raise RuntimeError("no")


def test_a_broken_handler_costs_nothing(said: list[str]) -> None:
    tracker = EmissionsTracker(output_handlers=[Broken()])
    tracker.start()
    kg = tracker.stop()
    assert kg is not None
    assert tracker.final_emissions == kg
    assert len(rows()) == 1
    assert any("Broken.out() failed" in line for line in said)


def test_an_overlap_is_named_in_the_reason() -> None:
    with EmissionsTracker(output_methods=[]) as outer, EmissionsTracker(output_methods=[]) as inner:
        pass
    for tracker in (outer, inner):
        assert "counts the same machine at the same time" in tracker.measurement.reason
    with EmissionsTracker(output_methods=[]) as alone:
        pass
    assert "same machine" not in alone.measurement.reason
    assert alone.measurement.quality in ("measured", "mixed", "estimated")


def test_one_tracker_at_a_time_for_who_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path, said: list[str]
) -> None:
    monkeypatch.setattr("microjoule.tracker.lock._lockfile", lambda: str(folder / "lock"))
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    first = EmissionsTracker(allow_multiple_runs=False, output_methods=[])
    second = EmissionsTracker(allow_multiple_runs=False, output_methods=[])
    assert any("Another instance of codecarbon is already running" in line for line in said)
    assert second.start() is None
    assert second.flush() is None
    assert second.start_task("x") is None
    assert second.stop_task("x") is None
    assert second.stop() is None
    assert second.final_emissions is None
    first.start()
    assert first.stop() is not None
    third = EmissionsTracker(allow_multiple_runs=False, output_methods=[])
    third.start()
    assert third.stop() is not None
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_lock_goes_with_its_process(folder: Path) -> None:
    program = """
        import os, signal, sys, tempfile
        tempfile.tempdir = sys.argv[1]
        from microjoule import EmissionsTracker
        tracker = EmissionsTracker(allow_multiple_runs=False, log_level="error")
        tracker.start()
        if sys.argv[2] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        print(tracker.stop())
    """
    assert run(program, str(folder), "die").returncode == -signal.SIGKILL
    again = run(program, str(folder), "live")
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() != "None"


def test_start_and_stop_in_different_threads() -> None:
    tracker = EmissionsTracker()
    for call in (tracker.start, tracker.stop):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    assert tracker.final_emissions is not None


def test_a_hundred_in_a_row_leave_no_thread() -> None:
    EmissionsTracker(output_methods=[]).start()
    with EmissionsTracker(output_methods=[]):
        pass
    before = len(os.listdir("/proc/self/task"))
    for _ in range(100):
        with EmissionsTracker(output_methods=[]):
            pass
    assert len(os.listdir("/proc/self/task")) <= before


def in_child() -> None:
    with OfflineEmissionsTracker(country_iso_code="NOR", force_ram_power=10) as tracker:
        time.sleep(0.1)
    data = tracker.final_emissions_data
    assert data.ram_energy == pytest.approx(10 * data.duration / 3.6e6)
    assert "parent process" in tracker.measurement.reason


def test_a_forked_worker_has_trackers_of_its_own() -> None:
    with EmissionsTracker(output_methods=[]) as tracker:
        worker = multiprocessing.get_context("fork").Process(target=in_child)
        worker.start()
        worker.join(30)
        assert worker.exitcode == 0
    assert tracker.final_emissions is not None
    assert len(rows()) == 1


def stop_of_the_parents(tracker: EmissionsTracker) -> None:
    tracker.flush()
    assert tracker.stop() is not None
    # A run that it begins is its own.
    tracker.start()
    assert tracker.stop() is not None


def test_a_child_writes_no_row_of_the_parents_run() -> None:
    tracker = EmissionsTracker()
    tracker.start()
    tracker.start_task("open")
    run_id = str(tracker.run_id)
    child = multiprocessing.get_context("fork").Process(target=stop_of_the_parents, args=(tracker,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    tracker.stop()
    assert [row["run_id"] for row in rows()].count(run_id) == 1
    assert len(rows()) == 2
    assert len(list(Path().glob("emissions_base_*.csv"))) == 1


def test_a_killed_program_keeps_what_was_flushed() -> None:
    program = """
        import os, signal, time
        from microjoule import EmissionsTracker
        tracker = EmissionsTracker(log_level="error")
        tracker.start()
        for _ in range(3):
            time.sleep(0.05)
            tracker.flush()
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run(program).returncode == -signal.SIGKILL
    found = rows()
    assert len(found) == 3
    assert float(found[-1]["duration"]) >= 0.15
    assert Path("emissions.csv").read_text().endswith("\n")


def test_a_restart_takes_the_lock_again(
    monkeypatch: pytest.MonkeyPatch, folder: Path, said: list[str]
) -> None:
    monkeypatch.setattr("microjoule.tracker.lock._lockfile", lambda: str(folder / "lock"))
    first = EmissionsTracker(allow_multiple_runs=False, output_methods=[])
    first.start()
    first.stop()
    second = EmissionsTracker(allow_multiple_runs=False, output_methods=[])
    said.clear()
    first.start()
    assert any("Another instance" in line for line in said)
    second.start()
    second.stop()
    first.start()
    assert first.stop() is not None


@pytest.mark.parametrize("name", ["SLURM_LOCALID", "LOCAL_RANK"])
def test_a_further_rank_on_the_node_is_warned(
    name: str, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv(name, "0")
    with EmissionsTracker(output_methods=[]):
        pass
    assert not any(name in line for line in said)
    monkeypatch.setenv(name, "1")
    with EmissionsTracker(output_methods=[]) as tracker:
        pass
    assert sum(line.startswith(f"WARNING {name} is 1") for line in said) == 1
    assert name in tracker.measurement.reason
    said.clear()
    with EmissionsTracker(output_methods=[], tracking_mode="process"):
        pass
    assert not any(name in line for line in said)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("sys.exit(7)", 7),
        ("raise SystemExit(3)", 3),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)", -signal.SIGTERM),
    ],
)
def test_the_end_of_the_process_is_as_without_a_tracker(end: str, status: int) -> None:
    program = f"""
        import os, signal, sys, time
        from microjoule import EmissionsTracker
        tracker = EmissionsTracker(log_level="error")
        tracker.start()
        {end}
    """
    done = run(program)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    # Whoever ends in order leaves a row, though nobody stopped the tracker.
    assert Path("emissions.csv").exists() == (status >= 0)


def test_service_shutdown() -> None:
    program = """
        import os, signal
        from microjoule import EmissionsTracker
        tracker = EmissionsTracker(log_level="error")
        signal.signal(signal.SIGTERM, tracker.service_shutdown)
        tracker.start()
        os.kill(os.getpid(), signal.SIGTERM)
        print(tracker.final_emissions)
    """
    done = run(program)
    assert done.returncode == 0
    assert float(done.stdout) >= 0


def test_nothing_is_said_at_error_level() -> None:
    program = """
        from microjoule import EmissionsTracker
        with EmissionsTracker(log_level="error"):
            pass
    """
    done = run(program)
    assert (done.stdout, done.stderr) == ("", "")


def test_it_cannot_be_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(EmissionsTracker())


def test_an_unwritable_folder_costs_the_row_and_not_the_number(said: list[str]) -> None:
    os.mkdir("gone")
    tracker = EmissionsTracker(output_dir="gone")
    tracker.start()
    os.rmdir("gone")
    assert tracker.stop() is not None
    assert any(line.startswith("WARNING FileOutput.out() failed") for line in said)


def test_a_csv_that_is_a_folder_is_told_in_a_sentence() -> None:
    """Without rights, or the file a folder: what the system says, and no traceback."""
    done = run("""
        import os
        from microjoule import EmissionsTracker
        os.mkdir("emissions.csv")
        with EmissionsTracker(log_level="warning"):
            pass
    """)
    assert "FileOutput.out() failed: ./emissions.csv: Is a directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_hardware_is_told_by_its_names() -> None:
    hardware = EmissionsTracker().get_detected_hardware()
    assert set(hardware) == {
        "ram_total_size",
        "cpu_count",
        "cpu_physical_count",
        "cpu_model",
        "gpu_count",
        "gpu_model",
        "gpu_ids",
    }
    assert hardware["cpu_count"] == os.cpu_count()
    assert hardware["gpu_count"] == 0
