"""From joules at the sensor to grams and litres: each factor on a line of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

from microjoule.carbon import _check
from microjoule.carbon._embodied import Embodied, embodied_sum
from microjoule.carbon._facility import Factor, pue_of
from microjoule.carbon._figure import Intensity
from microjoule.carbon._series import Series
from microjoule.carbon._water import Water, water
from microjoule.config import Frozen

JOULES_PER_KWH = 3.6e6

# Power supply, fans, board and disks, which RAPL and NVML do not see, and a factor for them that
# nobody measured (k = 1, relative).
_HOST_FACTOR = 0.10
# A PUE somebody read off the site's own page.
_PUE_GIVEN = 0.03
# Above this an interval symmetric in grams is nonsense (it reaches below zero): log-normal.
_LOG_NORMAL_ABOVE = 0.3


class Footprint(Frozen):
    """The footprint of some energy, step by step.

    Attributes:
        sensor_energy_j: what the sensors counted, J.
        it_energy_j: times the host factor: what the machine drew, J.
        facility_energy_j: times the PUE: what the building drew for it, J.
        co2e_g: times the intensity: operational carbon, grams of CO2 equivalent.
        co2e_uncertainty_g: standard uncertainty (k = 1) of it, grams.
        intensity: the carbon intensity used.
        pue: power usage effectiveness used.
        host_factor: host factor used.
        pue_uncertainty_rel: standard uncertainty of the PUE, relative.
        host_factor_uncertainty_rel: standard uncertainty of the host factor, relative.
        sensor_uncertainty_j: standard uncertainty of the sensor energy, J.
        pue_source: whose PUE it is; empty where it was given as a number.
        losses: share of the electricity lost on its way, by which the intensity was divided.
        embodied: what was made for it, piece by piece; None: not asked for.
        water: what it took in water; None: not asked for.
        remarks: what a reader must know, in sentences.
    """

    __slots__ = (
        "sensor_energy_j",
        "it_energy_j",
        "facility_energy_j",
        "co2e_g",
        "co2e_uncertainty_g",
        "intensity",
        "pue",
        "host_factor",
        "pue_uncertainty_rel",
        "host_factor_uncertainty_rel",
        "sensor_uncertainty_j",
        "pue_source",
        "losses",
        "embodied",
        "water",
        "remarks",
    )
    sensor_energy_j: float
    it_energy_j: float
    facility_energy_j: float
    co2e_g: float
    co2e_uncertainty_g: float
    intensity: Intensity
    pue: float
    host_factor: float
    pue_uncertainty_rel: float
    host_factor_uncertainty_rel: float
    sensor_uncertainty_j: float
    pue_source: str
    losses: float
    embodied: tuple[Embodied, ...] | None
    water: Water | None
    remarks: tuple[str, ...]

    def __init__(
        self,
        *,
        sensor_energy_j: float,
        sensor_uncertainty_j: float,
        intensity: Intensity,
        pue: float,
        pue_uncertainty_rel: float,
        host_factor: float,
        host_factor_uncertainty_rel: float,
        pue_source: str = "",
        losses: float = 0.0,
        embodied: tuple[Embodied, ...] | None = None,
        wue_site: float | str | None = None,
        wue_source: float | str | None = None,
        remarks: tuple[str, ...] = (),
    ) -> None:
        it_energy_j = sensor_energy_j * host_factor
        facility_energy_j = it_energy_j * pue
        g_per_j = intensity.g_per_kwh / (1 - losses) / JOULES_PER_KWH
        co2e_g = facility_energy_j * g_per_j
        self._fill(
            sensor_energy_j=sensor_energy_j,
            it_energy_j=it_energy_j,
            facility_energy_j=facility_energy_j,
            co2e_g=co2e_g,
            # The energy's share in absolute terms, so that nothing divides by an energy of zero.
            co2e_uncertainty_g=math.hypot(
                sensor_uncertainty_j * host_factor * pue * g_per_j,
                co2e_g * host_factor_uncertainty_rel,
                co2e_g * pue_uncertainty_rel,
                co2e_g * intensity.uncertainty_rel,
            ),
            intensity=intensity,
            pue=pue,
            host_factor=host_factor,
            pue_uncertainty_rel=pue_uncertainty_rel,
            host_factor_uncertainty_rel=host_factor_uncertainty_rel,
            sensor_uncertainty_j=sensor_uncertainty_j,
            pue_source=pue_source,
            losses=losses,
            embodied=embodied,
            water=water(it_energy_j, pue, wue_site, wue_source),
            remarks=remarks,
        )

    @property
    def operational_g(self) -> float:
        """Carbon of the electricity, grams of CO2 equivalent: another name of ``co2e_g``."""
        return self.co2e_g

    @property
    def embodied_g(self) -> float | None:
        """Carbon of making the machines, grams; None where it was not asked for."""
        return None if self.embodied is None else embodied_sum(self.embodied)[0]

    @property
    def embodied_uncertainty_g(self) -> float | None:
        """Standard uncertainty (k = 1) of ``embodied_g``, grams."""
        return None if self.embodied is None else embodied_sum(self.embodied)[1]

    @property
    def total_g(self) -> float:
        """Operational and, where it was asked for, embodied carbon together, grams."""
        return self.co2e_g + (self.embodied_g or 0.0)

    @property
    def total_uncertainty_g(self) -> float:
        """Standard uncertainty (k = 1) of ``total_g``, grams."""
        return math.hypot(self.co2e_uncertainty_g, self.embodied_uncertainty_g or 0.0)

    @property
    def water_l(self) -> float | None:
        """Water, litres; None where it was not asked for."""
        return None if self.water is None else self.water.litres

    @property
    def water_uncertainty_l(self) -> float | None:
        """Standard uncertainty (k = 1) of ``water_l``, litres."""
        return None if self.water is None else self.water.uncertainty_l

    @property
    def co2e_uncertainty_rel(self) -> float:
        """Standard uncertainty (k = 1), relative; 0 where there is nothing, infinite at 0 ± u."""
        if self.co2e_g:
            return self.co2e_uncertainty_g / self.co2e_g
        return math.inf if self.co2e_uncertainty_g else 0.0

    @property
    def co2e_interval_g(self) -> tuple[float, float]:
        """The 16-84 % interval in grams: normal, above 30 % relative uncertainty log-normal."""
        rel = self.co2e_uncertainty_rel
        # Beyond e**700 a double is infinite; an energy of zero has no logarithm.
        if _LOG_NORMAL_ABOVE < rel < 700:
            factor = math.exp(rel)
            return self.co2e_g / factor, self.co2e_g * factor
        low = self.co2e_g - self.co2e_uncertainty_g
        return max(0.0, low), self.co2e_g + self.co2e_uncertainty_g

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON, with the interval and the whole intensity."""
        fields = super().to_dict()
        fields["co2e_interval_g"] = list(self.co2e_interval_g)
        fields["intensity"] = self.intensity.to_dict()
        for name in ("operational_g", "embodied_g", "embodied_uncertainty_g", "total_g"):
            fields[name] = getattr(self, name)
        fields["total_uncertainty_g"] = self.total_uncertainty_g
        fields["water_l"] = self.water_l
        fields["water_uncertainty_l"] = self.water_uncertainty_l
        fields["embodied"] = None if self.embodied is None else [e.to_dict() for e in self.embodied]
        fields["water"] = None if self.water is None else self.water.to_dict()
        fields["remarks"] = list(self.remarks)
        return fields


