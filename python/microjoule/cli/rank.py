"""`uj rank models.csv --quality accuracy --energy inference_j --alpha 0:3 --pareto`."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any, Final

from microjoule.cli import DONE, arguments, models_csv, plot
from microjoule.cli.columns import aligned
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import plain

if TYPE_CHECKING:
    from microjoule.cli.models_csv import Models
    from microjoule.metrics import Place, Ranking, Value

_KINDS: Final = ("accuracy", "r2", "error")
_MOST_ALPHAS: Final = 100
_MOST_LINES: Final = 20


def main(argv: list[str]) -> int:
    """Runs the command `rank`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv)
    try:
        told = _rank(args)
    except (ValueError, OSError) as error:
        parser.error(arguments.sentence(error))
    sys.stdout.write(told)
    return DONE


def _rank(args: argparse.Namespace) -> str:
    from microjoule import metrics

    if args.plot:
        plot.check(args.plot)
    models = models_csv.read(args.file, args.name)
    alphas = _alphas(args.alpha)
    given = {model: _inputs(models, model, args) for model in models.rows}
    floor = 0.0 if args.tested is None else metrics.error_floor(args.tested)
    found = metrics.rank(given, alphas=alphas, metrics=args.metric, floor=floor)
    volume = _hypervolume(args.reference, found)
    if args.plot:
        plot.ranking(args.plot, found, args.quality)
    if args.json:
        return json_line(_fields(found, volume)) + "\n"
    return "\n".join(_lines(found, args, volume)) + "\n"


def _inputs(models: Models, model: str, args: argparse.Namespace) -> dict[str, Any]:
    """What one model is ranked by: its quality, its energy, and what further metrics take."""
    from microjoule import metrics
    from microjoule.metrics._registry import find

    kind = args.kind or _kind(args.quality)
    inputs: dict[str, Any] = {
        kind: models.value(model, args.quality),
        "energy_j": models.joules(model, args.energy),
    }
    if args.items is not None:
        inputs["items"] = (
            models.value(model, args.items)
            if args.items in models.columns
            else metrics.value_of(args.items, "--items")
        )
    for name in args.metric:
        for column in find(name).entry.inputs:
            if column in models.columns and column not in inputs:
                inputs[column] = models.value(model, column)
    return inputs


def _kind(column: str) -> str:
    """What a quality is, by the name of its column: an accuracy unless it says otherwise."""
    folded = column.casefold()
    if "r2" in folded or "r²" in folded:
        return "r2"
    return "error" if "err" in folded else "accuracy"


def _alphas(text: str) -> tuple[float, ...]:
    """`0:3` is 0, 1, 2, 3; `0:1:0.5` is 0, 0.5, 1; `0,2` is 0 and 2."""
    parts = text.split(":")
    try:
        if len(parts) == 1:
            alphas = [float(word) for word in text.split(",")]
        elif len(parts) in (2, 3):
            first, last = float(parts[0]), float(parts[1])
            step = float(parts[2]) if len(parts) == 3 else 1.0
            if not (step > 0 and last >= first and (last - first) / step < _MOST_ALPHAS):
                raise ValueError
            alphas = [first + i * step for i in range(int((last - first) / step + 1e-9) + 1)]
        else:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(
            f"--alpha {text!r}: pass 0:3 (0, 1, 2, 3), 0:1:0.5 or a list such as 0,2; at most "
            f"{_MOST_ALPHAS} of them"
        ) from None
    if not all(0 <= a < math.inf for a in alphas) or len(alphas) > _MOST_ALPHAS:
        raise ValueError(f"--alpha {text!r}: pass at most {_MOST_ALPHAS} exponents, 0 or more")
    return tuple(sorted(set(alphas)))


def _hypervolume(text: str | None, found: Ranking) -> float | None:
    from microjoule import metrics

    if text is None:
        return None
    words = text.split(",")
    if len(words) != 2:
        raise ValueError(f"--reference {text!r}: pass the worst quality and energy, as 0.85,100")
    quality, energy = (metrics.value_of(word, "--reference").value for word in words)
    points = {row.model: (row.place.quality, row.place.cost) for row in found.rows}
    return metrics.hypervolume(points, quality, energy)


# -- for a person -----------------------------------------------------------------------------


def _lines(found: Ranking, args: argparse.Namespace, volume: float | None) -> list[str]:
    digits = args.precision
    kind = args.kind or _kind(args.quality)
    head = ["model", args.quality, "J per item"]
    for name, unit, direction in zip(found.columns, found.units, found.directions, strict=True):
        mark = {"lower": "↓", "higher": "↑"}.get(direction, "")
        head += [f"{name}{'' if unit in ('1', 'J') else f' {unit}'} {mark}".rstrip(), "rank"]
    if args.pareto:
        head.append("front (chance)")
    table = [head]
    for row in found.rows:
        shown = row.error if kind == "error" else row.place.quality
        cells = [row.model, _told(shown, digits), _told(row.energy_j, digits)]
        for cell in row.cells:
            rank = str(cell.best) if cell.best == cell.worst else f"{cell.best}–{cell.worst}"
            cells += [_told(cell.value, digits), rank]
        if args.pareto:
            cells.append(_front(row.place))
        table.append(cells)
    return [*aligned(table), *_flips(found, digits), *_ties(found), *_pareto(found, args, volume)]


def _front(place: Place) -> str:
    mark = "yes" if place.on_front else "no"
    return mark if place.probability in (0.0, 1.0) else f"{mark} ({_percent(place.probability)})"


