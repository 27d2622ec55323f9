"""Compute and data: the cost of a result, training compute, utilisation, data efficiency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from microjoule.metrics._inputs import DURATION_S, PARAMETERS, TOKENS, share
from microjoule.metrics._registry import Input, comparison, metric
from microjoule.metrics._value import Quantity

_FLOP = Input("floating-point operations", "FLOP", "pass operations, above 0 (a MAC is two)")
_PEAK = Input("peak of one device", "FLOP/s", "pass operations per second, above 0")
_DEVICES = Input("devices", "1", "pass how many devices, above 0")


@metric(
    title="Cost of a result (E·D·H)",
    group="compute",
    formula="E · D · H",
    unit="FLOP",
    direction="lower",
    category="resources",
    inputs={
        "example_flop": Input("cost of one example", "FLOP", "pass operations, above 0"),
        "dataset_size": Input("examples in the data set", "1", "pass examples, above 0"),
        "experiments": Input("experiments with hyperparameters", "1", "pass experiments, above 0"),
        "epochs": Input("epochs", "1", "pass epochs, above 0"),
    },
    reference="Schwartz, Dodge, Smith, Etzioni, Green AI, CACM 63 (2020) 54",
    certainty="standard",
    use="Red against green AI: what a published number took, the search included. Joules of one "
    "example in place of operations give joules.",
    avoid="As a measurement: it is proportional to the cost, not the cost. Epochs are not in the "
    "paper's formula.",
    examples={"cost_of_result(1e9, 5e4, 20)": "1e15"},
)
def cost_of_result(
    example_flop: Quantity, dataset_size: Quantity, experiments: Quantity, epochs: Quantity = 1
) -> Quantity:
    """Example × data × hyperparameter experiments, in the unit of the first; lower is better.

    Args:
        example_flop: E, cost of one example.
        dataset_size: D, examples in the data set.
        experiments: H, experiments with hyperparameters.
        epochs: passes over the data; not in the paper's formula.
    """
    return example_flop * dataset_size * experiments * epochs


@metric(
    title="Training compute from size and data",
    group="compute",
    formula="C = 6 · N · D",
    unit="FLOP",
    direction="lower",
    category="resources",
    inputs={"parameters": PARAMETERS, "tokens": TOKENS},
    reference="Sevilla et al., Compute trends across three eras of machine learning, 2022",
    certainty="standard",
    use="Dense transformers of known size: a parameter takes 2 operations forward and 4 "
    "backward for each token.",
    avoid="Small or sparse models, short training, convolutions: one layer alone takes 4, not 6.",
    examples={
        "training_compute(175e9, 300e9)": "3.15e23",
        "training_compute(175e9, 300e9).value / (1e15 * 86_400)": "3645.83",
    },
)
def training_compute(parameters: Quantity, tokens: Quantity) -> Quantity:
    """6 × parameters × training tokens, FLOP.

    Args:
        parameters: how many parameters; of a mixture of experts the active ones.
        tokens: training tokens.
    """
    return 6 * parameters * tokens


@metric(
    title="Compute of inference from size",
    group="compute",
    formula="C = 2 · N · tokens",
    unit="FLOP",
    direction="lower",
    category="resources",
    inputs={"parameters": PARAMETERS, "tokens": TOKENS},
    reference="Sevilla et al., Compute trends across three eras of machine learning, 2022",
    certainty="standard",
    use="Dense transformers: the forward part of 6 N D. Of a mixture of experts pass the active "
    "parameters.",
    avoid="Long contexts: attention adds operations that grow with the context, not with N.",
    examples={"inference_compute(175e9, 1000)": "3.5e14"},
)
def inference_compute(parameters: Quantity, tokens: Quantity) -> Quantity:
    """2 × parameters × tokens that are read or written, FLOP.

    Args:
        parameters: how many parameters; of a mixture of experts the active ones.
        tokens: tokens, input and output.
    """
    return 2 * parameters * tokens


@metric(
    title="Training compute from hardware",
    group="compute",
    formula="C = devices · T · peak · utilisation",
    unit="FLOP",
    direction="lower",
    category="resources",
    inputs={
        "devices": _DEVICES,
        "duration_s": DURATION_S,
        "peak_flop_per_s": _PEAK,
        "utilisation": Input("utilisation", "1", "pass a share above 0, at most 1", 0, 1),
    },
    reference="Sevilla et al., Compute trends across three eras of machine learning, 2022",
    certainty="standard",
    use="Where size and data are unknown; a utilisation of 0.3 to 0.5 is usual.",
    avoid="With the peak of another precision than the one used.",
    examples={"hardware_compute(1000, 30 * 86_400, 312e12, 0.4)": "3.234816e23"},
)
def hardware_compute(
    devices: Quantity, duration_s: Quantity, peak_flop_per_s: Quantity, utilisation: Quantity
) -> Quantity:
    """Devices × time × peak × utilisation, FLOP.

    Args:
        devices: how many devices.
        duration_s: time of the training, s.
        peak_flop_per_s: peak of one device in the precision used, FLOP/s.
        utilisation: share of the peak that was reached.
    """
    return devices * duration_s * peak_flop_per_s * utilisation


@metric(
    title="Model FLOP utilisation (MFU)",
    group="compute",
    formula="FLOP / (devices · T · peak)",
    unit="1",
    direction="higher",
    category="resources",
    inputs={
        "flop": _FLOP,
        "devices": _DEVICES,
        "duration_s": DURATION_S,
        "peak_flop_per_s": _PEAK,
    },
    reference="Chowdhery et al., PaLM, 2022, arXiv:2204.02311",
    certainty="standard",
    use="How much of the hardware's arithmetic went into the model.",
    avoid="With operations that were recomputed: those are of the implementation, not the model.",
    examples={"model_flop_utilisation(3.15e23, 1000, 30 * 86_400, 312e12)": "0.389512"},
)
def model_flop_utilisation(
    flop: Quantity, devices: Quantity, duration_s: Quantity, peak_flop_per_s: Quantity
) -> Quantity:
    """Operations of the model over what the devices could have done.

    Args:
        flop: operations that the model needs.
        devices: how many devices.
        duration_s: time, s.
        peak_flop_per_s: peak of one device in the precision used, FLOP/s.
    """
    return flop / (devices * duration_s * peak_flop_per_s)


_SCORE = Input("score", "1", "pass a score from 0 to 1", 0, 1, False)
_SAMPLES = Input("training samples", "1", "pass how many samples, above 0")


@metric(
    title="Data-score efficiency",
    group="compute",
    formula="Σ = Δs / Δd; relative σ = (d / s)·Δs / Δd",
    unit="1",
    direction="higher",
    category="resources",
    inputs={
        "score_a": _SCORE,
        "samples_a": _SAMPLES,
        "score_b": _SCORE,
        "samples_b": _SAMPLES,
        "relative": share("1 for the relative form, 0 for the plain one"),
    },
    reference="Çano, Bojar, INLG 2019, W19-8630, arXiv:1909.06618",
    certainty="second-hand",
    use="What more data bought between two points of a learning curve.",
    avoid="Far from those points: the curve flattens.",
    examples={
        "data_score_efficiency(0.80, 10e3, 0.84, 20e3)": "4e-6",
        "data_score_efficiency(0.80, 10e3, 0.84, 20e3, relative=1)": "0.05",
    },
)
def data_score_efficiency(
    score_a: Quantity,
    samples_a: Quantity,
    score_b: Quantity,
    samples_b: Quantity,
    relative: float = 0,
) -> Quantity:
    """Score gained over samples added.

    Args:
        score_a: score with fewer samples.
        samples_a: those samples.
        score_b: score with more samples.
        samples_b: those samples.
        relative: 1 for the relative gain over the relative growth.
    """
    if isinstance(samples_a, float) and samples_a == samples_b:
        raise ValueError("both points have the same samples: pass two points of a learning curve")
    plain = (score_b - score_a) / (samples_b - samples_a)
    return plain if relative == 0 else plain * samples_a / score_a


_CURVE = "[(1e3, 0.60), (1e4, 0.75), (1e5, 0.85)]"


@comparison(
    title="Samples to a target",
    group="compute",
    formula="smallest n with s(n) ≥ target, linear in log n between points",
    unit="1",
    direction="lower",
    category="resources",
    reference="reading a learning curve",
    certainty="ours",
    use="Two methods on one data set: which reaches the target with fewer samples.",
    avoid="A target that the curve does not reach: it is refused, not extrapolated.",
    examples={f"samples_to_target({_CURVE}, 0.80)": "31622.7766"},
)
def samples_to_target(curve: Sequence[tuple[float, float]], target: float) -> float:
    """Return the samples at which a learning curve first reaches a score.

    Args:
        curve: (samples, score) points.
        target: the score to reach.

    Raises:
        ValueError: the curve has no point, a bad one, or does not reach the target.
    """
    return _first(curve, target, "samples", logarithmic=True)


@comparison(
    title="Joules to a target",
    group="compute",
    formula="smallest E with s(E) ≥ target, linear in E between points",
    unit="J",
    direction="lower",
    category="climate",
    reference="the energy form of samples to a target",
    certainty="ours",
    use="What a score costs in energy, from a training that was evaluated on its way.",
    avoid="A target that the curve does not reach: it is refused, not extrapolated.",
    examples={"joules_to_target([(100, 0.6), (300, 0.8)], 0.7)": "200"},
)
def joules_to_target(curve: Sequence[tuple[float, float]], target: float) -> float:
    """Return the energy at which a training first reaches a score, J.

    Args:
        curve: (joules so far, score) points.
        target: the score to reach.

    Raises:
        ValueError: the curve has no point, a bad one, or does not reach the target.
    """
    return _first(curve, target, "joules", logarithmic=False)


@comparison(
    title="Area under the learning curve",
    group="compute",
    formula="∫ s d(log10 n) / (log10 n_max − log10 n_min)",
    unit="1",
    direction="higher",
    category="resources",
    reference="trapezoid rule over log10 n, normalised",
    certainty="ours",
    use="Data efficiency without choosing a target.",
    avoid="Curves over different ranges of samples.",
    examples={f"learning_area({_CURVE})": "0.7375"},
)
def learning_area(curve: Sequence[tuple[float, float]]) -> float:
    """Return the mean score over the logarithm of the samples.

    Args:
        curve: (samples, score) points, two or more.

    Raises:
        ValueError: the curve has fewer than two points, or a bad one.
    """
    points = _checked(curve, "samples")
    if len(points) < 2:
        raise ValueError("the curve has one point: pass two or more (samples, score) points")
    xs = [math.log10(n) for n, _ in points]
    area = sum(
        (xs[i + 1] - xs[i]) * (points[i][1] + points[i + 1][1]) / 2 for i in range(len(xs) - 1)
    )
    return area / (xs[-1] - xs[0])


def _first(
    curve: Sequence[tuple[float, float]], target: float, what: str, *, logarithmic: bool
) -> float:
    points = _checked(curve, what)
    before: tuple[float, float] | None = None
    for x, score in points:
        if score >= target:
            if before is None:
                return x
            x0, s0 = before
            part = (target - s0) / (score - s0)
            if logarithmic:
                return math.exp(math.log(x0) + part * (math.log(x) - math.log(x0)))
            return x0 + part * (x - x0)
        before = (x, score)
    best = max(score for _, score in points)
    raise ValueError(f"the curve ends below the target: its best score is {best:g}, not {target:g}")


def _checked(curve: Sequence[tuple[float, float]], what: str) -> list[tuple[float, float]]:
    points = sorted((float(x), float(s)) for x, s in curve)
    if not points:
        raise ValueError(f"the curve is empty: pass ({what}, score) points")
    if not all(0 < x < math.inf and math.isfinite(s) for x, s in points):
        raise ValueError(f"a point of the curve has no {what} above 0 or no finite score")
    if any(a[0] == b[0] for a, b in pairwise(points)):
        raise ValueError(f"two points of the curve have the same {what}: pass their mean")
    return points
