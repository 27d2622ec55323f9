"""Carbon per unit of work: SCI, SCI for AI, and Carburacy."""

from __future__ import annotations

import math

from microjoule.metrics._inputs import CO2E_KG, EMBODIED_G, INTENSITY, UNITS, factor
from microjoule.metrics._registry import Input, metric
from microjoule.metrics._value import Quantity

_SCI = "ISO/IEC 21031:2024; Green Software Foundation, SCI specification @29cab98"
_SCI_AI = "Green Software Foundation, SCI for AI specification @4b7c0f7"
_ENERGY_KWH = Input(
    "energy, reserved hardware included", "kWh", "pass the energy in kWh, 0 or more", above=False
)
_SCI_INPUTS = {
    "energy_kwh": _ENERGY_KWH,
    "intensity_g_per_kwh": INTENSITY,
    "embodied_g": EMBODIED_G,
    "units": UNITS,
}


@metric(
    title="Embodied carbon of a reservation (M of SCI)",
    group="carbon",
    formula="TE · (TiR / EL) · (RR / ToR)",
    unit="g CO2e",
    direction="lower",
    category="climate",
    inputs={
        "total_g": Input(
            "carbon of making the machine", "g CO2e", "pass grams, 0 or more", above=False
        ),
        "reserved_s": Input("time reserved", "s", "pass seconds, above 0"),
        "lifetime_years": Input("expected lifetime", "a", "pass years of 365 days, above 0"),
        "share": Input(
            "share of the machine reserved", "1", "pass a share above 0, at most 1", 0, 1
        ),
    },
    reference=_SCI,
    certainty="read",
    use="The M of SCI. `carbon.embodied` has a table of machines.",
    avoid="With an allocation by use: SCI counts what is reserved.",
    examples={"sci_embodied(1e6, 3600, 4)": "28.5388"},
)
def sci_embodied(
    total_g: Quantity, reserved_s: Quantity, lifetime_years: Quantity, share: Quantity = 1
) -> Quantity:
    """The share of making a machine that a reservation carries, g CO2e.

    Args:
        total_g: carbon of making it, g.
        reserved_s: for how long it was reserved, s.
        lifetime_years: expected lifetime, years of 365 days.
        share: reserved resources over all there are.
    """
    return total_g * reserved_s / (lifetime_years * 365 * 86_400) * share


@metric(
    title="Software carbon intensity (SCI)",
    group="carbon",
    formula="(E·I + M) / R",
    unit="g CO2e",
    direction="lower",
    category="climate",
    inputs=_SCI_INPUTS,
    reference=_SCI,
    certainty="read",
    use="A rate that follows the standard: per request, per user, per training.",
    avoid="With market-based intensities or offsets, which the standard rules out, or with the "
    "energy of used hardware where more is reserved.",
    examples={"sci(0.5, 300, sci_embodied(1e6, 3600, 4, 8 / 64), 1000)": "0.153567351598"},
)
def sci(
    energy_kwh: Quantity,
    intensity_g_per_kwh: Quantity,
    embodied_g: Quantity,
    units: Quantity,
) -> Quantity:
    """Grams of CO2e per functional unit.

    Args:
        energy_kwh: energy, reserved hardware included, kWh.
        intensity_g_per_kwh: location-based carbon intensity, gCO2e/kWh.
        embodied_g: embodied carbon that falls to it, g.
        units: R, how many functional units.
    """
    return (energy_kwh * intensity_g_per_kwh + embodied_g) / units


@metric(
    title="SCI for AI, consumer",
    group="carbon",
    formula="(E·I + M) / R, of operation and monitoring",
    unit="g CO2e",
    direction="lower",
    category="climate",
    inputs=_SCI_INPUTS,
    reference=_SCI_AI,
    certainty="read",
    use="Whoever serves or uses a model: R is a token, an image, an inference, a workflow. "
    "Report it beside the provider's figure.",
    avoid="With the training folded in: the specification keeps the two boundaries apart.",
    examples={"sci_ai_consumer(0.02, 30, 0.4, 1000)": "0.001"},
)
def sci_ai_consumer(
    energy_kwh: Quantity,
    intensity_g_per_kwh: Quantity,
    embodied_g: Quantity,
    units: Quantity,
) -> Quantity:
    """Grams of CO2e per unit of use: operation and monitoring only.

    Args:
        energy_kwh: energy of operation and monitoring, kWh.
        intensity_g_per_kwh: location-based carbon intensity, gCO2e/kWh.
        embodied_g: embodied carbon of the serving hardware, g.
        units: tokens, images, inferences, workflows.
    """
    return (energy_kwh * intensity_g_per_kwh + embodied_g) / units


