"""`uj run` with real processes: nobody notices that a command is measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sim.bed import PowercapBed

RUN = [sys.executable, "-m", "microjoule", "run"]

# Says when it is ready, counts the signals that reach it, and exits with their number.
COUNTER = """
import signal, sys, time
number, count = int(sys.argv[1]), 0
def took(*_):
    global count
    count += 1
signal.signal(number, took)
print("ready", flush=True)
end = time.monotonic() + 20
while not count and time.monotonic() < end:
    time.sleep(0.01)
time.sleep(0.3)
sys.exit(40 + count)
"""


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, "MICROJOULE_COUNTRY": "NO", **more}


def uj_run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    options = {"env": environ(), "timeout": 30, "capture_output": True, **options}
    return subprocess.run([*RUN, *arguments], check=False, **options)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    running = subprocess.Popen(
        [*RUN, *arguments], env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    return running


def children(pid: int) -> list[int]:
    return [int(x) for x in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# -- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 3, 255])
def test_the_exit_status_passes_through(status: int) -> None:
    done = uj_run("--", "sh", "-c", f"exit {status}")
    assert done.returncode == status
    assert b"energy" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV])
def test_a_command_killed_by_a_signal_ends_us_by_the_same(number: int) -> None:
    done = uj_run("sh", "-c", f"kill -{int(number)} $$")
    assert done.returncode == -number
    assert f"(ended by {signal.Signals(number).name})".encode() in done.stderr
    assert b"energy" in done.stderr


def test_a_shell_sees_128_and_the_signal() -> None:
    line = f"{sys.executable} -m microjoule run sh -c 'kill -9 $$'; echo $?"
    done = subprocess.run(
        ["bash", "-c", line], env=environ(), check=False, capture_output=True, timeout=30
    )
    assert done.stdout == b"137\n"


def test_no_core_file_of_ours(tmp_path: Path) -> None:
    uj_run("sh", "-c", "ulimit -c 0; kill -QUIT $$", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_is_not_there() -> None:
    done = uj_run("no-such-command-here")
    assert done.returncode == 127
    assert done.stderr == b"uj run: command not found: 'no-such-command-here'\n"


def test_no_home_and_a_folder_that_nobody_can_write_to() -> None:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = uj_run("--", "sh", "-c", "exit 7", cwd="/proc", env=bare)
    assert done.returncode == 7
    assert b"microjoule: sh -c" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_value_that_was_taken_for_the_command_is_said_to_be_one() -> None:
    done = uj_run("--json", "no-such-run.json", "--", "true")
    assert done.returncode == 127
    assert b"as the value of --json it is written --json=no-such-run.json" in done.stderr
    assert b"--json" not in uj_run("--precision=2", "no-such-command").stderr


def test_a_command_that_cannot_be_executed(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    lost = tmp_path / "lost"
    lost.write_text("#!/no/such/interpreter\n")
    lost.chmod(0o755)
    for name in (plain, lost, tmp_path):
        done = uj_run(str(name))
        assert done.returncode == 126
        assert b"cannot run" in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_a_script_without_an_interpreter_is_the_shells(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$1"; exit 4\n')
    script.chmod(0o755)
    for name in (str(script), "script"):
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = uj_run(name, "a b", env=environ(PATH=path))
        assert (done.returncode, done.stdout) == (4, b"a b\n")


def test_a_parent_that_ignores_sigchld_costs_no_status() -> None:
    line = f"trap '' CHLD; exec {sys.executable} -m microjoule run sh -c 'exit 5'"
    done = subprocess.run(["bash", "-c", line], env=environ(), check=False, capture_output=True)
    assert done.returncode == 5


# -- what passes through --------------------------------------------------------------------------


def test_binary_streams_are_untouched() -> None:
    data = os.urandom(1 << 20)
    done = uj_run("cat", input=data)
    assert (done.returncode, done.stdout) == (0, data)


def test_the_summary_comes_after_what_the_command_wrote() -> None:
    done = uj_run("sh", "-c", "echo out; echo err >&2")
    assert done.stdout == b"out\n"
    assert done.stderr.startswith(b"err\nmicrojoule: sh -c ")


@pytest.mark.parametrize(
    "inside",
    [
        [],
        ["env", "--ignore-signal=INT,HUP"],
        ["env", "--block-signal=USR1"],
        ["env", "--ignore-signal=CHLD"],
    ],
)
def test_signal_masks_and_open_files_are_as_without_us(inside: Sequence[str]) -> None:
    show = ["sh", "-c", "grep '^Sig[BI]' /proc/self/status; ls /proc/self/fd"]
    options: dict[str, Any] = {"env": environ(), "capture_output": True, "timeout": 30}
    bare = subprocess.run([*inside, *show], check=True, **options)
    measured = subprocess.run([*inside, *RUN, *show], check=True, **options)
    assert measured.stdout == bare.stdout


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGWINCH,
        signal.SIGALRM,
        signal.SIGPIPE,
        signal.SIGRTMIN + 1,
    ],
)
def test_a_signal_to_us_reaches_the_command_once(number: int) -> None:
    running = start(sys.executable, "-c", COUNTER, str(int(number)))
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 41
    assert b"energy" in err


def test_sigterm_to_us_ends_a_plain_command_and_us() -> None:
    running = start("sh", "-c", "echo ready; exec sleep 30")
    running.terminate()
    _, err = running.communicate(timeout=30)
    assert running.returncode == -signal.SIGTERM
    assert b"(ended by SIGTERM)" in err


def test_kill_9_of_the_command() -> None:
    running = start("sh", "-c", "echo ready; exec sleep 30")
    (child,) = children(running.pid)
    os.kill(child, signal.SIGKILL)
    _, err = running.communicate(timeout=30)
    assert running.returncode == -signal.SIGKILL
    assert b"energy" in err


def test_a_stopped_command_goes_on_when_it_is_woken() -> None:
    running = start("sh", "-c", "echo ready; sleep 0.3; exit 6")
    (child,) = children(running.pid)
    os.kill(child, signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(child, signal.SIGCONT)
    running.communicate(timeout=30)
    assert running.returncode == 6


# -- on a terminal --------------------------------------------------------------------------------


class Terminal:
    """A program on a terminal of its own, typed to."""

    def __init__(self, *command: str) -> None:
        spawn = (
            "import os, pty, sys; status = pty.spawn(sys.argv[1:]);"
            "sys.exit(os.waitstatus_to_exitcode(status) % 256)"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", spawn, *command],
            env=environ(PS1="$ ", TERM="dumb"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.seen = b""

    def type(self, text: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def expect(self, text: bytes, times: int = 1) -> None:
        assert self.process.stdout is not None
        end = time.monotonic() + 20
        while self.seen.count(text) < times:
            assert time.monotonic() < end, self.seen
            more = os.read(self.process.stdout.fileno(), 4096)
            assert more, self.seen
            self.seen += more

    def close(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.seen += self.process.stdout.read()
        status = self.process.wait(timeout=30)
        self.process.stdin.close()
        self.process.stdout.close()
        return status


def test_ctrl_c_reaches_the_command_once_and_the_summary_is_printed() -> None:
    terminal = Terminal(*RUN, sys.executable, "-c", COUNTER, str(int(signal.SIGINT)))
    terminal.expect(b"ready")
    terminal.type(b"\x03")
    assert terminal.close() == 41
    assert b"energy" in terminal.seen


def test_ctrl_c_ends_a_plain_command_by_sigint() -> None:
    terminal = Terminal(*RUN, "sh", "-c", "echo ready; exec sleep 30")
    terminal.expect(b"ready")
    terminal.type(b"\x03")
    assert terminal.close() == 256 - signal.SIGINT
    assert b"(ended by SIGINT)" in terminal.seen


def test_ctrl_z_and_fg() -> None:
    terminal = Terminal("bash", "--norc", "--noprofile", "-i")
    line = " ".join(RUN) + " sh -c 'echo rea''dy; sleep 0.5; exit 6'; echo status $?\n"
    terminal.type(line.encode())
    terminal.expect(b"ready")
    terminal.type(b"\x1a")
    terminal.expect(b"Stopped")
    terminal.type(b"jobs; fg; echo status $?; exit\n")
    assert terminal.close() == 0
    assert b"status 6" in terminal.seen
    assert b"energy" in terminal.seen


# -- what is said ---------------------------------------------------------------------------------


def test_json_goes_to_standard_error_instead_of_the_summary() -> None:
    done = uj_run("--json", "sh", "-c", "echo err >&2; exit 3")
    assert done.returncode == 3
    first, line = done.stderr.splitlines()
    assert first == b"err"
    check_document(json.loads(line), ["sh", "-c", "echo err >&2; exit 3"], 3)


def test_json_goes_into_a_file_and_nothing_is_printed(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    target.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    done = uj_run(f"--json={link}", "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    check_document(json.loads(target.read_text()), ["true"], 0)
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, target]


def test_json_into_a_stream_that_others_write_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("w") as stream:
        uj_run("--json=/dev/stdout", "echo", "hello", capture_output=False, stdout=stream)
    first, line = out.read_text().splitlines()
    assert first == "hello"
    assert json.loads(line)["schema"] == 1


def check_document(document: dict[str, Any], command: list[str], status: int) -> None:
    assert document["schema"] == 1
    assert document["command"] == command
    assert document["exit_status"] == status
    assert document["signal"] is None
    assert document["command_cpu_s"] >= 0
    measured = document["measurement"]
    assert measured["energy_j"] >= 0
    assert measured["uncertainty_j"] > 0
    assert measured["quality"] in ("measured", "mixed", "estimated")
    assert document["footprint"]["intensity"]["place"] == "NO"


@pytest.mark.bed
def test_joules_of_simulated_meters(bed: PowercapBed) -> None:
    done = uj_run("--json", "sleep", "0.74", env=environ(**bed.environ))
    measured = json.loads(done.stderr)["measurement"]
    assert measured["quality"] == "measured"
    assert set(measured["by_sensor"]) == {"cpu0.package", "cpu0.dram"}
    # Twenty periods of a square wave of 40 and 160 W, with 5 W beside it.
    assert measured["power_w"] == pytest.approx(105, rel=0.02)


@pytest.mark.bed
def test_meters_that_fail_in_the_middle_degrade_the_figures_and_nothing_else(
    bed: PowercapBed,
) -> None:
    for zone in ("package-0", "dram"):
        bed[zone].fail("EIO", after_s=0.3)
    done = uj_run("--json", "sh", "-c", "sleep 0.6; exit 3", env=environ(**bed.environ))
    assert done.returncode == 3
    measured = json.loads(done.stderr)["measurement"]
    assert measured["reason"]


def test_country_and_pue_reach_the_footprint() -> None:
    done = uj_run("--json", "--country", "DE", "--pue", "1.5", "true")
    footprint = json.loads(done.stderr)["footprint"]
    assert footprint["intensity"]["place"] == "DE"
    assert footprint["facility_energy_j"] == pytest.approx(1.5 * footprint["sensor_energy_j"])
    done = uj_run("--json", "--intensity", "100", "true")
    assert json.loads(done.stderr)["footprint"]["intensity"]["g_per_kwh"] == 100


def test_precision() -> None:
    done = uj_run("--precision", "6", "--intensity", "123.456", "true")
    assert b"123.456 g/kWh" in done.stderr


def test_a_closed_standard_error_changes_nothing() -> None:
    line = f"{sys.executable} -m microjoule run sh -c 'echo out; exit 3' 2>&-"
    done = subprocess.run(["bash", "-c", line], env=environ(), check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (3, b"out\n")


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "uj run -- python train.py"),
        (["--country", "Atlantis", "--"], "Atlantis"),
        (["--country", "NO", "--intensity", "3", "--"], "not allowed with"),
        (["--intensity", "-1", "--"], "-1"),
        (["--pue", "0.9", "--"], "pue"),
        (["--pue", "-1", "--"], "pue"),
        (["--pue", "nan", "--"], "pue"),
        (["--pue", "much", "--"], "much"),
        (["--period", "0", "--"], "period"),
        (["--period", "-0.1", "--"], "period"),
        (["--pace", "slow", "--"], "'events'"),
        (["--precision", "0", "--"], "from 1 to 15"),
        (["--json=", "--"], "name of a file"),
        (["--json=/no/such/folder/run.json", "--"], "/no/such/folder"),
        (["--json=/", "--"], "folder"),
        (["--jso", "--"], "--jso"),
    ],
)
def test_bad_input_is_said_before_anything_starts(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    mark = tmp_path / "started"
    command = ["touch", str(mark)] if arguments else []
    done = uj_run(*arguments, *command)
    assert done.returncode == 2
    assert sentence in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not mark.exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MICROJOULE_COUNTRY", "Atlantis"),
        ("MICROJOULE_PERIOD", "0"),
        ("MICROJOULE_PACE", "slow"),
        ("MICROJOULE_SOURCES", "powercap,crystal"),
    ],
)
def test_bad_settings_are_said_before_anything_starts(
    variable: str, value: str, tmp_path: Path
) -> None:
    mark = tmp_path / "started"
    done = uj_run("touch", str(mark), env=environ(**{variable: value}))
    assert done.returncode == 2
    assert value.split(",")[-1] in done.stderr.decode()
    assert not mark.exists()


def test_sources_that_are_not_to_be_had_are_said_before_anything_starts(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    there_is_none = {"MICROJOULE_SOURCES": "powercap", "MICROJOULE_SYSFS": str(tmp_path)}
    done = uj_run("touch", str(mark), env=environ(**there_is_none))
    assert done.returncode == 3
    assert b"powercap" in done.stderr
    assert not mark.exists()


def test_options_after_the_command_are_the_commands() -> None:
    done = uj_run("echo", "--json", "--", "--pue", "0")
    assert done.stdout == b"--json -- --pue 0\n"
