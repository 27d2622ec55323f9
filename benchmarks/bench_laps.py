"""Laps against the whole, also across wraps of the counter.

A window and the laps beside it are stamped some hundred nanoseconds apart, so both begin and end
while the load draws nothing: then they hold the same energy, to the last unit.
"""

from __future__ import annotations

import math
import time

import pytest
from kit.figures import Book

import microjoule as uj
from sim.bed import BedUnavailableError, PowercapBed, Zone
from sim.loads import Steps

PAUSE_S = 0.6
BUSY_S = 3.0
RANGE_UJ = 20_000_000  # wraps every 0.1 to 0.2 s of this load


@pytest.mark.bed
@pytest.mark.parametrize("pace", ["events", "fixed"])
@pytest.mark.parametrize("wraps", [False, True], ids=["no wrap", "wraps"])
def test_laps(
    pace: str, wraps: bool, book: Book, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    busy = [(0.0185, 40.0), (0.0185, 160.0)] * round(BUSY_S / 0.037)
    load = Steps([(PAUSE_S, 0.0), *busy, (60.0, 0.0)])
    zone = Zone("package-0", load, max_range_uj=RANGE_UJ) if wraps else Zone("package-0", load)
    with PowercapBed([zone]) as bed:
        for name, value in bed.environ.items():
            monkeypatch.setenv(name, value)
        with uj.Meter(pace=pace) as meter:
            whole = meter.begin()
            lapped = meter.begin()
            until = bed.epoch_ns * 1e-9 + PAUSE_S + len(busy) * 0.0185 + 0.2
            laps = []
            while time.monotonic() < until:
                time.sleep(0.0007 + 0.011 * (len(laps) % 7))
                laps.append(meter.lap(lapped))
            laps.append(meter.end(lapped))
            all_of_it = meter.end(whole)
            total = all_of_it.energy_j
            by_laps = math.fsum(lap.energy_j for lap in laps)
        t0_ns, t1_ns = all_of_it._stamps()
        truth = bed["package-0"].energy_j(t0_ns, t1_ns)
    if not all_of_it.settled:
        raise BedUnavailableError("the window has not settled")
    wrapped = f", {truth * 1e6 / RANGE_UJ:.0f} wraps" if wraps else ""
    book.at_most(
        f"{pace}: {len(laps)} laps against the whole{wrapped}",
        abs(by_laps - total) / total,
        1e-9,
        "relative",
        f"the whole against the truth: {(total - truth) / truth:+.1e}",
    )
