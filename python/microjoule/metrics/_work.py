"""Energy, carbon and speed per unit of work."""

from __future__ import annotations

from microjoule.metrics._inputs import (
    ACCURACY,
    DURATION_S,
    ENERGY_J,
    ENERGY_KWH,
    INTENSITY,
    ITEMS,
    POWER_W,
    TOKENS,
)
from microjoule.metrics._registry import Input, metric
from microjoule.metrics._value import Quantity

_TOKEN_BASIS = (
    "Without saying whether input tokens count: a long prompt makes them many times as many."
)


@metric(
    title="Energy per item (EPI)",
    group="work",
    formula="E / items",
    unit="J",
    direction="lower",
    category="climate",
    inputs={"energy_j": ENERGY_J, "items": ITEMS},
    reference="EPI of the energy-precision ratio; Husom 2023",
    certainty="read",
    use="The footprint of one prediction, batch size and hardware stated beside it.",
    avoid="Across hardware, or from a single item: measure many and divide.",
    examples={"energy_per_item(1.2e-4 * 3.6e6, 10_000)": "0.0432"},
)
def energy_per_item(energy_j: Quantity, items: Quantity) -> Quantity:
    """Energy over items, J.

    Args:
        energy_j: energy, J.
        items: how many items it was for.
    """
    return energy_j / items


@metric(
    title="Samples per joule",
    group="work",
    formula="samples / E = samples/s ÷ W",
    unit="1/J",
    direction="higher",
    category="climate",
    inputs={"samples": ITEMS, "energy_j": ENERGY_J},
    reference="Tschand et al., MLPerf Power, HPCA 2025, arXiv:2410.12032",
    certainty="standard",
    use="Throughput for its power. MLPerf Power asks for the power of the full system and windows "
    "of 60 s or more.",
    avoid="With the energy of one device where others work too.",
    examples={"samples_per_joule(25_000, 500)": "50"},
)
def samples_per_joule(samples: Quantity, energy_j: Quantity) -> Quantity:
    """Samples over energy, 1/J; samples per second over watts is the same.

    Args:
        samples: how many samples.
        energy_j: energy, J.
    """
    return samples / energy_j


@metric(
    title="Energy per token",
    group="work",
    formula="E / tokens",
    unit="J",
    direction="lower",
    category="climate",
    inputs={"energy_j": ENERGY_J, "tokens": TOKENS},
    reference="Husom et al., The Price of Prompting (MELODI), 2024, arXiv:2407.16893: response "
    "tokens only",
    certainty="read",
    use="Language models. Count output tokens, as MELODI does, or say that you count both.",
    avoid=_TOKEN_BASIS,
    examples={"energy_per_token(0.00267074 * 3.6e6, 828)": "11.6119130"},
)
def energy_per_token(energy_j: Quantity, tokens: Quantity) -> Quantity:
    """Energy over tokens, J.

    Args:
        energy_j: energy, J.
        tokens: how many tokens; output tokens unless you say otherwise.
    """
    return energy_j / tokens


@metric(
    title="Tokens per joule",
    group="work",
    formula="tokens / E",
    unit="1/J",
    direction="higher",
    category="climate",
    inputs={"tokens": TOKENS, "energy_j": ENERGY_J},
    reference="the inverse of energy per token",
    certainty="standard",
    use="As energy per token, where more is to be better.",
    avoid=_TOKEN_BASIS,
    examples={
        "tokens_per_joule(828, 0.00267074 * 3.6e6)": "0.0861184541",
        "tokens_per_joule(828, 0.00267074 * 3.6e6).value * 3.6e6": "310026.435",
    },
)
def tokens_per_joule(tokens: Quantity, energy_j: Quantity) -> Quantity:
    """Tokens over energy, 1/J.

    Args:
        tokens: how many tokens; output tokens unless you say otherwise.
        energy_j: energy, J.
    """
    return tokens / energy_j


@metric(
    title="Accuracy per kWh",
    group="work",
    formula="a / E",
    unit="1/kWh",
    direction="higher",
    category="climate",
    inputs={"accuracy": ACCURACY, "energy_kwh": ENERGY_KWH},
    reference="used in many comparisons; no single source",
    certainty="standard",
    use="A quick look at runs of one task.",
    avoid="For a decision: a model at chance with no energy beats every other. Prefer the "
    "energy-precision ratio or the Pareto front.",
    examples={"accuracy_per_kwh(0.92, 1.2e-4)": "7666.67"},
)
def accuracy_per_kwh(accuracy: Quantity, energy_kwh: Quantity) -> Quantity:
    """Accuracy over energy, 1/kWh.

    Args:
        accuracy: above 0, at most 1.
        energy_kwh: energy, kWh.
    """
    return accuracy / energy_kwh


