"""Numbers as a person reads them: significant digits, SI prefixes, and never a false `0.00`."""

from __future__ import annotations

import math
from typing import Final

_PREFIXES: Final = (
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
)
UNKNOWN: Final = "unknown"


def plain(value: float | None, digits: int = 3) -> str:
    """A number without a unit's prefix: `0.0123`, `412`, `3.42e-07`.

    Args:
        value: The number; None, NaN and infinities are unknown.
        digits: Significant digits, at least 1.
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if -4 < exponent < max(digits, 6):
        return f"{rounded:.{max(0, digits - 1 - exponent)}f}"
    return f"{rounded:.{digits - 1}e}"


def quantity(value: float | None, unit: str, digits: int = 3) -> str:
    """A number with its unit under an SI prefix: `1.23 kJ`, `41.0 mJ`, `0 J`.

    Args:
        value: The number in `unit`; None, NaN and infinities are unknown.
        unit: The unit without a prefix.
        digits: Significant digits, at least 1.
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return f"0 {unit}"
    # Rounded first: 999.96 J is 1.00 kJ, not 1000 J.
    rounded = float(f"{value:.{digits - 1}e}")
    for factor, prefix in _PREFIXES:
        if abs(rounded) >= factor:
            return f"{plain(rounded / factor, digits)} {prefix}{unit}"
    return f"{rounded:.{digits - 1}e} {unit}"


def mass(grams: float | None, what: str = "g", digits: int = 3) -> str:
    """Grams with their unit: `1.77 mg`, `41.0 g`, `1.20 kg`, from a million on `352 t`.

    Args:
        grams: The mass in grams; None, NaN and infinities are unknown.
        what: The gram and what it is of, such as `gCO2e`.
        digits: Significant digits, at least 1.
    """
    if grams is None or not math.isfinite(grams):
        return UNKNOWN
    # Rounded first, as above: 999.96 kg are a tonne.
    if abs(float(f"{grams:.{digits - 1}e}")) >= 1e6:
        return quantity(grams / 1e6, f"t{what[1:]}", digits)
    return quantity(grams, what, digits)


def plus_minus(value: float | None, uncertainty: float | None, unit: str, digits: int = 3) -> str:
    """A quantity with its standard uncertainty: `1.23 kJ ± 41 J (k=1)`.

    Args:
        value: The number in `unit`.
        uncertainty: Its standard uncertainty in `unit`; None leaves it out.
        unit: The unit without a prefix.
        digits: Significant digits of the value; the uncertainty gets two at most.
    """
    text = quantity(value, unit, digits)
    if uncertainty is None or text == UNKNOWN:
        return text
    return f"{text} ± {quantity(uncertainty, unit, min(digits, 2))} (k=1)"


def seconds(value: float | None, digits: int = 3) -> str:
    """A time: `1.20 ms`, `41.0 s`, from two minutes on `2 h 05 min 07 s`."""
    if value is None or not math.isfinite(value) or abs(value) < 120:
        return quantity(value, "s", digits)
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min {rest:02} s" if hours else f"{minutes} min {rest:02} s"
