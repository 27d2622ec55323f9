"""Energy and carbon of what nobody measured: from hours, cores, exports and model sizes.

Every way gives an `Estimate`, whose figures have the names of a `Measurement`'s and whose quality
is ``"estimated"`` for ever. Which way to trust for what: ``docs/estimates.md``.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.estimate._estimate import Assumption as Assumption
    from microjoule.estimate._estimate import Estimate as Estimate
    from microjoule.estimate._green_algorithms import green_algorithms as green_algorithms
    from microjoule.estimate._green_algorithms import (
        green_algorithms_equivalents as green_algorithms_equivalents,
    )

_HOME = {
    "Assumption": "_estimate",
    "Estimate": "_estimate",
    "green_algorithms": "_green_algorithms",
    "green_algorithms_equivalents": "_green_algorithms",
}

__all__ = [
    "Assumption",
    "Estimate",
    "green_algorithms",
    "green_algorithms_equivalents",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'microjoule.estimate' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"microjoule.estimate.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
