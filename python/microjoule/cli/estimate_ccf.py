"""`uj estimate ccf …`: what machines, storage and traffic of a cloud draw."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from microjoule.cli import DONE, arguments
from microjoule.cli import footprint as lines
from microjoule.cli.columns import told
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import mass, plain

if TYPE_CHECKING:
    from microjoule.estimate.ccf import Estimate


def main(argv: list[str]) -> int:
    """Runs `estimate ccf`.

    Args:
        argv: The arguments after it.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    try:
        found = _described(args)
    except ValueError as error:
        parser.error(str(error))
    if args.json:
        sys.stdout.write(json_line(found.to_dict()) + "\n")
    else:
        sys.stdout.write(_text(found, args.precision))
    return DONE


def _described(args: argparse.Namespace) -> Estimate:
    """What the options describe."""
    from microjoule.estimate import ccf

    if args.provider is None:
        raise ValueError("pass --provider aws, azure or gcp")
    common: dict[str, Any] = {
        "region": args.region,
        "intensity": arguments.place(args),
        "pue": args.pue,
        "edition": args.edition,
    }
    kinds = [name for name in ("instance", "storage_tb", "network_gb") if getattr(args, name)]
    if len(kinds) != 1:
        raise ValueError("pass one of --instance, --storage-tb and --network-gb")
    if args.network_gb is not None:
        return ccf.network(args.provider, gb=args.network_gb, **common)
    if args.hours is None:
        raise ValueError("pass --hours, how long it ran or was kept")
    if args.storage_tb is not None:
        return ccf.storage(
            args.provider,
            tb=args.storage_tb,
            hours=args.hours,
            medium=args.medium,
            replication=arguments.number_or_name(args.replication),
            **common,
        )
    replication = arguments.number_or_name(args.replication)
    if isinstance(replication, str):
        raise ValueError(
            f"--replication {replication!r} is of storage; of a machine it is a number"
        )
    return ccf.instance(
        args.provider,
        args.instance,
        hours=args.hours,
        count=args.count,
        utilisation=args.utilisation,
        replication=replication,
        **common,
    )


def _text(found: Estimate, digits: int) -> str:
    from microjoule.estimate.ccf import EDITIONS

    many = max(digits, 6)
    rows = [("of", f"{found.what} of {found.provider}")]
    rows.append(("energy", f"{plain(found.energy_kwh, many)} kWh with the building"))
    for part in found.parts:
        kwh = plain(found.part_kwh(part.name), many)
        rows.append((f"  {part.name}", f"{kwh} kWh: {part.how} ({part.source})"))
        if part.note:
            rows.append(("", part.note))
    rows.append(("PUE", f"{found.footprint.pue:g} ({found.provider})"))
    rows += lines.rows(found.footprint, digits)
    if found.footprint.embodied is None:
        rows.append(("embodied", "unknown: the table has no figure for its server"))
    rows.append(("total", mass(found.total_g, "gCO2e", digits)))
    rows.append(("edition", f"{found.edition}: {EDITIONS[found.edition].summary}"))
    rows.append(("quality", "estimated: Cloud Carbon Footprint's method, nothing was measured"))
    return "\n".join([*told(rows), ""])


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "estimate ccf",
        "--provider aws --instance m5.xlarge --hours 720 [OPTION …]",
        "Cloud Carbon Footprint's figures: a machine, storage, or traffic of a cloud.",
    )
    parser.add_argument("--provider", metavar="NAME", help="aws, azure, gcp, alibaba, on-premise")
    parser.add_argument("--region", metavar="NAME", help="such as us-east-1, westeurope")
    what = parser.add_argument_group("what it is")
    what.add_argument("--instance", metavar="NAME", help="a machine: m5.xlarge, Standard_D4s_v3")
    what.add_argument("--storage-tb", type=float, metavar="TB", help="terabytes that are kept")
    what.add_argument("--network-gb", type=float, metavar="GB", help="sent between data centres")
    how = parser.add_argument_group("how much of it")
    how.add_argument("--hours", type=float, metavar="H", help="how long it ran or was kept")
    how.add_argument("--count", type=float, default=1.0, metavar="N", help="how many (default: 1)")
    how.add_argument("--utilisation", type=float, metavar="X", help="0 to 1 (default: 0.5)")
    how.add_argument("--medium", default="ssd", metavar="KIND", help="ssd or hdd (default: ssd)")
    how.add_argument(
        "--replication", default="1", metavar="X", help="how often it is kept, or a service: S3"
    )
    factors = parser.add_argument_group("factors; default: Cloud Carbon Footprint's own")
    factors.add_argument("--edition", default="2024-03", metavar="NAME", help="of coefficients")
    factors.add_argument("--intensity", metavar="G", help="carbon intensity in gCO2e/kWh")
    factors.add_argument("--country", metavar="NO", help="where the electricity comes from")
    factors.add_argument("--pue", type=float, metavar="X", help="of the building, 1 or more")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser, default=4)
    return parser
