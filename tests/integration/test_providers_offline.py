"""Nothing leaves the machine unless it is told to: not one socket, and no module that opens any."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from microjoule import carbon
from microjoule.carbon.providers import ElectricityMaps, UKCarbon, WattTime
from sim.plain import FakeProc

ACCOUNTS = {
    "MICROJOULE_ELECTRICITYMAPS_TOKEN": "tok",
    "MICROJOULE_WATTTIME_USER": "me",
    "MICROJOULE_WATTTIME_PASSWORD": "hush",
}
LOOK_UPS = """
import microjoule as uj
with uj.measure("train") as m:
    sum(range(100_000))
m.co2e_g, m.to_dict()
for where in ("NO", "Germany", "US-CA", "NO1", "aws:eu-north-1", "WORLD", 300, None):
    uj.carbon.intensity(where)
uj.carbon.resolve()
assert "MICROJOULE_OFFLINE=0" in uj.carbon.live("GB").note
assert uj.carbon.live_series("GB", 0, 3600).slots == ()
"""


def look_up_everything() -> None:
    for where in ("NO", "Germany", "US-CA", "NO1", "aws:eu-north-1", "WORLD", 300, None):
        carbon.intensity(where)
    providers = [ElectricityMaps("tok"), WattTime("me", "hush"), UKCarbon()]
    for environ in ({}, ACCOUNTS, {"MICROJOULE_OFFLINE": "1", **ACCOUNTS}):
        carbon.resolve(environ=environ)
        carbon.resolve("GB", environ=environ)
        for chosen in (None, ["ukcarbon"], providers):
            found = carbon.live("GB", providers=chosen, environ=environ)
            assert found.rung == "country"
            assert found.note == "no provider was asked: set MICROJOULE_OFFLINE=0 to allow it"
            series = carbon.live_series("GB", 0, 3600, providers=chosen, environ=environ)
            assert series.slots == ()


def test_offline_opens_no_socket(no_sockets: list[str]) -> None:
    look_up_everything()
    assert no_sockets == []


def test_the_guard_sees_a_client(no_sockets: list[str]) -> None:
    """Online the same look-up does try, so the guard above can fail."""
    found = carbon.live(
        "GB", providers=[UKCarbon(cache_dir="")], environ={"MICROJOULE_OFFLINE": "0"}
    )
    assert found.rung == "country"
    assert "cannot be reached" in found.note or "could not be asked" in found.note
    assert no_sockets != []
    with pytest.raises(OSError, match="no socket"):
        socket.create_connection(("127.0.0.1", 9))


def environment(proc: FakeProc, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        **ACCOUNTS,
        **proc.environ,
        "MICROJOULE_SYSFS": str(proc.root),
        "MICROJOULE_NVML": "/none",
        **more,
    }


def test_offline_loads_no_client() -> None:
    clients = {"httpx", "tenacity", "socket", "ssl"}
    code = f"{LOOK_UPS}\nimport sys\nprint(*{clients} & set(sys.modules))"
    with FakeProc() as proc:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(proc),
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "\n"


def traced(arguments: list[str], log: Path, environ: dict[str, str]) -> list[str]:
    """The calls of a command that concern the network; skips where nothing may be traced."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    probe = subprocess.run([strace, "-f", "-o", log, "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"strace may not trace here: {probe.stderr.strip()[:200]}")
    done = subprocess.run(
        [strace, "-f", "-e", "trace=%network", "-o", str(log), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", LOOK_UPS],
        ["-m", "microjoule", "run", "--country", "GB", "--", "true"],
    ],
    ids=["look-ups", "uj run"],
)
def test_no_system_call_of_the_network(tmp_path: Path, arguments: list[str]) -> None:
    with FakeProc() as proc:
        calls = traced([sys.executable, *arguments], tmp_path / "log", environment(proc))
    assert calls == []


def test_the_trace_sees_a_socket(tmp_path: Path) -> None:
    code = "import socket; socket.socket().close()"
    assert "socket" in traced([sys.executable, "-c", code], tmp_path / "log", dict(os.environ))
