"""Reads the tables that estimates rest on: small CSV files beside this module."""

from __future__ import annotations

import csv
import functools
from pathlib import Path

_DATA = Path(__file__).parent / "data"


@functools.cache
def rows(name: str, folder: Path = _DATA) -> tuple[dict[str, str], ...]:
    """Return the rows of a table by column; an empty cell is unknown.

    Raises:
        ValueError: the table is missing from the installation.
    """
    try:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            return tuple(csv.DictReader(file))
    except FileNotFoundError:
        raise ValueError(
            f"the table {name} is missing from {folder}: install microjoule again"
        ) from None


@functools.cache
def source(key: str) -> str:
    """Return title, publisher and year of a source in words."""
    row = next(row for row in rows("sources.csv") if row["key"] == key)
    return ", ".join(part for part in (row["title"], row["publisher"], row["year"]) if part)
