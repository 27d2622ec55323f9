"""C and C++ programs, compiled on demand with what the machine has."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent
REPOSITORY = BENCHMARKS.parent


def compiled(folder: Path, name: str, sources: Sequence[Path], *options: str) -> Path:
    """The program, compiled into a folder; the benchmark is skipped without a compiler."""
    choices = ("gcc", "clang") if sources[0].suffix == ".c" else ("g++", "clang++")
    compiler = next((c for c in choices if shutil.which(c)), None)
    if compiler is None:
        pytest.skip(f"there is no {' and no '.join(choices)}")
    binary = folder / name
    command = [compiler, *options, *map(str, sources), "-o", str(binary)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}\n{result.stderr}")
    return binary
