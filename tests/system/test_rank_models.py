"""The example that ranks four models by measured error and measured energy per inference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EXAMPLE = [sys.executable, str(EXAMPLES / "rank_models.py")]
MODELS = {"logistic regression", "random forest", "support vectors", "nearest neighbours"}

pytestmark = pytest.mark.slow


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(told: str) -> dict[str, list[str]]:
    """By model its cells, which two spaces part."""
    lines = told.split("model  ", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    return {name: rest for name, *rest in cells}


def check(told: str) -> None:
    table = rows(told)
    assert set(table) == MODELS
    for error, energy, operations, front, *ranks in table.values():
        assert 0 < float(error) < 0.1
        assert float(energy.split(" ± ")[0]) > 0
        assert float(operations) > 0
        assert front in ("yes", "no")
        assert len(ranks) == 3
    best = min(table.values(), key=lambda cells: float(cells[0]))
    assert best[3] == "yes"
    assert "indicators, without any hardware" in told


def test_on_this_machine(tmp_path: Path) -> None:
    told = run(*EXAMPLE, "--seconds", "0.2", "--plot", str(tmp_path / "front.svg"))
    check(told)
    assert ("MEASURED" in told) != ("ESTIMATED" in told)
    drawn = (tmp_path / "front.svg").read_text(encoding="utf-8")
    assert "<svg" in drawn


@pytest.mark.bed
def test_against_simulated_sensors() -> None:
    told = run(
        *(sys.executable, str(EXAMPLES / "simulated.py"), "--", *EXAMPLE), "--seconds", "0.3"
    )
    check(told)
    assert "Energy: MEASURED, from cpu0.dram, cpu0.package" in told
