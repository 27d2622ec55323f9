"""What a marker costs: time, system calls, allocations."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from kit.figures import Book
from kit.files import counting, four_files
from kit.native import BENCHMARKS, REPOSITORY, compiled
from kit.pairs import INNER, pair_ns, spread
from pytest_benchmark.fixture import BenchmarkFixture

import microjoule as uj


@pytest.mark.parametrize("pace", ["events", "fixed"])
@pytest.mark.usefixtures("tree")
def test_begin_and_end(pace: str, benchmark: BenchmarkFixture, book: Book, share: float) -> None:
    with uj.Meter(pace=pace, period_s=0.001) as meter:
        begin, end = meter.begin, meter.end

        def pairs() -> None:
            for _ in range(INNER):
                end(begin())

        times = pair_ns(benchmark, pairs, share)
    book.at_most(
        f"begin+end from Python, {pace}: median",
        float(np.median(times)),
        600,
        "ns",
        spread(times),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("native")


def test_native_marker(folder: Path, book: Book) -> None:
    """``cpp/tests/bench_marker.cpp`` with the core, compiled as for a release."""
    cpp = REPOSITORY / "cpp"
    sources = [
        *sorted((cpp / "core").glob("*.cpp")),
        *sorted((cpp / "sources").glob("*.cpp")),
        cpp / "tests" / "bench_marker.cpp",
    ]
    options = ("-std=c++17", "-O3", "-DNDEBUG", "-fPIC", "-pthread", f"-I{cpp / 'include'}")
    program = compiled(folder, "bench_marker", sources, *options)
    runs = []
    for _ in range(9):
        result = subprocess.run([program], check=True, capture_output=True, text=True)
        runs.append([float(figure) for figure in re.findall(r"([\d.]+) ns", result.stdout)])
        time.sleep(0.2)
    clock, begin, end = np.median(np.array(runs), axis=0)
    lowest = np.min(np.array(runs), axis=0)[1]
    book.at_most(
        "native begin: median",
        float(begin),
        60,
        "ns",
        f"lowest of 9 runs {lowest:.3g}, clock read alone {clock:.3g}, end+release {end:.3g}",
    )


# -- counted in a child -----------------------------------------------------------------------

ROUNDS = 200
SYSCALLS = f"""
import os, sys, time
import microjoule as uj

pace, open_too, pause_s = sys.argv[1], sys.argv[2] == "open", float(sys.argv[3])
null = os.open(os.devnull, os.O_WRONLY)
meter = uj.Meter(pace=pace)
begin, end, write, sleep = meter.begin, meter.end, os.write, time.sleep
for _ in range(50):
    end(begin())
sleep(0.5)
if open_too:
    other = begin()
for i in range({ROUNDS} + 20):
    sleep(pause_s)
    if i == 20:
        write(null, b"<start>")
    write(null, b"<begin")
    token = begin()
    write(null, b"begin>")
    write(null, b"<end")
    result = end(token)
    write(null, b"end>")
meter.close()
"""


def system_calls(trace: str, pid: str) -> list[tuple[str, list[str]]]:
    """Between each pair of marks, what the main thread called."""
    spans: list[tuple[str, list[str]]] = []
    inside: list[str] | None = None
    for line in trace.partition("<start>")[2].splitlines():
        thread, _, call = line.partition(" ")
        if thread != pid or "resumed>" in call:
            continue
        mark = re.search(r'write\(\d+, "(<?)(begin|end)(>?)"', call)
        if mark and mark[1]:
            inside = []
            spans.append((mark[2], inside))
        elif mark:
            inside = None
        elif inside is not None:
            inside.append(call.strip().split("(")[0])
    return spans


# The sampler is awake: at a fixed pace always; at events while it lingers, or at its period
# because events come faster than every 5 ms.
STATES = {
    "awake (fixed pace)": ("fixed", "alone", 0.02),
    "awake (fixed pace, another window open)": ("fixed", "open", 0.02),
    "awake (events every 2 ms)": ("events", "alone", 0.002),
    "awake (events every 2 ms, another window open)": ("events", "open", 0.002),
    "asleep": ("events", "alone", 0.06),
}


@pytest.mark.parametrize("state", STATES)
def test_system_calls(
    state: str, book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    pace, others, pause_s = STATES[state]
    out = tmp_path / "trace"
    with four_files() as tree, counting(tree, tmp_path):
        child = subprocess.run(
            ["strace", "-f", "-o", out, sys.executable, "-c", SYSCALLS, pace, others, str(pause_s)],
            env={**os.environ, **tree.environ},
            capture_output=True,
            text=True,
            check=False,
        )
    if child.returncode != 0:
        pytest.skip(f"strace cannot trace here: {child.stderr}")
    trace = out.read_text()
    pid = trace.split(" ", 1)[0]
    spans = system_calls(trace, pid)
    if len(spans) != 2 * ROUNDS:
        raise RuntimeError(f"{len(spans)} marks were traced, not {2 * ROUNDS}")
    for what in ("begin", "end"):
        found = [calls for which, calls in spans if which == what]
        numbers = [len(one) for one in found]
        names = sorted({name for one in found for name in one})
        # An `end` right after its `begin` finds the sampler awake.
        most = 1 if state == "asleep" and what == "begin" else 0
        book.add(
            f"system calls of {ROUNDS} `{what}`s, sampler {state}",
            f"{sum(numbers)}, most {max(numbers)} ({', '.join(names) or 'none'})",
            f"≤ {most} each" + (" (a futex wake-up)" if most else ""),
            max(numbers) <= most and names in ([], ["futex"]),
        )


ALLOCATIONS = """
import ctypes, sys, time
import microjoule as uj

count = ctypes.CDLL(None).malloc_count
count.restype = ctypes.c_ulong
meter = uj.Meter(pace=sys.argv[1])
begin, end = meter.begin, meter.end

def batch(pairs):
    before = count()
    for _ in range(pairs):
        end(begin())
    return count() - before

def batches(pairs):
    total = 0
    for _ in range(40):
        total += batch(pairs)
        time.sleep(0.02)
    return total

batches(500)  # what is reserved once
print(batches(500) - batches(0))
meter.close()
"""


@pytest.mark.parametrize("pace", ["events", "fixed"])
def test_allocations(pace: str, folder: Path, book: Book) -> None:
    """The marking thread's calls of malloc and its siblings, from Python, the warm-up left out."""
    library = compiled(
        folder,
        "count_malloc.so",
        [BENCHMARKS / "native" / "count_malloc.c"],
        "-O2",
        "-shared",
        "-fPIC",
    )
    with four_files() as tree:
        child = subprocess.run(
            [sys.executable, "-c", ALLOCATIONS, pace],
            env={**os.environ, **tree.environ, "LD_PRELOAD": str(library)},
            capture_output=True,
            text=True,
            check=True,
        )
    total = int(child.stdout)
    book.add(f"malloc in 20,000 begin+end, {pace}", str(total), "0", total == 0)
