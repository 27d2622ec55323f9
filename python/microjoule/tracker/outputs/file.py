"""`emissions.csv`: rows that are whole, in one file, from as many processes as there are.

A row is one write to a file opened for appending, under a lock on the file itself. Whoever is
killed in the middle of the write leaves at most a cut last line; the next writer takes that away.
"""

from __future__ import annotations

import fcntl
import io
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from microjoule.tracker.data import EmissionsData, TaskEmissionsData
from microjoule.tracker.log import logger
from microjoule.tracker.outputs.base import BaseOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["FileOutput", "append", "replace", "update"]

# A cut line is looked for in the last part of the file; a row of ours is a tenth of it.
_TAIL = 65536
_HEAD = 8192


class FileOutput(BaseOutput):
    """Writes a row a run (or a flush) into a CSV file, and a file of its own for tasks.

    Args:
        output_file_name: name of the file; an absolute path wins over the folder.
        output_dir: folder, which must exist.
        on_csv_write: ``"append"`` adds a row each time; ``"update"`` keeps one row a run.

    Raises:
        ValueError: another word than these two.
        OSError: the folder does not exist.
    """

    def __init__(
        self,
        output_file_name: str | os.PathLike[str],
        output_dir: str | os.PathLike[str],
        on_csv_write: str = "append",
    ) -> None:
        if on_csv_write not in ("append", "update"):
            raise ValueError(
                f"Unknown `on_csv_write` value: {on_csv_write} (should be one of 'append' or "
                "'update')"
            )
        if not os.path.isdir(output_dir):
            raise OSError(f"Folder '{output_dir}' doesn't exist !")
        self.output_file_name = output_file_name
        self.output_dir = output_dir
        self.on_csv_write = on_csv_write
        self.save_file_path = os.path.join(output_dir, output_file_name)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("Emissions go to %s", os.path.abspath(self.save_file_path))

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Adds the row, or puts it in the place of this run's older one."""
        row = dict(total.values)
        if self.on_csv_write == "append":
            append(self.save_file_path, row)
        else:
            update(self.save_file_path, row, "run_id")

    def task_out(self, data: list[TaskEmissionsData], experiment_name: str) -> None:
        """Writes the file of tasks anew: a row a task, always with all columns."""
        if not data:
            return
        name = f"emissions_{experiment_name}_{data[0].run_id}.csv"
        path = os.path.join(self.output_dir, name)
        rows = [dict(task.values) for task in data]
        replace(path, _lines(list(rows[0]), rows, header=True))


# -- files of rows ----------------------------------------------------------------------------


def append(path: str, row: Mapping[str, Any]) -> None:
    """Adds one row to a file of the same columns; a file of other columns is kept aside."""
    with _locked(path, list(row)) as (file, columns):
        size = os.fstat(file).st_size
        _write_whole(file, _lines(columns, [row], header=size == 0), size)


def update(path: str, row: Mapping[str, Any], key: str) -> None:
    """Puts a row in the place of all rows with its key, at the end of the file, at one stroke."""
    with _locked(path, list(row)) as (file, columns):
        import csv

        with open(path, encoding="utf-8", newline="") as old:
            kept = [r for r in csv.DictReader(old) if r.get(key) != str(row[key])]
        replace(path, _lines(columns, [*kept, row], header=True))
        del file


@contextmanager
def _locked(path: str, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The file, ours alone and without a cut last line, and the order of its columns."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(path, file):
                continue  # somebody replaced it while we waited
            found = _header(file)
            if found is None:
                yield file, columns
                return
            if set(found) != set(columns):
                _keep_aside(path)
                continue
            _mend_end(file, len(found))
            yield file, found
            return
        finally:
            os.close(file)  # gives the lock back


def _is_still(path: str, file: int) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(file)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _header(file: int) -> list[str] | None:
    """The columns of the file, None if it is empty."""
    start = os.pread(file, _HEAD, 0)
    first = start.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").strip()
    if not first:
        if start.strip():
            return []  # a blank first line: no file of ours
        os.ftruncate(file, 0)
        return None
    if b"\n" not in start and os.fstat(file).st_size < 8:
        os.ftruncate(file, 0)
        return None
    return _cells(first)


def _cells(line: bytes) -> list[str]:
    import csv

    return next(csv.reader([line.decode("utf-8", "replace")]), [])


def _mend_end(file: int, columns: int) -> None:
    """Sees to it that the file ends with a line end: a cut line goes, a whole one is ended."""
    size = os.fstat(file).st_size
    if os.pread(file, 1, size - 1) == b"\n":
        return
    start = max(0, size - _TAIL)
    tail = os.pread(file, _TAIL, start)
    last = tail[tail.rfind(b"\n") + 1 :]
    if len(_cells(last)) == columns:
        os.write(file, b"\n")
        return
    logger.warning("A line that a killed program left unfinished was taken out of the CSV file")
    os.ftruncate(file, size - len(last))


def _keep_aside(path: str) -> None:
    """Renames a file of other columns to a name that is free."""
    spare, number = f"{path}.bak", 0
    while os.path.exists(spare):
        spare, number = f"{path}_{number}.bak", number + 1
    os.rename(path, spare)
    logger.warning(
        "The columns of %s are others than those of this version: it was renamed to %s, and a new "
        "file is begun",
        path,
        spare,
    )


def _lines(columns: list[str], rows: Iterable[Mapping[str, Any]], *, header: bool) -> bytes:
    import csv  # late: a tracker starts without

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(columns)
    writer.writerows([row.get(column) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8")


def _write_whole(file: int, content: bytes, size: int) -> None:
    """Writes all of it or nothing."""
    try:
        if os.write(file, content) == len(content):
            return
    except OSError:
        os.ftruncate(file, size)
        raise
    os.ftruncate(file, size)
    raise OSError(f"only a part of {len(content)} bytes could be written: is the disk full?")


def replace(path: str, content: bytes) -> None:
    """Puts a file in the place of another: whoever looks sees the old one or the new one."""
    import tempfile  # late: a row that is added needs none

    folder = os.path.dirname(path) or "."
    file, name = tempfile.mkstemp(prefix=".emissions-", dir=folder)
    try:
        with open(file, "wb") as new:
            new.write(content)
            new.flush()
            mode = os.stat(path).st_mode if os.path.exists(path) else 0o666 & ~_umask()
            os.fchmod(new.fileno(), mode & 0o777)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    # Linux tells the mask without the need to set it.
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022
