"""The real CodeCarbon, in an environment of its own that is made once and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["VERSION", "NoOriginalError", "original_python"]

VERSION = "3.3.2"
_KEPT = Path(__file__).parents[2] / ".cache" / f"codecarbon-{VERSION}"


class NoOriginalError(Exception):
    """It cannot be installed here; the text has the reason."""


def original_python() -> Path:
    """The Python of an environment with CodeCarbon.

    Raises:
        NoOriginalError: it cannot be made.
    """
    python = _KEPT / "bin" / "python"
    done = _KEPT / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_KEPT)], check=True)
        install = subprocess.run(
            [str(python), "-m", "pip", "install", "-q", f"codecarbon=={VERSION}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if install.returncode:
            raise NoOriginalError(install.stderr.strip()[-300:])
        done.touch()
    return python
