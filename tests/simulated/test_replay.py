"""Recordings of the bed: measured again to the last bit, and run against once more in real time."""

from __future__ import annotations

import getpass
import itertools
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import microjoule as uj
from microjoule import recording
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant, Square

ZONES = [
    # Wraps within the first second, and once more after that.
    Zone(
        "package-0",
        Square(40, 160, period_s=0.037),
        max_range_uj=150_000_000,
        start_uj=100_000_000,
    ),
    Zone("dram", Constant(5), parent="package-0"),
]


@pytest.fixture
def bed(bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch) -> PowercapBed:
    bed = bed_factory(ZONES)
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    return bed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.rec"


def eventful(bed: PowercapBed, path: Path, pace: str) -> list[uj.Measurement]:
    """A second and a half with a wrap, an error of 0.1 s, laps, and windows in windows."""
    with uj.Meter(record=path, pace=pace) as meter:
        outer = meter.begin()
        measured = []
        for i in range(20):
            with meter.measure(f"secret label {i}") as m:
                time.sleep(0.011)
            measured.append(m)
        with meter.measure(trace=0.01) as m:
            time.sleep(0.1)
        measured.append(m)
        bed["package-0"].fail("EIO", seconds=0.1)
        token = meter.begin()
        time.sleep(0.2)
        measured.append(meter.lap(token))
        time.sleep(0.9)
        measured += [meter.end(token), meter.end(outer)]
        assert all(m.wait(5) for m in measured)
    assert meter.recording_problem() == ""
    return measured


@pytest.mark.parametrize("pace", ["events", "fixed"])
def test_what_was_measured_is_measured_again_to_the_last_bit(
    bed: PowercapBed, path: Path, pace: str
) -> None:
    measured = eventful(bed, path, pace)
    kept = recording.read(path)
    assert "retry" in kept.readings["cpu0.package"].status
    raw = [x for x in kept.readings["cpu0.package"].raw if x]
    assert any(b < a for a, b in itertools.pairwise(raw)), "no wrap was recorded"
    # A recording's clock is off by whole seconds; two windows may well have the same length.
    again = {
        (w.start_ns % 1_000_000_000, w.end_ns - w.start_ns): w for w in recording.figures(path)
    }
    assert len(again) == len(measured)
    for m in measured:
        start, end = m._stamps()
        window = again[start % 1_000_000_000, end - start]
        assert (start - window.start_ns) % 1_000_000_000 == 0
        assert window.by_sensor == m.by_sensor
        assert window.energy_j == m.energy_j
        assert window.settled


def test_other_windows_can_be_asked_of_it(bed: PowercapBed, path: Path) -> None:
    eventful(bed, path, "fixed")
    whole = recording.figures(path)[-1]
    middle = (whole.start_ns + whole.end_ns) // 2
    parts = recording.figures(path, [(whole.start_ns, middle), (middle, whole.end_ns)])
    # When the program's windows were settled less was known than is now.
    slack = 0.2 + sum(3 * sum(w.timing_j.values()) for w in [whole, *parts])
    assert sum(part.energy_j for part in parts) == pytest.approx(whole.energy_j, abs=slack)
    with pytest.raises(ValueError, match=r"window 0 is from 5 to 4 ns: pass \(start, end\)"):
        recording.figures(path, [(5, 4)])


@pytest.mark.parametrize("loop", [False, True], ids=["once", "loop"])
def test_a_replayed_second_has_the_joules_of_the_recorded_one(
    bed: PowercapBed, path: Path, monkeypatch: pytest.MonkeyPatch, loop: bool
) -> None:
    eventful(bed, path, "fixed")
    monkeypatch.setenv("MICROJOULE_SOURCES", "replay")
    monkeypatch.setenv("MICROJOULE_REPLAY", f"loop:{path}" if loop else str(path))
    kept = recording.read(path).readings["cpu0.package"]
    before_ns = time.monotonic_ns()
    with uj.Meter() as meter:
        began_ns = time.monotonic_ns()  # the first read was between the two
        with meter.measure() as m:
            time.sleep(0.7)
        assert m.wait(5)
        with meter.measure() as later:
            time.sleep(1.5)
        assert later.wait(5)
    offset = kept.before_ns[0] - began_ns
    (then,) = recording.figures(path, [tuple(t + offset for t in m._stamps())])
    # A start that is off by so much, and an update of the counter, move both ends along the load.
    slack = 2 * ((began_ns - before_ns) * 1e-9 + 0.001) * 160 + 3 * m.uncertainty_parts["timing"]
    assert m.by_sensor["cpu0.package"] == pytest.approx(then.by_sensor["cpu0.package"], abs=slack)
    assert m.by_sensor["cpu0.dram"] == pytest.approx(then.by_sensor["cpu0.dram"], abs=slack)
    assert m.quality == "estimated"
    assert f"cpu0.package: replayed from {path.name}, recorded 20" in m.reason
    assert "by microjoule " in m.reason
    assert "through powercap" in m.reason
    if loop:
        assert "could not be read" not in later.reason
        assert later.by_sensor["cpu0.dram"] == pytest.approx(5 * later.duration_s, rel=0.05)
    else:
        # After the end nothing is known, and that is said.
        assert "cpu0.package could not be read for" in later.reason


