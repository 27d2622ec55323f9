"""The Pareto front of quality against energy, and the area it dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from microjoule.metrics import _propagate
from microjoule.metrics._registry import comparison
from microjoule.metrics._value import Quantity, Value, value_of

# Draws are worked on in blocks of about this many numbers.
_BLOCK = 2_000_000


class Place(NamedTuple):
    """Where a model stands to the front.

    Attributes:
        model: its name.
        quality: its quality; higher is better.
        cost: its energy or whatever is to be small.
        on_front: whether no model is at least as good and at most as costly, one of them strictly.
        probability: share of the draws in which it is on the front.
        by: the model that dominates it by most; empty on the front.
        extra_cost_rel: its cost over that model's, less 1.
        lost_quality: that model's quality less its own.
    """

    model: str
    quality: Value
    cost: Value
    on_front: bool
    probability: float
    by: str
    extra_cost_rel: float
    lost_quality: float


_FIVE = "{'a': (.90, 10), 'b': (.92, 15), 'c': (.91, 20), 'd': (.95, 60), 'e': (.95, 80)}"


@comparison(
    title="Pareto front",
    formula="p stays unless some q has a_q ≥ a_p and E_q ≤ E_p, one of them strictly",
    category="climate",
    reference="Pareto dominance",
    certainty="standard",
    use="Always first: more energy is not better performance, and whoever is not on the front is "
    "beaten at no price. Prefer it, with an α shown, to any single score.",
    avoid="To choose one model of those on the front: that needs an α, or a budget.",
    examples={f"front({_FIVE})": "['a', 'b', 'd']"},
)
def front(models: Mapping[str, tuple[Quantity, Quantity]]) -> list[str]:
    """Return the models on the front, by growing cost; of equals all.

    Args:
        models: (quality, cost) by name: quality is to be high, cost low.

    Raises:
        ValueError: there is no model, or a figure is not finite.
    """
    on = [p for p in places(models, draws=0) if p.on_front]
    return [p.model for p in sorted(on, key=lambda p: (p.cost.value, p.model))]


@comparison(
    title="Hypervolume",
    formula="area between the front and a reference point (a_ref, E_ref)",
    unit="quality × cost",
    direction="higher",
    category="climate",
    reference="Zitzler, Thiele, PPSN 1998",
    certainty="standard",
    use="Two sets of models, or one set before and after: which front reaches further.",
    avoid="Across reference points; state the one you took.",
    examples={f"hypervolume({_FIVE}, 0.85, 100)": "7.4"},
)
def hypervolume(
    models: Mapping[str, tuple[Quantity, Quantity]], worst_quality: float, worst_cost: float
) -> float:
    """Return the area that the front dominates.

    Args:
        models: (quality, cost) by name: quality is to be high, cost low.
        worst_quality: quality of the reference point.
        worst_cost: its cost; models beyond the point add nothing.

    Raises:
        ValueError: there is no model, or a figure is not finite.
    """
    by_cost = sorted((c.value, q.value) for q, c in _values(models).values())
    area, reached = 0.0, worst_quality
    for cost, quality in by_cost:
        if cost < worst_cost and quality > reached:
            area += (quality - reached) * (worst_cost - cost)
            reached = quality
    return area


def places(
    models: Mapping[str, tuple[Quantity, Quantity]],
    *,
    draws: int = _propagate.DRAWS,
    seed: int = _propagate.SEED,
) -> list[Place]:
    """Return where every model stands to the front, in the order given.

    Args:
        models: (quality, cost) by name: quality is to be high, cost low.
        draws: of the inputs, for the probability; 0 draws none: it is then 1 or 0.
        seed: of the random generator.

    Raises:
        ValueError: there is no model, or a figure is not finite.
    """
    values = _values(models)
    names = list(values)
    flags = _on_front([(q.value, c.value) for q, c in values.values()])
    uncertain = draws and any(q.uncertainty or c.uncertainty for q, c in values.values())
    chances = _probabilities(list(values.values()), draws, seed) if uncertain else map(float, flags)
    found = []
    for name, on, chance in zip(names, flags, chances, strict=True):
        quality, cost = values[name]
        by = "" if on else _dominator(name, values)
        better = values[by] if by else (quality, cost)
        extra = cost.value / better[1].value - 1 if better[1].value else 0.0
        lost = better[0].value - quality.value
        found.append(Place(name, quality, cost, on, float(chance), by, extra, lost))
    return found


def _values(
    models: Mapping[str, tuple[Quantity, Quantity]],
) -> dict[str, tuple[Value, Value]]:
    if not models:
        raise ValueError("there is no model: pass (quality, cost) by name")
    return {
        name: (value_of(q, f"quality of {name}"), value_of(c, f"cost of {name}"))
        for name, (q, c) in models.items()
    }


def _on_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each (quality, cost) is undominated: one pass by growing cost."""
    order = sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0]))
    flags = [False] * len(points)
    best, best_cost = -float("inf"), -float("inf")
    for i in order:
        quality, cost = points[i]
        if quality > best:
            best, best_cost = quality, cost
            flags[i] = True
        elif quality == best and cost == best_cost:
            flags[i] = True  # a duplicate of one that is on the front
    return flags


def _dominator(name: str, values: Mapping[str, tuple[Value, Value]]) -> str:
    """Of the models that are at least as good, the cheapest; of equals the best."""
    quality = values[name][0].value
    others = [
        (cost.value, -q.value, other)
        for other, (q, cost) in values.items()
        if other != name and q.value >= quality
    ]
    return min(others)[2]


def _probabilities(values: Sequence[tuple[Value, Value]], draws: int, seed: int) -> Any:
    import numpy as np

    random = _propagate.generator(seed)
    count = len(values)
    step = max(1, min(draws, _BLOCK // count))
    on: Any = np.zeros(count)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        infinity = float("inf")
        quality = np.stack(
            [_propagate.draw(q, -infinity, infinity, size, random) for q, _ in values]
        )
        cost = np.stack([_propagate.draw(c, 0.0, infinity, size, random) for _, c in values])
        # By growing cost and, of the same cost, falling quality.
        order = np.lexsort((-quality, cost), axis=0)
        sorted_quality = np.take_along_axis(quality, order, axis=0)
        sorted_cost = np.take_along_axis(cost, order, axis=0)
        best = np.maximum.accumulate(sorted_quality, axis=0)
        rises = np.ones_like(best, dtype=bool)
        rises[1:] = sorted_quality[1:] > best[:-1]
        for i in range(1, count):
            same = (sorted_quality[i] == sorted_quality[i - 1]) & (
                sorted_cost[i] == sorted_cost[i - 1]
            )
            rises[i] |= same & rises[i - 1]
        flags = np.zeros_like(rises)
        np.put_along_axis(flags, order, rises, axis=0)
        on += flags.sum(axis=1)
    return on / draws
