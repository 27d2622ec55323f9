"""Quality against the size of a model and what it computes."""

from __future__ import annotations

import math

from microjoule.metrics._inputs import (
    ACCURACY,
    CLASSES,
    ENERGY_J,
    INFERENCES,
    PARAMETERS,
    TRAINING_J,
    exponent,
)
from microjoule.metrics._jet import log, xlog2x
from microjoule.metrics._registry import Input, metric
from microjoule.metrics._value import Quantity

_NETSCORE = "Wong, NetScore, 2018, arXiv:1806.05512; defaults and units from public code"
_EXPONENTS = {
    "alpha": exponent("what accuracy weighs"),
    "beta": exponent("what size weighs"),
    "gamma": exponent("what compute or energy weighs"),
}
_ACCURACY_OF_CLASSES = ACCURACY._replace(
    pass_="pass the accuracy as a fraction from 0 to 1 (92 % is 0.92)", above=False
)


def _decibel(ratio: Quantity) -> Quantity:
    return 20 * log(ratio) / math.log(10)


@metric(
    title="NetScore",
    group="size",
    formula="20 · log10((100 a)^α / (p^β · m^γ)), p in millions, m in thousand millions",
    unit="1",
    direction="higher",
    category="resources",
    inputs={
        "accuracy": ACCURACY,
        "parameters": PARAMETERS,
        "macs": Input(
            "multiply-accumulates of one inference", "1", "pass MACs, above 0 (half the FLOP)"
        ),
        **_EXPONENTS,
    },
    reference=_NETSCORE,
    certainty="second-hand",
    use="Networks for small devices where energy was not measured.",
    avoid="Where energy was measured; MACs say little of it. Beware of code with a natural "
    "logarithm under the same name.",
    examples={
        "netscore(0.75, 25.6e6, 4.1e9)": "54.792212",
        "netscore(0.706, 4.2e6, 0.569e9)": "70.168572",
    },
)
def netscore(
    accuracy: Quantity,
    parameters: Quantity,
    macs: Quantity,
    alpha: float = 2,
    beta: float = 0.5,
    gamma: float = 0.5,
) -> Quantity:
    """Accuracy against parameters and MACs, in decibels; higher is better.

    Args:
        accuracy: top-1 accuracy as a fraction.
        parameters: how many parameters.
        macs: multiply-accumulates of one inference.
        alpha: what accuracy weighs.
        beta: what parameters weigh.
        gamma: what MACs weigh.
    """
    size = (parameters / 1e6) ** beta * (macs / 1e9) ** gamma
    return _decibel((100 * accuracy) ** alpha / size)


@metric(
    title="NetScore with energy",
    group="size",
    formula="20 · log10((100 a)^α / (p^β · EPI^γ)), p in millions, EPI in J",
    unit="1",
    direction="higher",
    category="climate",
    inputs={
        "accuracy": ACCURACY,
        "parameters": PARAMETERS,
        "energy_j": ENERGY_J,
        **_EXPONENTS,
    },
    reference="NetScore with joules per inference in place of MACs; no publication",
    certainty="ours",
    use="Networks for small devices where energy was measured.",
    avoid="Beside NetScore: the two are on different scales.",
    examples={"netscore_energy(0.75, 25.6e6, 4.1)": "54.792212"},
)
def netscore_energy(
    accuracy: Quantity,
    parameters: Quantity,
    energy_j: Quantity,
    alpha: float = 2,
    beta: float = 0.5,
    gamma: float = 0.5,
) -> Quantity:
    """Accuracy against parameters and energy, in decibels; higher is better.

    Args:
        accuracy: top-1 accuracy as a fraction.
        parameters: how many parameters.
        energy_j: energy of one inference, J.
        alpha: what accuracy weighs.
        beta: what parameters weigh.
        gamma: what energy weighs.
    """
    return _decibel((100 * accuracy) ** alpha / ((parameters / 1e6) ** beta * energy_j**gamma))


