"""What the sampler costs: its thread's CPU clock, beside a loop that only sleeps."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kit.figures import Book
from kit.files import counting, four_files
from kit.native import BENCHMARKS, compiled
from kit.statistics import median_interval

import microjoule as uj
from sim.plain import PlainTree

ROUNDS = 12
ROUND_S = 4.0
PERIOD_S = 0.001


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlainTree]:
    """Four sensors as files on tmpfs."""
    with four_files() as tree:
        for name, value in tree.environ.items():
            monkeypatch.setenv(name, value)
        yield tree


@pytest.mark.parametrize("what", ["counters stand still", "counters count, a window is open"])
def test_fixed_pace(what: str, tree: PlainTree, book: Book, tmp_path: Path, share: float) -> None:
    """Rounds of the loop and of the sampler by turns, so that both meet the same noise."""
    loop = compiled(tmp_path, "bare_loop", [BENCHMARKS / "native" / "bare_loop.c"], "-O2")
    ratios, bare, own = [], [], []
    for _ in range(max(6, round(ROUNDS * share))):
        command = [loop, f"{PERIOD_S * 1e9:.0f}", str(ROUND_S)]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        wakeups, cpu_ns = map(int, result.stdout.split())
        bare.append(cpu_ns / wakeups)
        if what == "counters stand still":
            own.append(sampler_ns_per_wakeup(window=False))
        else:
            with counting(tree, tmp_path):
                own.append(sampler_ns_per_wakeup(window=True))
        ratios.append(own[-1] / bare[-1])
    ratio = median_interval(ratios)
    book.add(
        f"fixed at 1 kHz, four files, {what}: CPU / bare 1 kHz loop",
        f"{ratio} ({np.median(own) / 1000:.1f} µs a wake-up, {np.median(bare) / 1000:.1f} µs bare)",
        "≤ 1.3",
        ratio.value <= 1.3,
    )


def sampler_ns_per_wakeup(*, window: bool) -> float:
    with uj.Meter(pace="fixed", period_s=PERIOD_S) as meter:
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
