"""The logger `codecarbon`: one handler of ours on stderr, other people's left alone."""

from __future__ import annotations

import logging
import sys

__all__ = ["logger", "set_logger_format", "set_logger_level"]

logger = logging.getLogger("codecarbon")
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    _Stream = logging.StreamHandler[Any]
else:
    _Stream = logging.StreamHandler


# What our handler's lines begin with; None before there is one.
_preamble: str | None = None


class _Handler(_Stream):
    """Ours: found again when the format changes. Writes to whatever stderr is by then."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: object) -> None:
        pass


def set_logger_level(level: str | int | None = None) -> None:
    """Sets from which level on lines are shown: a name in any case, or a number."""
    if isinstance(level, str):
        number = _LEVELS.get(level.strip().lower())
        if number is None:
            logger.error("Unknown log level %r: pass one of %s", level, ", ".join(_LEVELS))
            return
        level = number
    # Setting a level empties a cache of all loggers: only where it changes something.
    if isinstance(level, int) and level != logger.level:
        logger.setLevel(level)


def set_logger_format(preamble: str = "") -> None:
    """Sets the format of our handler; handlers of others stay."""
    global _preamble
    if preamble == _preamble:
        return
    _preamble = preamble
    for handler in list(logger.handlers):
        if isinstance(handler, _Handler):
            logger.removeHandler(handler)
    words = f"[{preamble}] " if preamble else ""
    handler = _Handler()
    form = f"{words}[codecarbon %(levelname)s @ %(asctime)s] %(message)s"
    handler.setFormatter(logging.Formatter(form, datefmt="%H:%M:%S"))
    logger.addHandler(handler)


if not logger.handlers:
    logger.setLevel(logging.INFO)
    set_logger_format()
logger.propagate = False
