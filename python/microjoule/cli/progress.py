"""How far a long file is read: a bar on a terminal, and nothing anywhere else."""

from __future__ import annotations

import sys
import time
from typing import Final

_WIDTH: Final = 30
_EVERY_S: Final = 0.1
# What takes less than this needs no bar.
_AFTER_S: Final = 0.5


class Progress:
    """A bar on standard error, gone when it is done.

    Args:
        what: What is read.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = False
        self._next_s = time.monotonic() + _AFTER_S
        self._on = sys.stderr.isatty()

    def __call__(self, done: int, whole: int) -> None:
        """Tells how many bytes of how many are read."""
        now = time.monotonic()
        if not self._on or now < self._next_s:
            return
        self._next_s = now + _EVERY_S
        self._shown = True
        share = min(1.0, done / whole) if whole else 1.0
        full = round(share * _WIDTH)
        bar = "█" * full + "░" * (_WIDTH - full)
        sys.stderr.write(f"\r{self._what}  {bar}  {100 * share:3.0f} %")
        sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
