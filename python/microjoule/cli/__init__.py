"""The command line: one module a command, imported when its verb is chosen.

This module knows the names of the commands and nothing of what they do, so that `uj --version`
costs an interpreter and no more.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

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
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments:
        sys.stderr.write(_help())
        return USAGE
    verb, rest = arguments[0], arguments[1:]
    if verb in ("-h", "--help"):
        return _print(_help())
    if verb in ("-V", "--version"):
        from microjoule._version import __version__

        return _print(f"microjoule {__version__}\n")
    command = COMMANDS.get(verb)
    if command is None:
        sys.stderr.write(_unknown(verb))
        return USAGE
    try:
        return _call(command.module, rest)
    except BrokenPipeError:
        # The reader of a pipe has gone (`uj doctor | head -1`): that is its right. Without this,
        # the interpreter would fail once more when it flushes the same stream at exit.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    except KeyboardInterrupt:
        from microjoule.cli.child import die_by

        return die_by(2)


def _call(module: str, arguments: list[str]) -> int:
    from importlib import import_module

    status = import_module(module).main(arguments)
    if not isinstance(status, int):
        raise TypeError(f"{module}.main returned {status!r}, not an exit status")
    sys.stdout.flush()
    return status


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    return DONE


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
        ]
    )


def _unknown(verb: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(verb, COMMANDS, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(COMMANDS)}"
    text = f"{PROG}: unknown command '{verb}': {hint}\n"
    return text if near else text + f"To measure a command, type: {PROG} run -- {verb} …\n"
