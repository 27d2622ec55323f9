"""By how much a CPU-bound program slows down while it is measured.

The program is bound to one core, together with the sampler that it starts, so that what the sampler
takes is taken from the program and cannot hide on another core.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from kit.figures import Book
from kit.files import counting, four_files
from kit.statistics import median_interval

PAIRS = 120
PROGRAM = """
import os, sys, time
os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])

def work():
    total = 0
    for i in range(8_000_000):
        total += i * i & 7
    return total

start = time.perf_counter()
if sys.argv[1] == "measured":
    import microjoule as uj
    with uj.measure("work"):
        start = time.perf_counter()
        work()
        stop = time.perf_counter()
else:
    work()
    stop = time.perf_counter()
print(stop - start)
"""


def seconds(command: list[str], environ: dict[str, str]) -> float:
    """The time that the program took for its work, by its own clock."""
    result = subprocess.run(
        command,
        env={**os.environ, **environ},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return float(result.stdout)


@pytest.mark.parametrize("how", ["uj.measure", "uj run", "uj.measure, fixed at 1 kHz"])
def test_slowdown(how: str, book: Book, share: float, tmp_path: Path) -> None:
    pairs = max(6, round(PAIRS * share))
    bare = [sys.executable, "-c", PROGRAM, "bare"]
    if how == "uj run":
        command = [sys.executable, "-m", "microjoule", "run", "--", *bare]
    else:
        command = [sys.executable, "-c", PROGRAM, "measured"]
    draw = random.Random(1)
    ratios = []
    with four_files() as tree, counting(tree, tmp_path):
        environ = {**tree.environ}
        if "fixed" in how:
            environ["MICROJOULE_PACE"] = "fixed"
        for _ in range(pairs):
            if draw.random() < 0.5:
                plain, measured = seconds(bare, {}), seconds(command, environ)
            else:
                measured, plain = seconds(command, environ), seconds(bare, {})
            ratios.append(measured / plain)
    ratio = median_interval(ratios)
    barred = "fixed" not in how
    book.add(
        f"slow-down by {how}: median of {pairs} paired ratios, with 95 % interval",
        str(ratio),
        "upper end ≤ 1.01" if barred else "",
        ratio.high <= 1.01 if barred else None,
    )
