"""`uj estimate green-algorithms --hours 12 --cores 8 …`: what the calculator of that name says."""

from __future__ import annotations

import sys

from microjoule.cli import DONE, arguments, estimated
from microjoule.cli.json_line import json_line


def main(argv: list[str]) -> int:
    """Runs `estimate green-algorithms`.

    Args:
        argv: The arguments after it.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    from microjoule import estimate

    try:
        found = estimate.green_algorithms(
            args.hours,
            minutes=args.minutes,
            cores=args.cores,
            cpu=args.cpu,
            core_w=args.core_w,
            usage=args.usage,
            gpus=args.gpus,
            gpu=args.gpu,
            gpu_w=args.gpu_w,
            gpu_usage=args.gpu_usage,
            memory_gb=args.mem_gb,
            psf=args.psf,
            platform=args.platform or ("local" if args.provider is None else "cloud"),
            provider=args.provider,
            region=args.region,
            pue=args.pue,
            intensity=arguments.place(args),
        )
    except ValueError as error:
        parser.error(str(error))
    like = estimate.green_algorithms_equivalents(found.co2e_g)
    if args.json:
        fields = {**found.to_dict(), "equivalents": [e.to_dict() for e in like]}
        sys.stdout.write(json_line(fields) + "\n")
    else:
        sys.stdout.write(estimated.text(found, args.precision, like))
    return DONE


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "estimate green-algorithms",
        "--hours H [--cores N] [--gpus N] [--mem-gb GB] [OPTION …]",
        "Energy and carbon of a job by the method of the Green Algorithms calculator (v3).",
        "The carbon intensity is microjoule's own, by place; with --intensity and --pue the\n"
        "figures are the calculator's.",
    )
    job = parser.add_argument_group("the job")
    job.add_argument("--hours", type=float, default=0.0, metavar="H", help="how long it runs")
    job.add_argument("--minutes", type=float, default=0.0, metavar="M", help="and how many minutes")
    job.add_argument("--psf", type=float, default=1.0, metavar="X", help="how often (default: 1)")
    cores = parser.add_argument_group("cores")
    cores.add_argument("--cores", type=float, default=0.0, metavar="N", help="how many")
    cores.add_argument("--cpu", metavar="MODEL", help="of which processor (default: 12 W a core)")
    cores.add_argument("--core-w", type=float, metavar="W", help="or the watts of a core")
    cores.add_argument("--usage", type=float, default=1.0, metavar="X", help="0 to 1 (default: 1)")
    gpus = parser.add_argument_group("GPUs")
    gpus.add_argument("--gpus", type=float, default=0.0, metavar="N", help="how many")
    gpus.add_argument("--gpu", metavar="MODEL", help="which (default: 200 W)")
    gpus.add_argument("--gpu-w", type=float, metavar="W", help="or the watts of one")
    gpus.add_argument("--gpu-usage", type=float, default=1.0, metavar="X", help="0 to 1")
    where = parser.add_argument_group("memory and place")
    where.add_argument(
        "--mem-gb", type=float, default=0.0, metavar="GB", help="memory that it may use"
    )
    where.add_argument("--platform", metavar="KIND", help="personal, local or cloud")
    where.add_argument("--provider", metavar="NAME", help="of the cloud: aws, gcp, azure …")
    where.add_argument("--region", metavar="NAME", help="of the cloud, or of the country")
    where.add_argument(
        "--pue",
        type=arguments.number_or_name,
        metavar="X",
        help="of the building, or a provider's own (default: the calculator's for the platform)",
    )
    arguments.add_place(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser, default=7)
    return parser
