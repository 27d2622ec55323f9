"""One number for quality and energy: the energy-precision ratio and its kin."""

from __future__ import annotations

from microjoule.metrics._inputs import ENERGY_J, ERROR, ITEMS, exponent, factor, share
from microjoule.metrics._jet import at_least, log
from microjoule.metrics._registry import Input, comparison, metric
from microjoule.metrics._value import Quantity, Value, value_of

_REFERENCE = (
    "Cai, Juan, Stamoulis, Marculescu, NeuralPower, ACML 2017, PMLR 77:622-637, arXiv:1710.05420 "
    "(named in the abstract; equation as in Husom 2023, who refers to Lenherr et al. 2021)"
)
_ABOVE_ERROR = ERROR._replace(
    pass_="pass an error above 0 and at most 1 (8 % is 0.08), with error_floor() for none at all",
    above=True,
)


@metric(
    title="Energy-precision ratio",
    group="ratio",
    formula="M = max(Error, floor)^α × E / items",
    unit="J",
    direction="lower",
    category="climate",
    inputs={
        "error": ERROR,
        "energy_j": ENERGY_J,
        "items": ITEMS,
        "alpha": exponent("% of energy that 1 % less error is worth"),
        "floor": share("least error that the test set can show"),
    },
    reference=_REFERENCE,
    certainty="second-hand",
    use="Models of one task on one test set. α is the percentage of extra energy that a 1 % "
    "relative cut of the error is worth; halving the error is worth 2^α times the energy. Show "
    "more than one α, and the α* at which the order flips.",
    avoid="Across tasks, across α, or with an error in percent, which multiplies M by 100^α. "
    "α = 0 is pure energy.",
    examples={
        "energy_precision_ratio(0.08, 0.0432, alpha=1)": "0.003456",
        "energy_precision_ratio(0.08, 0.0432, alpha=2)": "0.00027648",
        "energy_precision_ratio(0.08, 0.40, alpha=2)": "0.00256",
        "energy_precision_ratio(0.05, 0.90, alpha=2)": "0.00225",
        "energy_precision_ratio(error_of(r2=0.97), 0.0432)": "0.001296",
        "energy_precision_ratio(0.05, 0.2, alpha=2)": "0.0005",
    },
)
def energy_precision_ratio(
    error: Quantity,
    energy_j: Quantity,
    items: Quantity = 1,
    alpha: float = 1,
    floor: float = 0,
) -> Quantity:
    """Error^α × energy per item, J; lower is better.

    Args:
        error: error rate, 0 to 1; of a regression what `error_of` makes of its R² or RMSE.
        energy_j: energy, J.
        items: how many items it was for.
        alpha: what accuracy is worth: α % more energy for a 1 % smaller error.
        floor: the least error that counts, such as `error_floor` gives. Without one, an error of 0
            is refused where α is above 0: M would be 0 at any energy.
    """
    least = at_least(error, floor)
    if alpha > 0 and isinstance(least, float) and least == 0:
        raise ValueError(
            "error is 0, which makes the ratio 0 at any energy: pass the items of the test set "
            "(floor=error_floor(n), --tested n), or alpha 0"
        )
    return least**alpha * (energy_j / items)


@metric(
    title="Crossover α*",
    group="ratio",
    formula="α* = ln(E_B / E_A) / ln(Error_A / Error_B)",
    unit="1",
    direction="neither",
    category="climate",
    inputs={
        "error_a": _ABOVE_ERROR,
        "energy_a_j": ENERGY_J,
        "error_b": _ABOVE_ERROR,
        "energy_b_j": ENERGY_J,
    },
    reference="d ln M = α d ln Error + d ln E, from the ratio's definition",
    certainty="ours",
    use="Two models of which one is better and the other cheaper: below α* the cheaper one wins, "
    "above it the better one.",
    avoid="Where one model is better and cheaper, the value is negative: no α turns the order. "
    "Equal errors have no α*.",
    examples={"crossover_alpha(0.08, 0.40, 0.05, 0.90)": "1.7253701"},
)
def crossover_alpha(
    error_a: Quantity, energy_a_j: Quantity, error_b: Quantity, energy_b_j: Quantity
) -> Quantity:
    """The α at which two models have the same energy-precision ratio.

    Args:
        error_a: error rate of the first model, above 0.
        energy_a_j: its energy per item, J.
        error_b: error rate of the second model, above 0.
        energy_b_j: its energy per item, J.
    """
    if isinstance(error_a, float) and error_a == error_b:
        raise ValueError(
            f"both errors are {error_a:g}: there is no α at which the order turns, the model with "
            "less energy is better at every one"
        )
    return log(energy_b_j / energy_a_j) / log(error_a / error_b)


