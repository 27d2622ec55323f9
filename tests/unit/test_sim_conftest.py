"""What happens to the tests of the bed on a machine that cannot have one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
import sim.bed
sim.bed.probe = lambda: "the test says so"
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests/simulated/test_bed.py",
                      "-k", "test_further_files"]))
"""


@pytest.mark.parametrize(
    ("required", "status", "outcome"), [(False, 0, "1 skipped"), (True, 1, "1 error")]
)
def test_a_missing_bed_is_a_skip_unless_it_is_required(
    required: bool, status: int, outcome: str
) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    if required:
        environ["MICROJOULE_REQUIRE_BED"] = "1"
    result = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == status, result.stdout + result.stderr
    assert outcome in result.stdout
    assert "no simulated sensors: the test says so" in result.stdout
