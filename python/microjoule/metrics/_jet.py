"""Truncated Taylor series: a formula run on one gives its derivatives exactly.

The formulas of this package are written once. On floats they give the figure, on a `Jet` in one
input the first three derivatives by that input (for the uncertainty), on numpy arrays the draws of
a Monte-Carlo.
"""

from __future__ import annotations

import math
from typing import Any

_ORDER = 4


class Jet:
    """f, f′, f″/2 and f‴/6 at a point, by one variable."""

    __slots__ = ("c",)
    # numpy must leave `array * jet` to us: it would make an array of objects.
    __array_ufunc__ = None

    def __init__(self, *coefficients: float) -> None:
        self.c = (*coefficients, *(0.0,) * (_ORDER - len(coefficients)))

    def __add__(self, other: Jet | float) -> Jet:
        return Jet(*(a + b for a, b in zip(self.c, _jet(other).c, strict=True)))

    def __neg__(self) -> Jet:
        return Jet(*(-a for a in self.c))

    def __sub__(self, other: Jet | float) -> Jet:
        return self + -_jet(other)

    def __mul__(self, other: Jet | float) -> Jet:
        a, b = self.c, _jet(other).c
        return Jet(*(sum(a[i] * b[k - i] for i in range(k + 1)) for k in range(_ORDER)))

    def __truediv__(self, other: Jet | float) -> Jet:
        a, b = self.c, _jet(other).c
        q: list[float] = []
        for k in range(_ORDER):
            q.append((a[k] - sum(q[i] * b[k - i] for i in range(k))) / b[0])
        return Jet(*q)

    def __rsub__(self, other: float) -> Jet:
        return -self + other

    def __rtruediv__(self, other: float) -> Jet:
        return Jet(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def __pow__(self, exponent: float) -> Jet:
        if exponent == int(exponent) and 0 <= exponent < _ORDER:
            power = Jet(1.0)
            for _ in range(int(exponent)):
                power = power * self
            return power
        a, r = self.c, exponent
        p = [a[0] ** r]
        for k in range(1, _ORDER):
            terms = ((j * r - (k - j)) * a[j] * p[k - j] for j in range(1, k + 1))
            p.append(sum(terms) / (k * a[0]))
        return Jet(*p)

    def log(self) -> Jet:
        """The natural logarithm."""
        a = self.c
        found = [math.log(a[0])]
        for k in range(1, _ORDER):
            inner = sum(j * found[j] * a[k - j] for j in range(1, k)) / k
            found.append((a[k] - inner) / a[0])
        return Jet(*found)


def _jet(x: Jet | float) -> Jet:
    return x if isinstance(x, Jet) else Jet(float(x))


def log(x: Any) -> Any:
    """The natural logarithm of a float, a `Jet` or an array."""
    if isinstance(x, Jet):
        return x.log()
    if isinstance(x, float | int):
        return math.log(x)
    import numpy as np

    return np.log(x)


def xlog2x(x: Any) -> Any:
    """Return x · log2 x, which is 0 at 0."""
    if isinstance(x, Jet):
        return x * x.log() / math.log(2)
    if isinstance(x, float | int):
        return x * math.log2(x) if x else 0.0
    import numpy as np

    return np.where(x > 0, x * np.log2(np.where(x > 0, x, 1.0)), 0.0)


def at_least(x: Any, least: float) -> Any:
    """The larger of a quantity and a number."""
    if isinstance(x, Jet):
        return x if x.c[0] > least else Jet(least)
    if isinstance(x, float | int):
        return max(x, least)
    import numpy as np

    return np.maximum(x, least)
