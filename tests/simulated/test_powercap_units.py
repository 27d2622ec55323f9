"""Units of powercap that are not what the kernel says."""

from __future__ import annotations

import math
import time

import pytest

import microjoule as uj
from sim.bed import BedFactory, Zone
from sim.loads import Constant

KERNEL_UJ = 15.3  # what the kernel takes a step of this memory for
TRUE_UJ = 1e6 / 2**16


def test_memory_that_the_kernel_counts_too_high_is_put_right(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    watts = 20.0
    bed = bed_factory(
        [
            Zone("package-0", Constant(100)),
            Zone(
                "dram",
                Constant(watts * KERNEL_UJ / TRUE_UJ),
                parent="package-0",
                unit_uj=KERNEL_UJ,
                max_range_uj=65_712_999_613,
                start_uj=1_000_000,
            ),
        ]
    )
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    with uj.Meter(sources=["powercap"]) as meter:
        with meter.measure() as m:
            time.sleep(1)
        assert m.wait(5)
        (dram,) = [s for s in meter.sensors() if s.id == "cpu0.dram"]
    t0_ns, t1_ns = m._stamps()
    truth_j = watts * (t1_ns - t0_ns) * 1e-9
    u_j = math.hypot(m.uncertainty_parts["timing"], m.uncertainty_parts["quantisation"])
    # A fifth of the bias of 0.27 % that is taken out.
    assert abs(m.by_sensor["cpu0.dram"] - truth_j) <= max(0.0005 * truth_j, 5 * u_j)
    assert "15.3 uJ" in dram.method
    assert dram.unit_j == pytest.approx(TRUE_UJ * 1e-6)
