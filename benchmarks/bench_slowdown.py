"""By how much a CPU-bound program slows down while it is measured.

The program is bound to one core, together with the sampler that measures it, so that what the
sampler takes is taken from the program and cannot hide on another core. Its loop makes no objects:
one that does runs up to a tenth faster or slower with whatever modules have been imported before,
microjoule or any other, because they change where its objects lie.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from kit.figures import Book
from kit.files import counting, four_files
from kit.statistics import median_interval

PAIRS = (40, 300)  # at least, at most
WIDTH = 0.008  # of the interval: enough
PROGRAM = """
import sys, time
from itertools import repeat

def work():
    x = 0
    for _ in repeat(None, 30_000_000):
        x = (x + 7) & 127
    return x

if sys.argv[1] == "measured":
    import microjoule as uj
    with uj.measure("work"):
        start = time.perf_counter()
        work()
        stop = time.perf_counter()
else:
    start = time.perf_counter()
    work()
    stop = time.perf_counter()
print(stop - start)
"""


def _settle() -> None:
    """One core for the program and the sampler; ahead of other programs where that is allowed."""
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    with contextlib.suppress(PermissionError):
        os.nice(-15)


def seconds(command: list[str], environ: dict[str, str]) -> float:
    """The time that the program took for its work, by its own clock."""
    result = subprocess.run(
        command,
        env={**os.environ, **environ},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=_settle,
    )
    return float(result.stdout)


@pytest.mark.parametrize("how", ["uj.measure", "uj run", "uj.measure, fixed at 1 kHz"])
def test_slowdown(how: str, book: Book, share: float, tmp_path: Path) -> None:
    """Pairs in random order, until the interval is narrow."""
    least, most = (max(6, round(pairs * share)) for pairs in PAIRS)
    bare = [sys.executable, "-c", PROGRAM, "bare"]
    if how == "uj run":
        command = [sys.executable, "-m", "microjoule", "run", "--", *bare]
    else:
        command = [sys.executable, "-c", PROGRAM, "measured"]
    draw = random.Random(1)
    ratios: list[float] = []
    with four_files() as tree, counting(tree, tmp_path):
        environ = dict(tree.environ)
        if "fixed" in how:
            environ["MICROJOULE_PACE"] = "fixed"
        while len(ratios) < least or (
            len(ratios) < most and (interval := median_interval(ratios)).high - interval.low > WIDTH
        ):
            if draw.random() < 0.5:
                plain, measured = seconds(bare, {}), seconds(command, environ)
            else:
                measured, plain = seconds(command, environ), seconds(bare, {})
            ratios.append(measured / plain)
    ratio = median_interval(ratios)
    barred = "fixed" not in how
    book.add(
        f"slow-down by {how}: median of {len(ratios)} paired ratios",
        str(ratio),
        "upper end of the 95 % interval ≤ 1.01" if barred else "",
        ratio.high <= 1.01 if barred else None,
    )
