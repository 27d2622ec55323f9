"""The operations of a model: how many, and by which convention they were counted."""

from __future__ import annotations

from typing import Final, NamedTuple

from microjoule.config import Frozen
from microjoule.metrics._value import OBTAINED, Value

PRODUCTS: Final = (
    "1 multiply-accumulate (MAC) = 2 FLOP; matrix products, convolutions and attention are "
    "counted, element-wise operations are not"
)
ARITHMETIC: Final = (
    "1 multiply-accumulate (MAC) = 2 FLOP, any other addition, subtraction, multiplication or "
    "division 1; functions (exp, tanh, √, power) and comparisons are counted beside them"
)


class Count(NamedTuple):
    """Operations by kind, in a number that may be a mean.

    Attributes:
        macs: multiply-accumulates.
        other: additions, subtractions, multiplications and divisions outside of MACs.
        functions: exponentials, roots, powers and the like.
        comparisons: comparisons of two numbers.
    """

    macs: float = 0
    other: float = 0
    functions: float = 0
    comparisons: float = 0

    def plus(self, more: Count) -> Count:
        """The sum, kind by kind."""
        return Count(*(a + b for a, b in zip(self, more, strict=True)))

    def times(self, n: float) -> Count:
        """As many of them."""
        return Count(*(a * n for a in self))


class Operations(Frozen):
    """The operations of one call or one sample of a model.

    Attributes:
        flop: floating-point operations: 2 a MAC, and ``other``.
        macs: multiply-accumulates; None where the tool does not tell them apart.
        other: additions, subtractions, multiplications and divisions outside of MACs.
        functions: exponentials, roots and the like, where they are counted.
        comparisons: comparisons of two numbers, where they are counted.
        headline: ``"flop"``, or ``"comparisons"`` for models that decide by comparing (trees).
        convention: what was counted, and as how much.
        scope: ``"forward"``, or ``"forward and backward"``.
        per: ``"sample"``, or ``"call"``: the input that was given.
        samples: how many samples the call was for, where that is known.
        tool: what counted, with its version.
        uncounted: operations that were met and could not be counted.
        obtained: ``"measured"`` (counted), ``"mixed"`` (some could not be counted) or
            ``"estimated"`` (an expectation, or another algorithm than the one that runs).
        note: what else is to be known, or nothing.
    """

    __slots__ = (
        "flop",
        "macs",
        "other",
        "functions",
        "comparisons",
        "headline",
        "convention",
        "scope",
        "per",
        "samples",
        "tool",
        "uncounted",
        "obtained",
        "note",
    )
    flop: float
    macs: float | None
    other: float
    functions: float
    comparisons: float
    headline: str
    convention: str
    scope: str
    per: str
    samples: int | None
    tool: str
    uncounted: tuple[str, ...]
    obtained: str
    note: str

    def __init__(
        self,
        flop: float,
        macs: float | None,
        other: float = 0,
        functions: float = 0,
        comparisons: float = 0,
        headline: str = "flop",
        convention: str = PRODUCTS,
        scope: str = "forward",
        per: str = "call",
        samples: int | None = None,
        tool: str = "",
        uncounted: tuple[str, ...] = (),
        obtained: str = "measured",
        note: str = "",
    ) -> None:
        if obtained not in OBTAINED:
            raise ValueError(f"obtained is {obtained!r}: pass one of {', '.join(OBTAINED)}")
        self._fill(
            flop=_whole(flop),
            macs=None if macs is None else _whole(macs),
            other=_whole(other),
            functions=_whole(functions),
            comparisons=_whole(comparisons),
            headline=headline,
            convention=convention,
            scope=scope,
            per=per,
            samples=samples,
            tool=tool,
            uncounted=uncounted,
            obtained=obtained,
            note=note,
        )

    @property
    def value(self) -> Value:
        """The headline figure as a `Value`: operations, fewer is better, of computing resources."""
        trees = self.headline == "comparisons"
        return Value(
            self.comparisons if trees else self.flop,
            0.0,
            "comparison" if trees else "FLOP",
            direction="lower",
            category="resources",
            obtained=self.obtained,
            name="flops",
        )

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, and the headline figure, ready for JSON."""
        return {**super().to_dict(), "uncounted": list(self.uncounted), **_headline(self.value)}


def _headline(value: Value) -> dict[str, object]:
    """What of a value is not already among the fields."""
    keys = ("value", "unit", "direction", "category", "uncertainty")
    return {key: getattr(value, key) for key in keys}


def _whole(count: float) -> float:
    """A count is an integer unless it is a mean."""
    return int(count) if float(count).is_integer() else float(count)
