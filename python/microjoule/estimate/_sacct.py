"""Slurm's accounting export, `sacct --parsable2`: text between bars, a line a job and a job step.

What a cell means is what Green Algorithms for HPC makes of it, so that its figures come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from microjoule import config

__all__ = ["Allocation", "CellError", "allocations", "duration_s", "gigabytes"]

_NEEDED = ("jobid", "elapsed")
_CORES = ("ncpus", "alloccpus")
_GB = {"K": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3, "P": 1e6}
_MOST_LINE = 1 << 20
_EXAMPLE = (
    "sacct --parsable2 --format=JobID,User,Account,State,Partition,Elapsed,NCPUS,NNodes,TotalCPU,"
    "CPUTime,ReqMem,MaxRSS,AllocTRES"
)


class CellError(ValueError):
    """A line of the export says nothing: the sentence names line and column."""


class Allocation(NamedTuple):
    """What a job had, and what it used of it.

    Attributes:
        line: line of the file.
        job: JobID, without a step.
        name, user, account, partition: as in the export; empty where it has no such column.
        state: first word of State, upper case; empty without that column.
        duration_s: Elapsed, s.
        cores: cores that it had.
        core_s: core seconds that it used; where nothing was recorded, those that it had.
        gpus: GPUs that it had.
        memory_gb: memory that it asked for, GB.
        used_gb: the most that one of its steps held, GB; None where nothing was recorded.
    """

    line: int
    job: str
    name: str
    user: str
    account: str
    partition: str
    state: str
    duration_s: float
    cores: float
    core_s: float
    gpus: float
    memory_gb: float
    used_gb: float | None


def allocations(
    lines: Iterator[str], path: str, on_error: Callable[[CellError], None], rss_unit: str = "K"
) -> Iterator[Allocation]:
    """Yield the jobs of an export, each with what its steps add.

    Args:
        lines: of the file, the header first.
        path: its name, for the sentences.
        on_error: told of a line that says nothing; it may raise, and the line is left out if not.
        rss_unit: unit of a MaxRSS without one.

    Raises:
        ValueError: it is no such export.
    """
    columns = _header(next(lines, ""), path)
    current: Allocation | None = None
    for number, line in enumerate(lines, 2):
        text = line.rstrip("\r\n")
        if not text:
            continue
        try:
            found = _line(text, columns, path, number, rss_unit)
        except CellError as error:
            on_error(error)
            continue
        base, dot, _ = found.job.partition(".")
        found = found._replace(job=base)
        if dot and current is not None and current.job == base:
            current = _with_step(current, found)
            continue
        if current is not None:
            yield current
        current = found
    if current is not None:
        yield current


def _with_step(job: Allocation, step: Allocation) -> Allocation:
    """A job with what was recorded of one of its steps."""
    known = [gb for gb in (job.used_gb, step.used_gb) if gb is not None]
    return job._replace(
        used_gb=max(known, default=None),
        memory_gb=job.memory_gb or step.memory_gb,
        gpus=max(job.gpus, step.gpus),
    )


# -- lines ------------------------------------------------------------------------------------


def _header(line: str, path: str) -> dict[str, int]:
    names = [word.strip().casefold() for word in line.removeprefix("\ufeff").split("|")]
    if len(names) < 2:
        other = next((d for d in (",", "\t", ";") if line.count(d) > 1), "")
        hint = f" (it is separated by {other!r})" if other else ""
        raise ValueError(f"{path} is no export of sacct{hint}: write one with {_EXAMPLE}")
    columns = {name: n for n, name in enumerate(names) if name}
    missing = [name for name in _NEEDED if name not in columns]
    if not any(name in columns for name in _CORES):
        missing.append("ncpus")
    if missing:
        known = {"jobid": "JobID", "elapsed": "Elapsed", "ncpus": "NCPUS"}
        near = [n for name in missing if (n := config.nearest(name, columns))]
        hint = f"; it has {', '.join(near)}" if near else ""
        raise ValueError(
            f"{path}, line 1: there is no column {known[missing[0]]}{hint}: write one with "
            f"{_EXAMPLE}"
        )
    return columns


def _line(text: str, columns: dict[str, int], path: str, number: int, rss_unit: str) -> Allocation:
    cells = text.split("|")
    # `--parsable` ends each line with a bar.
    if len(cells) == len(columns) + 1 and not cells[-1]:
        cells.pop()
    if len(cells) < len(columns) or len(text) > _MOST_LINE:
        raise CellError(
            f"{path}, line {number}: {len(cells)} cells for {len(columns)} columns: the line is cut"
        )

    def cell(name: str) -> str:
        at = columns.get(name)
        return "" if at is None else cells[at].strip()

    def parsed(name: str, parse: Callable[[str], float], what: str) -> float:
        try:
            return parse(cell(name))
        except ValueError:
            raise CellError(
                f"{path}, line {number}, column {_PROPER.get(name, name)}: {cell(name)!r} is no "
                f"{what}"
            ) from None

    if not cell("jobid"):
        raise CellError(f"{path}, line {number}, column JobID: it is empty")
    time = "duration such as 1-02:03:04"
    elapsed = parsed("elapsed", duration_s, time)
    which = next(name for name in _CORES if name in columns)
    cores = parsed(which, _count, "number of cores")
    had = parsed("cputime", duration_s, time) if cell("cputime") else cores * elapsed
    used = parsed("totalcpu", duration_s, time) if cell("totalcpu") else 0.0
    nodes = parsed("nnodes", _count, "number of nodes") if cell("nnodes") else 1.0
    memory = "amount of memory such as 4000M, 6760Mc or 250Gn"
    rss = parsed("maxrss", lambda t: gigabytes(t, rss_unit), memory) if cell("maxrss") else None
    state = cell("state").split(maxsplit=1)
    return Allocation(
        line=number,
        job=cell("jobid"),
        name=cell("jobname"),
        user=cell("user"),
        account=cell("account"),
        partition=cell("partition").split(",")[0],
        state=state[0].upper().rstrip("+") if state else "",
        duration_s=elapsed,
        cores=cores,
        core_s=used or had,
        gpus=parsed("alloctres", _gpus, "list of resources such as cpu=32,gres/gpu=2"),
        memory_gb=parsed("reqmem", lambda t: _asked(t, nodes, cores), memory),
        used_gb=rss,
    )


_PROPER = {
    "jobid": "JobID",
    "elapsed": "Elapsed",
    "ncpus": "NCPUS",
    "alloccpus": "AllocCPUS",
    "cputime": "CPUTime",
    "totalcpu": "TotalCPU",
    "nnodes": "NNodes",
    "reqmem": "ReqMem",
    "maxrss": "MaxRSS",
    "alloctres": "AllocTRES",
}


# -- cells ------------------------------------------------------------------------------------


def duration_s(text: str) -> float:
    """Return ``[days-][[hours:]minutes:]seconds[.ms]`` in seconds.

    Raises:
        ValueError: it is none.
    """
    days, dash, rest = text.rpartition("-")
    clock, _, fraction = rest.partition(".")
    parts = clock.split(":")
    if len(parts) > 3 or not all(part.isdecimal() for part in parts):
        raise ValueError(text)
    if (dash and not days.isdecimal()) or (fraction and not fraction.isdecimal()):
        raise ValueError(text)
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return 86_400 * int(days or 0) + seconds + (float(f"0.{fraction}") if fraction else 0.0)


def gigabytes(text: str, unit: str = "M") -> float:
    """Return ``154264K``, ``250G`` or a number of ``unit`` in GB, a thousand of each in the next.

    Raises:
        ValueError: it is none.
    """
    letter = text[-1:].upper()
    factor = _GB.get(letter)
    digits = text[:-1] if factor is not None else text
    if not digits or not all(c.isdecimal() or c == "." for c in digits):
        raise ValueError(text)
    value = float(digits)
    return value * (factor if factor is not None else _GB[unit])


def _asked(text: str, nodes: float, cores: float) -> float:
    """ReqMem: in all, with ``n`` behind it a node, with ``c`` a core; empty is nothing."""
    if not text:
        return 0.0
    if text[-1] in "nc":
        return gigabytes(text[:-1]) * (nodes if text[-1] == "n" else cores)
    return gigabytes(text)


def _count(text: str) -> float:
    # sacct writes 12K for more than 9999 of something.
    if text[-1:] in ("K", "M") and text[:-1].replace(".", "", 1).isdecimal():
        return float(text[:-1]) * (1e3 if text[-1] == "K" else 1e6)
    if not text.isdecimal():
        raise ValueError(text)
    return float(text)


def _gpus(text: str) -> float:
    """GPUs of a list such as ``cpu=32,gres/gpu=2,gres/gpu:a100=2``: in all, not once a type."""
    if not text:
        return 0.0
    plain, typed = None, 0.0
    for word in text.split(","):
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(text)
        if name == "gres/gpu":
            plain = _count(value)
        elif name.startswith("gres/gpu:"):
            typed += _count(value)
    return typed if plain is None else plain
