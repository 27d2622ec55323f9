"""The sum of footprints, which only figures of one kind have."""

from __future__ import annotations

import math
from collections.abc import Iterable

from microjoule.carbon._footprint import JOULES_PER_KWH, Footprint
from microjoule.carbon._kinds import require_same_kind
from microjoule.config import Frozen


class Total(Frozen):
    """The sum of some footprints.

    Attributes:
        energy_j: what the sensors counted, J.
        facility_energy_j: what the buildings drew for it, J.
        operational_g: carbon of the electricity, grams of CO2 equivalent.
        operational_uncertainty_g: standard uncertainty (k = 1) of it, grams: what the sensors do
            not know averages out; intensities, PUE and host factors are wrong in one direction.
        embodied_g: carbon of making the machines, grams; None where one of them has none.
        water_l: water, litres; None where one of them has none.
        kind: the kind that all intensities have; None where there is nothing to add.
        count: how many footprints.
    """

    __slots__ = (
        "energy_j",
        "facility_energy_j",
        "operational_g",
        "operational_uncertainty_g",
        "embodied_g",
        "water_l",
        "kind",
        "count",
    )
    energy_j: float
    facility_energy_j: float
    operational_g: float
    operational_uncertainty_g: float
    embodied_g: float | None
    water_l: float | None
    kind: str | None
    count: int

    def __init__(self, footprints: list[Footprint]) -> None:
        """Add them up."""
        kind = require_same_kind(footprints)
        sensors = [f.sensor_uncertainty_j * f.host_factor * f.pue * _g_per_j(f) for f in footprints]
        common = [
            math.sqrt(max(0.0, f.co2e_uncertainty_g**2 - own**2))
            for f, own in zip(footprints, sensors, strict=True)
        ]
        self._fill(
            energy_j=math.fsum(f.sensor_energy_j for f in footprints),
            facility_energy_j=math.fsum(f.facility_energy_j for f in footprints),
            operational_g=math.fsum(f.co2e_g for f in footprints),
            operational_uncertainty_g=math.hypot(*sensors, math.fsum(common)),
            embodied_g=_sum(f.embodied_g for f in footprints),
            water_l=_sum(f.water_l for f in footprints),
            kind=kind,
            count=len(footprints),
        )


def total(footprints: Iterable[Footprint]) -> Total:
    """Return the sum of some footprints.

    Raises:
        ValueError: two of them have intensities of different kinds; the sentence names both.
    """
    return Total(list(footprints))


def _g_per_j(f: Footprint) -> float:
    return f.intensity.g_per_kwh / (1 - f.losses) / JOULES_PER_KWH


def _sum(values: Iterable[float | None]) -> float | None:
    values = list(values)
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None
