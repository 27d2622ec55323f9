"""Forks by the thousand and of every kind, beside a sensor that takes 200 ms a read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.bed import BedFactory, Zone
from sim.loads import Constant
from sim.nvml import BedUnavailableError, Gpu, NvmlBed

CPU_W, GPU_W = 100.0, 250.0
SLOW_S = 0.2

# A window is right if the truth of each sensor lies within what it says it may be; the process that
# finds otherwise ends with a traceback and a status of its own.
COMMON = f"""
import os, signal, sys, time
import microjoule as uj

WATTS = {{"cpu0.package": {CPU_W}, "gpu0": {GPU_W}}}

def check(m, rel=0.05):
    assert m.wait(10), "not settled"
    assert m.quality == "measured", (m.quality, m.reason)
    low_j, high_j = m.bounds_j
    truth_j = sum(WATTS.values()) * m.duration_s
    assert low_j - 0.01 <= truth_j <= high_j + 0.01, (low_j, truth_j, high_j)
    for sensor, energy_j in m.by_sensor.items():
        # GPUs are updated each 100 ms and a read takes {SLOW_S} s: short windows know little.
        slack_j = WATTS[sensor] * (0.01 if sensor == "cpu0.package" else {2 * SLOW_S})
        slack_j = max(slack_j, 5 * m.uncertainty_parts["timing"])
        truth_j = WATTS[sensor] * m.duration_s
        assert abs(energy_j - truth_j) <= rel * truth_j + slack_j, (sensor, energy_j, truth_j)

def settle_in():
    # What flowed before the first value of a sensor is missing and said to be: let it come.
    token = uj.begin()
    time.sleep(0.7)
    uj.end(token)

def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""

Run = Callable[..., str]


@pytest.fixture
def run(bed_factory: BedFactory, tmp_path: Path) -> Iterator[Run]:
    """Runs a program on a machine with a package and a GPU whose driver is slow."""
    try:
        gpus = NvmlBed([Gpu("GPU-slow", Constant(GPU_W))])
    except BedUnavailableError as error:
        pytest.skip(f"no stand-in for NVML: {error}")
    bed = bed_factory([Zone("package-0", Constant(CPU_W))])

    def program(code: str, *arguments: str, timeout_s: float = 100, slow: bool = True) -> str:
        gpus[0].delay(SLOW_S if slow else 0)
        script = tmp_path / "program.py"
        script.write_text(COMMON + textwrap.dedent(code))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-X", "faulthandler", str(script), *arguments],
            env={**os.environ, **bed.environ, **gpus.environ},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    with gpus:
        yield program


@pytest.mark.slow
def test_a_thousand_forks_with_windows_open(run: Run) -> None:
    run(
        """
        outer = uj.Meter()
        settle_in()
        whole, shared = outer.begin(), uj.begin()
        parts = []
        for number in range(1000):
            token = uj.begin() if number % 25 == 0 else None
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)  # who hangs is killed, and told from who does not
                measuring = number % 100 == 0
                with uj.measure() as m:
                    time.sleep(0.02 if measuring else 0)
                if measuring:
                    assert m.wait(10)
                    assert abs(m.by_sensor["cpu0.package"] - 100 * m.duration_s) < 2
                os._exit(0)
            assert status_of(pid) == 0, number
            if token is not None:
                parts.append(uj.end(token))
        for m in parts:
            check(m)
        check(uj.end(shared), rel=0.01)
        check(outer.end(whole), rel=0.01)
        """
    )


@pytest.mark.slow
def test_multiprocessing(run: Run) -> None:
    out = run(
        """
        import multiprocessing

        def work(number):
            settle_in()
            with uj.measure(str(number)) as m:
                time.sleep(0.5)
            check(m)
            return m.label

        if __name__ == "__main__":
            settle_in()
            with uj.measure() as m:
                for method in ("fork", "forkserver", "spawn"):
                    # A Pool has threads of its own, of which newer interpreters warn.
                    context = multiprocessing.get_context(method)
                    workers = [context.Process(target=work, args=(n,)) for n in range(3)]
                    [w.start() for w in workers]
                    [w.join(30) for w in workers]
                    assert [w.exitcode for w in workers] == [0, 0, 0], method
            check(m)
            print("done")
        """
    )
    assert out == "done\n"


