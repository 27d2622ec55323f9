"""The value: a number with its unit, its uncertainty and how it came about."""

from __future__ import annotations

import math
import re
from typing import Any, TypeAlias

from microjoule.config import Frozen

# What a formula takes: a number, a `Value`, a (number, standard uncertainty) pair or text such as
# "0.40±0.02". Inside a formula it is a float, a `Jet` or an array, so that one formula serves all.
Quantity: TypeAlias = Any

# From the strongest to the weakest: a figure is no better than the worst of its inputs.
OBTAINED = ("measured", "given", "mixed", "estimated")

_PLUS_MINUS = re.compile(
    r"^\s*(?P<value>[^±%]+?)\s*(?:(?:±|\+/?-)\s*(?P<u>[^±%]+?)\s*(?P<rel>%)?)?\s*$"
)


class Value(Frozen):
    """A number with everything needed to judge it.

    Attributes:
        value: the number, in ``unit``; never NaN, never infinite.
        uncertainty: standard uncertainty (k = 1), in ``unit``; 0 where none was given.
        unit: the unit, ``"1"`` for a pure number.
        direction: ``"lower"`` or ``"higher"`` is better, or ``"neither"``.
        category: ``"resources"`` (computing) or ``"climate"`` (energy, carbon); empty for an input.
        obtained: ``"measured"``, ``"given"``, ``"mixed"`` or ``"estimated"``: the weakest of what
            went in.
        name: name of the metric; empty for an input.
    """

    __slots__ = ("name", "value", "uncertainty", "unit", "direction", "category", "obtained")
    value: float
    uncertainty: float
    unit: str
    direction: str
    category: str
    obtained: str
    name: str

    def __init__(
        self,
        value: float,
        uncertainty: float = 0.0,
        unit: str = "1",
        *,
        direction: str = "neither",
        category: str = "",
        obtained: str = "given",
        name: str = "",
    ) -> None:
        what = name or "a value"
        if not math.isfinite(value):
            raise ValueError(f"{what} is {value}: pass a finite number")
        if not 0 <= uncertainty < math.inf:
            raise ValueError(
                f"the uncertainty of {what} is {uncertainty}: pass a standard one, 0 or more"
            )
        if obtained not in OBTAINED:
            raise ValueError(f"obtained is {obtained!r}: pass one of {', '.join(OBTAINED)}")
        self._fill(
            value=float(value),
            uncertainty=float(uncertainty),
            unit=unit,
            direction=direction,
            category=category,
            obtained=obtained,
            name=name,
        )

    def __float__(self) -> float:
        return self.value

    @property
    def uncertainty_rel(self) -> float:
        """The uncertainty over the value; 0 where both are 0."""
        if self.uncertainty == 0:
            return 0.0
        return self.uncertainty / abs(self.value) if self.value else math.inf

    def interval(self, k: float = 2.0) -> tuple[float, float]:
        """Return value ∓ k standard uncertainties."""
        return self.value - k * self.uncertainty, self.value + k * self.uncertainty


def value_of(given: Quantity, name: str = "a value") -> Value:
    """Return what was given as a `Value`.

    Args:
        given: a number, a `Value`, a (number, standard uncertainty) pair, or text such as
            ``"0.40"``, ``"0.40±0.02"``, ``"0.40+-0.02"`` or ``"0.40±5%"``.
        name: what it is called in an error.

    Raises:
        ValueError: it is none of these, or not finite.
    """
    if isinstance(given, Value):
        return given
    if isinstance(given, str):
        return _parse(given, name)
    if isinstance(given, tuple | list) and len(given) == 2:
        return Value(_number(given[0], name), _number(given[1], f"the uncertainty of {name}"))
    return Value(_number(given, name))


def energy_of(measurement: Any) -> Value:
    """Return the energy of a `Measurement` or `Request`, J, with its uncertainty and quality.

    Raises:
        TypeError: it has no ``energy_j``.
    """
    if not hasattr(measurement, "energy_j"):
        raise TypeError(f"{measurement!r} has no energy_j: pass what uj.measure() yields")
    return Value(
        measurement.energy_j,
        measurement.uncertainty_j,
        "J",
        obtained=str(measurement.quality),
    )


def weakest(values: list[Value]) -> str:
    """Return how a figure made from these was obtained."""
    return max((v.obtained for v in values), key=OBTAINED.index, default="given")


def _number(given: object, name: str) -> float:
    number = isinstance(given, int | float) or hasattr(given, "__float__")
    if isinstance(given, bool) or not number:
        raise ValueError(f"{name} is {given!r}: pass a number, or a (number, uncertainty) pair")
    found = float(given)  # type: ignore[arg-type]
    if not math.isfinite(found):
        raise ValueError(f"{name} is {found}: pass a finite number")
    return found


def _parse(text: str, name: str) -> Value:
    match = _PLUS_MINUS.match(text)
    try:
        if match is None:
            raise ValueError
        value = float(match["value"])
        spread = float(match["u"]) if match["u"] else 0.0
    except ValueError:
        raise ValueError(
            f"{name} is {text!r}: pass a number such as 0.40, 0.40±0.02 or 0.40±5%"
        ) from None
    if match["rel"]:
        spread *= abs(value) / 100
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text}: pass a finite number")
    return Value(value, spread, name="" if spread >= 0 else name)
