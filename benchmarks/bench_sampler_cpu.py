"""What the sampler costs: its thread's CPU clock, beside a loop that only sleeps."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from kit.figures import Book
from kit.files import counting
from kit.native import BENCHMARKS, compiled
from kit.statistics import median_interval

import microjoule as uj
from sim.plain import PlainTree
from sim.pmu import SoftwarePmu, probe

ROUNDS = 12
ROUND_S = 4.0
PERIOD_S = 0.001


@pytest.mark.parametrize("what", ["counters stand still", "counters count, a window is open"])
def test_fixed_pace(what: str, tree: PlainTree, book: Book, tmp_path: Path, share: float) -> None:
    """Four sensors as files, one read for each."""

    def round_of_ours() -> float:
        if what == "counters stand still":
            return sampler_ns_per_wakeup(window=False)
        with counting(tree, tmp_path):
            return sampler_ns_per_wakeup(window=True)

    beside_the_loop(f"four files, {what}", round_of_ours, 1.3, book, tmp_path, share)


@pytest.mark.skipif(probe() is not None, reason=str(probe()))
@pytest.mark.parametrize("window", [False, True], ids=["no window", "one window"])
def test_fixed_pace_of_a_perf_group(
    window: bool, book: Book, tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of four events, read for real; what they count is the software clock of their CPU."""
    with SoftwarePmu({"pkg": 100, "ram": 10, "cores": 60, "gpu": 5}) as pmu:
        for name, value in pmu.environ.items():
            monkeypatch.setenv(name, value)
        # RAPL's events are read on any CPU of their package, those of the software clock on theirs
        # alone: elsewhere each read would wait for an interrupt, which RAPL's do not.
        what = f"perf group of 4, {'one window' if window else 'no window'}"

        def round_of_ours() -> float:
            return sampler_ns_per_wakeup("perf", window=window)

        with on_cpu(0):
            beside_the_loop(what, round_of_ours, 1.2, book, tmp_path, share, events=4)


@contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """This process, and what it starts, on one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def beside_the_loop(
    what: str,
    ours: Callable[[], float],
    bar: float,
    book: Book,
    folder: Path,
    share: float,
    events: int = 0,
) -> None:
    """Rounds of the loop and of the sampler by turns, so that both meet the same noise.

    With ``events`` a third one by turns: the loop that reads a group of so many perf events.
    """
    loop = compiled(folder, "bare_loop", [BENCHMARKS / "native" / "bare_loop.c"], "-O2")
    bare, reading, own = [], [], []
    for _ in range(max(6, round(ROUNDS * share))):
        bare.append(loop_ns_per_wakeup(loop))
        if events:
            reading.append(loop_ns_per_wakeup(loop, str(events)))
        own.append(ours())
    ratio = median_interval([o / b for o, b in zip(own, bare, strict=True)])
    figure = (
        f"{ratio} ({np.median(own) / 1000:.1f} µs a wake-up, {np.median(bare) / 1000:.1f} µs bare)"
    )
    if reading:
        beside = median_interval([o / r for o, r in zip(own, reading, strict=True)])
        figure += f"; beside a loop that reads them {beside} ({np.median(reading) / 1000:.1f} µs)"
    book.add(
        f"fixed at 1 kHz, {what}: CPU / bare 1 kHz loop", figure, f"≤ {bar}", ratio.value <= bar
    )


def loop_ns_per_wakeup(loop: Path, *events: str) -> float:
    command = [loop, f"{PERIOD_S * 1e9:.0f}", str(ROUND_S), *events]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    wakeups, cpu_ns = map(int, result.stdout.split())
    return cpu_ns / wakeups


def sampler_ns_per_wakeup(*sources: str, window: bool) -> float:
    with uj.Meter(sources=list(sources) or None, pace="fixed", period_s=PERIOD_S) as meter:
        token = meter.begin() if window else None
        time.sleep(0.3)  # the update period has been looked for
        before = meter.stats()
        time.sleep(ROUND_S)
        after = meter.stats()
        if token is not None:
            meter.end(token)
    return (after.cpu_ns - before.cpu_ns) / (after.wakeups - before.wakeups)


@pytest.mark.parametrize(
    ("window", "bar_pct"), [(True, 0.03), (False, 0.01)], ids=["one window", "no window"]
)
def test_events_pace(
    window: bool, bar_pct: float, tree: PlainTree, book: Book, share: float, tmp_path: Path
) -> None:
    """A minute by the sampler's own CPU clock."""
    minute = max(5.0, 60.0 * share)
    with counting(tree, tmp_path), uj.Meter(pace="events") as meter:
        time.sleep(1.0)
        before, start = meter.stats(), time.monotonic()
        token = meter.begin() if window else None
        time.sleep(minute)
        if token is not None:
            meter.end(token)
            time.sleep(0.1)  # what the end of the window asks for is part of it
        after, elapsed = meter.stats(), time.monotonic() - start
    cpu_ns = after.cpu_ns - before.cpu_ns
    wakeups = after.wakeups - before.wakeups
    book.at_most(
        f"events, four files, {'one window' if window else 'no window'} for {minute:.0f} s: CPU",
        cpu_ns / elapsed / 1e7,
        bar_pct,
        "% of a core",
        f"{cpu_ns / 1e6:.2f} ms, {wakeups} wake-ups, {after.reads - before.reads} reads",
    )