def _flips(found: Ranking, digits: int) -> list[str]:
    if len(found.alphas) < 2:
        return []
    if not found.flips:
        span = f"{found.alphas[0]:g} and {found.alphas[-1]:g}"
        return ["", f"No two models change places between α = {span}."]
    lines = [
        f"  {_told(f.alpha, digits)}: below it {f.below} is better, above it {f.above}"
        for f in found.flips
    ]
    from microjoule.metrics._rank import ALL_PAIRS

    of_front = ", models on the front only" if len(found.rows) > ALL_PAIRS else ""
    return ["", f"Where two models change places (α*{of_front}):", *_first(lines)]


def _ties(found: Ranking) -> list[str]:
    lines = []
    for at, column in enumerate(found.columns):
        seen: set[frozenset[str]] = set()
        for row in found.rows:
            for other in row.cells[at].tied_with:
                pair = frozenset((row.model, other))
                if pair not in seen:
                    seen.add(pair)
                    lines.append(f"  {column}: {row.model} and {other}")
    if not lines:
        return []
    return [
        "",
        "Not told apart (their order holds in fewer than 95 % of the draws):",
        *_first(lines),
    ]


def _pareto(found: Ranking, args: argparse.Namespace, volume: float | None) -> list[str]:
    lines = []
    beaten = [row for row in found.rows if not row.place.on_front]
    if args.pareto and beaten:
        lines += ["", "Not on the front:"]
        lines += _first([f"  {r.model}: {_beaten(r.place, args.quality)}" for r in beaten])
    if volume is not None:
        lines += ["", f"Hypervolume beyond {args.reference}: {plain(volume, args.precision)}"]
    return lines


def _first(lines: list[str]) -> list[str]:
    """As many lines as are read; all of them are in the JSON."""
    left = len(lines) - _MOST_LINES
    return lines if left <= 0 else [*lines[:_MOST_LINES], f"  … and {left} more (--json)"]


def _beaten(place: Place, quality: str) -> str:
    more = f"{100 * place.extra_cost_rel:+.3g} % energy"
    points = -100 * place.lost_quality
    worse = f"{points:+.3g} points of {quality}" if points else f"no more {quality}"
    return f"{more} and {worse} beside {place.by}"


def _told(value: Value, digits: int) -> str:
    text = plain(value.value, digits)
    return f"{text} ± {plain(value.uncertainty, min(digits, 2))}" if value.uncertainty else text


def _percent(share: float) -> str:
    return "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else f"{100 * share:.0f} %"


# -- for a program ----------------------------------------------------------------------------


def _fields(found: Ranking, volume: float | None) -> dict[str, Any]:
    columns = zip(found.columns, found.units, found.directions, found.categories, strict=True)
    names = ("name", "unit", "direction", "category")
    return {
        "draws": found.draws,
        "columns": [dict(zip(names, column, strict=True)) for column in columns],
        "models": [
            {
                "model": row.model,
                "error": row.error.value,
                "error_uncertainty": row.error.uncertainty,
                "energy_j": row.energy_j.value,
                "energy_uncertainty_j": row.energy_j.uncertainty,
                "pareto": {
                    "on_front": row.place.on_front,
                    "probability": row.place.probability,
                    "by": row.place.by or None,
                    "extra_energy_rel": row.place.extra_cost_rel,
                    "lost_quality": row.place.lost_quality,
                },
                "metrics": {
                    name: {
                        "value": cell.value.value,
                        "uncertainty": cell.value.uncertainty,
                        "rank": cell.rank,
                        "rank_best": cell.best,
                        "rank_worst": cell.worst,
                        "tied_with": list(cell.tied_with),
                        "probability_first": cell.first,
                    }
                    for name, cell in zip(found.columns, row.cells, strict=True)
                },
            }
            for row in found.rows
        ],
        "flips": [
            {
                "alpha": flip.alpha.value,
                "uncertainty": flip.alpha.uncertainty,
                "better_below": flip.below,
                "better_above": flip.above,
            }
            for flip in found.flips
        ],
        "hypervolume": volume,
    }


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "rank",
        "[OPTION …] --quality COLUMN --energy COLUMN FILE.csv",
        "Models by quality and energy: the energy-precision ratio at several α, ranks that say\n"
        "what cannot be told apart, and where two models change places.",
        "A cell may carry a standard uncertainty (0.40±0.02, 0.40+-5%), or a column such as\n"
        "inference_j_uncertainty does.",
    )
    parser.add_argument("file", metavar="FILE.csv", help="a line for each model; - reads the input")
    parser.add_argument("--quality", required=True, metavar="COLUMN", help="accuracy, R² or error")
    parser.add_argument(
        "--kind", choices=_KINDS, help="what the quality is (default: by the column's name)"
    )
    parser.add_argument(
        "--energy",
        required=True,
        metavar="COLUMN",
        help="energy per item in J, or in the unit at the end of the name (_kwh, _wh, _kj, _mj)",
    )
    parser.add_argument("--items", metavar="N", help="items the energy was for: a number or column")
    parser.add_argument("--name", metavar="COLUMN", help="the models' names (default: model)")
    parser.add_argument("--alpha", default="0:3", metavar="A:B", help="exponents (default: 0:3)")
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="a further metric of `uj score --list`, its inputs columns by name; may be repeated",
    )
    parser.add_argument(
        "--tested", type=int, metavar="N", help="items of the test set: errors count as 1/(N+2)"
    )
    parser.add_argument("--pareto", action="store_true", help="say who is beaten, and by how much")
    parser.add_argument(
        "--reference", metavar="Q,J", help="worst quality and energy: gives the hypervolume"
    )
    plot.add_plot(parser, "the front and the ratio over α")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser)
    return parser
