"""A table of models and metrics, with ranks that say what cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from microjoule.metrics import _pareto, _propagate
from microjoule.metrics._ratio import crossover_alpha, energy_precision_ratio, error_of
from microjoule.metrics._registry import Metric, comparison, find
from microjoule.metrics._value import Quantity, Value, value_of
from microjoule.metrics._work import energy_per_item

# Two models are told apart where their order holds in this share of the draws.
CONFIDENCE: Final = 0.95
# Comparisons that one column may take; with many models there are fewer draws.
_COMPARISONS: Final = 200_000_000
_LEAST_DRAWS: Final = 1000
# With more models than this, only those on the front are paired: the others lead at no α.
ALL_PAIRS: Final = 50
# Below this, relative, two figures are one that was rounded twice.
_SAME: Final = 1e-12


class Cell(NamedTuple):
    """One metric of one model.

    Attributes:
        value: the figure.
        rank: 1 is best, by the figures alone; equals share it.
        best, worst: the ranks it may have, given whom it cannot be told apart from.
        tied_with: the models that it cannot be told apart from.
        first: probability of being the best.
    """

    value: Value
    rank: int
    best: int
    worst: int
    tied_with: tuple[str, ...]
    first: float


class Flip(NamedTuple):
    """Where two models change places.

    Attributes:
        alpha: α*, with its uncertainty.
        below: the model that is better below it: the cheaper one.
        above: the model that is better above it: the one with the smaller error.
    """

    alpha: Value
    below: str
    above: str


class Row(NamedTuple):
    """One model.

    Attributes:
        model: its name.
        error: its error rate.
        energy_j: its energy per item, J.
        place: where it stands to the Pareto front.
        cells: one for each column.
    """

    model: str
    error: Value
    energy_j: Value
    place: _pareto.Place
    cells: tuple[Cell, ...]


class Ranking(NamedTuple):
    """Models by metrics.

    Attributes:
        columns: names of the metrics; the ratio at α = 1 is ``"M(α=1)"``.
        units: their units.
        directions: ``"lower"`` or ``"higher"`` is better.
        categories: ``"resources"`` or ``"climate"``.
        alphas: the α of the columns that have one.
        floor: the least error that counted.
        rows: the models, best first by the last ratio.
        flips: where two models change places between the smallest and the largest α, by α*; of more
            than `ALL_PAIRS` models only those on the front.
        draws: how many were drawn; 1 where nothing is uncertain.
    """

    columns: tuple[str, ...]
    units: tuple[str, ...]
    directions: tuple[str, ...]
    categories: tuple[str, ...]
    alphas: tuple[float, ...]
    floor: float
    rows: tuple[Row, ...]
    flips: tuple[Flip, ...]
    draws: int

    def order(self, column: str) -> list[str]:
        """The models by one column, best first."""
        at = self.columns.index(column)
        return [r.model for r in sorted(self.rows, key=lambda r: r.cells[at].rank)]


class _Column(NamedTuple):
    name: str
    metric: Metric[...]
    settings: dict[str, float]


_TWO = "{'A': {'error': .08, 'energy_j': .40}, 'B': {'error': .05, 'energy_j': .90}}"


@comparison(
    title="Ranking over α",
    formula="ranks by M at each α, with the α* of every pair between them",
    category="climate",
    reference="draws by JCGM 101:2008",
    certainty="ours",
    use="Choosing among models: what holds at every α is settled, what flips is your choice of α, "
    "and what cannot be told apart needs a better measurement.",
    avoid="With the gain error of one shared meter in the uncertainties: it moves all models "
    "alike and would hide real differences. Leave it out here.",
    examples={
        f"rank({_TWO}, alphas=(1, 2)).order('M(α=1)')": "['A', 'B']",
        f"rank({_TWO}, alphas=(1, 2)).order('M(α=2)')": "['B', 'A']",
        f"rank({_TWO}, alphas=(1, 2)).flips[0].alpha.value": "1.7253701",
    },
)
def rank(
    models: Mapping[str, Mapping[str, Quantity]],
    *,
    alphas: Sequence[float] = (0, 1, 2, 3),
    metrics: Sequence[str] = (),
    floor: float = 0.0,
    draws: int = _propagate.DRAWS,
    seed: int = _propagate.SEED,
) -> Ranking:
    """Return models by metrics, ranked, with what cannot be told apart.

    Args:
        models: the inputs of each model by name: ``error`` (or ``accuracy``, or ``r2``) and
            ``energy_j`` per item, and whatever ``metrics`` need.
        alphas: the α of the energy-precision ratio, a column each.
        metrics: further metrics of the registry.
        floor: least error that counts (`error_floor`).
        draws: of the inputs; fewer where there are more than 44 models.
        seed: of the random generator.

    Raises:
        ValueError: there is no model, one lacks an input, or an input is outside its range.
    """
    if not models:
        raise ValueError("there is no model: pass the inputs of each by name")
    given = {name: _completed(name, inputs) for name, inputs in models.items()}
    columns = [
        _Column(f"M(α={alpha:g})", energy_precision_ratio, {"alpha": alpha, "floor": floor})
        for alpha in alphas
    ] + [_Column(name, find(name), {}) for name in metrics]
    if not columns:
        raise ValueError("there is nothing to rank by: pass alphas or metrics")
    figures = [
        [_figure(column, name, inputs) for name, inputs in given.items()] for column in columns
    ]
    uncertain = any(v.uncertainty for inputs in given.values() for v in inputs.values())
    count = max(_LEAST_DRAWS, min(draws, _COMPARISONS // len(given) ** 2)) if uncertain else 1
    drawn = _drawn(given, columns, count, seed)
    names = list(given)
    cells = [
        _cells(names, values, _of(column, drawn, count), column.metric.entry.direction)
        for column, values in zip(columns, figures, strict=True)
    ]
    quality = {
        name: (_complement(inputs["error"]), _per_item(inputs)) for name, inputs in given.items()
    }
    places = _pareto.places(quality, draws=count if uncertain else 0, seed=seed)
    rows = [
        Row(
            name,
            given[name]["error"],
            quality[name][1],
            places[i],
            tuple(c[i] for c in cells),
        )
        for i, name in enumerate(names)
    ]
    few = len(given) <= ALL_PAIRS
    paired = {r.model: given[r.model] for r in rows if few or r.place.on_front}
    by = max(len(alphas) - 1, 0)
    rows.sort(key=lambda r: (r.cells[by].rank, r.model))
    entries = [column.metric.entry for column in columns]
    return Ranking(
        columns=tuple(c.name for c in columns),
        units=tuple(e.unit for e in entries),
        directions=tuple(e.direction for e in entries),
        categories=tuple(e.category for e in entries),
        alphas=tuple(float(a) for a in alphas),
        floor=floor,
        rows=tuple(rows),
        flips=_flips(paired, alphas, floor),
        draws=count,
    )


def _completed(name: str, inputs: Mapping[str, Quantity]) -> dict[str, Value]:
    """The inputs as values, with the error from whatever quality there is."""
    values = {k: value_of(v, f"{k} of {name}") for k, v in inputs.items() if v is not None}
    try:
        if "error" not in values:
            kinds = [k for k in ("accuracy", "r2") if k in values]
            if not kinds:
                raise ValueError("has no error: pass error, accuracy or r2")
            of_kind = {"accuracy": None, "r2": None, kinds[0]: values[kinds[0]]}
            values["error"] = error_of(accuracy=of_kind["accuracy"], r2=of_kind["r2"])
        if "energy_j" not in values:
            raise ValueError("has no energy: pass energy_j, joules per item")
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return values


def _figure(column: _Column, name: str, inputs: Mapping[str, Value]) -> Value:
    missing = [need for need in column.metric.needs() if need not in inputs]
    if missing:
        raise ValueError(f"{name} has no {', '.join(missing)}, which {column.name} needs")
    taken = {k: inputs[k] for k in column.metric.entry.inputs if k in inputs}
    try:
        return column.metric(**{**taken, **column.settings})
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _drawn(
    given: Mapping[str, Mapping[str, Value]], columns: Sequence[_Column], count: int, seed: int
) -> list[dict[str, Any]]:
    """Every input of every model drawn once, so that all columns see the same world."""
    random = _propagate.generator(seed)
    specs = {k: spec for column in columns for k, spec in column.metric.entry.inputs.items()}
    return [
        {
            k: _propagate.draw(v, specs[k].least, specs[k].most, count, random)
            for k, v in inputs.items()
            if k in specs and not specs[k].setting
        }
        | {k: v for k, v in inputs.items() if k in specs and specs[k].setting}
        for inputs in given.values()
    ]


def _of(column: _Column, drawn: Sequence[Mapping[str, Any]], count: int) -> Any:
    import numpy as np

    wanted = column.metric.entry.inputs
    return np.stack(
        [
            column.metric.draws(
                **{**{k: v for k, v in d.items() if k in wanted}, **column.settings}, count=count
            )
            for d in drawn
        ]
    )


def _cells(names: Sequence[str], values: Sequence[Value], drawn: Any, direction: str) -> list[Cell]:
    import numpy as np

    sign = -1.0 if direction == "higher" else 1.0
    plain = sign * np.array([v.value for v in values])
    drawn = sign * drawn
    best = drawn.min(axis=0)
    leads = drawn <= best + np.abs(best) * _SAME
    first = (leads / leads.sum(axis=0)).mean(axis=1)
    cells = []
    for i, value in enumerate(values):
        margin = np.abs(drawn[i]) * _SAME
        worse = (drawn > drawn[i] + margin).mean(axis=1)
        better = (drawn < drawn[i] - margin).mean(axis=1)
        # Chance that i is better than each other one; a tie is half a chance.
        ahead = worse + (1 - worse - better) / 2
        surely_better = ahead >= CONFIDENCE
        surely_worse = ahead <= 1 - CONFIDENCE
        tied = [
            name
            for j, name in enumerate(names)
            if j != i and not surely_better[j] and not surely_worse[j]
        ]
        rank = 1 + int((plain < plain[i] - abs(plain[i]) * _SAME).sum())
        cells.append(
            Cell(
                value,
                rank,
                1 + int(surely_worse.sum()),
                len(names) - int(surely_better.sum()),
                tuple(tied),
                float(first[i]),
            )
        )
    return cells


def _complement(error: Value) -> Value:
    return Value(1 - error.value, error.uncertainty, obtained=error.obtained)


def _flips(
    given: Mapping[str, Mapping[str, Value]], alphas: Sequence[float], floor: float
) -> tuple[Flip, ...]:
    """Every pair that changes places strictly between the smallest and the largest α."""
    if len(alphas) < 2:
        return ()
    low, high = min(alphas), max(alphas)
    # By growing energy: the first of a pair is the cheaper one.
    ordered = sorted(given.items(), key=lambda item: _per_item(item[1]).value)
    found = []
    for i, (cheap, a) in enumerate(ordered):
        for dear, b in ordered[i + 1 :]:
            error_a, error_b = _floored(a["error"], floor), _floored(b["error"], floor)
            if not 0 < error_b.value < error_a.value:
                continue
            energies = (_per_item(a), _per_item(b))
            alpha = crossover_alpha(error_a, energies[0], error_b, energies[1])
            if low < alpha.value < high:
                found.append(Flip(alpha, cheap, dear))
    return tuple(sorted(found, key=lambda flip: flip.alpha.value))


def _floored(error: Value, floor: float) -> Value:
    return error if error.value > floor else Value(floor)


def _per_item(inputs: Mapping[str, Value]) -> Value:
    if "items" not in inputs:
        return inputs["energy_j"]
    return energy_per_item(inputs["energy_j"], inputs["items"])
