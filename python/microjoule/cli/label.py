"""`uj label models.csv --reference ResNet101`: the letter A to E; `--stars COLUMN`: stars."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from microjoule.cli import DONE, arguments, models_csv
from microjoule.cli.columns import aligned
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from microjoule.cli.models_csv import Models
    from microjoule.metrics import Axis, Label, Stars
    from microjoule.metrics._label import Rated

_MOST_BYTES: Final = 1 << 20


def main(argv: list[str]) -> int:
    """Runs the command `label`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    try:
        models = models_csv.read(args.file, args.name)
        told = _stars(models, args) if args.stars else _letters(models, args)
    except (ValueError, OSError) as error:
        parser.error(arguments.sentence(error))
    sys.stdout.write(told)
    return DONE


def _letters(models: Models, args: argparse.Namespace) -> str:
    from microjoule import metrics

    if args.reference is None:
        raise ValueError("there is no reference model: pass --reference, the name of one of them")
    if args.reference not in models.rows:
        raise ValueError(
            f"{models.path} has no model {args.reference!r} to refer to: pass one of "
            f"{', '.join(list(models.rows)[:8])}"
        )
    known = {**metrics.AXES, **(_axes(args.axes) if args.axes else {})}
    rated = [c for c in models.columns if c in known and known[c].boundaries is not None]
    if not rated:
        raise ValueError(
            f"{models.path} has no column to rate: call them "
            f"{', '.join(name for name, a in known.items() if a.boundaries)}"
        )
    reference = {axis: models.value(args.reference, axis) for axis in rated}
    found = {
        model: metrics.label(
            {a: models.value(model, a) if row[a].strip() else None for a in rated},
            reference,
            axes=known,
            compound=args.compound,
            optimistic=not args.pessimistic,
            compat=args.compat,
        )
        for model, row in models.rows.items()
    }
    if args.json:
        fields = {
            "reference": args.reference,
            "compound": args.compound,
            "optimistic": not args.pessimistic,
            "compat": args.compat,
            "models": {model: _fields(label) for model, label in found.items()},
        }
        return json_line(fields) + "\n"
    table = [["model", "label", *rated]]
    for model, label in found.items():
        cells = [_rated(a) for a in label.axes]
        table.append([model, _letter(label.letter, label.probabilities), *cells])
    how = f"weighted {args.compound}" if args.compound in ("median", "mean") else args.compound
    note = (
        f"Beside {args.reference} (figures in brackets: times better than it); {how}, "
        f"{'pessimistic' if args.pessimistic else 'optimistic'}."
    )
    return "\n".join([*aligned(table), "", note, ""])


def _axes(path: str) -> dict[str, Axis]:
    """Own axes from JSON: `{"flop": {"boundaries": [1.5, 1.2, 0.95, 0.85], "weight": 0.2}}`."""
    from microjoule import metrics

    with open(path, "rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"{path} is larger than 1 MiB: pass axes as JSON")
    try:
        given = json.loads(raw)
        return {name: _axis(metrics.AXES.get(name), fields) for name, fields in given.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f'{path} holds no axes: pass JSON such as {{"flop": {{"boundaries": '
            '[1.5, 1.2, 0.95, 0.85], "weight": 0.2, "higher": false}}'
        ) from None


def _axis(known: Axis | None, fields: Mapping[str, Any]) -> Axis:
    from microjoule.metrics import Axis

    if not set(fields) <= {"boundaries", "weight", "higher"}:
        raise ValueError
    before = known or Axis(False, 1.0)
    bounds = fields.get("boundaries")
    return before._replace(
        higher=bool(fields.get("higher", before.higher)),
        weight=float(fields.get("weight", before.weight)),
        boundaries=before.boundaries if bounds is None else tuple(map(float, bounds)),
    )


def _fields(label: Label) -> dict[str, Any]:
    return {
        "label": label.letter,
        "probabilities": label.probabilities,
        "axes": {
            a.axis: {
                "letter": a.letter,
                "ratio": a.ratio,
                "weight": a.weight,
                "probabilities": a.probabilities,
            }
            for a in label.axes
        },
    }


def _rated(axis: Rated) -> str:
    beside = "missing" if axis.value is None else plain(axis.ratio)
    return f"{_letter(axis.letter, axis.probabilities)} ({beside})"


def _letter(letter: str, chances: Mapping[str, float]) -> str:
    return letter if chances[letter] == 1 else f"{letter} {100 * chances[letter]:.0f} %"


def _stars(models: Models, args: argparse.Namespace) -> str:
    from microjoule import metrics

    energies = {model: models.joules(model, args.stars) for model in models.rows}
    found: Stars = metrics.stars(energies, method=args.method)
    if args.json:
        fields = {
            "method": found.method,
            "date": found.date,
            "models": {
                model: {
                    "stars": s.stars,
                    "energy_j": s.energy.value,
                    "probabilities": list(s.probabilities),
                }
                for model, s in found.models.items()
            },
        }
        return json_line(fields) + "\n"
    table = [["model", "stars", "chance", "J"]]
    for model, s in sorted(found.models.items(), key=lambda item: item[1].energy.value):
        chance = f"{100 * s.probabilities[s.stars - 1]:.0f} %"
        table.append([model, "★" * s.stars, chance, plain(s.energy.value, args.precision)])
    note = (
        f"Stars by {found.method} among these {len(found.models)} models on {found.date}: they "
        "say nothing beyond them, and are not the AI Energy Score."
    )
    return "\n".join([*aligned(table), "", note, ""])


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "label",
        "[OPTION …] --reference MODEL FILE.csv",
        "The energy label A to E (Fischer et al. 2022) of models beside one of them, measured in\n"
        "the same environment at the same task; or stars within the file.",
        "Columns that are rated: parameters, inference_energy, inference_time, top1; more with\n"
        "--axes. An empty cell is rated E.",
    )
    parser.add_argument("file", metavar="FILE.csv", help="a line for each model; - reads the input")
    parser.add_argument("--name", metavar="COLUMN", help="the models' names (default: model)")
    parser.add_argument("--reference", metavar="MODEL", help="the model that is compared with")
    parser.add_argument(
        "--compound",
        choices=("median", "mean", "majority", "best", "worst"),
        default="median",
        help="how the axes become one letter (default: median, weighted)",
    )
    parser.add_argument(
        "--pessimistic", action="store_true", help="between two letters take the worse one"
    )
    parser.add_argument(
        "--compat",
        choices=("fischer2022",),
        help="the median of the authors' code, which may be a letter too good",
    )
    parser.add_argument("--axes", metavar="FILE.json", help="own boundaries, weights and axes")
    parser.add_argument("--stars", metavar="COLUMN", help="stars by this energy instead")
    parser.add_argument(
        "--method",
        choices=("range", "quantile"),
        default="range",
        help="fifths of the range of energies, or of the models (default: range)",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser)
    return parser
