"""Operations of a JAX function: what XLA says of the program that it makes of it."""

from __future__ import annotations

from typing import Any

from microjoule.indicators.kinds import called_with
from microjoule.indicators.operations import Operations

_CONVENTION = (
    "XLA's cost analysis: every arithmetic operation of the compiled program, a "
    "multiply-accumulate as 2 FLOP; products with padding are left out"
)


def count_jax(function: Any, x: Any) -> Operations:
    """Count one call of a function, which is compiled for the input and not run."""
    import jax

    args, named = called_with(x)
    jitted = function if hasattr(function, "lower") else jax.jit(function)
    found: Any = jitted.lower(*args, **named).compile().cost_analysis()
    if isinstance(found, list):
        found = found[0] if found else None
    total = (found or {}).get("flops", 0)
    if not total > 0:
        raise ValueError(
            "XLA found no floating-point operations in this function, or this backend of JAX "
            "counts none: pass a function that computes with its input"
        )
    return Operations(
        total,
        None,
        functions=max(found.get("transcendentals", 0), 0),
        convention=_CONVENTION,
        tool=f"XLA cost analysis of jax {jax.__version__} on {jax.default_backend()}",
    )
