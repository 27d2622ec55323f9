"""One body of programs against the real CodeCarbon and against ours.

Each program of `patterns/` is written against CodeCarbon, does what people do with it, and prints
what it saw as JSON:

* ``same``: must be equal in both,
* ``close``: numbers that are equal but for the time that a run takes, to 30 %,
* ``holds``: statements that must be true in both,
* ``ours``: what must be true of ours only, under a name that says what the original does instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PATTERNS = sorted((Path(__file__).parent / "patterns").glob("*.py"))


def run(command: list[str], folder: Path) -> dict[str, Any]:
    home = folder / "home"
    work = folder / "work"
    home.mkdir(parents=True)
    work.mkdir()
    of_trackers = ("CODECARBON", "MICROJOULE")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(of_trackers)}
    done = subprocess.run(
        command,
        cwd=work,
        env={**environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("pattern", PATTERNS, ids=[p.stem for p in PATTERNS])
def test_it_sees_the_same(pattern: Path, original: Path, tmp_path: Path) -> None:
    theirs = run([str(original), str(pattern)], tmp_path / "theirs")
    ours = run([sys.executable, "-m", "microjoule.codecarbon", str(pattern)], tmp_path / "ours")
    assert ours["same"] == theirs["same"]
    assert ours["close"].keys() == theirs["close"].keys()
    for name, value in theirs["close"].items():
        assert ours["close"][name] == pytest.approx(value, rel=0.3), name
    for whose, seen in (("theirs", theirs), ("ours", ours)):
        broken = [name for name, true in seen["holds"].items() if not true]
        assert not broken, f"{whose}: {broken}"
    assert not [name for name, true in ours["ours"].items() if not true]
