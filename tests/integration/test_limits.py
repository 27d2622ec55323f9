"""A process at its limits: no descriptors, no threads, no memory. Nothing of ours ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant

WATTS = 100.0

COMMON = f"""
import os, resource, sys, time
import microjoule as uj

def limit(name, soft):
    resource.setrlimit(name, (soft, resource.getrlimit(name)[1]))

def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()

def check(m, quality="measured"):
    assert m.wait(5)
    assert m.quality == quality, (m.quality, m.reason)
    low_j, high_j = m.bounds_j
    assert low_j - 0.001 <= {WATTS} * m.duration_s <= high_j + 0.001, (low_j, high_j)
    error_j = abs(m.energy_j - {WATTS} * m.duration_s)
    assert error_j <= max(0.05 * {WATTS} * m.duration_s, 5 * m.uncertainty_parts["timing"]), error_j

def exhaust_descriptors():
    taken = []
    limit(resource.RLIMIT_NOFILE, 64)
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return taken
"""


@pytest.fixture
def bed(bed_factory: BedFactory) -> PowercapBed:
    return bed_factory([Zone("package-0", Constant(WATTS))])


def run(bed: PowercapBed, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", "-c", COMMON + textwrap.dedent(code)],
        env={**os.environ, **bed.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_descriptors_run_out_while_measuring(bed: PowercapBed) -> None:
    run(
        bed,
        """
        with uj.Meter() as meter:
            token = meter.begin()
            time.sleep(0.2)
            taken = exhaust_descriptors()
            with meter.measure() as m:
                time.sleep(0.2)
            check(m)
            check(meter.end(token))
        """,
    )


def test_descriptors_have_run_out_before(bed: PowercapBed) -> None:
    # when the sensors cannot be opened any more
    out = run(
        bed,
        """
        uj.Meter  # the import is over
        taken = exhaust_descriptors()
        try:
            uj.Meter(sources=["powercap"])
        except ValueError as error:
            print(error)
        with uj.Meter() as meter:
            with meter.measure() as m:
                time.sleep(0.05)
            m.wait(2)
            assert m.quality != "measured"
            print(m.reason)
        # as soon as there are descriptors, it measures
        [os.close(one) for one in taken]
        with uj.Meter() as meter, meter.measure() as m:
            time.sleep(0.1)
        check(m)
        """,
    )
    # then it is said, and nothing is invented
    refused, reason = out.splitlines()
    assert "none of the sources powercap can be read here" in refused
    assert reason


def test_no_thread_can_be_had(bed: PowercapBed) -> None:
    # given a process whose threads would have no room for their stack
    out = run(
        bed,
        """
        uj.end(uj.begin()).wait(5)  # everything is loaded
        limit(resource.RLIMIT_AS, used() + (4 << 20))
        with uj.Meter() as meter:
            assert not meter.running
            with meter.measure() as m:
                time.sleep(0.3)
            check(m)
            print(m.reason)
            token = meter.begin()
            time.sleep(0.1)
            lap = meter.lap(token)
            time.sleep(0.1)
            check(lap)
            # as soon as there is room, there is a thread
            limit(resource.RLIMIT_AS, resource.getrlimit(resource.RLIMIT_AS)[1])
            check(meter.end(token))
            assert meter.running
            with meter.measure() as m:
                time.sleep(0.1)
            check(m)
            assert m.reason == "", m.reason
        """,
    )
    # then it measures by whoever asks, and says so
    assert "The sampler has no thread (Resource temporarily unavailable)" in out


def test_memory_runs_out_while_measuring(bed: PowercapBed) -> None:
    run(
        bed,
        """
        with uj.Meter(pace="fixed") as meter:
            token = meter.begin()
            traced = meter.measure(trace=0.001)
            traced.__enter__()
            time.sleep(0.1)
            limit(resource.RLIMIT_AS, used())
            eaten, size = [], 1 << 24
            while size > 16:
                try:
                    eaten.append(bytearray(size))
                except MemoryError:
                    size //= 2
            kept, refused = [], 0
            for number in range(20000):
                try:
                    kept.append(meter.begin())
                    if number % 3:
                        meter.end(kept.pop(0))
                except MemoryError:
                    refused += 1
            time.sleep(0.3)
            limit(resource.RLIMIT_AS, resource.getrlimit(resource.RLIMIT_AS)[1])
            del eaten
            traced.__exit__(None, None, None)
            assert meter.running
            m = meter.end(token)
            check(m)
            with meter.measure() as later:
                time.sleep(0.1)
            check(later)
        """,
    )


@pytest.mark.parametrize("headroom_mib", [0, 1, 2, 4, 8, 16])
def test_a_meter_that_starts_with_little_memory(bed: PowercapBed, headroom_mib: int) -> None:
    # it starts, or is refused in one sentence; the process lives on
    run(
        bed,
        f"""
        uj.end(uj.begin()).wait(5)
        limit(resource.RLIMIT_AS, used() + ({headroom_mib} << 20))
        for _ in range(3):
            try:
                meter = uj.Meter()
                m = meter.end(meter.begin())
                m.wait(1)
                meter.close()
            except (MemoryError, ValueError) as error:
                assert len(str(error).splitlines()) <= 1
        limit(resource.RLIMIT_AS, resource.getrlimit(resource.RLIMIT_AS)[1])
        with uj.Meter() as meter, meter.measure() as m:
            time.sleep(0.1)
        check(m)
        """,
    )
