"""The registry: what each metric is, and the one way in which all of them are computed."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, NamedTuple, ParamSpec, TypeVar

from microjoule.metrics import _propagate
from microjoule.metrics._value import Value, value_of, weakest

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])

CERTAINTY: Final = {
    "read": "read in the primary source",
    "executed": "executed: the reference implementation was run",
    "second-hand": "second-hand: an abstract, a citing page or somebody else's code",
    "standard": "common knowledge of the field; the source's own text was not opened",
    "ours": "derived here, from no paper",
}
CATEGORIES: Final = ("resources", "climate")
DIRECTIONS: Final = ("lower", "higher", "neither")
GROUPS: Final = {
    "ratio": "Quality against energy",
    "work": "Energy per unit of work",
    "life": "Life cycle",
    "delay": "Energy and time",
    "carbon": "Carbon",
    "size": "Quality against size and compute",
    "compute": "Compute and data",
    "compare": "Comparing models",
    "practice": "Practice",
}


class Input(NamedTuple):
    """What a metric takes: a quantity that may be uncertain, or a setting that is exact.

    Attributes:
        what: what it is, a few words.
        unit: its unit; ``"1"`` for a pure number.
        pass_: what to pass, the end of an error sentence.
        least, most: its range.
        above: whether ``least`` itself is outside.
        setting: whether it is exact by nature: an exponent, a weight.
    """

    what: str
    unit: str
    pass_: str
    least: float = 0.0
    most: float = math.inf
    above: bool = True
    setting: bool = False

    def check(self, name: str, value: float) -> None:
        """Refuse a number outside the range, saying what to pass."""
        low = value <= self.least if self.above else value < self.least
        if low or value > self.most or math.isnan(value):
            raise ValueError(f"{name} is {value:g}: {self.pass_}")


class Example(NamedTuple):
    """A worked example: an expression over the public names, and its value as written."""

    expression: str
    value: str


class Entry(NamedTuple):
    """What is to be known of a metric.

    Attributes:
        name: its name in `microjoule.metrics`.
        title: its name in a sentence.
        group: key of `GROUPS`.
        formula: the formula, as text.
        unit: unit of the result.
        direction: ``"lower"`` or ``"higher"`` is better, or ``"neither"``.
        category: ``"resources"`` or ``"climate"``.
        inputs: what it takes, by name.
        reference: where it comes from.
        certainty: key of `CERTAINTY`: how well the formula is known.
        use: when to use it, a sentence.
        avoid: when not, a sentence.
        examples: worked examples; a test runs every one.
        experimental: whether it may change or go.
    """

    name: str
    title: str
    group: str
    formula: str
    unit: str
    direction: str
    category: str
    inputs: Mapping[str, Input]
    reference: str
    certainty: str
    use: str
    avoid: str
    examples: tuple[Example, ...]
    experimental: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        return {
            **self._asdict(),
            "inputs": {name: i._asdict() for name, i in self.inputs.items()},
            "examples": [e._asdict() for e in self.examples],
        }


ENTRIES: Final[dict[str, Entry]] = {}
METRICS: Final[dict[str, Metric[...]]] = {}


class Metric(Generic[P]):
    """A formula that takes numbers or uncertain values and gives a `Value`.

    Attributes:
        entry: what is to be known of it.
    """

    def __init__(self, formula: Callable[..., Any], entry: Entry) -> None:
        self.entry = entry
        self._formula = formula
        self._signature = inspect.signature(formula)
        self.__doc__ = formula.__doc__
        self.__name__ = self.__qualname__ = entry.name
        self.__module__ = formula.__module__
        self.__signature__ = self._signature

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Value:
        """Compute it.

        Returns:
            The figure with its propagated uncertainty, as well obtained as the weakest input.

        Raises:
            ValueError: an input is outside its range, or the figure or its uncertainty is not
                finite there.
        """
        inputs, settings, defaulted = self._sorted(*args, **kwargs)
        name = self.entry.name
        try:
            value = float(self._formula(**{k: v.value for k, v in inputs.items()}, **settings))
        except (ZeroDivisionError, OverflowError):
            value = math.nan
        if not math.isfinite(value):
            told = ", ".join(f"{k} = {v.value:g}" for k, v in inputs.items())
            raise ValueError(
                f"{name} has no finite value at {told}: pass figures nearer to each other"
            )
        try:
            spread = _propagate.uncertainty(self._formula, inputs, settings)
        except (ValueError, ZeroDivisionError, OverflowError):
            raise ValueError(
                f"the uncertainty of {name} cannot be told at the edge of its range: "
                "pass the inputs there without an uncertainty"
            ) from None
        told_of = [v for k, v in inputs.items() if k not in defaulted]
        return Value(
            value,
            spread,
            self.entry.unit,
            direction=self.entry.direction,
            category=self.entry.category,
            obtained=weakest(told_of),
            name=name,
        )

    def draws(
        self, *args: Any, count: int = _propagate.DRAWS, seed: int = _propagate.SEED, **kwargs: Any
    ) -> Any:
        """Return the figure of as many draws of the inputs, an array of ``count``.

        Args:
            args: the inputs; one that is an array of ``count`` is taken as it is.
            count: how many draws.
            seed: of the random generator.
            kwargs: the inputs by name.
        """
        random = _propagate.generator(seed)
        given = self._signature.bind(*args, **kwargs)
        arrays = {k: v for k, v in given.arguments.items() if getattr(v, "ndim", 0)}
        scalars = {k: v for k, v in given.arguments.items() if k not in arrays}
        stand_in = {k: float(v.mean()) for k, v in arrays.items()}
        inputs, settings, _ = self._sorted(**scalars, **stand_in)
        drawn = {
            k: arrays[k]
            if k in arrays
            else _propagate.draw(
                v, self.entry.inputs[k].least, self.entry.inputs[k].most, count, random
            )
            for k, v in inputs.items()
        }
        return self._formula(**drawn, **settings)

    def needs(self) -> list[str]:
        """The inputs without a default."""
        return [k for k, p in self._signature.parameters.items() if p.default is p.empty]

    def _sorted(
        self, *args: Any, **kwargs: Any
    ) -> tuple[dict[str, Value], dict[str, float], set[str]]:
        """The quantities, the settings, and which of them were not given."""
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.entry.name}: {error}") from None
        given = set(bound.arguments)
        bound.apply_defaults()
        inputs: dict[str, Value] = {}
        settings: dict[str, float] = {}
        for name, raw in bound.arguments.items():
            spec = self.entry.inputs[name]
            value = value_of(raw, name)
            spec.check(name, value.value)
            if not spec.setting:
                inputs[name] = value
            elif value.uncertainty:
                raise ValueError(f"{name} is a setting: pass it without an uncertainty")
            else:
                settings[name] = value.value
        return inputs, settings, set(inputs) - given

    def __repr__(self) -> str:
        return f"<metric {self.entry.name}: {self.entry.formula} ({self.entry.unit})>"


def find(name: str) -> Metric[...]:
    """Return a metric by its name.

    Raises:
        ValueError: there is none; the sentence names the nearest, or says that it is a function.
    """
    from microjoule.metrics import registry

    registry()  # whatever module has not been imported yet
    if name in METRICS:
        return METRICS[name]
    if name in ENTRIES:
        raise ValueError(f"{name} takes more than numbers: in Python it is uj.metrics.{name}")
    from difflib import get_close_matches

    near = get_close_matches(name, METRICS, n=1)
    hint = f"did you mean {near[0]}?" if near else "`uj score --list` shows them"
    raise ValueError(f"no metric is called {name!r}: {hint}")


def metric(
    *,
    title: str,
    group: str,
    formula: str,
    unit: str,
    direction: str,
    category: str,
    inputs: Mapping[str, Input],
    reference: str,
    certainty: str,
    use: str,
    avoid: str,
    examples: Mapping[str, str],
    experimental: bool = False,
) -> Callable[[Callable[P, Any]], Metric[P]]:
    """Make a formula a metric of the registry."""

    def register(function: Callable[P, Any]) -> Metric[P]:
        entry = Entry(
            name=function.__name__,
            title=title,
            group=group,
            formula=formula,
            unit=unit,
            direction=direction,
            category=category,
            inputs=dict(inputs),
            reference=reference,
            certainty=certainty,
            use=use,
            avoid=avoid,
            examples=_examples(examples),
            experimental=experimental,
        )
        made: Metric[P] = Metric(function, entry)
        METRICS[entry.name] = made
        ENTRIES[entry.name] = entry
        return made

    return register


def comparison(
    *,
    title: str,
    formula: str,
    category: str,
    reference: str,
    certainty: str,
    use: str,
    avoid: str,
    examples: Mapping[str, str],
    unit: str = "1",
    direction: str = "neither",
    group: str = "compare",
) -> Callable[[F], F]:
    """Put a function that compares several models, or reads a curve, into the registry."""

    def register(function: F) -> F:
        ENTRIES[function.__name__] = Entry(
            name=function.__name__,
            title=title,
            group=group,
            formula=formula,
            unit=unit,
            direction=direction,
            category=category,
            inputs={},
            reference=reference,
            certainty=certainty,
            use=use,
            avoid=avoid,
            examples=_examples(examples),
        )
        return function

    return register


def _examples(given: Mapping[str, str]) -> tuple[Example, ...]:
    return tuple(Example(expression, value) for expression, value in given.items())