def footprint(
    energy_j: float,
    *,
    uncertainty_j: float = 0.0,
    intensity: Intensity | str | float | None = None,
    pue: float | str = 1.0,
    host_factor: float = 1.0,
    pue_uncertainty_rel: float | None = None,
    host_factor_uncertainty_rel: float | None = None,
    losses: float = 0.0,
    embodied: Embodied | Sequence[Embodied] | None = None,
    wue_site: float | str | None = None,
    wue_source: float | str | None = None,
    at_wall: bool = False,
) -> Footprint:
    """Return the footprint of an energy: operational and embodied carbon, and water.

    ``operational_g = energy_j · host_factor · pue · g_per_kwh / 3.6e6``; the relative uncertainties
    of the four factors add in quadrature (GUM, k = 1). ``water_l = E_IT · (wue_site + pue ·
    wue_source)``.

    Args:
        energy_j: energy that the sensors counted, J.
        uncertainty_j: its standard uncertainty, J.
        intensity: an `Intensity`, or whatever `microjoule.carbon.intensity` takes; None: from the
            settings, else the time zone, else the world mean. A `Series` needs the course of the
            energy: `Series.mean`, or `Measurement.footprint`.
        pue: power usage effectiveness of the building, 1 or more, or a provider such as ``"aws"``.
            1 means: no building counted. A meter behind which the cooling hangs has it in already.
        host_factor: IT energy over sensor energy (power supply, fans, disks). 1 unless calibrated
            against a wall meter.
        pue_uncertainty_rel: relative standard uncertainty of the PUE; default 0 at a PUE of 1,
            else 0.03 (published for the site) or the table's for a provider. An unknown site has
            0.20.
        host_factor_uncertainty_rel: the same of the host factor; default 0.10 (never measured), 0
            at the wall.
        losses: share lost between power plant and meter, such as 0.06; the intensity is divided by
            one minus it. Off by default: the GHG Protocol puts it into scope 3.
        embodied: what `microjoule.carbon.embodied` gave for the machines, one or several.
        wue_site: litres that the building evaporates per kWh of IT energy, or a provider.
        wue_source: litres that the power plants use per kWh of electricity.
        at_wall: the energy was counted at the wall, where power supply and fans are in it.

    Raises:
        ValueError: a factor is out of its range, a provider is unknown, or the losses would be in
            twice.
    """
    _check.at_least("energy_j", energy_j, 0.0, "pass the energy in joules, 0 or more")
    sentence = "pass a standard uncertainty in joules, 0 or more"
    _check.at_least("uncertainty_j", uncertainty_j, 0.0, sentence)
    building = _building(pue)
    sentence = "pass a factor above 0, such as 1.1 (1 counts what the sensors see)"
    _check.above_zero("host_factor", host_factor, sentence)
    if pue_uncertainty_rel is None:
        pue_uncertainty_rel = building.uncertainty_rel
    if host_factor_uncertainty_rel is None:
        host_factor_uncertainty_rel = 0.0 if at_wall else _HOST_FACTOR
    sentence = "pass a relative standard uncertainty of 0 or more, such as 0.08"
    _check.at_least("pue_uncertainty_rel", pue_uncertainty_rel, 0.0, sentence)
    _check.at_least("host_factor_uncertainty_rel", host_factor_uncertainty_rel, 0.0, sentence)
    where = _as_intensity(intensity)
    return Footprint(
        sensor_energy_j=float(energy_j),
        sensor_uncertainty_j=float(uncertainty_j),
        intensity=where,
        pue=building.value,
        pue_uncertainty_rel=float(pue_uncertainty_rel),
        host_factor=float(host_factor),
        host_factor_uncertainty_rel=float(host_factor_uncertainty_rel),
        pue_source=f"{building.name} {building.year}" if building.name else "",
        losses=_losses(losses, where),
        embodied=_pieces(embodied),
        wue_site=wue_site,
        wue_source=wue_source,
        remarks=_twice(building.value, host_factor) if at_wall else (),
    )


