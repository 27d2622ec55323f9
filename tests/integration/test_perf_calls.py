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

pytestmark = pytest.mark.skipif(probe() is not None, reason=str(probe()))

WATTS = {"pkg": 100, "ram": 10, "cores": 60, "gpu": 5}
# PERF_FORMAT_GROUP with both times: how many, enabled, running, and one value for each event.
GROUP_BYTES = 8 * (3 + len(WATTS))
MEASURE = """
import time
import microjoule as uj
with uj.Meter(["perf"], period_s=0.001, pace="fixed") as meter, meter.measure():
    time.sleep(0.5)
"""


@pytest.fixture
def trace(tmp_path: Path) -> list[list[str]]:
    """The calls of the thread that reads the events, cut where it waits."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "log"
    with SoftwarePmu(WATTS, cpus=(0, 1), places={0: (0, 0), 1: (1, 0)}) as pmu:
        command = [strace, "-f", "-y", "-o", str(log), sys.executable, "-c", MEASURE]
        done = subprocess.run(
            command, env={**os.environ, **pmu.environ}, capture_output=True, text=True, timeout=60
        )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in log.read_text().splitlines()]
    # The thread that starts the meter reads once; the sampler's does so at every tick.
    reads = Counter(who for who, call in lines if re.match(r"read\(\d+<.*perf_event", call))
    ((thread, _),) = reads.most_common(1)
    ticks: list[list[str]] = [[]]
    for who, call in lines:
        if who == thread and call.startswith(("clock_nanosleep(", "futex(")):
            ticks.append([])
        elif who == thread:
            ticks[-1].append(call)
    return ticks


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two packages want two CPUs")
def test_one_read_for_each_package_and_tick(trace: list[list[str]]) -> None:
    both = 0
    for calls in trace:
        reads = [call for call in calls if call.startswith("read(")]
        for call in reads:
            assert re.fullmatch(
                rf"read\(\d+<anon_inode:\[perf_event\]>, .*, {GROUP_BYTES}\) = {GROUP_BYTES}", call
            )
        # Each package has a pace of its own: a tick may be one's alone.
        packages = [call.partition("<")[0] for call in reads]
        assert len(set(packages)) == len(packages), calls
        both += len(packages) == 2
    assert both > 50


def test_a_tick_asks_for_nothing_else_but_its_own_time(trace: list[list[str]]) -> None:
    # Before the first wait the thread comes to be, after the last it ends.
    inside = [call for calls in trace[1:-1] for call in calls if not call.startswith("<... ")]
    assert {call.partition("(")[0] for call in inside} <= {"read", "clock_gettime"}
