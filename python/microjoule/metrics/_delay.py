"""Energy and time in one number."""

from __future__ import annotations

from microjoule.metrics._inputs import DURATION_S, ENERGY_J, exponent, share
from microjoule.metrics._registry import Input, metric
from microjoule.metrics._value import Quantity


@metric(
    title="Energy-delay product (EDP)",
    group="delay",
    formula="E · T^n",
    unit="J·s",
    direction="lower",
    category="climate",
    inputs={
        "energy_j": ENERGY_J,
        "duration_s": DURATION_S,
        "n": exponent("what time weighs"),
    },
    reference="Gonzalez, Horowitz, IEEE JSSC 31 (1996) 1277",
    certainty="standard",
    use="Choosing a clock, a batch size or a power limit, where slow and frugal must not win "
    "for nothing.",
    avoid="Work of different size, and across n: the unit is J·s^n.",
    examples={"edp(12, 0.25)": "3.0", "edp(12, 0.25, n=2)": "0.75"},
)
def edp(energy_j: Quantity, duration_s: Quantity, n: float = 1) -> Quantity:
    """Energy × time^n; lower is better.

    Args:
        energy_j: energy of the work, J.
        duration_s: its time, s.
        n: what time weighs: 1 is EDP (J·s), 2 is ED²P (J·s²).
    """
    return energy_j * duration_s**n


@metric(
    title="Energy-delay² product (ED²P)",
    group="delay",
    formula="E · T²",
    unit="J·s²",
    direction="lower",
    category="climate",
    inputs={"energy_j": ENERGY_J, "duration_s": DURATION_S},
    reference="Martin, Nyström, Pénzes, ET²: a metric for time and energy efficiency, 2001",
    certainty="standard",
    use="As EDP where time matters more; to first order it does not change with the supply "
    "voltage.",
    avoid="Work of different size.",
    examples={"ed2p(12, 0.25)": "0.75"},
)
def ed2p(energy_j: Quantity, duration_s: Quantity) -> Quantity:
    """Energy × time², J·s²; lower is better.

    Args:
        energy_j: energy of the work, J.
        duration_s: its time, s.
    """
    return energy_j * duration_s**2


@metric(
    title="Zeus cost",
    group="delay",
    formula="η·E + (1 − η)·P_max·T",
    unit="J",
    direction="lower",
    category="climate",
    inputs={
        "energy_j": ENERGY_J,
        "duration_s": DURATION_S,
        "max_power_w": Input("maximum power of the device", "W", "pass watts, above 0"),
        "eta": share("what energy weighs"),
    },
    reference="You, Chung, Chowdhury, Zeus, NSDI 2023; zeus-ml 0.11.0.post1, utils/metric.py",
    certainty="read",
    use="Choosing batch size and power limit of a training: η = 1 is energy alone, 0 time alone.",
    avoid="Across devices of different maximum power.",
    examples={"zeus_cost(1e6, 4000, 300, eta=0.5)": "1.1e6"},
)
def zeus_cost(
    energy_j: Quantity, duration_s: Quantity, max_power_w: Quantity, eta: float = 0.5
) -> Quantity:
    """Energy and time, weighed, in J; lower is better.

    Args:
        energy_j: energy of the training, J.
        duration_s: its time, s.
        max_power_w: maximum power of the device, W.
        eta: what energy weighs, 0 to 1.
    """
    return eta * energy_j + (1 - eta) * max_power_w * duration_s
