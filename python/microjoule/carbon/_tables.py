"""Reads the shipped tables: small CSV files beside this module, scanned, never held as objects.

The csv module is left alone on purpose: it pulls ``re`` and costs more than the look-up itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

_DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

_sources: dict[str, tuple[str, str, str, str]] = {}


def text(name: str) -> str:
    """Return a table as text, header line included."""
    try:
        with open(os.path.join(_DATA, name), encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        raise ValueError(
            f"the table {name} is missing from {_DATA}: install microjoule again, "
            "or pass the intensity in g/kWh"
        ) from None


def split(line: str) -> list[str]:
    """Split one CSV line; quoted cells may hold commas and doubled quotes, never a line feed."""
    if '"' not in line:
        return line.split(",")
    cells: list[str] = []
    rest = line
    while True:
        if rest.startswith('"'):
            end = 1
            while (end := rest.index('"', end)) + 1 < len(rest) and rest[end + 1] == '"':
                end += 2
            cells.append(rest[1:end].replace('""', '"'))
            rest = rest[end + 1 :]
            if not rest:
                return cells
            rest = rest[1:]
        else:
            cell, comma, rest = rest.partition(",")
            cells.append(cell)
            if not comma:
                return cells


def rows(table: str) -> Iterator[list[str]]:
    """Yield the rows of a table given as text, without the header."""
    lines = iter(table.split("\n"))
    next(lines, None)
    for line in lines:
        if line:
            yield split(line)


def records(name: str) -> list[dict[str, str]]:
    """Return the rows of a shipped table by column, each with its source's title and licence.

    Cells are text as they stand in the file: an empty one is unknown, and a year may be
    ``"undated"``.

    Args:
        name: such as ``"pue.csv"``.
    """
    whole = text(name)
    header = split(whole[: whole.index("\n")])
    found = [dict(zip(header, row, strict=True)) for row in rows(whole)]
    for record in found:
        title, publisher, _, licence = source(record["source"])
        record["source_title"] = f"{title}, {publisher}"
        record["licence"] = licence
    return found


def find(table: str, key: str) -> list[str] | None:
    """Return the first row whose first cell is ``key``, without looking at the others."""
    at = table.find(f"\n{key},")
    if at < 0:
        return None
    end = table.find("\n", at + 1)
    return split(table[at + 1 : end if end >= 0 else None])


def find_all(table: str, key: str) -> list[list[str]]:
    """Return the rows whose first cell is ``key``; they stand together, the best one first."""
    found = []
    at = table.find(f"\n{key},")
    while at >= 0 and table.startswith(f"{key},", at + 1):
        end = table.find("\n", at + 1)
        found.append(split(table[at + 1 : end if end >= 0 else None]))
        at = end
    return found


def source(key: str) -> tuple[str, str, str, str]:
    """Return title, publisher, year and licence of a source key."""
    if not _sources:
        for row in rows(text("sources.csv")):
            _sources[row[0]] = (row[1], row[2], row[3], row[4])
    return _sources[key]


def edition() -> str:
    """Return the date on which the tables were compiled (ISO 8601)."""
    return text("edition.txt").strip()
