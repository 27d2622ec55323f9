"""Processes: fork with windows open, and children that start anew."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant

PACKAGE_W = 100.0

# What parent and child report of a window, each on a line.
COMMON = """
import os, sys, time, warnings
import microjoule as uj

def tell(name, m):
    assert m.wait(5), name
    u_j = m.uncertainty_parts["timing"]
    os.write(1, f"{name} {m.duration_s!r} {m.energy_j!r} {u_j!r} {m.quality}\\n".encode())

def join(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


@pytest.fixture
def bed(bed_factory: BedFactory) -> PowercapBed:
    return bed_factory([Zone("package-0", Constant(PACKAGE_W))])


class Told(NamedTuple):
    """What a process says of a window."""

    duration_s: float
    energy_j: float
    timing_j: float
    quality: str


def told_in(line: str) -> Told:
    *numbers, quality = line.split(" ")
    return Told(*map(float, numbers), quality)


def run(bed: PowercapBed, code: str) -> dict[str, Told]:
    """What a program reports, by name."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", COMMON + textwrap.dedent(code)],
        env={**os.environ, **bed.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    named = (line.split(" ", 1) for line in done.stdout.splitlines())
    return {name: told_in(rest) for name, rest in named}


def assert_right(told: Told) -> None:
    truth_j = PACKAGE_W * told.duration_s
    assert abs(told.energy_j - truth_j) <= max(0.02 * truth_j, 5 * told.timing_j)
    assert told.quality == "measured"


def test_fork_with_windows_open(bed: PowercapBed) -> None:
    told = run(
        bed,
        """
        meter = uj.Meter()
        token = meter.begin()
        shared = uj.begin()
        time.sleep(0.1)
        pid = os.fork()
        if pid == 0:
            with meter.measure() as m:
                time.sleep(0.1)
            tell("child", m)
            own = uj.begin()
            time.sleep(0.1)
            tell("child-shared", uj.end(own))
            sys.exit(0)
        time.sleep(0.1)
        join(pid)
        tell("parent", meter.end(token))
        tell("parent-shared", uj.end(shared))
        with meter.measure() as m:
            time.sleep(0.1)
        tell("later", m)
        """,
    )
    assert set(told) == {"child", "child-shared", "parent", "parent-shared", "later"}
    for one in told.values():
        assert_right(one)
    assert told["parent"].duration_s > told["child"].duration_s


def test_fork_while_a_sensor_is_being_read(bed: PowercapBed) -> None:
    bed["package-0"].delay(0.02)  # the sampler is in a read nearly always
    told = run(
        bed,
        """
        meter = uj.Meter(pace="fixed")
        token = meter.begin()
        for number in range(3):
            time.sleep(0.02)
            pid = os.fork()
            if pid == 0:
                with meter.measure() as m:
                    time.sleep(0.1)
                tell(f"child{number}", m)
                os._exit(0)
            join(pid)
        tell("parent", meter.end(token))
        """,
    )
    assert set(told) == {"child0", "child1", "child2", "parent"}
    for one in told.values():
        assert one.energy_j == pytest.approx(PACKAGE_W * one.duration_s, rel=0.1, abs=2.5)


def test_fork_while_threads_measure(bed: PowercapBed) -> None:
    told = run(
        bed,
        """
        import threading
        stop = False

        def work():
            while not stop:
                uj.end(uj.begin())
                time.sleep(0.001)

        uj.begin()
        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        with uj.measure() as around:
            for number in range(10):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    pid = os.fork()
                if pid == 0:
                    with uj.measure() as m:
                        time.sleep(0.02)
                    tell(f"child{number}", m)
                    os._exit(0)
                join(pid)
        stop = True
        [t.join() for t in threads]
        tell("parent", around)
        """,
    )
    assert len(told) == 11
    for one in told.values():
        assert_right(one)


def test_a_child_ends_what_its_parent_began(bed: PowercapBed) -> None:
    told = run(
        bed,
        """
        token = uj.begin()
        time.sleep(0.1)
        pid = os.fork()
        if pid == 0:
            time.sleep(0.1)
            tell("child", uj.end(token))
            os._exit(0)
        time.sleep(0.02)
        tell("parent", uj.end(token))
        join(pid)
        """,
    )
    assert_right(told["parent"])
    assert_right(told["child"])


def test_a_settled_result_is_read_in_the_child(bed: PowercapBed) -> None:
    told = run(
        bed,
        """
        with uj.measure() as settled:
            time.sleep(0.05)
        settled.wait(5)
        pid = os.fork()
        if pid == 0:
            tell("child", settled)
            os._exit(0)
        join(pid)
        tell("parent", settled)
        """,
    )
    assert_right(told["child"])
    assert told["child"] == told["parent"]


def test_an_unsettled_result_is_read_in_the_child(bed: PowercapBed) -> None:
    told = run(
        bed,
        """
        with uj.measure() as m:
            time.sleep(0.05)
        pid = os.fork()
        if pid == 0:
            tell("child", m)
            os._exit(0)
        join(pid)
        tell("parent", m)
        """,
    )
    assert_right(told["child"])
    assert_right(told["parent"])


def test_a_grandchild(bed: PowercapBed) -> None:
    told = run(
        bed,
        """
        uj.begin()
        if (pid := os.fork()) == 0:
            uj.begin()
            if (pid := os.fork()) == 0:
                with uj.measure() as m:
                    time.sleep(0.05)
                tell("grandchild", m)
                sys.exit(0)
            join(pid)
            sys.exit(0)
        join(pid)
        """,
    )
    assert_right(told["grandchild"])


def test_a_child_that_measures_nothing_ends_in_silence(bed: PowercapBed) -> None:
    told = run(
        bed,
        """
        meter = uj.Meter()
        open_one, token = meter.measure(), uj.begin()
        open_one.__enter__()
        if (pid := os.fork()) == 0:
            sys.exit(0)
        join(pid)
        if (pid := os.fork()) == 0:
            meter.close()
            sys.exit(0)
        join(pid)
        if (pid := os.fork()) == 0:
            os.execv(sys.executable, [sys.executable, "-c", "pass"])
        join(pid)
        """,
    )
    assert told == {}


def test_fork_while_a_thread_starts_the_shared_meter(bed: PowercapBed) -> None:
    bed["package-0"].delay(0.2, reads=1)  # the start is one read long
    told = run(
        bed,
        """
        import threading
        uj.Meter  # the import is over
        starting = threading.Thread(target=uj.begin)
        starting.start()
        time.sleep(0.05)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the program's own thread runs
            pid = os.fork()
        if pid == 0:
            uj.end(uj.begin())
            os._exit(0)
        starting.join()
        join(pid)
        """,
    )
    assert told == {}


def test_spawned_processes(bed: PowercapBed, tmp_path: Path) -> None:
    script = tmp_path / "spawning.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing, time
            import microjoule as uj

            def work(number):
                with uj.measure(str(number)) as m:
                    time.sleep(0.05)
                return m.to_dict()

            if __name__ == "__main__":
                with uj.measure() as around, multiprocessing.get_context("spawn").Pool(2) as pool:
                    results = pool.map(work, range(2))
                assert sorted(r["label"] for r in results) == ["0", "1"]
                for r in (*results, around.to_dict()):
                    u_j = r["uncertainty_parts"]["timing"]
                    print(r["duration_s"], r["energy_j"], u_j, r["quality"])
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, **bed.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert_right(told_in(line))
