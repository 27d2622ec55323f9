"""The real CodeCarbon, in an environment of its own, to compare with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

VERSION = "3.3.2"
KEPT = Path(__file__).parents[2] / ".cache" / f"codecarbon-{VERSION}"


@pytest.fixture(scope="session")
def original() -> Path:
    """The Python of an environment with CodeCarbon; made once, and kept."""
    python = KEPT / "bin" / "python"
    done = KEPT / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(KEPT)], check=True)
        install = subprocess.run(
            [str(python), "-m", "pip", "install", "-q", f"codecarbon=={VERSION}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if install.returncode:
            pytest.skip(f"CodeCarbon cannot be installed: {install.stderr.strip()[-300:]}")
        done.touch()
    return python
