"""The tables of Cloud Carbon Footprint's figures that lie beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from microjoule.estimate import _tables

_DATA: Final = Path(__file__).parent / "data"


def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table by column; an empty cell is unknown."""
    return _tables.rows(name, _DATA)


def source(key: str) -> str:
    """Title and year of a source."""
    row = next(row for row in rows("sources.csv") if row["key"] == key)
    return f"{row['title']} ({row['year']})"