@metric(
    title="Green efficiency score",
    group="work",
    formula="100 a / E(1000 inferences)",
    unit="%/kWh",
    direction="higher",
    category="climate",
    inputs={"accuracy": ACCURACY, "energy_kwh": ENERGY_KWH},
    reference="README of the PyPI package ecoai-efficiency",
    certainty="second-hand",
    use="Beside other figures of that name.",
    avoid="For a decision, as accuracy per kWh, of which it is 100 times the value for 1000 "
    "inferences.",
    examples={
        "green_efficiency_score(0.942, 0.0100)": "9420",
        "green_efficiency_score(0.918, 0.0008)": "114750",
        "green_efficiency_score(0.961, 0.045)": "2135.6",
    },
)
def green_efficiency_score(accuracy: Quantity, energy_kwh: Quantity) -> Quantity:
    """Accuracy in percent over the kWh of 1000 inferences.

    Args:
        accuracy: as a fraction, above 0, at most 1.
        energy_kwh: energy of 1000 inferences, kWh.
    """
    return 100 * accuracy / energy_kwh


@metric(
    title="Intelligence per watt",
    group="work",
    formula="a / P",
    unit="1/W",
    direction="higher",
    category="climate",
    inputs={"accuracy": ACCURACY, "power_w": POWER_W},
    reference="Intelligence per Watt, 2025 (abstract)",
    certainty="second-hand",
    use="Models that answer at the same speed.",
    avoid="Models of different speed: power without time is no energy.",
    examples={"intelligence_per_watt(0.8, 50)": "0.016"},
)
def intelligence_per_watt(accuracy: Quantity, power_w: Quantity) -> Quantity:
    """Accuracy over mean power, 1/W.

    Args:
        accuracy: above 0, at most 1.
        power_w: mean power, W.
    """
    return accuracy / power_w


@metric(
    title="FLOP per joule",
    group="work",
    formula="FLOP / E = FLOP/s ÷ W",
    unit="FLOP/J",
    direction="higher",
    category="climate",
    inputs={
        "flop": Input("floating-point operations", "FLOP", "pass operations, above 0"),
        "energy_j": ENERGY_J,
    },
    reference="the Green500 list: Rmax over power",
    certainty="standard",
    use="How well a machine turns energy into arithmetic.",
    avoid="As a figure of a model: a wasteful model with dense arithmetic scores high.",
    examples={"flop_per_joule(1e15, 20e3)": "50e9"},
)
def flop_per_joule(flop: Quantity, energy_j: Quantity) -> Quantity:
    """Operations over energy, FLOP/J; FLOP/s over watts is the same.

    Args:
        flop: floating-point operations (one multiply-add is two).
        energy_j: energy, J.
    """
    return flop / energy_j


@metric(
    title="Carbon per 1000 items",
    group="carbon",
    formula="E_item / 3.6e6 · CI · 1000",
    unit="g CO2e",
    direction="lower",
    category="climate",
    inputs={"energy_j": ENERGY_J, "intensity_g_per_kwh": INTENSITY},
    reference="unit conversion",
    certainty="standard",
    use="Small models, whose grams per item nobody can picture.",
    avoid="Without the place and the year of the intensity.",
    examples={"carbon_per_1000(0.0432, 30.08)": "3.6096e-4"},
)
def carbon_per_1000(energy_j: Quantity, intensity_g_per_kwh: Quantity) -> Quantity:
    """Grams of CO2e for 1000 items.

    Args:
        energy_j: energy of one item, J.
        intensity_g_per_kwh: carbon intensity, gCO2e/kWh.
    """
    return energy_j / 3.6e6 * intensity_g_per_kwh * 1000


@metric(
    title="Mean power",
    group="work",
    formula="E / T",
    unit="W",
    direction="lower",
    category="climate",
    inputs={"energy_j": ENERGY_J, "duration_s": DURATION_S},
    reference="definition of power",
    certainty="standard",
    use="Whether a run fits a socket, a battery or a budget of power.",
    avoid="To compare runs of different length: half the power for twice the time is the same "
    "energy.",
    examples={"mean_power(0.00267074 * 3.6e6, 19.09390426)": "503.546"},
)
def mean_power(energy_j: Quantity, duration_s: Quantity) -> Quantity:
    """Energy over time, W.

    Args:
        energy_j: energy, J.
        duration_s: time, s.
    """
    return energy_j / duration_s
