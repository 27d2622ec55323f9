"""From joules at the sensor to grams: host factor, PUE, intensity, each on a line of its own."""

from __future__ import annotations

import math

from microjoule.carbon._intensity import Intensity
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
    """Operational carbon of some energy, step by step.

    Attributes:
        sensor_energy_j: what the sensors counted, J.
        it_energy_j: times the host factor: what the machine drew, J.
        facility_energy_j: times the PUE: what the building drew for it, J.
        co2e_g: times the intensity, grams of CO2 equivalent.
        co2e_uncertainty_g: standard uncertainty (k = 1) of it, grams.
        intensity: the carbon intensity used.
        pue: power usage effectiveness used.
        host_factor: host factor used.
        pue_uncertainty_rel: standard uncertainty of the PUE, relative.
        host_factor_uncertainty_rel: standard uncertainty of the host factor, relative.
        sensor_uncertainty_j: standard uncertainty of the sensor energy, J.
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
    ) -> None:
        it_energy_j = sensor_energy_j * host_factor
        facility_energy_j = it_energy_j * pue
        g_per_j = intensity.g_per_kwh / JOULES_PER_KWH
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
        )

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
        return fields


def footprint(
    energy_j: float,
    *,
    uncertainty_j: float = 0.0,
    intensity: Intensity | str | float | None = None,
    pue: float = 1.0,
    host_factor: float = 1.0,
    pue_uncertainty_rel: float | None = None,
    host_factor_uncertainty_rel: float | None = None,
) -> Footprint:
    """Return the operational carbon of an energy.

    ``co2e_g = energy_j · host_factor · pue · g_per_kwh / 3.6e6``; the relative uncertainties of the
    four factors add in quadrature (GUM, k = 1).

    Args:
        energy_j: energy that the sensors counted, J.
        uncertainty_j: its standard uncertainty, J.
        intensity: an `Intensity`, or whatever `microjoule.carbon.intensity` takes; None: from the
            settings, else the time zone, else the world mean.
        pue: power usage effectiveness of the building, 1 or more. 1 means: no building counted. A
            meter behind which the cooling hangs has it in already.
        host_factor: IT energy over sensor energy (power supply, fans, disks). 1 unless calibrated
            against a wall meter.
        pue_uncertainty_rel: relative standard uncertainty of the PUE; default 0 at a PUE of 1,
            else 0.03 (published for the site). A provider's mean has 0.08, an unknown site 0.20.
        host_factor_uncertainty_rel: the same of the host factor; default 0.10 (never measured).

    Raises:
        ValueError: a factor is out of its range.
    """
    _check("energy_j", energy_j, 0.0, "pass the energy in joules, 0 or more")
    _check("uncertainty_j", uncertainty_j, 0.0, "pass a standard uncertainty in joules, 0 or more")
    _check("pue", pue, 1.0, "pass a PUE of 1 or more, such as 1.2 (1 counts no building)")
    sentence = "pass a factor above 0, such as 1.1 (1 counts what the sensors see)"
    _check("host_factor", host_factor, 0.0, sentence)
    if host_factor == 0:
        raise ValueError(f"host_factor is 0: {sentence}")
    if pue_uncertainty_rel is None:
        pue_uncertainty_rel = 0.0 if pue == 1 else _PUE_GIVEN
    if host_factor_uncertainty_rel is None:
        host_factor_uncertainty_rel = _HOST_FACTOR
    sentence = "pass a relative standard uncertainty of 0 or more, such as 0.08"
    _check("pue_uncertainty_rel", pue_uncertainty_rel, 0.0, sentence)
    _check("host_factor_uncertainty_rel", host_factor_uncertainty_rel, 0.0, sentence)
    return Footprint(
        sensor_energy_j=float(energy_j),
        sensor_uncertainty_j=float(uncertainty_j),
        intensity=_as_intensity(intensity),
        pue=float(pue),
        pue_uncertainty_rel=float(pue_uncertainty_rel),
        host_factor=float(host_factor),
        host_factor_uncertainty_rel=float(host_factor_uncertainty_rel),
    )


def _as_intensity(what: Intensity | str | float | None) -> Intensity:
    if isinstance(what, Intensity):
        return what
    from microjoule.carbon._intensity import intensity

    return intensity(what)


def _check(name: str, value: object, least: float, sentence: str) -> None:
    """Refuse what is no number, NaN, infinite or below ``least``, saying what to pass."""
    number = isinstance(value, (int, float)) or hasattr(value, "__float__")
    if isinstance(value, bool) or not number or not least <= float(value) < math.inf:  # type: ignore[arg-type]
        raise ValueError(f"{name} is {value!r}: {sentence}")
