"""The command line: one module a command, imported when its verb is chosen.

This module knows the names of the commands and nothing of what they do, so that `uj --version`
costs an interpreter and no more.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PROG: Final = "uj"
DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOTHING_MEASURABLE: Final = 3


class Command(NamedTuple):
    """A verb: the module that does it, and the one line that `--help` shows."""

    module: str
    summary: str


COMMANDS: Final[dict[str, Command]] = {
    "run": Command("microjoule.cli.run", "measure the energy and carbon of a command"),
    "doctor": Command("microjoule.cli.doctor", "what can be measured here, and what is in the way"),
    "intensity": Command("microjoule.cli.intensity", "what a kilowatt-hour weighs at a place"),
    "score": Command("microjoule.cli.score", "quality and footprint in one number"),
    "rank": Command("microjoule.cli.rank", "models by quality and energy, and what flips"),
    "label": Command("microjoule.cli.label", "the letter A to E beside a reference, or stars"),
    "flops": Command("microjoule.cli.flops", "the operations and the size of a model"),
    "gaiq": Command("microjoule.cli.gaiq", "the Green AI Quotient of a project, with next steps"),
    "estimate": Command("microjoule.cli.estimate", "the footprint of what nobody measured"),
}


def main(argv: list[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: The arguments after the program's name; None takes the process's own.

    Returns:
        The exit status: 0 done, 1 failed, 2 usage, 3 nothing measurable. `run` gives the status
        of the command that it ran.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by whoever started us (`>&-`): what is written there nobody wants.
            setattr(sys, name, io.StringIO())
    try:
        status = _do(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return status
    except OSError as error:
        return _unwritten(error)
    except KeyboardInterrupt:
        from microjoule.cli.child import die_by

        return die_by(2)


def _do(arguments: list[str]) -> int:
    if not arguments:
        sys.stderr.write(_help())
        return USAGE
    verb, rest = arguments[0], arguments[1:]
    if verb in ("-h", "--help"):
        sys.stdout.write(_help())
        return DONE
    if verb == "help":
        return _do([*rest, "--help"])
    if verb in ("-V", "--version"):
        from microjoule._version import __version__

        sys.stdout.write(f"microjoule {__version__}\n")
        return DONE
    command = COMMANDS.get(verb)
    if command is None:
        sys.stderr.write(_unknown(verb))
        return USAGE

    from importlib import import_module

    status = import_module(command.module).main(rest)
    if not isinstance(status, int):
        raise TypeError(f"{command.module}.main returned {status!r}, not an exit status")
    return status


def _unwritten(error: OSError) -> int:
    # The reader of a pipe has gone (`uj doctor | head -1`): that is its right. A full disk is said.
    if not isinstance(error, BrokenPipeError):
        # Streams have no name.
        what = error.filename or "the answer cannot be written"
        sys.stderr.write(f"{PROG}: {what}: {error.strerror}\n")
    # Without this, the interpreter would fail once more when it flushes the same stream at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return FAILED


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {PROG} {name:<{width}}  {c.summary}" for name, c in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {PROG} COMMAND [ARGUMENT …]",
            "",
            "Energy and carbon of machine learning, measured so cheaply that it can stay on.",
            "",
            *lines,
            "",
            f"  {PROG} COMMAND --help  what a command takes",
            f"  {PROG} --version       the version",
            "",
            "A program that imports codecarbon gets microjoule's trackers, and stays as it is:",
            "",
            "  python -m microjoule.codecarbon program.py",
            "",
            "Exit status: 0 done, 1 failed, 2 wrong arguments, 3 nothing measurable; `uj run` ends",
            "as its command ends.",
            "",
        ]
    )


def _unknown(verb: str) -> str:
    near = nearest(verb, COMMANDS)
    text = f"{PROG}: unknown command '{verb}': {near or 'there are ' + ', '.join(COMMANDS)}\n"
    return text if near else text + f"To measure a command, type: {PROG} run -- {verb} …\n"


def nearest(word: str, known: Iterable[str]) -> str:
    """Which of the known words was meant, as a question; nothing where none is near."""
    from difflib import get_close_matches

    # The dashes that options share make no two of them alike.
    bare = {name.lstrip("-"): name for name in known}
    near = get_close_matches(word.lstrip("-"), bare, n=1)
    return f"did you mean {bare[near[0]]}?" if near else ""
