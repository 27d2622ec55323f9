"""Reads slots from a CSV file, and refuses in a sentence what could be read in two ways.

A row is labelled by the start of its slot. A time without an offset is UTC. Without a column for
the end every slot, the last one included, is as long as the shortest step between two rows, and a
longer step is a gap; so is a row without a value.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from microjoule.carbon._slots import NS

_STARTS = ("start", "from", "datetime", "timestamp", "time", "date", "point_time", "start_time")
_ENDS = ("end", "to", "until", "end_time")
# Daylight saving moves the offset by an hour at most; two places in one file do so by more.
_DAYLIGHT_SAVING = timedelta(hours=1)

Row = tuple[str, int, int, float]


class _Cells(NamedTuple):
    line: int
    start: str
    end: str
    value: str


def read(path: str, names: tuple[str, ...], unit: str, *, negative: bool = False) -> list[Row]:
    """Return the slots of a CSV file: place, start and end in ns since the epoch, value.

    Args:
        path: the file: UTF-8, comma-separated, with a header or with the columns start, value or
            start, end, value.
        names: what a column of values may be called, in lower case, or how its name may begin.
        unit: of the values, for the sentences.
        negative: whether a value may be below 0.

    Raises:
        ValueError: the file cannot be read, or something in it has no one meaning.
    """
    try:
        # newline="" as the csv module asks; a byte order mark is no part of a header.
        with open(path, encoding="utf-8-sig", newline="") as file:
            cells = list(_cells(path, csv.reader(file), names))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(
            f"{path} is no CSV file in UTF-8: pass one with the columns {_columns(names)}"
        ) from None
    if not cells:
        raise ValueError(f"{path} has no rows: pass a CSV file with the columns {_columns(names)}")
    starts = _times(path, [(row.line, row.start) for row in cells])
    if cells[0].end:
        ends = _times(path, [(row.line, row.end) for row in cells])
    else:
        ends = _ends(path, [row.line for row in cells], starts)
    return [
        (f"line {row.line}", start, end, value)
        for row, start, end in zip(cells, starts, ends, strict=True)
        if (value := _value(path, row, unit, negative)) is not None
    ]


def _columns(names: tuple[str, ...]) -> str:
    return f"start, end (may be left out) and {names[0]}"


def _cells(path: str, rows: Iterable[list[str]], names: tuple[str, ...]) -> Iterator[_Cells]:
    start, end, value, width = -1, -1, -1, 0
    for line, row in enumerate(rows, 1):
        if not any(cell.strip() for cell in row):
            continue
        if not width:
            width = len(row)
            if _is_time(row[0]) and width in (2, 3):
                start, end, value = 0, (1 if width == 3 else -1), width - 1
            else:
                start, end, value = _header(path, row, names)
                continue
        if len(row) != width:
            raise ValueError(f"{path}, line {line}: {len(row)} cells instead of {width}")
        if end >= 0 and not row[end].strip():
            raise ValueError(f"{path}, line {line}: no end; fill the column, or leave it out")
        yield _Cells(line, row[start], row[end] if end >= 0 else "", row[value])


def _header(path: str, header: list[str], names: tuple[str, ...]) -> tuple[int, int, int]:
    found = [cell.strip().casefold() for cell in header]
    starts = [i for i, name in enumerate(found) if name.split(" (")[0] in _STARTS]
    ends = [i for i, name in enumerate(found) if name.split(" (")[0] in _ENDS]
    values = [i for i, name in enumerate(found) if name.startswith(names)]
    if len(starts) != 1 or len(values) != 1 or len(ends) > 1:
        raise ValueError(
            f"{path}: the columns are {', '.join(cell.strip() for cell in header)[:200]}; pass one "
            f"each of {_columns(names)}"
        )
    return starts[0], ends[0] if ends else -1, values[0]


def _is_time(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell.strip())
    except ValueError:
        return False
    return True


def _times(path: str, cells: list[tuple[int, str]]) -> list[int]:
    """Return instants in ns; times with and without an offset, or of two places, are refused."""
    times = []
    offsets: dict[timedelta | None, int] = {}
    for line, cell in cells:
        try:
            time = datetime.fromisoformat(cell.strip())
        except ValueError:
            raise ValueError(
                f"{path}, line {line}: {cell.strip()!r} is no time; write ISO 8601 in UTC or with "
                "an offset, such as 2026-01-01T00:00Z or 2026-01-01T01:00+01:00"
            ) from None
        offset = time.utcoffset()
        offsets.setdefault(offset, line)
        if None in offsets and len(offsets) > 1:
            raise ValueError(
                f"{path}, line {line}: times with and without an offset; give all of them one "
                "(without one a time is UTC)"
            )
        known = [o for o in offsets if o is not None]
        if known and max(known) - min(known) > _DAYLIGHT_SAVING:
            raise ValueError(
                f"{path}, line {line}: another time zone than in line {min(offsets.values())}; "
                "give all times in UTC, or in one zone with its offset"
            )
        if offset is None:
            time = time.replace(tzinfo=UTC)
        since = time - datetime(1970, 1, 1, tzinfo=UTC)
        times.append(
            (since.days * 86_400 + since.seconds) * NS + since.microseconds * 1000  # exact
        )
    return times


def _ends(path: str, lines: list[int], starts: list[int]) -> list[int]:
    """Return the ends of slots of one length, which the starts tell."""
    steps = [b - a for a, b in itertools.pairwise(starts) if b > a]
    if not steps:
        if len(starts) > 1:
            return [start + 1 for start in starts]  # out of order: refused with its line later
        raise ValueError(f"{path}: one row does not tell how long its slot is; add a column end")
    length = min(steps)
    for line, (before, start) in zip(lines[1:], itertools.pairwise(starts), strict=True):
        if (start - before) % length:
            raise ValueError(
                f"{path}, line {line}: slots of different length ({_length(start - before)} after "
                f"steps of {_length(length)}); add a column end"
            )
    return [start + length for start in starts]


def _length(ns: int) -> str:
    return str(timedelta(microseconds=ns // 1000))


def _value(path: str, row: _Cells, unit: str, negative: bool) -> float | None:
    cell = row.value.strip()
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{path}, line {row.line}: {cell!r} is no number; pass {unit}, or leave the cell empty "
            "where there is none"
        )
    if value < 0 and not negative:
        raise ValueError(f"{path}, line {row.line}: {cell} is below 0; pass {unit}, 0 or more")
    return value
