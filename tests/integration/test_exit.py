"""The interpreter's end, whatever is still open: silent, and with the program's own status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from sim.bed import PowercapBed

ENDINGS = {
    "shared, open": "uj.begin(); time.sleep(0.01)",
    "shared, ended and not read": "uj.end(uj.begin())",
    "shared, kept": "m = uj.end(uj.begin())",
    "shared, by context": "uj.measure('x').__enter__()",
    "own, open": "meter = uj.Meter(); meter.begin(); time.sleep(0.01)",
    "own, kept in a cycle": "meter = uj.Meter(); a = [meter.measure().__enter__()]; a.append(a)",
    "own, dropped while open": "uj.Meter().begin()",
    "own, closed": "meter = uj.Meter(); t = meter.begin(); meter.close(); meter.end(t)",
    "many": "meters = [uj.Meter() for _ in range(5)]; [m.begin() for m in meters]",
    "traced": "uj.measure(trace=True).__enter__(); time.sleep(0.02)",
    "in a thread that goes on": (
        "import threading\n"
        "uj.begin()\n"
        "def work():\n"
        "    while True:\n"
        "        uj.end(uj.begin()).wait(0.01)\n"
        "threading.Thread(target=work, daemon=True).start(); time.sleep(0.05)"
    ),
    "in a daemon thread": (
        "import threading\n"
        "def work():\n"
        "    with uj.measure('x'), uj.Meter().measure(trace=True):\n"
        "        time.sleep(60)\n"
        "threading.Thread(target=work, daemon=True).start(); time.sleep(0.1)"
    ),
    "in a thread that exits": (
        "import threading\n"
        "def work():\n"
        "    with uj.measure('x'):\n"
        "        uj.begin()\n"
        "        sys.exit(3)\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()"
    ),
    "read at exit": ("import atexit\nm = uj.end(uj.begin())\natexit.register(lambda: m.energy_j)"),
    "ended at exit": (
        "import atexit\n"
        "uj.begin()\n"
        "token = uj.begin()\n"
        "atexit.register(lambda: uj.end(token).energy_j)"
    ),
}


def run(bed: PowercapBed, code: str) -> subprocess.CompletedProcess[str]:
    code = "import sys, time\nimport microjoule as uj\n" + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", "-c", code],
        env={**os.environ, **bed.environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("code", ENDINGS.values(), ids=ENDINGS.keys())
def test_the_interpreter_ends_in_silence(bed: PowercapBed, code: str) -> None:
    done = run(bed, code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_handlers_that_run_after_ours_may_measure(bed: PowercapBed) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import atexit\n"
            "atexit.register(lambda: uj.end(uj.begin()).energy_j)\n"
            "import microjoule as uj\n"
            "uj.end(uj.begin())",
        ],
        env={**os.environ, **bed.environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_exit_status_is_the_program_s_own(bed: PowercapBed) -> None:
    done = run(bed, "uj.begin(); uj.Meter().begin(); sys.exit(7)")
    assert (done.returncode, done.stderr) == (7, "")


def test_an_exception_passes_through_an_open_window(bed: PowercapBed) -> None:
    done = run(bed, "with uj.measure('x'):\n    raise KeyError('mine')")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "KeyError: 'mine'"
    assert "During handling" not in done.stderr


def test_a_hard_exit(bed: PowercapBed) -> None:
    done = run(bed, "import os; uj.begin(); os._exit(3)")
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_process_as_it_would_without_us(
    bed: PowercapBed, number: signal.Signals
) -> None:
    # our threads take no signal: whatever the program has not set is the kernel's own
    done = run(
        bed,
        f"""
        import os, resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        uj.begin()
        meter = uj.Meter(pace="fixed")
        meter.begin()
        time.sleep(0.05)
        os.kill(os.getpid(), {int(number)})
        time.sleep(10)
        """,
    )
    assert (done.returncode, done.stderr) == (-number, "")


def test_a_handler_of_the_program_runs_in_its_own_thread(bed: PowercapBed) -> None:
    done = run(
        bed,
        """
        import os, signal, threading
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        meter = uj.Meter(pace="fixed")
        with meter.measure():
            for _ in range(20):
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        """,
    )
    assert (done.returncode, done.stderr) == (5, "")
