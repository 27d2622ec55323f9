"""The life of the server behind the simulated sensors."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from sim.bed import (
    BedFactory,
    PowercapBed,
    Zone,
)
from sim.loads import Constant
from sim.server import SimServer, remove_leftovers, stale_mounts
from simulated.reading import Reader, energy_file

pytestmark = pytest.mark.bed


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Another interpreter that has ``sim`` on its path."""
    tests = str(Path(__file__).resolve().parent.parent)
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": tests},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def wait_until_dead(pid: int) -> None:
    """Dead or at least a zombie, for whoever inherited it to reap."""
    deadline = time.monotonic() + 5
    with contextlib.suppress(FileNotFoundError):
        while Path("/proc", str(pid), "cmdline").read_bytes():
            assert time.monotonic() < deadline, f"server {pid} lives on"
            time.sleep(0.005)


def test_closing_leaves_nothing_behind(bed_factory: BedFactory) -> None:
    bed = bed_factory([Zone("package-0", Constant(1))])
    folder, pid = bed.mount.parent, bed.server.pid
    held = os.open(energy_file(bed, "package-0"), os.O_RDONLY)
    bed.close()
    bed.close()
    assert not folder.exists()
    assert not Path("/proc", str(pid)).exists()
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    os.close(held)


@pytest.mark.parametrize("end", ["pass", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_the_server_dies_with_its_parent(end: str) -> None:
    result = run_python(
        f"""
        import os
        from sim.bed import PowercapBed, Zone
        from sim.loads import Constant
        bed = PowercapBed([Zone("package-0", Constant(1))])
        print(bed.server.pid, bed.mount, flush=True)
        {end}
        """
    )
    pid, mount = result.stdout.split()
    wait_until_dead(int(pid))
    assert mount not in Path("/proc/self/mounts").read_text()
    remove_leftovers()
    assert not Path(mount).parent.exists()


def test_the_thread_that_mounts_may_end() -> None:
    result = run_python(
        """
        import threading
        from sim.bed import PowercapBed, Zone
        from sim.loads import Constant
        beds = []
        thread = threading.Thread(
            target=lambda: beds.append(PowercapBed([Zone("package-0", Constant(1))]))
        )
        thread.start()
        thread.join()
        with beds[0] as bed:
            print((bed.root / "class/powercap/intel-rapl:0/name").read_text())
        """
    )
    assert result.stdout.strip() == "package-0", result.stderr


def test_a_forked_child_leaves_the_server_alone(bed: PowercapBed, reader: Reader) -> None:
    child = os.fork()
    if child == 0:
        bed.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert int(reader.text()) > 0


def test_stale_mounts_are_found_and_removed() -> None:
    server = SimServer("")
    folder = server.mount.parent
    assert server.mount not in stale_mounts()
    os.kill(server.pid, signal.SIGKILL)
    server._process.wait()
    assert server.mount in stale_mounts()
    remove_leftovers()
    assert server.mount not in stale_mounts()
    server.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("epoch soon\n", "line 1 .* the epoch in ns must be a whole number, not 'soon'"),
        ("load a repeat 1\n5 -1\n", "line 2 .* power of a segment goes below zero"),
        ("load a repeat 1\n0 1\n", "line 2 .* duration of a segment in ns must be at least 1"),
        ("load a repeat 2\n5 1\n", "line 2 .* ends too early"),
        ("load a sometimes 1\n", "repeats or holds, not 'sometimes'"),
        ("counter c p 1 0 0\n", "there is no publisher 'p'"),
        ("text 0444 a x\ntext 0444 a x\n", "line 2 .* 'a' is there already"),
        ("text 0444 a x\ntext 0444 a/b x\n", "below something that is no directory"),
        ("link a b c\n", "nothing more expected, but there is 'c'"),
        ("frobnicate\n", "unknown kind of line 'frobnicate'"),
    ],
)
def test_a_wrong_configuration_is_refused_in_a_sentence(config: str, complaint: str) -> None:
    with pytest.raises(RuntimeError, match=complaint):
        SimServer(config)
