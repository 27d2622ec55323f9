"""transformers' Trainer reports to these trackers as it does to CodeCarbon's.

Needs torch, which nothing else here does: `make test-torch` makes an environment for it and keeps
it below `.cache`; without one the test is not run.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import microjoule
from microjoule.tracker.data import EmissionsData

KEPT = Path(__file__).parents[2] / ".cache" / "torch"
PROGRAM = Path(__file__).parent / "torch" / "trainer.py"


@pytest.mark.torch
@pytest.mark.slow
def test_the_trainer_reports_here(tmp_path: Path) -> None:
    if not (KEPT / "done").exists():
        pytest.skip("not run: there is no environment with torch (make test-torch makes it)")
    # The package by itself: its neighbours belong to another environment.
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "microjoule").symlink_to(Path(microjoule.__file__).parent)
    done = subprocess.run(
        [str(KEPT / "bin" / "python"), str(PROGRAM)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path / "packages"),
            "HF_HUB_OFFLINE": "1",
            "CODECARBON_PROJECT_NAME": "tiny",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["tracker"].startswith("microjoule.")
    assert seen["rows"] == 1
    assert seen["project"] == "tiny"
    assert seen["energy_kwh"] > 0
    assert seen["duration_s"] > 0
    assert seen["columns"] == list(EmissionsData.__dataclass_fields__)
