"""Water: what the building evaporates, and what the power plants do."""

from __future__ import annotations

import math

from microjoule.carbon import _check
from microjoule.carbon._facility import wue_of
from microjoule.config import Frozen

_J_PER_KWH = 3.6e6
# A figure given for the site; what a grid takes is contested (evaporation from reservoirs).
_SITE_GIVEN = 0.1
_SOURCE_GIVEN = 0.7


class Water(Frozen):
    """Water used for some energy, each place on a line of its own.

    Attributes:
        litres: both together.
        uncertainty_l: standard uncertainty (k = 1) of it, litres.
        site_l: evaporated by the building: IT energy times WUE on site.
        source_l: used by the power plants: IT energy times PUE times WUE at source.
        wue_site: litres per kWh of IT energy; None: not asked for.
        wue_source: litres per kWh of electricity; None: not asked for.
        note: whose figures they are, and what is left out.
    """

    __slots__ = (
        "litres",
        "uncertainty_l",
        "site_l",
        "source_l",
        "wue_site",
        "wue_source",
        "note",
    )
    litres: float
    uncertainty_l: float
    site_l: float
    source_l: float
    wue_site: float | None
    wue_source: float | None
    note: str

    def __init__(
        self,
        *,
        site_l: float,
        source_l: float,
        uncertainty_l: float,
        wue_site: float | None,
        wue_source: float | None,
        note: str,
    ) -> None:
        self._fill(
            litres=site_l + source_l,
            uncertainty_l=uncertainty_l,
            site_l=site_l,
            source_l=source_l,
            wue_site=wue_site,
            wue_source=wue_source,
            note=note,
        )


def water(
    it_energy_j: float,
    pue: float,
    wue_site: float | str | None,
    wue_source: float | str | None,
) -> Water | None:
    """Return the water of an IT energy: E·WUE_site + E·PUE·WUE_source; None if neither is given.

    WUE on site is per kWh of IT energy (ISO/IEC 30134-9): the PUE does not multiply it.

    Args:
        it_energy_j: energy of the machines, J.
        pue: power usage effectiveness of the building.
        wue_site: litres per kWh, or a provider such as ``"aws"``.
        wue_source: litres per kWh of electricity, or a key of the table.

    Raises:
        ValueError: a WUE is below 0, or the provider is not in the table.
    """
    if wue_site is None and wue_source is None:
        return None
    site, site_rel, whose = _factor("wue_site", wue_site, "on site", _SITE_GIVEN)
    source, source_rel, grid = _factor("wue_source", wue_source, "at source", _SOURCE_GIVEN)
    kwh = it_energy_j / _J_PER_KWH
    site_l = kwh * (site or 0.0)
    source_l = kwh * pue * (source or 0.0)
    return Water(
        site_l=site_l,
        source_l=source_l,
        uncertainty_l=math.hypot(site_l * site_rel, source_l * source_rel),
        wue_site=site,
        wue_source=source,
        note="; ".join(
            [
                f"on site {whose}" if site is not None else "water on site is left out",
                f"at source {grid}" if source is not None else "water at source is left out",
            ]
        ),
    )


def _factor(
    name: str, wue: float | str | None, kind: str, given_rel: float
) -> tuple[float | None, float, str]:
    if wue is None:
        return None, 0.0, ""
    if isinstance(wue, str):
        factor = wue_of(wue, kind)
        return factor.value, factor.uncertainty_rel, f"{factor.name} {factor.year}"
    sentence = "pass litres per kWh, 0 or more, such as 0.18, or a provider such as 'aws'"
    return _check.at_least(name, wue, 0.0, sentence), given_rel, "given"
