"""Training against use: when a training is paid off, and what an inference costs with its share."""

from __future__ import annotations

from microjoule.metrics._inputs import ENERGY_J, INFERENCE_J, INFERENCES, TRAINING_J
from microjoule.metrics._registry import Input, metric
from microjoule.metrics._value import Quantity

_TRAINING_ABOVE_0 = TRAINING_J._replace(
    pass_="pass the energy of the training in joules, above 0", above=True
)
_ALGEBRA = "algebra of training and use"


@metric(
    title="Deep-learning life-cycle efficiency (DLLCE)",
    group="life",
    formula="N·e_inf / (E_train + N·e_inf)",
    unit="1",
    direction="higher",
    category="climate",
    inputs={
        "training_j": TRAINING_J,
        "inference_j": INFERENCE_J,
        "inferences": INFERENCES,
    },
    reference="named in Lenherr, Pawlitzek, Michel, Sustainable Computing 31 (2021) 100580; the "
    "closed form from public code that does not cite it: the attribution is probable, not proven",
    certainty="second-hand",
    use="How far a training is paid off by use: 0.5 where inference has used as much as training.",
    avoid="Alone, to rank models: it rises when inference gets more wasteful. Put the amortised "
    "energy beside it.",
    examples={
        "dllce(50 * 3.6e6, 0.5, 1e6)": "0.00277008310",
        "dllce(50 * 3.6e6, 0.5, 3.6e8)": "0.5",
        "dllce(50 * 3.6e6, 0.5, 1e9)": "0.73529412",
        "dllce(23.82893e6, 1.86, 1e9)": "0.98735080",
    },
)
def dllce(training_j: Quantity, inference_j: Quantity, inferences: Quantity) -> Quantity:
    """Share of the life cycle's energy that went into use, 0 to 1.

    Args:
        training_j: energy of the training, J.
        inference_j: energy of one inference, J.
        inferences: how many over the lifetime.
    """
    # Each input once: that keeps the uncertainty of many draws and of the formula alike.
    return 1 / (1 + training_j / (inferences * inference_j))


@metric(
    title="Amortised energy per inference",
    group="life",
    formula="E_train / N + e_inf",
    unit="J",
    direction="lower",
    category="climate",
    inputs={
        "training_j": TRAINING_J,
        "inference_j": INFERENCE_J,
        "inferences": INFERENCES,
    },
    reference=_ALGEBRA,
    certainty="ours",
    use="The one figure of training and use together. Put failed runs and the search for "
    "hyperparameters into the training.",
    avoid="With a number of inferences that nobody has thought about: show a range.",
    examples={
        "amortised_energy(50 * 3.6e6, 0.5, 1e6)": "180.5",
        "amortised_energy(50 * 3.6e6, 0.5, 1e9)": "0.68",
    },
)
def amortised_energy(training_j: Quantity, inference_j: Quantity, inferences: Quantity) -> Quantity:
    """Energy of one inference with its share of the training, J.

    Args:
        training_j: energy of the training, J.
        inference_j: energy of one inference, J.
        inferences: how many over the lifetime.
    """
    return training_j / inferences + inference_j


@metric(
    title="Break-even of training and use",
    group="life",
    formula="N* = E_train / e_inf",
    unit="1",
    direction="lower",
    category="climate",
    inputs={"training_j": _TRAINING_ABOVE_0, "inference_j": INFERENCE_J},
    reference=_ALGEBRA,
    certainty="ours",
    use="Where to spend effort: below N* inferences on the training, above on inference.",
    avoid="To compare models: a wasteful inference breaks even sooner.",
    examples={"break_even(50 * 3.6e6, 0.5)": "3.6e8"},
)
def break_even(training_j: Quantity, inference_j: Quantity) -> Quantity:
    """Inferences after which use has taken as much energy as training.

    Args:
        training_j: energy of the training, J, above 0.
        inference_j: energy of one inference, J.
    """
    return training_j / inference_j