@comparison(
    title="Error floor",
    group="ratio",
    formula='"laplace": (errors + 1) / (n + 2); "half": 1 / (2 n)',
    unit="1",
    direction="neither",
    category="resources",
    reference="Laplace's rule of succession; half a count",
    certainty="ours",
    use="A model without an error in n test items is not a model without error: the floor keeps "
    "the energy-precision ratio from being 0 at any energy.",
    avoid="Where the error is well above 1/n: it changes nothing there.",
    examples={"error_floor(98)": "0.01", 'error_floor(100, method="half")': "0.005"},
)
def error_floor(items: int, errors: int = 0, method: str = "laplace") -> float:
    """Return the least error rate that a test set of ``items`` can show.

    Args:
        items: how many items the test set has.
        errors: how many of them were wrong.
        method: ``"laplace"``, (errors + 1)/(n + 2), or ``"half"``, 1/(2n).

    Raises:
        ValueError: there are no items, more errors than items, or no such method.
    """
    if not 0 < items < float("inf") or not 0 <= errors <= items:
        raise ValueError(
            f"{errors} errors in {items} items: pass the items of the test set, 1 or more, and at "
            "most as many errors"
        )
    if method == "laplace":
        return (errors + 1) / (items + 2)
    if method == "half":
        return 1 / (2 * items)
    raise ValueError(f"no error floor is called {method!r}: pass 'laplace' or 'half'")


@comparison(
    title="Error of a quality",
    group="ratio",
    formula="accuracy: 1 − a; R²: 1 − R²; RMSE: RMSE / range of the target",
    unit="1",
    direction="lower",
    category="resources",
    reference="choices for the Error of the energy-precision ratio",
    certainty="ours",
    use="A regression, which has no error rate: say which of them you took, 1 − R² or the "
    "normalised RMSE; they rank alike within one data set and are not comparable with each other.",
    avoid="R² below 0 (worse than the mean) gives an error above 1, which turns the meaning of α "
    "round: it is refused.",
    examples={
        "error_of(accuracy=0.92)": "0.08",
        "error_of(r2=0.97)": "0.03",
        "error_of(rmse=1.5, target_range=30)": "0.05",
    },
)
def error_of(
    *,
    accuracy: Quantity = None,
    r2: Quantity = None,
    rmse: Quantity = None,
    target_range: float | None = None,
) -> Value:
    """Return the error that stands for a quality; pass one of them.

    Args:
        accuracy: share of right answers, 0 to 1: the error is 1 − accuracy.
        r2: coefficient of determination, 0 to 1: the error is 1 − R².
        rmse: root mean square error, in the unit of the target: it is divided by its range.
        target_range: largest minus smallest value of the target, with ``rmse``.

    Raises:
        ValueError: none or several were passed, or one is outside its range.
    """
    given = {k: v for k, v in (("accuracy", accuracy), ("r2", r2), ("rmse", rmse)) if v is not None}
    if len(given) != 1:
        raise ValueError("pass one of accuracy, r2 and rmse")
    ((name, raw),) = given.items()
    quality = value_of(raw, name)
    if name == "rmse":
        if target_range is None or not 0 < target_range < float("inf"):
            raise ValueError("rmse needs target_range: pass the range of the target, above 0")
        error, scale = quality.value / target_range, 1 / target_range
        if not 0 <= error <= 1:
            raise ValueError(
                f"rmse is {quality.value:g} over a range of {target_range:g}: pass an RMSE from 0 "
                "to the range of the target"
            )
    elif not 0 <= quality.value <= 1:
        raise ValueError(f"{name} is {quality.value:g}: {_WHY[name]}")
    else:
        error, scale = 1 - quality.value, 1.0
    # 1 − 0.92 is 0.07999999999999996: what was meant has no more digits than the quality has.
    return Value(
        round(error, 15),
        quality.uncertainty * scale,
        "1",
        direction="lower",
        obtained=quality.obtained,
    )


_WHY = {
    "accuracy": "pass the accuracy as a fraction from 0 to 1 (92 % is 0.92)",
    "r2": "pass an R² from 0 to 1; below 0 the model is worse than the mean, and the ratio has no "
    "meaning for it",
}


