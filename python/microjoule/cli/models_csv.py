"""A CSV file of models: a row each, columns by name, cells that may carry an uncertainty."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from microjoule.cli import nearest

if TYPE_CHECKING:
    from microjoule.metrics import Value

_MOST_BYTES: Final = 16 << 20
_NAMES: Final = ("model", "name", "id")
# A column's unit is the end of its name.
_JOULES: Final = {"_kwh": 3.6e6, "_wh": 3600.0, "_mj": 1e-3, "_kj": 1e3, "_j": 1.0}


class Models(NamedTuple):
    """The file: the models in its order, and its columns.

    Attributes:
        path: where it is.
        columns: the names of the columns.
        rows: cells by column, by model.
    """

    path: str
    columns: tuple[str, ...]
    rows: dict[str, dict[str, str]]

    def value(self, model: str, column: str) -> Value:
        """A cell, with its uncertainty from itself or from the column `…_uncertainty`.

        Raises:
            ValueError: There is no such column, or no number in it.
        """
        from microjoule.metrics import Value, value_of

        if column not in self.columns:
            raise ValueError(f"{self.path} has no column {column!r}: {_near(column, self.columns)}")
        row = self.rows[model]
        if not row[column].strip():
            raise ValueError(f"{self.path}: {model} has no {column}: fill the cell")
        found = value_of(row[column], f"{column} of {model}")
        spread = row.get(f"{column}_uncertainty", "").strip()
        if not spread:
            return found
        told = value_of(spread, f"{column}_uncertainty of {model}")
        return Value(found.value, told.value)

    def joules(self, model: str, column: str) -> Value:
        """A cell of energy, in joules; `_kwh`, `_wh`, `_kj` and `_mj` say another unit."""
        from microjoule.metrics import Value

        value = self.value(model, column)
        factor = next((f for end, f in _JOULES.items() if column.casefold().endswith(end)), 1.0)
        return Value(value.value * factor, value.uncertainty * factor, "J")


def read(path: str, name: str | None) -> Models:
    """Reads the file.

    Args:
        path: The file; `-` is standard input.
        name: The column with the models' names; None: model, name or id, else the first.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.
    """
    if path == "-":
        raw = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        with open(path, "rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: pass a table of models")
    try:
        # A spreadsheet puts a mark before the first name.
        table = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV file in UTF-8: {error}") from None
    lines = [line for line in table if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise ValueError(f"{path} has no model: pass a line of column names and a line for each")
    columns = tuple(cell.strip() for cell in lines[0])
    if len(set(columns)) < len(columns):
        twice = next(c for c in columns if columns.count(c) > 1)
        raise ValueError(f"{path} has two columns called {twice!r}: rename one")
    by = name if name is not None else next((n for n in _NAMES if n in columns), columns[0])
    if by not in columns:
        raise ValueError(f"{path} has no column {by!r}: {_near(by, columns)}")
    rows: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(columns):
            raise ValueError(
                f"{path}: line {number} has {len(line)} cells, the line of names {len(columns)}"
            )
        row = dict(zip(columns, line, strict=True))
        model = row[by].strip()
        if model in rows:
            raise ValueError(f"{path} has two models called {model!r}: rename one")
        rows[model] = row
    return Models(path, columns, rows)


def _near(column: str, columns: tuple[str, ...]) -> str:
    return nearest(column, columns) or f"it has {', '.join(columns)}"
