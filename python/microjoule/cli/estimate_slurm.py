"""`uj estimate slurm FILE`: what the jobs of a cluster took, from its accounting."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from microjoule.cli import DONE, FAILED, PROG, arguments, estimated
from microjoule.cli.columns import aligned, told
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import mass, plain
from microjoule.cli.progress import Progress

if TYPE_CHECKING:
    from microjoule.estimate import Job, Jobs, Sum

_MOST_ERRORS: Final = 20
_SUMS: Final = ("", "jobs", "kWh", "carbon", "failed jobs", "kWh", "carbon", "unneeded memory")
_JOBS: Final = ("job", "user", "project", "state", "hours", "kWh", "carbon")


def main(argv: list[str]) -> int:
    """Runs `estimate slurm`.

    Args:
        argv: The arguments after it.

    Returns:
        The exit status: 0 done, 1 where the export is not what it should be, 2 for arguments that
        are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    from microjoule import estimate

    try:
        cluster = None if args.cluster is None else estimate.read_cluster(args.cluster)
        where = arguments.place(args)
    except (ValueError, OSError) as error:
        parser.error(arguments.sentence(error))
    try:
        with Progress(args.file) as progress:
            found = estimate.slurm(
                args.file,
                cluster=cluster,
                cpu=args.cpu,
                core_w=args.core_w,
                gpu=args.gpu,
                gpu_w=args.gpu_w,
                pue=args.pue,
                intensity=where,
                success=[word for word in args.success.split(",") if word.strip()],
                keep_going=args.keep_going,
                keep_jobs=args.jobs,
                progress=progress,
            )
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{PROG} estimate slurm: {arguments.sentence(error)}\n")
        return FAILED
    for sentence in found.errors[:_MOST_ERRORS]:
        sys.stderr.write(f"{PROG} estimate slurm: left out: {sentence}\n")
    if len(found.errors) > _MOST_ERRORS:
        more = len(found.errors) - _MOST_ERRORS
        sys.stderr.write(f"{PROG} estimate slurm: left out: {more} more lines\n")
    sys.stdout.write(_json(found) if args.json else _text(found, args))
    return DONE


def _json(found: Jobs) -> str:
    fields = {
        "quality": "estimated",
        "total": {**found.total.to_dict(), **found.total.estimate.to_dict()},
        "users": [s.to_dict() for s in found.users],
        "projects": [s.to_dict() for s in found.projects],
        "unfinished": found.unfinished,
        "left_out": found.errors,
        "jobs": [{**job._asdict(), "energy_j": job.energy_j} for job in found.jobs],
    }
    return json_line(fields) + "\n"


def _text(found: Jobs, args: argparse.Namespace) -> str:
    digits = args.precision
    total = found.total
    rows = estimated.rows(total.estimate, digits)
    failed = f"{total.failed_jobs} of {total.jobs} jobs, "
    failed += f"{plain(total.failed.facility_energy_kwh, digits)} kWh, "
    failed += mass(total.failed.co2e_g, "gCO2e", digits)
    rows.append(("failed", failed))
    unneeded = mass(total.unneeded_g, "gCO2e", digits)
    rows.append(("memory", f"{unneeded} for memory that was asked for and not needed"))
    if found.unfinished:
        rows.append(("unfinished", f"{found.unfinished} jobs wait or run and are left out"))
    if found.errors:
        rows.append(("left out", f"{len(found.errors)} lines that say nothing"))
    lines = told(rows)
    if found.jobs:
        lines += ["", *aligned([_JOBS, *(_job(job, digits, found) for job in found.jobs)], "  ")]
    for title, sums in (("user", found.users), ("project", found.projects)):
        head = (title, *_SUMS[1:])
        lines += ["", *aligned([head, *(_sum(s, digits) for s in sums)], "  ")]
    return "\n".join([*lines, ""])


def _job(job: Job, digits: int, found: Jobs) -> tuple[str, ...]:
    pue = found.total.estimate.carbon.pue
    return (
        job.job,
        job.user,
        job.project,
        job.state + ("" if job.succeeded else " (failed)"),
        plain(job.duration_s / 3600, digits),
        plain(job.energy_j * pue / 3.6e6, digits),
        mass(job.co2e_g, "gCO2e", digits),
    )


def _sum(s: Sum, digits: int) -> tuple[str, ...]:
    return (
        s.name,
        str(s.jobs),
        plain(s.estimate.facility_energy_kwh, digits),
        mass(s.estimate.co2e_g, "gCO2e", digits),
        str(s.failed_jobs),
        plain(s.failed.facility_energy_kwh, digits),
        mass(s.failed.co2e_g, "gCO2e", digits),
        mass(s.unneeded_g, "gCO2e", digits),
    )


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "estimate slurm",
        "FILE [OPTION …]",
        "Energy and carbon of the jobs of a cluster, by the method of Green Algorithms for HPC.",
        "FILE is what `sacct --parsable2` writes, for example with --format=JobID,User,Account,\n"
        "State,Partition,Elapsed,NCPUS,NNodes,TotalCPU,CPUTime,ReqMem,MaxRSS,AllocTRES.",
    )
    parser.add_argument("file", metavar="FILE", help="the export")
    parser.add_argument("--jobs", action="store_true", help="job by job, beside the sums")
    parser.add_argument(
        "--success", default="", metavar="STATES", help="count as success too: TIMEOUT,CANCELLED"
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="leave out lines that say nothing, and name them"
    )
    cluster = parser.add_argument_group("the cluster")
    cluster.add_argument("--cluster", metavar="FILE", help="its cluster_info.yaml")
    cluster.add_argument("--cpu", metavar="MODEL", help="of the cores (default: 12 W a core)")
    cluster.add_argument("--core-w", type=float, metavar="W", help="or the watts of a core")
    cluster.add_argument("--gpu", metavar="MODEL", help="of the GPUs (default: 200 W)")
    cluster.add_argument("--gpu-w", type=float, metavar="W", help="or the watts of one")
    cluster.add_argument(
        "--pue", type=arguments.number_or_name, metavar="X", help="of the building (default: 1.56)"
    )
    arguments.add_place(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser, default=4)
    return parser
