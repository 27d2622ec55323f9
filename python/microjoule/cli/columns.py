"""Text in columns: tables, and names with their values below each other."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

_WIDTH: Final = 100


def aligned(table: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """The rows of a table as lines, each column as wide as its widest cell."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def told(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and values as lines, the values below each other."""
    width = max(len(name) for name, _ in rows)
    return [line for name, value in rows for line in labelled(name, value, width)]


def labelled(name: str, value: str, width: int) -> list[str]:
    """A line with its name before it; what is long goes on below the value."""
    return textwrap.wrap(
        value,
        _WIDTH,
        initial_indent=f"  {name:<{width}}  ",
        subsequent_indent=" " * (width + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )
