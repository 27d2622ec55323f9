"""`emissions.csv` under everything that may happen to a file."""

from __future__ import annotations

import csv
import errno
import multiprocessing
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.outputs import file as files
from microjoule.tracker.outputs.file import FileOutput

COLUMNS = list(EmissionsData.__dataclass_fields__)


def a_row(run: str = "r", **changes: Any) -> EmissionsData:
    return EmissionsData(**{**dict.fromkeys(COLUMNS, 1.5), "run_id": run, **changes})


def write(run: str = "r", how: str = "append", **changes: Any) -> None:
    row = a_row(run, **changes)
    FileOutput("emissions.csv", ".", how).out(row, row)


def read() -> list[dict[str, str]]:
    with open("emissions.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_new_and_empty_files_get_a_header() -> None:
    for content in (None, "", "\n", "  \n"):
        Path("emissions.csv").unlink(missing_ok=True)
        if content is not None:
            Path("emissions.csv").write_text(content)
        write("a")
        write("b")
        assert [row["run_id"] for row in read()] == ["a", "b"]


def test_rows_follow_the_order_of_the_file() -> None:
    Path("emissions.csv").write_text(",".join(reversed(COLUMNS)) + "\n")
    write("a", wue=7.0)
    assert read()[0]["wue"] == "7.0"
    assert Path("emissions.csv").read_text().startswith("wue,pue")


def test_other_columns_are_kept_aside_under_free_names() -> None:
    for n, name in enumerate(("emissions.csv.bak", "emissions.csv_0.bak", "emissions.csv_1.bak")):
        Path("emissions.csv").write_text(f"a,b\n{n},2\n")
        write("x")
        assert Path(name).read_text() == f"a,b\n{n},2\n"
        assert [row["run_id"] for row in read()] == ["x"]


def test_a_missing_line_end_is_mended() -> None:
    write("a")
    path = Path("emissions.csv")
    path.write_text(path.read_text().removesuffix("\n"))
    write("b")
    assert [row["run_id"] for row in read()] == ["a", "b"]


def test_windows_line_ends_survive() -> None:
    write("a")
    path = Path("emissions.csv")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    write("b")
    assert [row["run_id"] for row in read()] == ["a", "b"]


def test_a_cut_line_goes_and_whole_ones_stay(said: list[str]) -> None:
    write("a")
    write("b")
    path = Path("emissions.csv")
    whole = path.read_bytes()
    for cut in (40, 100, 150):
        path.write_bytes(whole[:-cut])
        write("c")
        assert [row["run_id"] for row in read()] == ["a", "c"]
    assert any("left unfinished was taken out" in line for line in said)


def test_what_needs_quotes_is_quoted() -> None:
    write("a", project_name='one, "two"', cpu_model="x\ny")
    write("b")
    first, second = read()
    assert first["project_name"] == 'one, "two"'
    assert first["cpu_model"] == "x\ny"
    assert second["run_id"] == "b"


def test_update_keeps_others_and_one_of_its_own() -> None:
    for run in ("a", "b", "b"):
        write(run)
    write("b", how="update", pue=3.0)
    write("c", how="update")
    assert [row["run_id"] for row in read()] == ["a", "b", "c"]
    assert read()[1]["pue"] == "3.0"


def test_update_leaves_the_old_file_where_it_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a")
    before = Path("emissions.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="full"):
        write("b", how="update")
    assert Path("emissions.csv").read_bytes() == before
    assert os.listdir(".") == ["emissions.csv"]


def test_a_full_disk_leaves_no_part_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a")
    before = Path("emissions.csv").read_bytes()
    real = os.write
    monkeypatch.setattr(files.os, "write", lambda file, data: real(file, data[:10]))
    with pytest.raises(OSError, match="is the disk full"):
        write("b")
    assert Path("emissions.csv").read_bytes() == before


def test_a_full_disk_for_real() -> None:
    """The kernel's own full device, as far as a character device can stand in for a file."""
    with pytest.raises(OSError, match=r"(?i)space|seek|inappropriate|invalid"):
        FileOutput("/dev/full", ".").out(a_row(), a_row())


def test_an_absolute_path_wins(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.csv"
    FileOutput(path, ".").out(a_row(), a_row())
    assert path.exists()


@pytest.mark.parametrize("how", ["append", "update"])
def test_eight_threads_on_a_fresh_file(how: str) -> None:
    start = threading.Barrier(8)

    def work(n: int) -> None:
        start.wait()
        write(str(n), how)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row["run_id"] for row in read()) == [str(n) for n in range(8)]
    assert Path("emissions.csv").read_text().count("timestamp") == 1


def append_many(name: str, count: int) -> None:
    for n in range(count):
        write(f"{name}-{n}")


def whole_rows() -> list[str]:
    """The runs of the file; each line must be a whole row."""
    with open("emissions.csv", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == COLUMNS
    assert all(len(line) == len(COLUMNS) for line in lines)
    return [line[COLUMNS.index("run_id")] for line in lines[1:]]


def eight_processes_of_which_one_is_killed(count: int, after_s: float) -> int:
    """Returns how many rows the killed one had written."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=append_many, args=(str(n), count)) for n in range(8)]
    for worker in workers:
        worker.start()
    time.sleep(after_s)
    workers[0].kill()
    for worker in workers:
        worker.join(120)
    write("last")
    found = whole_rows()
    assert len(found) == len(set(found))
    assert set(found) >= {f"{w}-{n}" for w in range(1, 8) for n in range(count)} | {"last"}
    killed = [run for run in found if run.startswith("0-")]
    assert killed == [f"0-{n}" for n in range(len(killed))]
    Path("emissions.csv").unlink()
    return len(killed)


def test_eight_processes_append_and_one_is_killed() -> None:
    assert eight_processes_of_which_one_is_killed(100, 0.02) <= 100


@pytest.mark.slow
def test_eight_processes_of_a_thousand_rows_and_one_killed_at_random_fifty_times() -> None:
    dice = random.Random(7)
    written = [
        eight_processes_of_which_one_is_killed(1000, dice.uniform(0, 0.8)) for _ in range(50)
    ]
    # Else nobody was killed in the middle.
    assert any(0 < count < 1000 for count in written)
