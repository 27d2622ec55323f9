"""What the electricity costs: a price per kWh, fixed or by slots of time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from microjoule.carbon._slots import Slots, meet
from microjoule.config import Frozen

_J_PER_KWH = 3.6e6
_COLUMNS = ("price", "per_kwh", "cost", "value")


class Cost(Frozen):
    """Money for some electricity.

    Attributes:
        amount: the cost, in ``currency``.
        currency: its name, such as ``"EUR"``.
        per_kwh: the mean price that the energy met.
        note: what part of the energy had no price, and what stood in; empty where there is none.
    """

    __slots__ = ("amount", "currency", "note", "per_kwh")
    amount: float
    currency: str
    per_kwh: float
    note: str

    def __init__(self, *, amount: float, currency: str, per_kwh: float, note: str = "") -> None:
        self._fill(amount=amount, currency=currency, per_kwh=per_kwh, note=note)


class Prices:
    """Prices by slots of wall-clock time. They may be below 0, as on the spot market they are."""

    __slots__ = ("_slots", "name")

    def __init__(self, slots: Slots, name: str) -> None:
        self._slots = slots
        self.name = name

    @classmethod
    def from_csv(cls, path: str) -> Prices:
        """Read prices per kWh from a CSV file with the columns start, end and price.

        The rules for slots are those of `Series.from_csv`.

        Raises:
            ValueError: as there.
        """
        from microjoule.carbon import _slots_csv  # late: as in _series

        rows = _slots_csv.read(str(path), _COLUMNS, "a price per kWh", negative=True)
        return cls(Slots(rows, str(path)), str(path))

    def borders_ns(self, after_ns: int, most: int) -> list[int]:
        """Return the next borders of slots after an instant, ns since the Unix epoch."""
        return self._slots.borders(after_ns, most)

    def cost(self, times_ns: Sequence[int], energy_j: Sequence[float], currency: str) -> Cost:
        """Return what the course of an energy cost: ∫P·price dt.

        The share that no slot covers has the mean price of the rest, which ``note`` says; NaN where
        there is no rest.
        """
        met = meet(self._slots, times_ns, energy_j)
        if met.covered_j <= 0:
            note = f"{self.name} has no price for this time"
            return Cost(amount=math.nan, currency=currency, per_kwh=math.nan, note=note)
        per_kwh = met.weighted / met.covered_j
        share = met.covered_j / met.total_j
        note = ""
        if 1 - share > 1e-12:
            note = f"{100 * share:.3g} % of the energy has a price; its mean stands in for the rest"
        amount = per_kwh * met.total_j / _J_PER_KWH
        return Cost(amount=amount, currency=currency, per_kwh=per_kwh, note=note)


def cost(energy_j: float, per_kwh: float, currency: str = "EUR") -> Cost:
    """Return what an energy cost at a fixed price.

    Args:
        energy_j: energy at the meter that is paid for, J.
        per_kwh: price of a kWh.
        currency: its currency.

    Raises:
        ValueError: the price is no number.
    """
    if isinstance(per_kwh, bool) or not hasattr(per_kwh, "__float__"):
        raise ValueError(f"price is {per_kwh!r}: pass a number per kWh, such as 0.31")
    if not math.isfinite(per_kwh):
        raise ValueError(f"price is {per_kwh!r}: pass a number per kWh, such as 0.31")
    amount = energy_j / _J_PER_KWH * per_kwh
    return Cost(amount=amount, currency=currency, per_kwh=float(per_kwh))
