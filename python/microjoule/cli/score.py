"""`uj score --error 0.08 --energy-j 0.40 --alpha 1`: quality and footprint in one number."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from microjoule.cli import DONE, arguments, plot
from microjoule.cli.columns import told
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import plain

if TYPE_CHECKING:
    from microjoule.metrics import Value

_RATIO: Final = "energy_precision_ratio"


def main(argv: list[str]) -> int:
    """Runs the command `score`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv, intermixed=True)
    try:
        if args.plot:
            plot.check(args.plot)
        if args.list:
            told = _list(args.json)
        elif args.metric is not None:
            told = _any(args)
        else:
            told = _ratio(args)
    except (ValueError, OSError) as error:
        parser.error(arguments.sentence(error))
    sys.stdout.write(told)
    return DONE


def _ratio(args: argparse.Namespace) -> str:
    """The energy-precision ratio, and where another model would change places with this one."""
    from microjoule import metrics

    if args.inputs:
        raise ValueError(f"{args.inputs[0]!r} is an input of no metric: name the metric before it")
    error = _error(args)
    if args.energy_j is None:
        raise ValueError("there is no energy: pass --energy-j, joules for --items")
    energy = metrics.value_of(args.energy_j, "--energy-j")
    items = metrics.value_of(args.items, "--items")
    per_item = metrics.energy_per_item(energy, items)
    floor = _floor(args)
    ratio = metrics.energy_precision_ratio(error, energy, items, args.alpha, floor)
    other, alpha_star = _against(args, error, per_item)
    if args.plot:
        models = {"this": (max(error.value, floor), per_item.value)}
        if other:
            models["other"] = (other[0].value, other[1].value)
        flips = [] if alpha_star is None else [alpha_star.value]
        plot.crossover(args.plot, models, (0.0, max(3.0, args.alpha)), flips)
    if args.json:
        fields: dict[str, Any] = {
            "metric": ratio.to_dict(),
            "alpha": args.alpha,
            "error": error.to_dict(),
            "energy_per_item": per_item.to_dict(),
            "floor": floor,
            "worth_of_halving": 2**args.alpha,
            "crossover_alpha": alpha_star and alpha_star.to_dict(),
        }
        return json_line(fields) + "\n"
    digits = args.precision
    rows = [
        ("M", f"{_told(ratio, digits)}  (lower is better; α = {args.alpha:g})"),
        (
            "error",
            _told(error, digits) + (f", counted as {floor:g}" if floor > error.value else ""),
        ),
        ("energy", f"{_told(per_item, digits)} per item"),
        (
            "α says",
            f"halving the error is worth at most {plain(2**args.alpha, digits)} times the energy",
        ),
    ]
    if other:
        rows.append(("other", f"error {_told(other[0], digits)}, {_told(other[1], digits)}"))
        rows.append(("α*", _turns(error, per_item, other, alpha_star, digits)))
    return _lines(rows)


def _error(args: argparse.Namespace) -> Value:
    from microjoule import metrics

    if args.error is not None:
        error = metrics.value_of(args.error, "--error")
        if not 0 <= error.value <= 1:
            raise ValueError(
                f"--error is {error.value:g}: pass the error as a fraction from 0 to 1 "
                "(8 % is 0.08)"
            )
        return error
    if args.accuracy is None and args.r2 is None:
        raise ValueError("there is no error: pass --error, --accuracy or --r2")
    return metrics.error_of(accuracy=args.accuracy, r2=args.r2)


def _floor(args: argparse.Namespace) -> float:
    from microjoule import metrics

    return 0.0 if args.tested is None else metrics.error_floor(args.tested)


def _against(
    args: argparse.Namespace, error: Value, per_item: Value
) -> tuple[tuple[Value, Value] | None, Value | None]:
    """The other model, and the α at which it changes places with this one."""
    from microjoule import metrics

    if args.against is None:
        return None, None
    words = args.against.split(",")
    if len(words) != 2:
        raise ValueError(
            f"--against {args.against!r}: pass the other model's error and joules per item, "
            "such as 0.05,0.90"
        )
    other = (
        metrics.value_of(words[0], "the other error"),
        metrics.value_of(words[1], "the other energy"),
    )
    return other, metrics.crossover_alpha(error, per_item, *other)