@pytest.mark.slow
def test_prefork_server_with_a_killed_worker(run: Run) -> None:
    out = run(
        """
        def worker():
            # Like gunicorn's: it was forked with the master's windows open, and serves requests.
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            settle_in()
            while True:
                with uj.measure("request") as m:
                    time.sleep(0.1)
                check(m)
                os.write(told, b".")

        def fork_worker():
            pid = os.fork()
            if pid == 0:
                os.close(heard)
                worker()
            return pid

        signal.alarm(60)
        settle_in()
        master = uj.begin("master")
        heard, told = os.pipe()
        workers = [fork_worker() for _ in range(3)]
        os.read(heard, 1), os.read(heard, 1)
        os.kill(workers[0], signal.SIGKILL)
        assert status_of(workers[0]) == -signal.SIGKILL
        workers[0] = fork_worker()
        with uj.measure("master, after the kill") as after:
            for _ in range(6):
                os.read(heard, 1)
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        assert [status_of(pid) for pid in workers] == [0, 0, 0]
        check(after)
        check(uj.end(master))
        print("done")
        """
    )
    assert out == "done\n"


def test_a_window_that_outlasts_a_fork_goes_on_without_another_event(run: Run) -> None:
    # given a window, and a fork in it after which nothing more happens
    run(
        """
        with uj.Meter(overhead_limit=1) as meter:
            with meter.measure(trace=0.05) as m:
                time.sleep(0.5)
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                status_of(pid)
                assert [None for _ in range(1000)]  # pending calls are made between instructions
                reads = meter.stats().reads
                time.sleep(1.0)
                # then the sensors are read all the same
                assert meter.stats().reads - reads >= 10, meter.stats().reads - reads
            assert meter.running
        check(m)
        """,
        slow=False,
    )


C = r"""
#include <sys/wait.h>
#include <unistd.h>

/* A child that ends, and one that becomes another program; neither knows of Python. */
int fork_and_end(void) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(7);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int fork_and_exec(char *const argv[]) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[0], argv);
        _exit(8);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
"""


@pytest.fixture
def forks_in_c(tmp_path: Path) -> str:
    """A library that forks."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler")
    source, library = tmp_path / "forks.c", tmp_path / "forks.so"
    source.write_text(C)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    return str(library)


def test_forks_that_python_does_not_know_of(run: Run, forks_in_c: str) -> None:
    out = run(
        """
        import ctypes

        forks = ctypes.CDLL(sys.argv[1])
        settle_in()
        token = uj.begin()
        for _ in range(50):
            assert forks.fork_and_end() == 7
        measuring = "import microjoule as uj; uj.end(uj.begin()).wait(5) or 1 / 0"
        argv = [sys.executable.encode(), b"-W", b"error", b"-c", measuring.encode(), None]
        assert forks.fork_and_exec((ctypes.c_char_p * len(argv))(*argv)) == 0
        # libc's own fork: the child is Python still, and none of its hooks have run.
        libc = ctypes.PyDLL(None)
        pid = libc.fork()
        if pid == 0:
            settle_in()
            with uj.measure() as m:
                time.sleep(0.3)
            check(m)
            os._exit(9)
        assert status_of(pid) == 9
        check(uj.end(token))
        print("done")
        """,
        forks_in_c,
    )
    assert out == "done\n"


def test_exec_with_windows_open_leaves_nothing_behind(run: Run) -> None:
    # when a process with windows open becomes another program
    out = run(
        """
        token, meter = uj.begin(), uj.Meter()
        meter.begin()
        time.sleep(0.3)
        then = (
            "import os, sys, time, microjoule as uj\\n"
            "print(*[os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')"
            " if os.path.exists(f'/proc/self/fd/{n}')], sep='\\\\n')\\n"
            "token = uj.begin(); time.sleep(0.7); uj.end(token)\\n"
            "m = uj.end(uj.begin())\\n"
            "assert m.wait(10) and m.quality == 'measured', m.reason"
        )
        if len(sys.argv) == 1:
            pid = os.fork()
            if pid != 0:
                assert status_of(pid) == 0
        os.execv(sys.executable, [sys.executable, "-W", "error", "-c", then])
        """
    )
    # then it has none of our files, and measures like any other
    assert "energy_uj" not in out
    assert "nvidia" not in out
