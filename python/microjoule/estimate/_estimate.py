"""What every estimate is: a measurement's figures, marked, with what they rest on."""

from __future__ import annotations

import math
from collections.abc import Mapping

from microjoule.carbon import JOULES_PER_KWH, Footprint
from microjoule.config import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Assumption(Frozen):
    """A figure that an estimate rests on.

    Attributes:
        name: what it is, such as ``"memory"``.
        value: the figure; text where it is a name.
        unit: its unit; empty for a name and a pure number.
        source: title, publisher and year of the source; ``"given"``: the caller said so.
    """

    __slots__ = ("name", "value", "unit", "source")
    name: str
    value: float | str
    unit: str
    source: str

    def __init__(
        self, name: str, value: float | str, unit: str = "", source: str = "given"
    ) -> None:
        self._fill(name=name, value=value, unit=unit, source=source)


class Estimate(Frozen):
    """Energy and carbon of a piece of work that nobody measured.

    The figures have the names and units of `Measurement`.

    Attributes:
        label: what was estimated; None where nobody named it.
        method: how, such as ``"Green Algorithms"``.
        duration_s: for how long it ran, s; repeated runs one after another.
        energy_j: energy of the machine (before the PUE), J.
        kinds: the same by kind of device, (kind, J) pairs: ``cpu``, ``gpu``, ``dram`` …
        uncertainty_j: standard uncertainty (k = 1) of ``energy_j``, J.
        carbon: the footprint: PUE, intensity, embodied carbon, each with its source.
        assumptions: what it rests on, in the order of the calculation.
        reason: what a reader must know, in a sentence.
    """

    __slots__ = (
        "label",
        "method",
        "duration_s",
        "energy_j",
        "kinds",
        "uncertainty_j",
        "carbon",
        "assumptions",
        "reason",
    )
    label: str | None
    method: str
    duration_s: float
    energy_j: float
    kinds: tuple[tuple[str, float], ...]
    uncertainty_j: float
    carbon: Footprint
    assumptions: tuple[Assumption, ...]
    reason: str

    def __init__(
        self,
        *,
        method: str,
        duration_s: float,
        by_kind: Mapping[str, float],
        carbon: Footprint,
        assumptions: tuple[Assumption, ...] = (),
        reason: str = "",
        label: str | None = None,
    ) -> None:
        self._fill(
            label=label,
            method=method,
            duration_s=duration_s,
            energy_j=carbon.sensor_energy_j,
            kinds=tuple(by_kind.items()),
            uncertainty_j=carbon.sensor_uncertainty_j,
            carbon=carbon,
            assumptions=assumptions,
            reason=reason,
        )

    @property
    def quality(self) -> str:
        """``"estimated"``, always."""
        return "estimated"

    @property
    def by_kind(self) -> dict[str, float]:
        """Energy by kind of device, J."""
        return dict(self.kinds)

    @property
    def energy_kwh(self) -> float:
        """Energy of the machine in kilowatt-hours."""
        return self.energy_j / JOULES_PER_KWH

    @property
    def facility_energy_j(self) -> float:
        """What the building draws for it, J: with the PUE."""
        return self.carbon.facility_energy_j

    @property
    def facility_energy_kwh(self) -> float:
        """The same in kilowatt-hours: what Green Algorithms and others call the energy."""
        return self.carbon.facility_energy_j / JOULES_PER_KWH

    @property
    def power_w(self) -> float:
        """Mean power of the machine in watts; NaN where there is no duration."""
        return self.energy_j / self.duration_s if self.duration_s else math.nan

    @property
    def uncertainty_parts(self) -> dict[str, float]:
        """The uncertainty by origin, J: all of it is the model's."""
        return {"model": self.uncertainty_j}

    @property
    def co2e_g(self) -> float:
        """Operational carbon in grams of CO2 equivalent, from ``carbon``."""
        return self.carbon.co2e_g

    def footprint(self, intensity: Any = None, **factors: Any) -> Footprint:
        """The footprint with other factors: those of `microjoule.carbon.footprint`.

        What is not named stays as it is.

        Args:
            intensity: an `Intensity`, g/kWh or a place; None: the same.
            factors: such as ``pue`` or ``embodied``.
        """
        from microjoule import carbon

        same = {
            "pue": self.carbon.pue,
            "pue_uncertainty_rel": self.carbon.pue_uncertainty_rel,
            "host_factor": self.carbon.host_factor,
            "losses": self.carbon.losses,
            "embodied": self.carbon.embodied,
        }
        if "pue" in factors:
            del same["pue_uncertainty_rel"]
        where = self.carbon.intensity if intensity is None else intensity
        return carbon.footprint(
            self.energy_j, uncertainty_j=self.uncertainty_j, intensity=where, **{**same, **factors}
        )

    def to_dict(self) -> dict[str, object]:
        """Return all figures by name, ready for JSON: those of a measurement, and the rest."""
        return {
            "schema": 1,
            "label": self.label,
            "method": self.method,
            "duration_s": self.duration_s,
            "energy_j": self.energy_j,
            "energy_kwh": self.energy_kwh,
            "facility_energy_j": self.facility_energy_j,
            "facility_energy_kwh": self.facility_energy_kwh,
            "by_kind": self.by_kind,
            "power_w": self.power_w if self.duration_s else None,
            "uncertainty_j": self.uncertainty_j,
            "uncertainty_parts": self.uncertainty_parts,
            "quality": self.quality,
            "reason": self.reason,
            "co2e_g": self.co2e_g,
            "footprint": self.carbon.to_dict(),
            "assumptions": [a.to_dict() for a in self.assumptions],
        }