def test_a_recording_tells_nothing_of_who_made_it(bed: PowercapBed, path: Path) -> None:
    eventful(bed, path, "events")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "secret label" not in text
    words = set(text.split())
    assert not words & {socket.gethostname(), getpass.getuser()}
    assert str(path.parent) not in text
    assert str(bed.mount) not in text
    assert not any(argument in text for argument in sys.argv if len(argument) > 3)


def test_a_killed_process_leaves_a_recording(bed: PowercapBed, path: Path) -> None:
    code = (
        "import sys, time, microjoule as uj\n"
        "meter = uj.Meter(record=sys.argv[1], pace='fixed')\n"
        "with meter.measure() as m: time.sleep(0.3)\n"
        "m.wait(5); time.sleep(0.5); print(m.energy_j, flush=True); time.sleep(20)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        energy_j = float(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    (window,) = recording.figures(path)
    assert window.energy_j == energy_j
    # Cut anywhere, it is a shorter recording, or too short to be one.
    content = path.read_bytes()
    header = content.index(b"\nreadings\n") + len(b"\nreadings\n")
    for cut in range(header, header + 200):
        path.write_bytes(content[:cut])
        recording.figures(path)


def test_a_forked_child_does_not_write_into_it(bed: PowercapBed, path: Path) -> None:
    with uj.Meter(record=path) as meter:
        with meter.measure() as first:
            time.sleep(0.05)
        assert first.wait(5)
        pid = os.fork()
        if pid == 0:
            with meter.measure() as m:
                time.sleep(0.05)
            os._exit(0 if m.wait(5) else 1)
        assert os.waitpid(pid, 0)[1] == 0
        with meter.measure() as second:
            time.sleep(0.05)
        assert second.wait(5)
    assert [w.energy_j for w in recording.figures(path)] == [first.energy_j, second.energy_j]


# -- the command line -----------------------------------------------------------------------------


def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microjoule", *arguments],
        env={**os.environ, "MICROJOULE_COUNTRY": "NO", **more},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_run_records_and_replays(bed: PowercapBed, path: Path) -> None:
    done = command("run", "--json", "--record", str(path), "--", "sleep", "0.5")
    assert done.returncode == 0
    measured = json.loads(done.stderr)["measurement"]
    (window,) = recording.figures(path)
    assert window.energy_j == measured["energy_j"]
    assert "sleep" not in path.read_text()

    replay = {"MICROJOULE_SOURCES": "replay", "MICROJOULE_REPLAY": f"loop:{path}"}
    done = command("run", "--", "sleep", "0.3", **replay)
    assert done.returncode == 0
    told = " ".join(done.stderr.split())
    assert "quality estimated" in told
    assert f"replayed from {path.name}" in told

    done = command("doctor", **replay)
    assert done.returncode == 3
    told = " ".join(done.stdout.split())
    assert told.startswith("No meter is read: every figure is replayed from a recording")
    assert f"replayed from {path.name}" in told


def test_bad_places_and_bad_recordings_are_told(bed: PowercapBed, path: Path) -> None:
    path.write_text("not one of ours\n")
    done = command("run", f"--record={path}", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is such a file already" in done.stderr
    assert path.read_text() == "not one of ours\n"
    done = command("run", f"--record={path.parent / 'no' / 'run.rec'}", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (2, "")

    with pytest.raises(ValueError, match="such a file already"):
        uj.Meter(record=path)
    with pytest.raises(ValueError, match="record is 7: pass the path"):
        uj.Meter(record=7)  # type: ignore[arg-type]
    for replayed, said in [
        (str(path), "line 1: this is no recording of microjoule"),
        (str(path.parent / "gone"), "No such file"),
        (str(path.parent), "no file that can be read"),
        ("", "set MICROJOULE_REPLAY"),
    ]:
        done = command(
            "run", "--", "echo", "ran", MICROJOULE_SOURCES="replay", MICROJOULE_REPLAY=replayed
        )
        assert (done.returncode, done.stdout) == (3, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        done = command("doctor", MICROJOULE_SOURCES="replay", MICROJOULE_REPLAY=replayed)
        assert done.returncode == 3
        assert said in " ".join(done.stdout.split())
