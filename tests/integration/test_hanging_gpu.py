"""A driver's call that hangs for 5 s, beside a package that is read all the while."""

from __future__ import annotations

import time

import pytest

import microjoule as uj
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant
from sim.nvml import BedUnavailableError, Gpu, NvmlBed

HANG_S = 5.0
PERIOD_S = 0.002
SLICE_S = 0.02


def ticks(bed: PowercapBed, gpu: NvmlBed | None) -> tuple[int, int]:
    """Reads of the package in five seconds, and how many slices of 20 ms went without any."""
    names = ["powercap"] if gpu is None else ["powercap", "nvml"]
    with uj.Meter(names, period_s=PERIOD_S, pace="fixed", overhead_limit=1.0) as meter:
        time.sleep(0.7)
        with meter.measure() as m:
            if gpu is not None:
                gpu[0].hang(HANG_S)
            first = last = bed["package-0"].reads()
            empty = 0
            end = time.monotonic() + HANG_S
            while time.monotonic() < end:
                time.sleep(SLICE_S)
                now = bed["package-0"].reads()
                empty += now == last
                last = now
        assert m.wait(5)
        truth_j = bed["package-0"].energy_j(*m._stamps())
        assert m.by_sensor["cpu0.package"] == pytest.approx(truth_j, rel=0.01)
        if gpu is not None:
            assert m.by_sensor["gpu0"] == pytest.approx(gpu[0].energy_j(*m._stamps()), rel=0.05)
    return last - first, empty


@pytest.mark.slow
def test_no_more_ticks_are_missed_than_without_a_gpu(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        gpus = NvmlBed([Gpu("GPU-hangs", Constant(200))])
    except BedUnavailableError as error:
        pytest.skip(f"no stand-in for NVML: {error}")
    bed = bed_factory([Zone("package-0", Constant(80))])
    with gpus:
        for name, value in {**bed.environ, **gpus.environ}.items():
            monkeypatch.setenv(name, value)
        # when runs with a hanging GPU and without one take turns
        without, beside = [], []
        for _ in range(3):
            without.append(ticks(bed, None))
            beside.append(ticks(bed, gpus))
    # then they are alike: a lane that waited for the driver would have lost all of them
    assert sum(r for r, _ in beside) >= 0.9 * sum(r for r, _ in without)
    assert sum(e for _, e in beside) <= sum(e for _, e in without) + 0.02 * 3 * HANG_S / SLICE_S
