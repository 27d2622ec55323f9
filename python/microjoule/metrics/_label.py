"""The energy label A to E beside a reference model, with the chance of each letter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from microjoule.metrics import _propagate
from microjoule.metrics._registry import comparison
from microjoule.metrics._value import Quantity, Value, value_of

LETTERS: Final = "ABCDE"
COMPOUNDS: Final = ("median", "mean", "majority", "best", "worst")
_TOLERANCE: Final = 1e-9


class Axis(NamedTuple):
    """One property that is rated.

    Attributes:
        higher: whether higher is better.
        weight: what it weighs in the label.
        boundaries: four ratios above which it is A, B, C, D; None where the authors' are not known.
        category: ``"resources"`` or ``"climate"``.
    """

    higher: bool
    weight: float
    boundaries: tuple[float, ...] | None = None
    category: str = "resources"


# Weights of all axes, and boundaries of four, as published with the paper's code @65eb68c.
AXES: Final[dict[str, Axis]] = {
    "parameters": Axis(False, 0.4, (8.38694, 4.89014, 2.20853, 0.740108)),
    "file_size": Axis(False, 0.4),
    "flop": Axis(False, 0.2),
    "inference_energy": Axis(False, 0.7, (1.80521, 1.13582, 0.866205, 0.495032), "climate"),
    "inference_time": Axis(False, 0.3, (1.73132, 1.15038, 0.882639, 0.494319)),
    "training_energy": Axis(False, 0.7, category="climate"),
    "training_energy_epoch": Axis(False, 0.2, category="climate"),
    "training_time": Axis(False, 0.3),
    "training_time_epoch": Axis(False, 0.2),
    "top1": Axis(True, 0.8, (1.02143, 1.0, 0.953497, 0.928915)),
    "top5": Axis(True, 0.2),
}


class Rated(NamedTuple):
    """The rating of one axis.

    Attributes:
        axis: key of `AXES`.
        value: of the model; None where it is missing, which is rated E.
        reference: of the reference model.
        ratio: value over reference, or the inverse where lower is better: above 1 is better.
        letter: its rating.
        probabilities: chance of each letter.
        weight: what it weighs.
    """

    axis: str
    value: Value | None
    reference: Value
    ratio: float
    letter: str
    probabilities: dict[str, float]
    weight: float


class Label(NamedTuple):
    """The label of a model.

    Attributes:
        letter: A (best) to E.
        probabilities: chance of each letter, within the uncertainties.
        axes: the rating of each axis.
        compound: how they were put together.
        optimistic: whether what lies between two letters went to the better one.
        compat: ``"fischer2022"`` or None.
    """

    letter: str
    probabilities: dict[str, float]
    axes: tuple[Rated, ...]
    compound: str
    optimistic: bool
    compat: str | None


@comparison(
    title="Energy label A–E",
    formula="i = v / v_ref (inverse where lower is better); A above b0 … E at most b3; weighted "
    "median of the axes",
    unit="A–E",
    direction="lower",
    category="climate",
    reference="Fischer, Jakobs, Mücke, Morik, ECML-PKDD Workshops 2022; "
    "raphischer/imagenet-energy-efficiency @65eb68c",
    certainty="executed",
    use="One letter for people who will read no table. The reference model must have been measured "
    "in the same environment at the same task; the authors' is ResNet101 on ImageNet, and the "
    "boundaries shipped here are theirs.",
    avoid="For other tasks with these boundaries: pass your own. The authors' code takes a wrong "
    'weighted median; compat="fischer2022" does too.',
    examples={
        'label({"inference_energy": 0.673}, {"inference_energy": 0.859}).letter': "'B'",
        'label({"inference_time": 1.369}, {"inference_time": 1.579}).letter': "'B'",
        'label({"parameters": 5330571}, {"parameters": 44707176}).letter': "'B'",
        'label({"top1": 0.681}, {"top1": 0.718}).letter': "'D'",
        'weighted_median("AD", [0.4, 0.6])': "'D'",
        'weighted_median("AD", [0.4, 0.6], compat="fischer2022")': "'A'",
    },
)
def label(
    values: Mapping[str, Quantity | None],
    reference: Mapping[str, Quantity],
    *,
    axes: Mapping[str, Axis] | None = None,
    compound: str = "median",
    optimistic: bool = True,
    compat: str | None = None,
    draws: int = _propagate.DRAWS,
    seed: int = _propagate.SEED,
) -> Label:
    """Return the label of a model beside a reference model.

    Args:
        values: of the model by axis (keys of `AXES`); one that is None is missing, rated E.
        reference: of the reference model, measured in the same environment at the same task.
        axes: own boundaries, weights and axes, over those of `AXES`.
        compound: ``"median"``, ``"mean"``, ``"majority"``, ``"best"`` or ``"worst"``.
        optimistic: whether what lies between two letters is the better one.
        compat: ``"fischer2022"`` takes the median of the authors' code.
        draws: of the inputs, for the probabilities.
        seed: of the random generator.

    Raises:
        ValueError: an axis has no reference or no boundaries, the weights sum to zero, or a name
            is unknown.
    """
    if compound not in COMPOUNDS:
        raise ValueError(f"no compound is called {compound!r}: pass one of {', '.join(COMPOUNDS)}")
    _known_compat(compat)
    if not values:
        raise ValueError(f"there is no value to rate: pass some of {', '.join(AXES)}")
    known = {**AXES, **(axes or {})}
    pairs = {name: _pair(name, raw, reference, known) for name, raw in values.items()}
    weights = [known[name].weight for name in pairs]
    _check_weights(weights)
    uncertain = any(v.uncertainty for pair in pairs.values() for v in pair if v is not None)
    random = _propagate.generator(seed) if uncertain else None
    rated: list[Rated] = []
    drawn: list[Any] = []
    for name, (value, beside) in pairs.items():
        axis = known[name]
        assert axis.boundaries is not None
        index = _index(value, beside, axis.higher)
        place = _place(index, axis.boundaries)
        if random is None:
            chances = _certain(place)
        else:
            places = _drawn_places(value, beside, axis, draws, random)
            drawn.append(places)
            chances = _shares(places)
        rated.append(Rated(name, value, beside, index, LETTERS[place], chances, axis.weight))

    def together(places: Sequence[int]) -> int:
        return _together(places, weights, compound, optimistic, compat)

    letter = together([LETTERS.index(r.letter) for r in rated])
    chances = _certain(letter) if random is None else _compound_chances(drawn, together)
    return Label(LETTERS[letter], chances, tuple(rated), compound, optimistic, compat)


def weighted_median(
    letters: Sequence[str],
    weights: Sequence[float],
    *,
    optimistic: bool = True,
    compat: str | None = None,
) -> str:
    """Return the weighted median of letters.

    Args:
        letters: A to E.
        weights: what each weighs, 0 or more.
        optimistic: whether the middle between two letters is the better one.
        compat: ``"fischer2022"`` returns one letter too early, as the authors' code does.

    Raises:
        ValueError: the weights sum to zero, or there is an unknown letter.
    """
    _known_compat(compat)
    _check_weights(weights)
    unknown = [letter for letter in letters if len(letter) != 1 or letter not in LETTERS]
    if unknown or len(letters) != len(weights):
        raise ValueError("pass letters from A to E, and a weight for each")
    places = [LETTERS.index(letter) for letter in letters]
    return LETTERS[_together(places, weights, "median", optimistic, compat)]


def _known_compat(compat: str | None) -> None:
    if compat not in (None, "fischer2022"):
        raise ValueError(f"no compat is called {compat!r}: pass 'fischer2022' or None")


def _check_weights(weights: Sequence[float]) -> None:
    if not all(0 <= w < math.inf for w in weights):
        raise ValueError("a weight is below 0 or not finite: pass weights of 0 or more")
    if sum(weights) == 0:
        raise ValueError("the weights sum to zero: pass at least one above 0")


def _pair(
    name: str,
    raw: Quantity | None,
    reference: Mapping[str, Quantity],
    known: Mapping[str, Axis],
) -> tuple[Value | None, Value]:
    if name not in known:
        raise ValueError(f"no axis is called {name!r}: pass one of {', '.join(known)}")
    if reference.get(name) is None:
        raise ValueError(
            f"the reference model has no {name}: pass the same figures of a model measured in the "
            "same environment"
        )
    bounds = known[name].boundaries
    if bounds is None:
        raise ValueError(
            f"the authors' boundaries of {name} are not known here: pass four of your own, falling"
        )
    if len(bounds) != 4 or any(a <= b for a, b in pairwise(bounds)):
        raise ValueError(f"the boundaries of {name} are {bounds}: pass four, falling")
    beside = value_of(reference[name], f"reference {name}")
    value = None if raw is None else value_of(raw, name)
    for told, v in (("", value), ("reference ", beside)):
        if v is not None and v.value <= 0:
            raise ValueError(f"{told}{name} is {v.value:g}: pass a figure above 0")
    return value, beside


def _index(value: Value | None, reference: Value, higher: bool) -> float:
    if value is None:
        return 0.0
    ratio = value.value / reference.value
    return ratio if higher else 1 / ratio


def _place(index: float, boundaries: Sequence[float]) -> int:
    """0 for A to 4 for E; what equals a boundary is below it."""
    return sum(index <= b for b in boundaries)


def _drawn_places(
    value: Value | None, reference: Value, axis: Axis, draws: int, random: Any
) -> Any:
    import numpy as np

    if value is None:
        return np.full(draws, 4)
    of_model = _propagate.draw(value, 0.0, math.inf, draws, random)
    beside = _propagate.draw(reference, 0.0, math.inf, draws, random)
    index = of_model / beside if axis.higher else beside / of_model
    assert axis.boundaries is not None
    return sum((index <= b).astype(int) for b in axis.boundaries)


def _certain(place: int) -> dict[str, float]:
    return {letter: float(i == place) for i, letter in enumerate(LETTERS)}


def _shares(places: Any) -> dict[str, float]:
    return {letter: float((places == i).mean()) for i, letter in enumerate(LETTERS)}


def _compound_chances(drawn: Sequence[Any], together: Any) -> dict[str, float]:
    """Chance of each compound letter: every combination that occurred is put together once."""
    import numpy as np

    combinations, counts = np.unique(np.stack(drawn), axis=1, return_counts=True)
    chances = dict.fromkeys(LETTERS, 0.0)
    for places, count in zip(combinations.T.tolist(), counts.tolist(), strict=True):
        chances[LETTERS[together(places)]] += count / counts.sum()
    return {letter: float(chance) for letter, chance in chances.items()}


def _together(
    places: Sequence[int],
    weights: Sequence[float],
    compound: str,
    optimistic: bool,
    compat: str | None,
) -> int:
    weighed = sorted((p, w) for p, w in zip(places, weights, strict=True) if w > 0)
    total = sum(w for _, w in weighed)
    between = math.floor if optimistic else math.ceil
    if compound == "best":
        return weighed[0][0]
    if compound == "worst":
        return weighed[-1][0]
    if compound == "mean":
        mean = sum(p * w for p, w in weighed) / total
        # 2.9999999999999996 is 3: what floating point took away must not give a letter.
        near = round(mean)
        return near if abs(mean - near) < _TOLERANCE else between(mean)
    if compound == "majority":
        votes = [0.0] * len(LETTERS)
        for p, w in weighed:
            votes[p] += 1.0 if compat else w
        most = max(votes)
        winners = [p for p, v in enumerate(votes) if v >= most - _TOLERANCE * total]
        return winners[0] if optimistic or compat else winners[-1]
    return _median(weighed, total, between, compat)


def _median(
    weighed: Sequence[tuple[int, float]], total: float, between: Any, compat: str | None
) -> int:
    cumulated = 0.0
    for i, (place, weight) in enumerate(weighed[:-1]):
        cumulated += weight / total
        if abs(cumulated - 0.5) < _TOLERANCE:
            return int(between((place + weighed[i + 1][0]) / 2))
        # The authors' code stops already where the next one would pass the middle.
        reach = weighed[i + 1][1] / total if compat else 0.0
        if cumulated + reach > 0.5 + _TOLERANCE:
            return place
    return weighed[-1][0]