@metric(
    title="Information density",
    group="size",
    formula="100 a / p, p in millions",
    unit="%/M",
    direction="higher",
    category="resources",
    inputs={"accuracy": ACCURACY, "parameters": PARAMETERS},
    reference="Wong, NetScore, 2018, arXiv:1806.05512",
    certainty="second-hand",
    use="How much accuracy a parameter carries.",
    avoid="For models of very different accuracy.",
    examples={"information_density(0.75, 25.6e6)": "2.9296875"},
)
def information_density(accuracy: Quantity, parameters: Quantity) -> Quantity:
    """Accuracy in percent over millions of parameters.

    Args:
        accuracy: as a fraction.
        parameters: how many parameters.
    """
    return 100 * accuracy / (parameters / 1e6)


def _bits(a: Quantity, classes: float) -> Quantity:
    wrong = 1 - a
    return math.log2(classes) + xlog2x(a) + xlog2x(wrong) - wrong * math.log2(classes - 1)


_BITS_USE = (
    "Tasks with different numbers of classes: 92 % of ten classes carry more than 92 % of two. "
)
_NOT_LENHERR = (
    "information of a symmetric channel (Shannon 1948); not Lenherr's recognition efficiency"
)


@metric(
    title="Recognition bits",
    group="size",
    formula="log2 K + a·log2 a + (1 − a)·log2((1 − a) / (K − 1))",
    unit="bit",
    direction="higher",
    category="resources",
    inputs={"accuracy": _ACCURACY_OF_CLASSES, "classes": CLASSES},
    reference=_NOT_LENHERR,
    certainty="ours",
    use=_BITS_USE + "0 at chance.",
    avoid="Classes of very different frequency, or confusions that are not spread evenly. Below "
    "chance it rises again.",
    examples={
        "recognition_bits(0.92, 10)": "2.66615490",
        "recognition_bits(0.1, 10)": "0",
        "recognition_bits(1, 1000)": "9.96578428",
    },
)
def recognition_bits(accuracy: Quantity, classes: float) -> Quantity:
    """Information in one answer of a classifier whose errors are spread evenly, bits.

    Args:
        accuracy: 0 to 1.
        classes: K, how many classes.
    """
    return _bits(accuracy, classes)


@metric(
    title="Recognition bits per joule",
    group="size",
    formula="bits(a, K) / EPI",
    unit="bit/J",
    direction="higher",
    category="climate",
    inputs={
        "accuracy": _ACCURACY_OF_CLASSES,
        "classes": CLASSES,
        "energy_j": ENERGY_J,
    },
    reference=_NOT_LENHERR,
    certainty="ours",
    use=_BITS_USE,
    avoid="As recognition bits.",
    examples={"recognition_bits_per_joule(0.92, 10, 0.0432)": "61.7165"},
)
def recognition_bits_per_joule(accuracy: Quantity, classes: float, energy_j: Quantity) -> Quantity:
    """Information in one answer over its energy, bit/J; higher is better.

    Args:
        accuracy: 0 to 1.
        classes: K, how many classes.
        energy_j: energy of one inference, J.
    """
    return _bits(accuracy, classes) / energy_j


@metric(
    title="Life-cycle bits per joule",
    group="size",
    formula="bits(a, K) / (EPI + E_train / N)",
    unit="bit/J",
    direction="higher",
    category="climate",
    inputs={
        "accuracy": _ACCURACY_OF_CLASSES,
        "classes": CLASSES,
        "energy_j": ENERGY_J,
        "training_j": TRAINING_J,
        "inferences": INFERENCES,
    },
    reference=_NOT_LENHERR,
    certainty="ours",
    use="The same with the share of the training: recognition bits per joule × DLLCE.",
    avoid="As recognition bits.",
    examples={
        "lifecycle_bits_per_joule(0.92, 10, 0.0432, 0.0432e9 * (1 / 0.73529412 - 1), 1e9)": (
            "45.3798"
        )
    },
)
def lifecycle_bits_per_joule(
    accuracy: Quantity,
    classes: float,
    energy_j: Quantity,
    training_j: Quantity,
    inferences: Quantity,
) -> Quantity:
    """Information in one answer over its energy with its share of the training, bit/J.

    Args:
        accuracy: 0 to 1.
        classes: K, how many classes.
        energy_j: energy of one inference, J.
        training_j: energy of the training, J.
        inferences: how many over the lifetime.
    """
    return _bits(accuracy, classes) / (energy_j + training_j / inferences)
