"""The real CodeCarbon, to compare with, and an environment with torch."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import microjoule
from compat.original import NoOriginalError, original_python

KEPT = Path(__file__).parents[2] / ".cache" / "torch"
PROGRAMS = Path(__file__).parent / "torch"


@pytest.fixture(scope="session")
def original() -> Path:
    """The Python of an environment with CodeCarbon."""
    try:
        return original_python()
    except NoOriginalError as error:
        pytest.skip(f"CodeCarbon cannot be installed: {error}")


@pytest.fixture(scope="session")
def in_torch(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program of `torch/` in the environment that `make test-torch` made."""
    if not (KEPT / "done").exists():
        pytest.skip("not run: there is no environment with torch (make test-torch makes it)")
    # The package by itself: its neighbours belong to another environment.
    packages = tmp_path_factory.mktemp("packages")
    (packages / "microjoule").symlink_to(Path(microjoule.__file__).parent)

    def run(program: str, **environ: str) -> str:
        done = subprocess.run(
            [str(KEPT / "bin" / "python"), str(PROGRAMS / program)],
            cwd=tmp_path_factory.mktemp("torch"),
            env={**os.environ, "PYTHONPATH": str(packages), **environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
