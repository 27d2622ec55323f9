"""`uj intensity PLACE`: what a kilowatt-hour weighs there, and where the figure comes from."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Final

from microjoule.cli import DONE, PROG, arguments
from microjoule.cli.columns import told
from microjoule.cli.footprint import kind
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import mass, plain

if TYPE_CHECKING:
    from microjoule.carbon import Intensity, Mix

_PER: Final = ("kwh", "token", "request", "item")
_J_PER_KWH: Final = 3.6e6
_LOSSES: Final = {True: "in it", False: "not in it", None: "not said"}
# As in a footprint: from here on an interval is log-normal.
_WIDE: Final = 0.3


def main(argv: list[str]) -> int:
    """Runs the command `intensity`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    if args.per != "kwh" and args.joules is None:
        parser.error(
            f"--per {args.per} needs the energy of one {args.per}: --joules 0.31, as "
            f"`{PROG} run` or a measurement gives it"
        )
    if args.joules is not None and not 0 <= args.joules < math.inf:
        what = "token, request or item" if args.per == "kwh" else args.per
        parser.error(f"--joules is {args.joules:g}: pass the joules of one {what}, 0 or more")
    if args.per == "kwh" and args.joules is not None:
        parser.error(
            "--joules is the energy of one: say of what, with --per token, request or item"
        )
    try:
        sys.stdout.write(_answer(args))
    except ValueError as error:
        parser.error(str(error))
    return DONE


def _answer(args: argparse.Namespace) -> str:
    from microjoule import carbon

    if args.list:
        return _list(args.place, args.json)
    if args.mix:
        made = carbon.mix(args.place)
        return (
            json_line({"mix": made.to_dict()}) + "\n" if args.json else _mix(made, args.precision)
        )
    axes = {axis: getattr(args, axis) for axis in ("scope", "basis", "method", "accounting")}
    where = carbon.intensity(args.place, when=args.when, **axes)
    mix = None if where.place == "given" else carbon.mix(where.place)
    if not args.json:
        return _told(where, mix, args)
    fields: dict[str, object] = {
        "intensity": where.to_dict(),
        "interval_g_per_kwh": _interval(where),
        "high_carbon": None if mix is None else mix.high_carbon,
    }
    if args.joules is not None:
        fields[f"g_per_{args.per}"] = where.g_per_kwh * args.joules / _J_PER_KWH
        fields["joules"] = args.joules
    return json_line(fields) + "\n"


def _told(where: Intensity, mix: Mix | None, args: argparse.Namespace) -> str:
    digits = args.precision
    low, high = (plain(g, min(digits, 2)) for g in _interval(where))
    year = f", {where.year}" if where.year else ""
    head = f"{where.name} ({where.place}){year}"
    rows = [("intensity", f"{plain(where.g_per_kwh, digits)} g/kWh, {low} to {high} (k=1)")]
    if args.joules is not None:
        each = args.joules / _J_PER_KWH
        spread = " to ".join(mass(g * each, "g", min(digits, 2)) for g in _interval(where))
        grams = mass(where.g_per_kwh * each, "gCO2e", digits)
        rows.append((f"per {args.per}", f"{grams}, {spread} (k=1), at {args.joules:g} J each"))
    parts = ", ".join(f"{name} {plain(100 * u, 2)} %" for name, u in where.uncertainty_parts)
    rows += [
        ("kind", kind(where)),
        ("losses", _LOSSES[where.includes_losses]),
        ("uncertainty", f"{plain(100 * where.uncertainty_rel, 2)} %: {parts}"),
        ("source", _source(where)),
        ("stands on", where.rung + (", a guess" if where.guess else "")),
    ]
    if where.note:
        rows.append(("note", where.note))
    if mix is not None:
        rows.append(("high-carbon", _high_carbon(mix)))
    if where.edition:
        rows.append(("tables", f"edition {where.edition}"))
    return _lines(head, rows)


def _mix(mix: Mix, digits: int) -> str:
    head = f"{mix.name} ({mix.place})" + (f", {mix.year}" if mix.year else "")
    largest = sorted(mix.shares, key=lambda pair: -pair[1])
    rows = [(what, f"{plain(100 * share, digits)} %") for what, share in largest if share]
    rows.append(("high-carbon", _high_carbon(mix)))
    if mix.source:
        rows.append(("source", f"{mix.source_title} ({mix.source}), {mix.licence}"))
    if mix.note and mix.high_carbon is not None:
        rows.append(("note", mix.note))
    return _lines(head, rows)


def _high_carbon(mix: Mix) -> str:
    if mix.high_carbon is None:
        return f"unknown: {mix.note}"
    return f"{plain(100 * mix.high_carbon, 3)} % (coal, oil and gas, {mix.year})"


def _list(word: str | None, as_json: bool) -> str:
    from microjoule import carbon

    wanted = (word or "").casefold()
    found = [
        (code, name, sort)
        for code, name, sort in carbon.listed()
        if wanted in code.casefold() or wanted in name.casefold()
    ]
    if not found:
        raise ValueError(f"no place has {word!r} in its code or name: leave it out to see all")
    if as_json:
        rows = [{"code": code, "name": name, "sort": sort} for code, name, sort in found]
        return json_line({"places": rows}) + "\n"
    code_width = max(len(code) for code, _, _ in found)
    sort_width = max(len(sort) for _, _, sort in found)
    return "".join(
        f"{code:<{code_width}}  {sort:<{sort_width}}  {name}\n" for code, name, sort in found
    )


def _interval(where: Intensity) -> tuple[float, float]:
    u = where.uncertainty_rel
    if u > _WIDE:
        return where.g_per_kwh / math.exp(u), where.g_per_kwh * math.exp(u)
    return where.g_per_kwh * (1 - u), where.g_per_kwh * (1 + u)


def _source(where: Intensity) -> str:
    if where.source == "given":
        return where.source_title
    return f"{where.source_title} ({where.source}), {where.licence}"


def _lines(head: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([head, *told(rows), ""])


def _parser() -> arguments.Parser:
    from microjoule.carbon._kinds import AXES

    parser = arguments.Parser(
        "intensity", "[OPTION …] [PLACE]", "The carbon intensity of the electricity of a place."
    )
    parser.add_argument(
        "place",
        nargs="?",
        type=arguments.number_or_name,
        metavar="PLACE",
        help="a country, region or cloud region (NO, US-CA, aws:eu-north-1), or g/kWh; none: where "
        "this machine seems to stand",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--list", action="store_true", help="the places there are, with PLACE those like it"
    )
    what.add_argument("--mix", action="store_true", help="what the electricity is made from")
    what.add_argument(
        "--per",
        choices=_PER,
        default="kwh",
        help="of what (default: kwh); the others need --joules",
    )
    parser.add_argument(
        "--joules", type=float, metavar="J", help="the energy of one token, request or item"
    )
    parser.add_argument("--when", metavar="DATE", help="a year, date or time (default: the newest)")
    group = parser.add_argument_group("the kind of figure (default: the best one that there is)")
    for axis, values in AXES.items():
        group.add_argument(f"--{axis}", metavar="KIND", help=", ".join(values))
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser)
    return parser
