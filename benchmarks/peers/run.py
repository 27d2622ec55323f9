"""Meters side by side: cost, error and what faults do to them, as tables in Markdown.

make bench-peers                        # about 40 minutes, alone on the machine, as root
python benchmarks/peers/run.py --quick  # a look, in a few minutes
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "tests")]

import numpy as np  # noqa: E402
from faults import FAULTS  # noqa: E402
from kit.files import START_UJ, counting  # noqa: E402
from meters import METERS, Meter  # noqa: E402
from process import Worker, WorkerError, ask  # noqa: E402
from worker import load_adapter  # noqa: E402

from sim.bed import PowercapBed, Zone  # noqa: E402
from sim.loads import Constant, Square  # noqa: E402
from sim.plain import PlainTree  # noqa: E402

LOAD = Square(40, 160, period_s=0.037)


@dataclass(frozen=True)
class Effort:
    """How much of everything."""

    rounds: int
    pairs: int
    open_s: float
    windows: dict[float, int]  # by length in seconds, in all rounds together


FULL = Effort(4, 500, 8.0, {0.01: 3000, 0.1: 3000, 1.0: 300})
QUICK = Effort(1, 60, 3.0, {0.01: 60, 0.1: 30, 1.0: 3})
# Windows of these lengths are taken by all meters at the same time, each in its own process: they
# sleep through them. Shorter ones by one meter after the other.
TOGETHER_S = 0.1


@dataclass
class Findings:
    """What is known of the meters, by their names."""

    meters: list[Meter] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    costs: dict[str, dict[str, float | None]] = field(default_factory=dict)
    errors: dict[str, dict[float, str]] = field(default_factory=dict)
    faults: dict[str, dict[str, str]] = field(default_factory=dict)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def shuffled(meters: list[Meter], seed: int) -> list[Meter]:
    """The meters in the order of a round."""
    return random.Random(seed).sample(meters, len(meters))


# -- the stages ---------------------------------------------------------------------------------


def install(findings: Findings, meters: list[Meter]) -> None:
    for meter in meters:
        say(f"{meter.name}: installing")
        try:
            meter.install()
        except RuntimeError as error:
            findings.missing[meter.name] = str(error)
            continue
        findings.meters.append(meter)
        findings.versions[meter.name] = meter.version
        findings.sizes[meter.name] = meter.sizes_mb()


def cost(findings: Findings, effort: Effort) -> None:
    """On plain files that another process lets count: they cost a reader the least."""
    tried: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    zone = Zone("package-0", Constant(100), start_uj=START_UJ)
    with (
        PlainTree([zone], layout="linked") as tree,
        tempfile.TemporaryDirectory() as folder,
        counting(tree, Path(folder), ["package-0"]),
    ):
        for number in range(effort.rounds):
            for meter in shuffled(findings.meters, number):
                say(f"{meter.name}: cost, round {number + 1} of {effort.rounds}")
                try:
                    figures = ask(meter, tree.root, "cost", 120, pairs=effort.pairs)
                    figures |= ask(
                        meter, tree.root, "open", 60 + effort.open_s, seconds=effort.open_s
                    )
                except WorkerError as error:
                    say(f"{meter.name}: {error}")
                    findings.missing.setdefault(meter.name, f"cost: {error}")
                    continue
                for name, value in figures.items():
                    if value is not None:
                        tried[meter.name][name].append(value)
    for meter_name, columns in tried.items():
        findings.costs[meter_name] = {
            name: statistics.median(values) for name, values in columns.items()
        }


def errors(findings: Findings, effort: Effort) -> None:
    """On the bed, whose energy is known at every instant."""
    rows: dict[tuple[str, float], list[list[float]]] = defaultdict(list)
    with PowercapBed([Zone("package-0", LOAD)]) as bed:
        for length_s, count in effort.windows.items():
            each = -(-count // effort.rounds)
            for number in range(effort.rounds):
                order = shuffled(findings.meters, 100 + number)
                for group in [order] if length_s >= TOGETHER_S else [[one] for one in order]:
                    names = ", ".join(meter.name for meter in group)
                    say(f"{length_s:g} s, round {number + 1} of {effort.rounds}: {names}")
                    for name, found in take(group, bed, length_s, each, number).items():
                        rows[name, length_s] += found
        for meter in findings.meters:
            findings.errors[meter.name] = {
                length_s: error_pct(bed, rows[meter.name, length_s]) for length_s in effort.windows
            }


def take(
    group: list[Meter], bed: PowercapBed, length_s: float, count: int, seed: int
) -> dict[str, list[list[float]]]:
    """Windows of some meters at the same time."""
    found = {}
    limit_s = 60 + 2 * count * (length_s + 0.05)
    with contextlib.ExitStack() as stack:
        workers = {}
        for number, meter in enumerate(group):
            given: dict[str, Any] = {"length_s": length_s, "count": count}
            given["seed"] = seed * len(METERS) + number
            worker = Worker(meter, bed.root, "windows", limit_s, **given)
            workers[meter.name] = stack.enter_context(worker)
        for name, worker in workers.items():
            try:
                found[name] = worker.result()
            except WorkerError as error:
                say(f"{name}: {error}")
    return found


def error_pct(bed: PowercapBed, rows: list[list[float]]) -> str:
    """Mean absolute error in per cent, its standard error, and over how many windows."""
    if not rows:
        return "no figures"
    relative = []
    for t0_ns, t1_ns, joules in rows:
        truth_j = bed.energy_j(int(t0_ns), int(t1_ns), "package-0")
        relative.append(abs(joules / truth_j - 1) * 100)
    sem = np.std(relative) / np.sqrt(len(relative))
    return f"{np.mean(relative):.2g} ± {sem:.1g}"


def faults(findings: Findings) -> None:
    for meter in findings.meters:
        findings.faults[meter.name] = {}
        for name, scenario in FAULTS.items():
            findings.faults[meter.name][name] = scenario(meter)
            say(f"{meter.name}: {name}: {findings.faults[meter.name][name]}")


# -- the tables ---------------------------------------------------------------------------------

COLUMNS = {
    "pair, µs": "pair_us",
    "settle, µs": "wait_us",
    "pair without figure, µs": "mark_us",
    "window open, % of a core": "open_pct",
    "import, s": "import_s",
    "first begin, ms": "first_ms",
    "memory, MiB": "memory_mib",
}


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}" if value < 99.5 else f"{value:.0f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(findings: Findings, effort: Effort) -> str:
    parts = [
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} CPUs, Linux {platform.release()}, Python "
        f"{platform.python_version()}, load average {os.getloadavg()[0]:.1f}; "
        f"{effort.rounds} rounds, {effort.pairs} pairs in each; windows: "
        + ", ".join(f"{count} of {length:g} s" for length, count in effort.windows.items())
        + "."
    ]
    for name, reason in findings.missing.items():
        parts.append(f"{name} is missing: {reason}")
    notes = [
        f"- {one.name}: {load_adapter(str(one.adapter_path)).NOTE}." for one in findings.meters
    ]
    parts.append("\n".join(notes))
    if findings.costs:
        rows = []
        for meter in findings.meters:
            costs = findings.costs.get(meter.name, {})
            cells = [number(costs.get(column)) for column in COLUMNS.values()]
            version = f"{meter.name} {findings.versions[meter.name]}"
            own, whole = findings.sizes[meter.name] or (None, None)
            rows.append([version, *cells, number(own), number(whole)])
        parts.append(table(["meter", *COLUMNS, "own package, MB", "installed, MB"], rows))
    if findings.errors:
        head = [f"{length:g} s, %" for length in effort.windows]
        rows = [[name, *found.values()] for name, found in findings.errors.items()]
        parts.append(table(["mean absolute error", *head], rows))
    if findings.faults:
        rows = [[name, *found.values()] for name, found in findings.faults.items()]
        parts.append(table(["fault", *FAULTS], rows))
    return "\n\n".join(parts)


STAGES = ("cost", "errors", "faults")


def main() -> None:
    names = [meter.name for meter in METERS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few of everything: a look")
    parser.add_argument("--only", action="append", choices=names, help="this meter (repeatable)")
    parser.add_argument("--stage", action="append", choices=STAGES, help="only this (repeatable)")
    parser.add_argument(
        "--here", action="store_true", help="microjoule of this interpreter; installs nothing"
    )
    parser.add_argument("--figures", metavar="FILE", help="also write the tables to a file")
    options = parser.parse_args()
    meters = [meter for meter in METERS if not options.only or meter.name in options.only]
    if options.here:
        meters = [Meter("microjoule", "", "microjoule")]
    effort = QUICK if options.quick else FULL
    stages = options.stage or STAGES
    findings = Findings()
    install(findings, meters)
    if "cost" in stages:
        cost(findings, effort)
    if "errors" in stages:
        errors(findings, effort)
    if "faults" in stages:
        faults(findings)
    text = report(findings, effort)
    print(text)
    if options.figures:
        Path(options.figures).write_text(f"{text}\n")


if __name__ == "__main__":
    main()