@metric(
    title="Frugality",
    group="ratio",
    formula="F = P − w·R / (R + 1)",
    unit="1",
    direction="higher",
    category="climate",
    inputs={
        "performance": Input(
            "performance", "1", "pass the performance as a fraction from 0 to 1", 0, 1, False
        ),
        "resource": Input(
            "resource, normalised",
            "1",
            "pass the resource over a reference, 0 or more",
            above=False,
        ),
        "weight": share("what the resource weighs"),
    },
    reference="Evchenko, Vanschoren, Hoos, Schoenauer, Sebag, Frugal Machine Learning, 2021, "
    "arXiv:2111.03731",
    certainty="second-hand",
    use="A score that tends to the performance as the resource goes to 0. Normalise the resource "
    "by that of a reference model, and show the curve over w.",
    avoid="With joules or seconds put in as they are: above some units of anything F is P − w.",
    examples={
        "frugality(0.9, 0.2, 0.5)": "0.81666667",
        "frugality(0.9, 1, 0.5)": "0.65",
        "frugality(0.9, 0, 0.5)": "0.9",
    },
)
def frugality(performance: Quantity, resource: Quantity, weight: float = 0.5) -> Quantity:
    """Performance less a penalty for the resource; higher is better.

    Args:
        performance: 0 to 1.
        resource: energy, time or memory over that of a reference, 0 or more.
        weight: 0 to 1: the penalty of a resource without bound.
    """
    return performance - weight * resource / (resource + 1)


@metric(
    title="A3R, accuracy against time",
    group="ratio",
    formula="(a / a_ref) / (T / T_ref)^(1/N)",
    unit="1",
    direction="higher",
    category="resources",
    inputs={
        "accuracy": Input("accuracy", "1", "pass the accuracy as a fraction above 0", 0, 1),
        "reference_accuracy": Input(
            "accuracy of the reference model", "1", "pass the accuracy of a reference model", 0, 1
        ),
        "duration_s": Input("time", "s", "pass the time in seconds, above 0"),
        "reference_duration_s": Input(
            "time of the reference model", "s", "pass the time of the reference model, above 0"
        ),
        "root": Input("N", "1", "pass a root of 1 or more", 1, above=False, setting=True),
    },
    reference="Abdulrahman, Brazdil, van Rijn, Vanschoren, Machine Learning 107 (2018) 79-108",
    certainty="second-hand",
    use="Choosing among algorithms beside a reference where accuracy matters far more than time.",
    avoid="For energy without saying so; the choice of N decides the order.",
    examples={"a3r(0.92, 0.90, 2, 1, root=32)": "1.00031811"},
)
def a3r(
    accuracy: Quantity,
    reference_accuracy: Quantity,
    duration_s: Quantity,
    reference_duration_s: Quantity,
    root: float = 32,
) -> Quantity:
    """Ratio of accuracies over the N-th root of the ratio of times; higher is better.

    Args:
        accuracy: of the model, above 0.
        reference_accuracy: of the reference model.
        duration_s: time of the model, s.
        reference_duration_s: time of the reference model, s.
        root: N, how little time weighs.
    """
    return (accuracy / reference_accuracy) / (duration_s / reference_duration_s) ** (1 / root)


@metric(
    title="SAM, sustainable accuracy metric",
    group="ratio",
    formula="β · a^α / log10(E)",
    unit="1",
    direction="higher",
    category="climate",
    inputs={
        "accuracy": Input("accuracy", "1", "pass the accuracy as a fraction above 0", 0, 1),
        "electricity": Input(
            "electricity, unit declared by you",
            "declared",
            "pass an amount above 1: the metric is singular at 1 and negative below; take a "
            "smaller unit",
            1,
        ),
        "alpha": exponent("α"),
        "beta": factor("β"),
    },
    reference="Gowda, Hao, Li, Gowda, Jin, Sevilla-Lara, Watt for What, 2023, arXiv:2310.06522",
    certainty="standard",
    use="Beside other papers' SAM only.",
    avoid="Anywhere else: its constants and its unit of electricity could not be verified, and the "
    "order depends on that unit.",
    examples={"sam(0.9, 1000)": "0.98415", "sam(0.95, 1e5)": "0.7737809375"},
    experimental=True,
)
def sam(accuracy: Quantity, electricity: Quantity, alpha: float = 5, beta: float = 5) -> Quantity:
    """Accuracy^α over the logarithm of the electricity; experimental.

    Args:
        accuracy: above 0, at most 1.
        electricity: above 1, in a unit that you state beside the figure.
        alpha: exponent of the accuracy.
        beta: factor.
    """
    return beta * accuracy**alpha * 2.302585092994046 / log(electricity)
