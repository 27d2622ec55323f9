"""docs/from-codecarbon.md: its programs run, and every argument is in its table."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from microjoule.tracker.settings import DEFAULTS, OFFLINE_DEFAULTS

TEXT = (Path(__file__).parents[3] / "docs" / "from-codecarbon.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_runs(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert Path("emissions.csv").read_text().count("\n") == 2


def test_there_are_programs() -> None:
    assert len(PROGRAMS) == 4


def test_every_argument_is_in_the_table() -> None:
    table = TEXT.partition("## Every argument")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(\w+)`", table))
    assert {*DEFAULTS, *OFFLINE_DEFAULTS, "offline"} - told == set()
