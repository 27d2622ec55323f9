"""What the sampler's thread asks the kernel for a perf group: one read a package and tick."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sim.pmu import SoftwarePmu, probe

pytestmark = [
    pytest.mark.skipif(probe() is not None, reason=str(probe())),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two packages want two CPUs"),
]

WATTS = {"pkg": 100, "ram": 10, "cores": 60, "gpu": 5}
# PERF_FORMAT_GROUP with both times: how many, enabled, running, and one value for each event.
GROUP_BYTES = 8 * (3 + len(WATTS))
MEASURE = """
import time
import microjoule as uj
with uj.Meter(["perf"], period_s=0.001, pace="fixed") as meter, meter.measure():
    time.sleep(0.5)
print(meter.stats().wakeups)
"""


def is_read_of_events(call: str) -> bool:
    return re.match(r"read\(\d+<anon_inode:\[perf_event\]>", call) is not None


class Trace:
    """The sampler's system calls, and how often it woke by its own count."""

    def __init__(self, calls: list[str], ticks: int) -> None:
        self.calls = calls
        self.ticks = ticks


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    with SoftwarePmu(WATTS, cpus=(0, 1), places={0: (0, 0), 1: (1, 0)}) as pmu:
        command = [strace, "-ff", "-y", "-o", str(tmp_path / "log"), sys.executable, "-c", MEASURE]
        done = subprocess.run(
            command, env={**os.environ, **pmu.environ}, capture_output=True, text=True, timeout=60
        )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    # A file for each thread. The one that starts the meter reads once, the sampler's at every tick.
    threads = [path.read_text().splitlines() for path in tmp_path.glob("log.*")]
    sampler = max(threads, key=lambda calls: sum(map(is_read_of_events, calls)))
    return Trace(sampler, int(done.stdout))


def test_one_read_for_each_package_and_tick(trace: Trace) -> None:
    reads = [call for call in trace.calls if call.startswith("read(")]
    whole = rf"read\(\d+<anon_inode:\[perf_event\]>, .*, {GROUP_BYTES}\) = {GROUP_BYTES}"
    for call in reads:
        assert re.fullmatch(whole, call)
    by_package = Counter(call.partition("<")[0] for call in reads)
    assert len(by_package) == 2
    for package_reads in by_package.values():
        # The first read of all is made before the first sleep.
        assert 50 < package_reads <= trace.ticks + 1


def test_a_tick_asks_for_nothing_else_but_its_own_time(trace: Trace) -> None:
    first = next(i for i, call in enumerate(trace.calls) if is_read_of_events(call))
    last = max(i for i, call in enumerate(trace.calls) if is_read_of_events(call))
    inside = {call.partition("(")[0] for call in trace.calls[first : last + 1]}
    assert inside <= {"read", "clock_gettime", "clock_nanosleep", "futex"}
