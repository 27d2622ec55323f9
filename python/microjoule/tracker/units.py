"""Quantities with their unit in the name of the field, as callers of CodeCarbon expect them."""

from __future__ import annotations

from microjoule.tracker.ledger import JOULES_PER_KWH
from microjoule.tracker.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, TypeVar

    _Q = TypeVar("_Q", bound="_Quantity")

__all__ = ["EmissionsPerKWh", "Energy", "Power", "Time", "Water"]


class _Quantity:
    """One number: quantities of a kind add up, and scale with plain numbers."""

    __slots__ = ()
    _names: ClassVar[tuple[str, ...]]

    def _value(self) -> float:
        return float(getattr(self, self._names[0]))

    def __add__(self: _Q, other: _Q | float) -> _Q:
        if type(other) is type(self):
            return type(self)(self._value() + other._value())  # type: ignore[call-arg]
        if other == 0:  # the start of sum()
            return self
        return NotImplemented

    __radd__ = __add__

    def __sub__(self: _Q, other: _Q) -> _Q:
        if type(other) is not type(self):
            return NotImplemented
        return type(self)(self._value() - other._value())  # type: ignore[call-arg]

    def __mul__(self: _Q, factor: float) -> _Q:
        return type(self)(self._value() * factor)  # type: ignore[call-arg]

    __rmul__ = __mul__

    def __truediv__(self: _Q, divisor: float) -> _Q:
        return type(self)(self._value() / divisor)  # type: ignore[call-arg]

    def __float__(self) -> float:
        return self._value()


@record
class Time(_Quantity):
    """A duration."""

    seconds: float

    @property
    def minutes(self) -> float:
        """The same in minutes."""
        return self.seconds / 60

    @property
    def hours(self) -> float:
        """The same in hours."""
        return self.seconds / 3600

    @classmethod
    def from_seconds(cls, seconds: float) -> Time:
        """A duration of so many seconds."""
        return cls(seconds)


@record
class Energy(_Quantity):
    """An energy in kilowatt-hours."""

    kWh: float  # noqa: N815 (the field's name there)

    @property
    def joules(self) -> float:
        """The same in joules."""
        return self.kWh * JOULES_PER_KWH

    @classmethod
    def from_energy(cls, kWh: float) -> Energy:  # noqa: N803
        """An energy of so many kWh."""
        return cls(kWh)

    @classmethod
    def from_joules(cls, joules: float) -> Energy:
        """An energy of so many joules."""
        return cls(joules / JOULES_PER_KWH)

    @classmethod
    def from_power_and_time(cls, *, power: Power, time: Time) -> Energy:
        """What a constant power comes to."""
        return cls(power.kW * time.hours)


@record
class Power(_Quantity):
    """A power in kilowatts."""

    kW: float  # noqa: N815

    @property
    def W(self) -> float:  # noqa: N802
        """The same in watts."""
        return self.kW * 1000

    @classmethod
    def from_watts(cls, watts: float) -> Power:
        """A power of so many watts."""
        return cls(watts / 1000)

    @classmethod
    def from_milli_watts(cls, milliwatts: float) -> Power:
        """A power of so many milliwatts."""
        return cls(milliwatts / 1e6)


@record
class Water(_Quantity):
    """An amount of water in litres."""

    litres: float

    @classmethod
    def from_litres(cls, litres: float) -> Water:
        """So many litres."""
        return cls(litres)


@record
class EmissionsPerKWh(_Quantity):
    """A carbon intensity in kilograms of CO2 equivalent per kilowatt-hour."""

    kgs_per_kWh: float  # noqa: N815

    @classmethod
    def from_g_per_kWh(cls, g_per_kWh: float) -> EmissionsPerKWh:  # noqa: N802, N803
        """An intensity of so many grams per kWh."""
        return cls(g_per_kWh / 1000)

    @classmethod
    def from_kgs_per_kWh(cls, kgs_per_kWh: float) -> EmissionsPerKWh:  # noqa: N802, N803
        """An intensity of so many kilograms per kWh."""
        return cls(kgs_per_kWh)
