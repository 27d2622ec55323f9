"""`uj estimate co2 --mwh 1066 --intensity 330 --pue 1.08`: the footprint of an amount of energy."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any, Final

from microjoule.cli import DONE, arguments
from microjoule.cli import footprint as lines
from microjoule.cli.columns import aligned, told
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import mass

if TYPE_CHECKING:
    from microjoule.carbon import Reported

# By option: its unit, and joules in one.
_UNITS: Final = {"mwh": ("MWh", 3.6e9), "kwh": ("kWh", 3.6e6), "joules": ("J", 1.0)}
_BARE: Final = {"--equivalents": ""}
_MODELS: Final = ("model", "MWh", "g/kWh", "PUE", "published", "E x CI", "x PUE", "closes")


def main(argv: list[str]) -> int:
    """Runs `estimate co2`.

    Args:
        argv: The arguments after it.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(arguments.bare(argv, _BARE))
    try:
        told = _reported(args.json) if args.reported else _estimate(args)
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.write(told)
    return DONE


def _estimate(args: argparse.Namespace) -> str:
    from microjoule import carbon

    name = next(unit for unit in _UNITS if getattr(args, unit) is not None)
    amount = getattr(args, name)
    unit, joules = _UNITS[name]
    if not 0 <= amount < math.inf:
        raise ValueError(f"--{name} is {amount:g}: pass an energy of 0 {unit} or more")
    where = arguments.place(args) or carbon.resolve()
    asked = [] if args.what_if is None else arguments.places(args.what_if)
    others = [arguments.flat(one) for one in asked]
    factors = arguments.factors(args, where, *others).keywords()
    price = arguments.price(args.price)
    if isinstance(price, carbon.Prices):
        raise ValueError("prices by time need a run: pass --price as a number per kWh")

    found = carbon.footprint(amount * joules, intensity=where, **factors)
    what_if = [carbon.footprint(amount * joules, intensity=i, **factors) for i in others]
    keys = arguments.comparisons(args.equivalents)
    like: list[carbon.Equivalent] = []
    if keys is not None:
        like = carbon.equivalents(found.co2e_g, energy_j=found.it_energy_j, keys=keys or None)
    cost = None
    if price is not None:
        cost = carbon.cost(found.facility_energy_j, price, args.currency)
    if args.json:
        fields: dict[str, Any] = {
            "quality": "estimated",
            "footprint": found.to_dict(),
            "co2e_without_pue_g": found.co2e_g / found.pue,
            "equivalents": [e.to_dict() for e in like],
            "cost": cost and cost.to_dict(),
            "what_if": [f.to_dict() for f in what_if],
        }
        return json_line(fields) + "\n"
    digits = args.precision
    rows = [("energy", f"{amount:.{max(digits, 6)}g} {unit}")]
    if found.pue != 1:
        rows.append(("without PUE", mass(found.co2e_g / found.pue, "gCO2e", digits)))
    rows += lines.rows(found, digits)
    rows += lines.comparison_rows(found.co2e_g, like, digits)
    if cost is not None:
        rows.append(("cost", lines.cost(cost, digits)))
    rows.append(("quality", "estimated: the energy was given, not measured here"))
    text = told(rows)
    if what_if:
        text += lines.what_if([found, *what_if], digits)
    return "\n".join([*text, ""])


def _reported(as_json: bool) -> str:
    """The table of large models, each row recomputed from its own figures."""
    from microjoule import carbon

    models = carbon.reported_models()
    if as_json:
        return json_line({"models": [model.to_dict() for model in models]}) + "\n"
    table = [_MODELS, *(_cells(model) for model in models)]
    why = [f"{m.model}: {m.reason} ({m.source})" for m in models if m.consistent is False]
    return "\n".join([*aligned(table), "", "Does not close:", *(f"  {line}" for line in why), ""])


def _cells(m: Reported) -> tuple[str, ...]:
    def number(value: float | None, unit: str = "", digits: str = "g") -> str:
        return "-" if value is None else f"{value:{digits}}{unit}"

    return (
        m.model,
        number(m.energy_mwh),
        number(m.g_per_kwh),
        number(m.pue),
        f"{m.t_co2e:g} t",
        number(m.recomputed_t, " t", ".1f"),
        number(m.recomputed_with_pue_t, " t", ".1f"),
        {True: "yes", False: "no", None: "cannot be told"}[m.consistent],
    )


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "estimate co2", "--kwh X [OPTION …]", "Carbon and water of an amount of energy."
    )
    energy = parser.add_mutually_exclusive_group(required=True)
    for name, (unit, _) in _UNITS.items():
        energy.add_argument(f"--{name}", type=float, metavar="X", help=f"the energy in {unit}")
    energy.add_argument(
        "--reported",
        action="store_true",
        help="large models as their papers report them, recomputed from their own figures",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--country", metavar="NO", help="where the electricity comes from")
    place.add_argument("--intensity", metavar="G", help="its carbon intensity in gCO2e/kWh")
    parser.add_argument(
        "--what-if", metavar="NO,PL,US", help="the same energy with other intensities as well"
    )
    arguments.add_factors(parser)
    arguments.add_comparisons(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser, default=4)
    return parser
