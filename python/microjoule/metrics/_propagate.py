"""How uncertain a figure is, given how uncertain its inputs are.

By the law of propagation with the higher terms of each input (JCGM 100:2008, 5.1.2 and its note),
and by draws (JCGM 101:2008) where a class, a rank or a flag is decided. Inputs are taken as
independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from microjoule.metrics._jet import Jet
from microjoule.metrics._value import Value

DRAWS = 100_000
SEED = 20226
# Above this a normal distribution would reach below zero: the draws are log-normal there.
_LOGNORMAL_ABOVE = 0.3


def uncertainty(
    formula: Callable[..., Any], inputs: Mapping[str, Value], settings: Mapping[str, Any]
) -> float:
    """Return the standard uncertainty of a formula's result.

    Each input adds ``f′²u² + (f″²/2 + f′f‴)u⁴``; the last term may be negative and never takes
    away more than the first gives.
    """
    point = {name: v.value for name, v in inputs.items()}
    total = 0.0
    for name, v in inputs.items():
        if v.uncertainty == 0:
            continue
        result = formula(**{**point, name: Jet(v.value, 1.0)}, **settings)
        _, first, half_second, sixth_third = result.c if isinstance(result, Jet) else (0.0,) * 4
        u2 = v.uncertainty**2
        linear = first * first * u2
        higher = (2 * half_second**2 + 6 * first * sixth_third) * u2 * u2
        total += max(linear + higher, linear / 2)
    if not math.isfinite(total):
        raise ValueError("not finite")
    return math.sqrt(total)


def draw(v: Value, least: float, most: float, count: int, random: Any) -> Any:
    """Return draws of an input: normal, log-normal where it is wide, held inside its range."""
    import numpy as np

    if v.uncertainty == 0:
        return np.full(count, v.value)
    if v.value > 0 and least >= 0 and v.uncertainty_rel > _LOGNORMAL_ABOVE:
        s2 = math.log1p(v.uncertainty_rel**2)
        drawn = random.lognormal(math.log(v.value) - s2 / 2, math.sqrt(s2), count)
    else:
        drawn = random.normal(v.value, v.uncertainty, count)
    # A draw at 0 itself would divide by zero where 0 is not allowed.
    lowest = v.value * 1e-6 if least == 0 and v.value > 0 else least
    return np.clip(drawn, lowest, most)


def generator(seed: int = SEED) -> Any:
    """Return a random generator: the same draws for the same seed."""
    import numpy as np

    return np.random.default_rng(seed)