def _turns(
    error: Value, per_item: Value, other: tuple[Value, Value], alpha: Value | None, digits: int
) -> str:
    assert alpha is not None
    if alpha.value <= 0:
        better = "this" if error.value < other[0].value else "the other"
        return f"none: {better} model has less error and no more energy, at every α"
    cheap = "this" if per_item.value < other[1].value else "the other"
    dear = "the other" if cheap == "this" else "this"
    return f"{_told(alpha, digits)}: below it {cheap} model is better, above it {dear} one"


def _any(args: argparse.Namespace) -> str:
    """Any metric of the registry, its inputs as `name=value`."""
    from microjoule.metrics._registry import find

    wanted = find(args.metric)
    entry = wanted.entry
    given = dict(_pair(word) for word in args.inputs)
    unknown = [name for name in given if name not in entry.inputs]
    if unknown:
        takes = ", ".join(entry.inputs)
        raise ValueError(f"{args.metric} takes no {unknown[0]}: it takes {takes}")
    missing = [name for name in wanted.needs() if name not in given]
    if missing:
        specs = entry.inputs
        what = ", ".join(f"{n}=… ({specs[n].what}, {specs[n].unit})" for n in missing)
        raise ValueError(f"{args.metric} needs {what}")
    if args.plot:
        raise ValueError(f"there is no picture of {args.metric}: --plot shows the ratio over α")
    value = wanted(**given)
    if args.json:
        return json_line({"metric": value.to_dict(), "formula": entry.formula}) + "\n"
    better = {"neither": ""}.get(entry.direction, f"  ({entry.direction} is better)")
    rows = [
        (args.metric, f"{_told(value, args.precision)}{better}"),
        ("formula", entry.formula),
        ("category", entry.category),
        ("not for", entry.avoid),
    ]
    if entry.experimental:
        rows.append(("status", "experimental: it may change or go"))
    return _lines(rows)


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"{word!r} is no input: pass name=value, such as energy_j=0.40")
    return name, value


def _list(as_json: bool) -> str:
    from microjoule import metrics

    entries = metrics.registry().values()
    if as_json:
        return json_line({"metrics": [e.to_dict() for e in entries]}) + "\n"
    width = max(len(e.name) for e in entries)
    marks = {"lower": "↓", "higher": "↑", "neither": " "}
    return "".join(
        f"  {e.name:<{width}}  {marks[e.direction]}  {e.category:<9}  {e.formula}\n"
        for e in entries
    )


def _told(value: Value, digits: int) -> str:
    unit = "" if value.unit == "1" else f" {value.unit}"
    text = plain(value.value, digits)
    if value.uncertainty:
        text += f" ± {plain(value.uncertainty, min(digits, 2))}"
    return text + unit


def _lines(rows: list[tuple[str, str]]) -> str:
    return "\n".join([*told(rows), ""])


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "score",
        "[OPTION …] [METRIC name=value …]",
        "Quality and footprint in one number: without a name the energy-precision ratio,\n"
        "M = Error^α × energy per item.",
        "Numbers may carry a standard uncertainty: 0.40±0.02 or 0.40+-5%.",
    )
    parser.add_argument("metric", nargs="?", metavar="METRIC", help="any metric of --list")
    parser.add_argument(
        "inputs", nargs="*", metavar="name=value", help="its inputs, such as energy_j=0.40"
    )
    parser.add_argument("--list", action="store_true", help="every metric, with its formula")
    quality = parser.add_mutually_exclusive_group()
    quality.add_argument("--error", metavar="X", help="error rate, 0 to 1")
    quality.add_argument("--accuracy", metavar="X", help="accuracy, 0 to 1: the error is 1 - it")
    quality.add_argument("--r2", metavar="X", help="R² of a regression: the error is 1 - it")
    parser.add_argument("--energy-j", metavar="J", help="energy, for all --items")
    parser.add_argument("--items", default="1", metavar="N", help="items it was for (default: 1)")
    parser.add_argument(
        "--alpha",
        type=float,
        default=1.0,
        metavar="X",
        help="%% of energy that 1 %% less error is worth (default: 1)",
    )
    parser.add_argument(
        "--tested",
        type=int,
        metavar="N",
        help="items of the test set: the error counts as 1/(N+2) at least",
    )
    parser.add_argument(
        "--against",
        metavar="ERROR,J",
        help="another model's error and joules per item: at which α the two change places",
    )
    plot.add_plot(parser, "the ratio over α")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser, default=4)
    return parser
