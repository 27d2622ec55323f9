"""`make bench-peers` in small: microjoule alone, as it is installed here, and no network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"

pytestmark = [pytest.mark.slow, pytest.mark.bed]


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """Zones that are this machine's for whoever is in the namespace."""
    for place in ("class/powercap", "devices/virtual/powercap"):
        (tmp_path / place / "intel-rapl").mkdir(parents=True)
    return tmp_path


@pytest.fixture(autouse=True)
def namespaces(sysfs: Path) -> None:
    done = inside(sysfs, "true")
    if done.returncode != 0:
        pytest.skip(f"no mount namespace: {done.stderr.strip().splitlines()[-1]}")


def inside(sysfs: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PEERS / "namespace.py", sysfs, *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_namespace_shows_the_zones_and_the_kernel_s_own(sysfs: Path) -> None:
    for folder in ("/sys/class/powercap", "/sys/devices/virtual/powercap"):
        assert inside(sysfs, "ls", folder).stdout == "intel-rapl\n"
    for folder in ("/sys/class/net", "/sys/devices/system/cpu", "/sys/bus"):
        names = sorted(path.name for path in Path(folder).iterdir())
        assert sorted(inside(sysfs, "ls", folder).stdout.split()) == names


def test_the_namespace_is_not_seen_outside(sysfs: Path) -> None:
    mounts = Path("/proc/self/mounts").read_text()
    assert inside(sysfs, "cat", "/proc/self/mounts").stdout != mounts
    assert Path("/proc/self/mounts").read_text() == mounts


def test_microjoule_is_compared(tmp_path: Path) -> None:
    figures = tmp_path / "figures.md"
    done = subprocess.run(
        [sys.executable, PEERS / "run.py", "--quick", "--here", "--figures", figures],
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    assert figures.read_text() == done.stdout
    cost, error, fault = (
        dict(zip(cells(head), cells(row), strict=True)) for head, row in tables(done.stdout)
    )
    assert all(float(cost[name]) > 0 for name in ("pair, µs", "import, s", "first begin, ms"))
    assert all(" ± " in error[name] for name in ("0.01 s, %", "0.1 s, %", "1 s, %"))
    for name in ("wrap", "EIO for 0.1 s", "fork", "100 overlapping"):
        assert fault[name] == "right"
    for name in ("zone vanishes", "EACCES"):
        assert "and says so" in fault[name]


def tables(text: str) -> list[tuple[str, str]]:
    """The head and the only row of each table."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    return [(block[0], block[2]) for block in blocks if block[0].startswith("|")]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
