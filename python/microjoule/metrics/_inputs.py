"""The inputs that several metrics take, each with its range and what to pass."""

from __future__ import annotations

from microjoule.metrics._registry import Input

ERROR = Input(
    "error rate", "1", "pass the error as a fraction from 0 to 1 (8 % is 0.08)", 0, 1, False
)
ACCURACY = Input(
    "accuracy", "1", "pass the accuracy as a fraction above 0, at most 1 (92 % is 0.92)", 0, 1
)
QUALITY = Input("quality", "1", "pass the quality as a fraction from 0 to 1", 0, 1, False)
ENERGY_J = Input("energy", "J", "pass the energy in joules, above 0")
ENERGY_KWH = Input("energy", "kWh", "pass the energy in kWh, above 0")
TRAINING_J = Input(
    "energy of the training",
    "J",
    "pass the energy of the training in joules, 0 or more",
    above=False,
)
INFERENCE_J = Input("energy of one inference", "J", "pass joules for one inference, above 0")
INFERENCES = Input(
    "inferences over the lifetime", "1", "pass how many inferences there will be, above 0"
)
ITEMS = Input("items", "1", "pass how many items the energy was for, above 0")
DURATION_S = Input("time", "s", "pass the time in seconds, above 0")
POWER_W = Input("mean power", "W", "pass the power in watts, above 0")
CO2E_KG = Input("carbon", "kg CO2e", "pass kg of CO2e, 0 or more", above=False)
INTENSITY = Input(
    "carbon intensity of the electricity", "gCO2e/kWh", "pass gCO2e per kWh, 0 or more", above=False
)
EMBODIED_G = Input(
    "embodied carbon that falls to it", "g CO2e", "pass grams of CO2e, 0 or more", above=False
)
UNITS = Input("functional units", "1", "pass how many functional units were served, above 0")
PARAMETERS = Input("parameters", "1", "pass the number of parameters (25.6 million is 25.6e6)")
TOKENS = Input("tokens", "1", "pass how many tokens, above 0, and say whether input counts")
CLASSES = Input(
    "classes", "1", "pass how many classes there are, 2 or more", 2, above=False, setting=True
)


def exponent(what: str) -> Input:
    """An exponent: a setting of 0 or more."""
    return Input(what, "1", "pass an exponent, 0 or more", above=False, setting=True)


def factor(what: str) -> Input:
    """A factor: a setting of 0 or more."""
    return Input(what, "1", "pass a factor, 0 or more", above=False, setting=True)


def share(what: str) -> Input:
    """A share from 0 to 1: a setting."""
    return Input(what, "1", "pass a share from 0 to 1", 0, 1, False, True)