def _as_intensity(what: Intensity | str | float | None) -> Intensity:
    if isinstance(what, Intensity):
        return what
    if isinstance(what, Series):
        raise ValueError(
            f"the series {what.name} needs the course of the energy: use "
            "Measurement.footprint(intensity=series), or Series.mean(times_ns, energy_j)"
        )
    from microjoule.carbon._intensity import intensity

    return intensity(what)


def _building(pue: float | str) -> Factor:
    if isinstance(pue, str):
        return pue_of(pue)
    sentence = "pass a PUE of 1 or more, such as 1.2 (1 counts no building), or a provider"
    value = _check.at_least("pue", pue, 1.0, sentence)
    given = 0.0 if value == 1 else _PUE_GIVEN
    return Factor(value=value, uncertainty_rel=given, name="", year=0, source="given")


def _pieces(embodied: Embodied | Sequence[Embodied] | None) -> tuple[Embodied, ...] | None:
    if embodied is None:
        return None
    pieces = (embodied,) if isinstance(embodied, Embodied) else tuple(embodied)
    for piece in pieces:
        if not isinstance(piece, Embodied):
            raise ValueError(f"embodied is {piece!r}: pass what microjoule.carbon.embodied() gave")
    return pieces


def _losses(losses: float, where: Intensity) -> float:
    sentence = "pass the share lost between power plant and meter, such as 0.06, below 0.5"
    share = _check.at_least("losses", losses, 0.0, sentence)
    if share >= 0.5:
        raise ValueError(f"losses is {losses!r}: {sentence}")
    if share and where.includes_losses:
        raise ValueError(
            f"losses is {losses!r}, and the intensity of {where.name} ({where.source}) has the "
            "losses in it: leave them out"
        )
    return share


def _twice(pue: float, host_factor: float) -> tuple[str, ...]:
    """What a factor counts again that a meter at the wall has counted."""
    remarks = []
    if host_factor != 1:
        remarks.append(
            f"The meter stands at the wall, so power supply and fans are in its energy: the host "
            f"factor {host_factor:g} counts them twice."
        )
    if pue != 1:
        remarks.append(
            f"The meter stands at the wall: what of the PUE {pue:g} lies behind it (such as fans "
            "or a UPS) is counted twice; only cooling and distribution before it are missing."
        )
    return tuple(remarks)