@metric(
    title="Payback of a costlier training",
    group="life",
    formula="(E_B − E_A) / (e_A − e_B)",
    unit="1",
    direction="lower",
    category="climate",
    inputs={
        "training_a_j": TRAINING_J,
        "inference_a_j": INFERENCE_J,
        "training_b_j": TRAINING_J,
        "inference_b_j": INFERENCE_J,
    },
    reference=_ALGEBRA,
    certainty="ours",
    use="Distillation, pruning, a longer search: after how many inferences B has earned its "
    "dearer training.",
    avoid="Where B is not cheaper in use: it never pays back, and is refused.",
    examples={"payback(10 * 3.6e6, 2, 50 * 3.6e6, 0.5)": "9.6e7"},
)
def payback(
    training_a_j: Quantity,
    inference_a_j: Quantity,
    training_b_j: Quantity,
    inference_b_j: Quantity,
) -> Quantity:
    """Inferences after which B, dearer to train, has used less than A.

    Args:
        training_a_j: energy of A's training, J.
        inference_a_j: energy of one inference of A, J.
        training_b_j: energy of B's training, J.
        inference_b_j: energy of one inference of B, J; less than A's.
    """
    both = isinstance(inference_a_j, float) and isinstance(inference_b_j, float)
    if both and inference_a_j <= inference_b_j:
        raise ValueError(
            f"an inference of B takes {inference_b_j:g} J and one of A {inference_a_j:g} J: B "
            "never pays back; pass the model that is cheaper in use as B"
        )
    return (training_b_j - training_a_j) / (inference_a_j - inference_b_j)


@metric(
    title="Energy of a lifetime",
    group="life",
    formula="E_dev + k·E_train + N·e_inf",
    unit="J",
    direction="lower",
    category="climate",
    inputs={
        "training_j": TRAINING_J,
        "inference_j": INFERENCE_J,
        "inferences": INFERENCES,
        "trainings": Input("trainings", "1", "pass how often it is trained, above 0"),
        "development_j": Input("energy of development", "J", "pass joules, 0 or more", above=False),
    },
    reference=_ALGEBRA,
    certainty="ours",
    use="The whole bill, failed runs and searches (development) included.",
    avoid="For models of different use; see the amortised energy.",
    examples={
        "lifetime_energy(50 * 3.6e6, 0.5, 155_520_000).value / 3.6e6": "71.6",
        "lifetime_energy(50 * 3.6e6, 0.5, 155_520_000).value / 3.6e6 * 30 / 155_520_000": (
            "1.3811728e-5"
        ),
    },
)
def lifetime_energy(
    training_j: Quantity,
    inference_j: Quantity,
    inferences: Quantity,
    trainings: Quantity = 1,
    development_j: Quantity = 0,
) -> Quantity:
    """Energy of development, trainings and use, J.

    Args:
        training_j: energy of one training, J.
        inference_j: energy of one inference, J.
        inferences: how many over the lifetime.
        trainings: how often it is trained.
        development_j: failed runs and searches, J.
    """
    return development_j + trainings * training_j + inferences * inference_j


@metric(
    title="Uses in a lifetime",
    group="life",
    formula="λ · L",
    unit="1",
    direction="neither",
    category="climate",
    inputs={
        "rate_per_s": Input("inferences per second", "1/s", "pass a rate per second, above 0"),
        "lifetime_days": Input("lifetime", "d", "pass the lifetime in days, above 0"),
    },
    reference=_ALGEBRA,
    certainty="ours",
    use="The N of the figures above, from a rate and a lifetime.",
    avoid="Where traffic comes in waves: take its mean rate.",
    examples={"lifetime_uses(10, 180)": "155520000"},
)
def lifetime_uses(rate_per_s: Quantity, lifetime_days: Quantity) -> Quantity:
    """How often a model is used in its lifetime.

    Args:
        rate_per_s: mean inferences per second.
        lifetime_days: days from deployment to retirement.
    """
    return rate_per_s * lifetime_days * 86_400


@metric(
    title="Training energy per year of lifetime",
    group="life",
    formula="E_train · 365 / L",
    unit="J",
    direction="lower",
    category="climate",
    inputs={
        "energy_j": ENERGY_J,
        "lifetime_days": Input("lifetime", "d", "pass the lifetime in days, above 0"),
    },
    reference=_ALGEBRA,
    certainty="ours",
    use="The value of a longer life: retraining on drift instead of by the calendar.",
    avoid="Where an old model's errors cost more than its training.",
    examples={
        "yearly_training(50 * 3.6e6, 30).value / 3.6e6": "608.33",
        "yearly_training(50 * 3.6e6, 180).value / 3.6e6": "101.39",
    },
)
def yearly_training(energy_j: Quantity, lifetime_days: Quantity) -> Quantity:
    """Energy that retraining takes in a year of 365 days, J.

    Args:
        energy_j: energy of one training, J.
        lifetime_days: days until it is trained anew.
    """
    return energy_j * 365 / lifetime_days
