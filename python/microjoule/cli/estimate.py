"""`uj estimate WAY …`: the footprint of what nobody measured, one module a way."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

from microjoule.cli import DONE, PROG, USAGE, Command, nearest

WAYS: Final[dict[str, Command]] = {
    "co2": Command("microjoule.cli.estimate_co2", "carbon and water of an amount of energy"),
    "ccf": Command("microjoule.cli.estimate_ccf", "machines, storage and traffic of a cloud"),
    "green-algorithms": Command(
        "microjoule.cli.estimate_green_algorithms", "hours, cores, GPUs and memory of a job"
    ),
    "slurm": Command("microjoule.cli.estimate_slurm", "the jobs of a cluster, by its accounting"),
    "flops": Command("microjoule.cli.estimate_flops", "operations from a model's size"),
}


def main(argv: list[str]) -> int:
    """Runs the command `estimate`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    if argv and argv[0] in WAYS:
        status = import_module(WAYS[argv[0]].module).main(argv[1:])
        assert isinstance(status, int)
        return status
    if argv and argv[0] in ("-h", "--help"):
        sys.stdout.write(_help())
        raise SystemExit(DONE)
    if argv:
        hint = nearest(argv[0], WAYS) or f"there are {', '.join(WAYS)}"
        sys.stderr.write(f"{PROG} estimate: unknown way {argv[0]!r}: {hint}\n")
        return USAGE
    sys.stderr.write(_help())
    return USAGE


def _help() -> str:
    width = max(map(len, WAYS))
    lines = [f"  {PROG} estimate {name:<{width}}  {c.summary}\n" for name, c in WAYS.items()]
    return f"usage: {PROG} estimate WAY [ARGUMENT …]\n\n{''.join(lines)}"
