"""A thousand overlapping windows: how often the sensor is read for them."""

from __future__ import annotations

import random
import time

import pytest
from kit.figures import Book

import microjoule as uj
from sim.bed import PowercapBed, Zone
from sim.loads import Square

SECONDS = 4.0
WINDOWS = 1000
BURST_NS = 100_000  # a burst reads at a tenth of the update period


def reads_for(pace: str, windows: int, patch: pytest.MonkeyPatch) -> tuple[int, float, int]:
    """Reads and seconds while so many windows, opened and closed at random times, overlap.

    And how many of them were open at once at most.
    """
    draw = random.Random(windows)
    times = [(0.0, SECONDS)]
    for _ in range(windows - 1):
        first, second = sorted((draw.uniform(0, SECONDS), draw.uniform(0, SECONDS)))
        times.append((first, second))
    todo = sorted(
        [(first, "begin", i) for i, (first, _) in enumerate(times)]
        + [(second, "end", i) for i, (_, second) in enumerate(times)]
    )
    with PowercapBed([Zone("package-0", Square(40, 160, period_s=0.037))]) as bed:
        for name, value in bed.environ.items():
            patch.setenv(name, value)
        with uj.Meter(pace=pace, period_s=0.001) as meter:
            time.sleep(0.3)
            tokens: dict[int, int] = {}
            most = 0
            before = bed["package-0"].reads()
            start = time.monotonic()
            for due, what, window in todo:
                time.sleep(max(0.0, start + due - time.monotonic()))
                if what == "begin":
                    tokens[window] = meter.begin()
                else:
                    meter.end(tokens.pop(window))
                most = max(most, len(tokens))
            elapsed = time.monotonic() - start
            reads = bed["package-0"].reads() - before
    return reads, elapsed, most


@pytest.mark.bed
def test_fixed_reads_as_for_one_window(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    one, one_s, _ = reads_for("fixed", 1, monkeypatch)
    many, many_s, most = reads_for("fixed", WINDOWS, monkeypatch)
    ratio = (many / many_s) / (one / one_s)
    book.add(
        f"fixed: reads for {WINDOWS:,} windows (up to {most} at once) / for one",
        f"{ratio:.4f} ({many} in {many_s:.2f} s, {one} in {one_s:.2f} s)",
        "1 ± 0.01",
        abs(ratio - 1) <= 0.01,
    )


@pytest.mark.bed
def test_events_read_no_more_than_one_burst(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _, _ = reads_for("events", 1, monkeypatch)
    many, many_s, most = reads_for("events", WINDOWS, monkeypatch)
    burst = many_s * 1e9 / BURST_NS
    book.add(
        f"events: reads for {WINDOWS:,} windows (up to {most} at once) / one continuous burst",
        f"{many / burst:.3f} ({many} in {many_s:.2f} s, one window: {one})",
        "≤ 1",
        many <= burst,
    )