@metric(
    title="SCI for AI, provider",
    group="carbon",
    formula="(E·I + M) / R, of inception, design, development and deployment",
    unit="g CO2e",
    direction="lower",
    category="climate",
    inputs=_SCI_INPUTS,
    reference=_SCI_AI + " (whose own examples have slips of 10 and 1000; these are recomputed)",
    certainty="read",
    use="Whoever makes a model: R is a FLOP of the training, a training token or a parameter.",
    avoid="Per inference: that is the consumer's figure.",
    examples={
        "sci_ai_provider(400, 300, 10e3, 1e9).value * 1e6": "130",
        "sci_ai_provider(200e3, 300, 15e6, 2.5e9).value * 1e9 / 1e3": "30000",
        "sci_ai_provider(600e3, 300, 20e6, 5e22).value / 1e3": "4e-18",
    },
)
def sci_ai_provider(
    energy_kwh: Quantity,
    intensity_g_per_kwh: Quantity,
    embodied_g: Quantity,
    units: Quantity,
) -> Quantity:
    """Grams of CO2e per unit of what was made: from inception to deployment.

    Args:
        energy_kwh: energy of inception, design, development and deployment, kWh.
        intensity_g_per_kwh: location-based carbon intensity, gCO2e/kWh.
        embodied_g: embodied carbon of the hardware for it, g.
        units: FLOP, training tokens or parameters.
    """
    return (energy_kwh * intensity_g_per_kwh + embodied_g) / units


_EFFECTIVENESS = Input(
    "effectiveness",
    "1",
    "pass an effectiveness above 0, at most 1 (a ROUGE of 40 is 0.40)",
    0,
    1,
)
_BASE = Input("α, base of the logarithm", "1", "pass a base above 1", 1, setting=True)
_CARBURACY = "Moro, Ragazzi, Valgimigli, Carburacy, AAAI 2023; disi-unibo-nlp/carburacy @0d6e02f"


@metric(
    title="Carburacy",
    group="carbon",
    formula="exp(log_α R) / (1 + C·β)",
    unit="1",
    direction="higher",
    category="climate",
    inputs={
        "effectiveness": _EFFECTIVENESS,
        "co2e_kg": CO2E_KG,
        "alpha": _BASE,
        "beta": factor("what carbon weighs"),
    },
    reference=_CARBURACY,
    certainty="read",
    use="Effectiveness and carbon of one stage: β = 1 for the carbon of a training, 100 for that "
    "of testing one item, as the authors do.",
    avoid="Across carbon intensities: the same model scores higher on a cleaner grid.",
    examples={
        "carburacy(0.4, 0.5)": "0.44780155",
        "carburacy(0.4, 0.002, beta=100)": "0.55975194",
        "carburacy(0.4, 0)": "0.67170232",
    },
)
def carburacy(
    effectiveness: Quantity, co2e_kg: Quantity, alpha: float = 10, beta: float = 1
) -> Quantity:
    """Effectiveness against carbon of one stage; higher is better.

    Args:
        effectiveness: above 0, at most 1.
        co2e_kg: carbon, kg CO2e.
        alpha: base of the logarithm, above 1.
        beta: what carbon weighs: 1 for a training, 100 for testing.
    """
    # exp(log_α R) is R^(1 / ln α).
    return effectiveness ** (1 / math.log(alpha)) / (1 + co2e_kg * beta)


@metric(
    title="Carburacy of training and testing",
    group="carbon",
    formula="2 γ_train γ_test / (γ_train + γ_test)",
    unit="1",
    direction="higher",
    category="climate",
    inputs={
        "effectiveness": _EFFECTIVENESS,
        "training_co2e_kg": CO2E_KG,
        "testing_co2e_kg": CO2E_KG,
        "alpha": _BASE,
        "beta_training": factor("what carbon of the training weighs"),
        "beta_testing": factor("what carbon of testing weighs"),
    },
    reference=_CARBURACY,
    certainty="read",
    use="The harmonic mean of both stages.",
    avoid="As Carburacy.",
    examples={"carburacy_overall(0.4, 0.5, 0.002)": "0.49755728"},
)
def carburacy_overall(
    effectiveness: Quantity,
    training_co2e_kg: Quantity,
    testing_co2e_kg: Quantity,
    alpha: float = 10,
    beta_training: float = 1,
    beta_testing: float = 100,
) -> Quantity:
    """Harmonic mean of the Carburacy of training and testing; higher is better.

    Args:
        effectiveness: above 0, at most 1.
        training_co2e_kg: carbon of the training, kg CO2e.
        testing_co2e_kg: carbon of testing, kg CO2e.
        alpha: base of the logarithm, above 1.
        beta_training: what the training's carbon weighs.
        beta_testing: what testing's carbon weighs.
    """
    # The effectiveness is in both, so it comes out of the harmonic mean.
    stages = (1 + training_co2e_kg * beta_training) + (1 + testing_co2e_kg * beta_testing)
    return 2 * effectiveness ** (1 / math.log(alpha)) / stages
