"""Figures beside their bars, as one table."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Figure:
    """One row: what was measured, what it may be, what it is."""

    what: str
    bar: str
    figure: str
    holds: bool | None  # None: no bar, told for comparison
    load: float  # load average of the last minute when it was taken

    @property
    def verdict(self) -> str:
        return {True: "yes", False: "**no**", None: ""}[self.holds]


@dataclass
class Book:
    """All figures of a run."""

    figures: list[Figure] = field(default_factory=list)
    file: Path | None = None  # kept up to date, so that a run that is broken off loses nothing

    def add(self, what: str, figure: str, bar: str = "", holds: bool | None = None) -> None:
        """Puts a figure down, and prints it."""
        row = Figure(what, bar, figure, holds, os.getloadavg()[0])
        self.figures.append(row)
        if self.file is not None:
            self.file.write_text(f"{self}\n")
        print(f"{row.what}: {row.figure} (bar: {row.bar or 'none'}) {row.verdict}")

    def at_most(self, what: str, value: float, bar: float, unit: str, note: str = "") -> None:
        """Puts down a figure that must not exceed its bar."""
        figure = f"{value:.3g} {unit}".strip() + (f" ({note})" if note else "")
        self.add(what, figure, f"≤ {bar:g} {unit}".strip(), value <= bar)

    def __str__(self) -> str:
        rows = [("what", "bar", "figure", "holds", "load")]
        rows += [(f.what, f.bar, f.figure, f.verdict, f"{f.load:.1f}") for f in self.figures]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
            for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
        return "\n".join(lines)


book_key = pytest.StashKey[Book]()
