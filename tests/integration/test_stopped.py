"""A process that is stopped and goes on, and a wall clock that is set meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from datetime import datetime
from pathlib import Path

import pytest

from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Square

STOPPED_S = 10.0


@pytest.fixture
def bed(bed_factory: BedFactory) -> PowercapBed:
    # wraps each 20 J: ten times a second, and a hundred times while nobody looks
    return bed_factory(
        [
            Zone("package-0", Square(40, 160, period_s=0.037)),
            Zone("dram", Square(20, 60, period_s=0.1), parent="package-0", max_range_uj=20_000_000),
        ]
    )


def start(bed: PowercapBed, code: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={**os.environ, **bed.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("after", ["a while", "begin"])
def test_stopped_for_ten_seconds(bed: PowercapBed, after: str) -> None:
    # given a process that is stopped long after the event before, or right at it
    program = start(
        bed,
        f"""
        import sys, time
        import microjoule as uj
        with uj.Meter(sources=["powercap"]) as meter:
            time.sleep(0.5)
            with meter.measure() as m:
                if {after!r} == "a while":
                    time.sleep(0.5)
                print("now", flush=True)
                time.sleep(1)
            assert m.wait(10)
        figures = {{s.id: f for s, f in zip(meter._native.sensors(), m._now().sensors)}}
        print(*m._stamps())
        for sensor in ("cpu0.package", "cpu0.dram"):
            f = figures[sensor]
            print(f.energy, f.timing, f.low, f.high, f.ambiguous, f.resets, f.gap_s)
        print(m.reason)
        print(m.bounds_j)
        """,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "now\n"
    os.kill(program.pid, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    os.kill(program.pid, signal.SIGCONT)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, err) == (0, "")
    stamps, package, dram, reason, bounds = out.splitlines()
    start_ns, end_ns = map(int, stamps.split())
    assert end_ns - start_ns > STOPPED_S * 1e9
    # then the energy of the stopped time is counted, and what is not sharp is said
    energy, timing, low, high, ambiguous, resets, gap_s = map(float, package.split())
    truth_j = bed.energy_j(start_ns, end_ns, "package-0")
    assert abs(energy - truth_j) <= max(0.01 * truth_j, 5 * timing)
    assert low <= truth_j <= high
    assert (ambiguous, resets, gap_s) == (0, 0, 0)
    # and wraps that nobody saw are told, and not made up
    energy, timing, _, _, ambiguous, resets, gap_s = map(float, dram.split())
    truth_j = bed.energy_j(start_ns, end_ns, "dram")
    assert ambiguous >= 1
    assert "cpu0.dram was not read for so long that a wrap of its counter may be missing" in reason
    assert 0 < energy < truth_j
    assert bounds == "None"


SET_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Whoever asks for the wall-clock time is told another one as soon as a file is there. */
static long step(void) {
    return access(getenv("STEP_FILE"), F_OK) == 0 ? 86400 : 0;
}

int clock_gettime(clockid_t id, struct timespec *t) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = real(id, t);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
        t->tv_sec += step();
    }
    return result;
}
"""


def test_the_wall_clock_is_set_forward_by_a_day(bed: PowercapBed, tmp_path: Path) -> None:
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler")
    source, library, step = tmp_path / "clock.c", tmp_path / "clock.so", tmp_path / "step"
    source.write_text(SET_CLOCK)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60
    )
    # when the clock is set in the middle of a window
    program = start(
        bed,
        f"""
        import time
        import microjoule as uj
        with uj.Meter(sources=["powercap"]) as meter:
            with meter.measure() as before:
                time.sleep(0.2)
            before_at = before.started_at
            wall = time.time()
            with meter.measure() as m:
                time.sleep(0.2)
                open({str(step)!r}, "w").close()
                assert time.time() - wall > 86400, "the step has no effect"
                time.sleep(0.2)
            with meter.measure() as after:
                time.sleep(0.05)
            for one in (before, m, after):
                assert one.wait(5) and one.bounds_j is not None or one.reason
                figures = one._now().sensors[0]
                print(*one._stamps(), figures.energy, figures.timing, one.started_at)
            assert before.started_at == before_at
            print(wall)
        """,
        LD_PRELOAD=str(library),
        STEP_FILE=str(step),
    )
    out, err = program.communicate(timeout=60)
    assert (program.returncode, err) == (0, "")
    *windows, wall = out.splitlines()
    # then no figure moves, and neither do the times that are shown: they are mapped once
    for line in windows:
        start_ns, end_ns, energy, timing, started_at = line.split()
        truth_j = bed.energy_j(int(start_ns), int(end_ns), "package-0")
        assert abs(float(energy) - truth_j) <= max(0.02 * truth_j, 5 * float(timing))
        assert abs(datetime.fromisoformat(started_at).timestamp() - float(wall)) < 10
