"""The demo as `make demo` and `make demo SIM=1` run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DEMO = [
    *(sys.executable, "-m", "microjoule", "run", "--", sys.executable),
    str(EXAMPLES / "train_and_serve.py"),
]
STAGES = [
    "data_collection",
    "data_cleaning",
    "preprocessing/transform",
    *(2 * ["construction/training", "construction/evaluation", "inference"]),
    "all",
]

pytestmark = pytest.mark.slow


def run(*command: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        env={**os.environ, "MICROJOULE_COUNTRY": "NO"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def tables(text: str) -> list[list[list[str]]]:
    """The tables of the output: lines of cells, which two spaces part."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return [
        [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in block]
        for block in blocks
    ]


def check(done: subprocess.CompletedProcess[str]) -> tuple[list[list[str]], list[list[str]]]:
    stages, models = tables(done.stdout)[1:3]
    assert [row[0] for row in stages[1:]] == STAGES
    assert [row[0] for row in models[1:]] == ["logistic regression", "neural net 64-128-10"]
    for _, accuracy, training_j, inference_j, uncertainty_j, _ in models[1:]:
        assert float(accuracy) > 0.9
        assert float(training_j) > 0
        assert float(inference_j) > 0
        assert float(uncertainty_j) > 0
    return stages, models


def test_the_demo_on_this_machine() -> None:
    done = run(*DEMO)
    check(done)
    assert ("MEASURED" in done.stdout) != ("ESTIMATED" in done.stdout)
    assert "microjoule: " in done.stderr


@pytest.mark.bed
def test_the_demo_against_simulated_sensors() -> None:
    done = run(sys.executable, str(EXAMPLES / "simulated.py"), "--", *DEMO)
    stages, _ = check(done)
    assert "MEASURED" in done.stdout
    assert "quality         measured" in done.stderr
    # The made-up load is a square wave of 40 and 160 W with 6 W beside it: 106 W in the mean, and
    # so it must be in every window of many periods.
    long_ones = [row for row in stages[1:-1] if float(row[2]) > 0.3]
    assert long_ones
    for row in long_ones:
        assert float(row[5]) == pytest.approx(106, rel=0.06)


@pytest.mark.bed
def test_a_simulated_run_passes_the_exit_status_on() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "simulated.py"), "--", "sh", "-c", "exit 7"], check=False
    )
    assert done.returncode == 7


@pytest.mark.bed
def test_a_simulated_run_of_what_is_not_there_is_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "simulated.py"), "--", "no-such-command"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 127
    assert done.stderr == "cannot run 'no-such-command': No such file or directory\n"
