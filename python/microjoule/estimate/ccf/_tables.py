"""Reads the tables of Cloud Carbon Footprint's figures that lie beside this module."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Final

_DATA: Final = Path(__file__).parent / "data"


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table by column; an empty cell is unknown.

    Raises:
        ValueError: The table is missing from the installation.
    """
    try:
        with (_DATA / name).open(encoding="utf-8", newline="") as file:
            return tuple(csv.DictReader(file))
    except FileNotFoundError:
        raise ValueError(
            f"the table {name} is missing from {_DATA}: install microjoule again"
        ) from None


def source(key: str) -> str:
    """Title and year of a source."""
    row = next(row for row in rows("sources.csv") if row["key"] == key)
    return f"{row['title']} ({row['year']})"
