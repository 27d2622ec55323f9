"""What each part of a counter's timeline is worth, in virtual time: no load of the machine matters.

``cpp/tests/bench_ablation.cpp`` runs the product's own meter over simulated counters, once as it is
and once without the update grid, beside what simpler ways of reading the same counters give.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
from kit.figures import Book
from kit.native import REPOSITORY, compiled

WINDOWS = 3000
SIMPLE = ("end reads", "last sample", "linear", "change points", "updates known")
PACES = ("fixed", "fixed, 1/32 slower", "fixed, 1/8 slower", "events")
# As in cpp/tests/test_accuracy.cpp: reads that never sleep have seen the update before an event,
# which a burst infers; where power is steady that is worth a few hundredths of an update.
ALLOWANCE = 1.05
ASLEEP = 0.03


class Cell(NamedTuple):
    """Windows of one length over one counter and load."""

    period_us: int
    jitter_us: int
    length_ms: int
    load: str

    @property
    def row(self) -> str:
        updates = f"{self.period_us / 1000:g} ms ± {self.jitter_us} µs"
        return f"{updates}, {self.length_ms} ms"


class Told(NamedTuple):
    """What a method came to: mean absolute error in per cent, and how well it knew."""

    error: float
    covered: float | None = None
    sharpness: float | None = None


Table = dict[Cell, dict[str, Told]]


def run(program: Path, windows: int) -> Table:
    out = subprocess.run([program, str(windows)], check=True, capture_output=True, text=True)
    table: Table = defaultdict(dict)
    for line in out.stdout.splitlines():
        period, jitter, length, load, method, *figures = line.split("\t")
        cell = Cell(int(period), int(jitter), int(length), load)
        table[cell][method] = Told(*map(float, figures))
    return dict(table)


def mean(cells: list[dict[str, Told]], method: str) -> float:
    return sum(told[method].error for told in cells) / len(cells)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, share: float) -> tuple[Table, Table]:
    """With the grid, and without it."""
    folder = tmp_path_factory.mktemp("ablation")
    cpp = REPOSITORY / "cpp"
    options = ("-std=c++17", "-O2", "-DNDEBUG", "-pthread", f"-I{cpp / 'include'}", "-ldl")
    core = [*sorted((cpp / "core").glob("*.cpp")), *sorted((cpp / "recording").glob("*.cpp"))]
    main = cpp / "tests" / "bench_ablation.cpp"
    without = [path for path in core if path.name != "grid.cpp"]
    windows = max(100, round(WINDOWS * share))
    with_grid = compiled(folder, "with_grid", [main, *core], *options)
    no_grid = compiled(folder, "no_grid", [main, cpp / "tests" / "no_grid.cpp", *without], *options)
    return run(with_grid, windows), run(no_grid, windows)


def no_worse(cell: Cell, told: dict[str, Told]) -> bool:
    """Whether bursts at events are no worse than end reads or change points."""
    events = told["events"].error
    asleep = 100 * ASLEEP * cell.period_us / 1000 / cell.length_ms
    steady = told["change points"].error
    return events <= told["end reads"].error and events <= ALLOWANCE * steady + asleep


def test_ablation(tables: tuple[Table, Table], book: Book) -> None:
    """Means over the loads for each counter and length; the bar is for each load."""
    whole, without = tables
    for row in dict.fromkeys(cell.row for cell in whole):
        cells = [cell for cell in whole if cell.row == row]
        told = [whole[cell] for cell in cells]
        bare = [without[cell] for cell in cells]
        for method in SIMPLE:
            book.add(f"{row}: {method}", f"{mean(told, method):.3g} %")
        for pace in PACES:
            held = all(no_worse(cell, whole[cell]) for cell in cells)
            book.add(
                f"{row}: {pace}, without the grid; with it",
                f"{mean(bare, pace):.3g}; {mean(told, pace):.3g} %",
                "each load ≤ end reads, change points" if pace == "events" else "",
                held if pace == "events" else None,
            )


def test_uncertainty(tables: tuple[Table, Table], book: Book) -> None:
    for row in dict.fromkeys(cell.row for cell in tables[0]):
        for name, table in zip(("with", "without"), tables, strict=True):
            by_load = [told["events"] for cell, told in table.items() if cell.row == row]
            covered = sorted(told.covered or 0 for told in by_load)
            sharpness = sorted(told.sharpness or 0 for told in by_load)
            book.add(
                f"{row}, events {name} the grid: k=2 covers; mean u / RMS error",
                f"{covered[0]:.1%} to {covered[-1]:.1%}; {sharpness[0]:.2g} to {sharpness[-1]:.2g}",
                "≥ 95 %; ≤ 2 for each load",
                covered[0] >= 0.95 and sharpness[-1] <= 2,
            )
