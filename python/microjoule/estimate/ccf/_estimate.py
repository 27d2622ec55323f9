"""Cloud Carbon Footprint's formulas: from hours, terabytes and gigabytes to kWh and grams."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from microjoule import carbon
from microjoule.carbon import _check
from microjoule.config import Frozen
from microjoule.estimate.ccf import _coefficients
from microjoule.estimate.ccf._coefficients import DEFAULT_EDITION, constant
from microjoule.estimate.ccf._instances import Machine, machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from microjoule.carbon import Embodied, Footprint, Intensity

# What a model of each part is worth (k = 1, relative): processors by TDP-like curves, GPUs by a
# share of their limit, memory by a constant; what is stored and sent is an order of magnitude.
_UNCERTAINTY: Final = {
    "compute": 0.4,
    "memory": 0.6,
    "gpu": 0.3,
    "storage": 0.6,
    "network": 1.0,
}
_EMBODIED_UNCERTAINTY: Final = 0.6
# Two sockets at fewer than 96 cores.
_TWO_CHIPS: Final = ("m5zn.", "z1d.")


class Part(Frozen):
    """Energy of one part of a resource.

    Attributes:
        name: ``"compute"``, ``"memory"``, ``"gpu"``, ``"storage"`` or ``"network"``.
        it_kwh: energy of the machines, replicas included, without the building, kWh.
        how: the figures that gave it, in words.
        source: key of the coefficients' source.
        note: what stood in for what, or empty.
    """

    __slots__ = ("how", "it_kwh", "name", "note", "source")
    name: str
    it_kwh: float
    how: str
    source: str
    note: str

    def __init__(self, *, name: str, it_kwh: float, how: str, source: str, note: str = "") -> None:
        self._fill(name=name, it_kwh=it_kwh, how=how, source=source, note=note)

    @property
    def uncertainty_rel(self) -> float:
        """Standard uncertainty (k = 1), relative."""
        return _UNCERTAINTY[self.name]


class Estimate(Frozen):
    """What a resource of a cloud is estimated to have drawn.

    Attributes:
        what: the resource, in words.
        provider: whose it is.
        parts: its energy, part by part.
        footprint: energy, carbon and what was made, in the types of measured figures.
        edition: edition of the coefficients.
    """

    __slots__ = ("edition", "footprint", "parts", "provider", "what")
    what: str
    provider: str
    parts: tuple[Part, ...]
    footprint: Footprint
    edition: str

    quality: Final = "estimated"

    def __init__(
        self,
        *,
        what: str,
        provider: str,
        parts: tuple[Part, ...],
        footprint: Footprint,
        edition: str,
    ) -> None:
        self._fill(what=what, provider=provider, parts=parts, footprint=footprint, edition=edition)

    @property
    def energy_kwh(self) -> float:
        """Energy with the building's, kWh: what Cloud Carbon Footprint calls kilowatt-hours."""
        return self.footprint.facility_energy_j / carbon.JOULES_PER_KWH

    @property
    def operational_g(self) -> float:
        """Carbon of the electricity, grams of CO2 equivalent."""
        return self.footprint.operational_g

    @property
    def embodied_g(self) -> float:
        """Carbon of making the machines, grams."""
        return self.footprint.embodied_g or 0.0

    @property
    def total_g(self) -> float:
        """Both together, grams."""
        return self.footprint.total_g

    def part_kwh(self, name: str) -> float:
        """Energy of a part with the building's, kWh."""
        it = math.fsum(part.it_kwh for part in self.parts if part.name == name)
        return it * self.footprint.pue

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        return {
            "quality": self.quality,
            "method": "cloud-carbon-footprint",
            "what": self.what,
            "provider": self.provider,
            "edition": self.edition,
            "energy_kwh": self.energy_kwh,
            "operational_g": self.operational_g,
            "embodied_g": self.footprint.embodied_g,
            "total_g": self.total_g,
            "parts": [
                {**part.to_dict(), "kwh": part.it_kwh * self.footprint.pue} for part in self.parts
            ],
            "footprint": self.footprint.to_dict(),
        }


def instance(
    provider: str,
    name: str | Machine,
    *,
    hours: float,
    region: str | None = None,
    count: float = 1.0,
    utilisation: float | None = None,
    replication: float = 1.0,
    intensity: Intensity | str | float | None = None,
    pue: float | None = None,
    edition: str = DEFAULT_EDITION,
) -> Estimate:
    """Return what a machine of a cloud is estimated to draw.

    ``kWh = [min + u·(max − min)]·vCPU·h·PUE·R/1000`` for its cores and GPUs, 0.392 Wh for a GB and
    hour of the memory beyond that of the machines behind the watts, and the share of the making of
    its server.

    Args:
        provider: ``"aws"``, ``"azure"`` or ``"gcp"``; of a `Machine` of one's own also
            ``"alibaba"`` or ``"on-premise"``.
        name: the machine, or a `Machine` that describes one.
        hours: how long each runs.
        region: such as ``"us-east-1"``; None: the mean of all regions, marked as a guess.
        count: how many of them.
        utilisation: of cores and GPUs, 0 to 1; None: 0.5, and of a burstable machine only the share
            of its cores that it gets all the time, as Cloud Carbon Footprint has it.
        replication: how often the work is done.
        intensity: other than Cloud Carbon Footprint's: what `microjoule.carbon.intensity` takes.
        pue: other than Cloud Carbon Footprint's.
        edition: ``"2024-03"``, ``"packages"`` or ``"2026-04"``.

    Raises:
        ValueError: A name is unknown or a figure out of its range.

    Example:
        >>> m5 = instance("aws", "m5.xlarge", hours=720, region="us-east-1")
        >>> round(m5.part_kwh("compute"), 6), round(m5.total_g, 2)
        (7.779744, 5817.12)
    """
    provider = _coefficients.provider_of(provider)
    what = name if isinstance(name, Machine) else machine(provider, name)
    _hours(hours)
    _check.above_zero("count", count, "pass how many of them, above 0")
    _check.at_least("replication", replication, 1.0, "pass how often it is kept, 1 or more")
    share, busy = 1.0, 0.5
    note = ""
    if utilisation is not None:
        sentence = "pass the utilisation as a share from 0 to 1, such as 0.5"
        busy = _check.fraction("utilisation", utilisation, sentence)
    elif what.baseline is not None:
        share = what.baseline / 0.5
        note = f"burstable: {100 * what.baseline:g} % of its cores all the time, for 50 %"
    each = hours * count * replication
    parts = [_cpu_part(what, each * share, busy, edition, note)]
    parts += _memory_part(what, each, edition)
    if what.gpus:
        watts = _coefficients.gpu(provider, what.gpu)
        parts.append(
            Part(
                name="gpu",
                it_kwh=watts.at(busy) * what.gpus * each / 1e3,
                how=f"{what.gpus:g} x {what.gpu}, {watts.min_w:g} to {watts.max_w:g} W, "
                f"{watts.at(busy):g} W at {100 * busy:g} %",
                source=watts.source,
            )
        )
    times = f"{count:g} x " if count != 1 else ""
    return _estimate(
        f"{times}{what.name}, {hours:g} h",
        provider,
        tuple(parts),
        region=region,
        intensity=intensity,
        pue=pue,
        edition=edition,
        embodied=_embodied(what, hours * count),
    )


def storage(
    provider: str,
    *,
    tb: float,
    hours: float,
    medium: str = "ssd",
    replication: float | str = 1.0,
    region: str | None = None,
    intensity: Intensity | str | float | None = None,
    pue: float | None = None,
    edition: str = DEFAULT_EDITION,
) -> Estimate:
    """Return what keeping data is estimated to draw: 1.2 Wh (SSD) or 0.65 Wh (HDD) a TB and hour.

    Args:
        provider: one of ``"aws"``, ``"azure"``, ``"gcp"``, ``"alibaba"``, ``"on-premise"``.
        tb: terabytes (10**12 bytes) that are kept.
        hours: how long.
        medium: ``"ssd"`` or ``"hdd"``.
        replication: how often they are kept, or a service of the table such as ``"S3"``.
        region: as of `instance`.
        intensity: as of `instance`.
        pue: as of `instance`.
        edition: as of `instance`.

    Raises:
        ValueError: A name is unknown or a figure out of its range.
    """
    provider = _coefficients.provider_of(provider)
    kind = medium.strip().casefold()
    if kind not in ("ssd", "hdd"):
        raise ValueError(f"medium is {medium!r}: pass 'ssd' or 'hdd'")
    _check.at_least("tb", tb, 0.0, "pass terabytes, 0 or more")
    _hours(hours)
    if isinstance(replication, str):
        times = _coefficients.replication_of(provider, replication)
    else:
        sentence = "pass how often it is kept, 1 or more, or a service such as 'S3'"
        times = _check.at_least("replication", replication, 1.0, sentence)
    wh = constant(f"{kind}_energy")
    part = Part(
        name="storage",
        it_kwh=tb * hours * wh * times / 1e3,
        how=f"{wh:g} Wh a TB and hour ({kind.upper()}), kept {times:g} times",
        source="ccf_app",
    )
    return _estimate(
        f"{tb:g} TB {kind.upper()}, {hours:g} h",
        provider,
        (part,),
        region=region,
        intensity=intensity,
        pue=pue,
        edition=edition,
    )


def network(
    provider: str,
    *,
    gb: float,
    region: str | None = None,
    intensity: Intensity | str | float | None = None,
    pue: float | None = None,
    edition: str = DEFAULT_EDITION,
) -> Estimate:
    """Return what traffic between data centres is estimated to draw: 1 Wh a GB.

    Args:
        provider: as of `storage`.
        gb: gigabytes sent.
        region: as of `instance`.
        intensity: as of `instance`.
        pue: as of `instance`.
        edition: as of `instance`.

    Raises:
        ValueError: A name is unknown or a figure out of its range.
    """
    provider = _coefficients.provider_of(provider)
    _check.at_least("gb", gb, 0.0, "pass gigabytes, 0 or more")
    part = Part(
        name="network",
        it_kwh=gb * constant("network_energy"),
        how=f"{1e3 * constant('network_energy'):g} Wh a GB, between data centres only",
        source="ccf_app",
    )
    return _estimate(
        f"{gb:g} GB sent",
        provider,
        (part,),
        region=region,
        intensity=intensity,
        pue=pue,
        edition=edition,
    )


def memory_gb_hours(what: Machine, hours: float, edition: str = DEFAULT_EDITION) -> float:
    """GB-hours of memory that the watts of a machine's processors do not hold yet.

    Google's count whole. Elsewhere it is what the family's largest has beyond the machines of the
    SPECpower runs, in proportion.
    """
    if what.provider == "gcp":
        return what.memory_gb * hours
    watts = _coefficients.cpu(what.provider, what.microarchitectures, edition)
    if not watts.gb_per_chip or not what.family_memory_gb:
        return 0.0
    chips = math.ceil(what.family_vcpus / constant("chip_vcpus"))
    if what.name.startswith(_TWO_CHIPS):
        chips = 2
    beyond = what.family_memory_gb / chips - watts.gb_per_chip
    return max(beyond, 0.0) / (what.family_memory_gb / what.memory_gb) * hours


def embodied_kg(
    *, memory_gb: float = 16.0, sockets: int = 1, ssds: int = 0, hdds: int = 0, gpus: int = 0
) -> float:
    """Return the making of a server, kg CO2e, from what is in it.

    ``1000 + 1.388·(GB − 16)⁺ + 100·(sockets − 1) + 100·SSD + 50·HDD + 150·GPU``
    """
    beyond = max(memory_gb - constant("embodied_dram_threshold"), 0.0)
    return (
        constant("embodied_base_server")
        + constant("embodied_dram") * beyond
        + constant("embodied_extra_cpu") * (sockets - 1)
        + constant("embodied_ssd") * ssds
        + constant("embodied_hdd") * hdds
        + constant("embodied_gpu") * gpus
    )


def share_of_making(what: Machine, hours: float) -> float:
    """Grams of the making of its server that a machine carries for some hours; 0 if unknown."""
    pieces = _embodied(what, hours)
    return math.fsum(piece.g for piece in pieces)


def summed(estimates: Iterable[Estimate]) -> carbon.Total:
    """The sum of some estimates, which are all wrong in the same direction."""
    return carbon.total([estimate.footprint for estimate in estimates])


def _cpu_part(what: Machine, each: float, busy: float, edition: str, note: str) -> Part:
    watts = _coefficients.cpu(what.provider, what.microarchitectures, edition)
    names = ", ".join(what.microarchitectures) or "average"
    return Part(
        name="compute",
        it_kwh=watts.at(busy) * what.vcpus * each / 1e3,
        how=f"{what.vcpus:g} {watts.per} of {names}, {watts.min_w:.4g} to {watts.max_w:.4g} W "
        f"each, {watts.at(busy):.4g} W at {100 * busy:g} %",
        source=watts.source,
        note="; ".join(filter(None, (note, watts.note))),
    )


def _memory_part(what: Machine, each: float, edition: str) -> list[Part]:
    gb_hours = memory_gb_hours(what, each, edition)
    if not gb_hours:
        return []
    kwh = constant("memory_energy")
    beyond = "" if what.provider == "gcp" else " beyond the SPECpower machines'"
    return [
        Part(
            name="memory",
            it_kwh=gb_hours * kwh,
            how=f"{gb_hours / each:.4g} GB{beyond}, {1e3 * kwh:g} Wh a GB and hour",
            source="ccf_app",
        )
    ]


def _embodied(what: Machine, hours: float) -> tuple[Embodied, ...]:
    if what.embodied_kg is None:
        return ()
    years = constant("server_lifespan") / 8760
    share = what.vcpus / what.family_vcpus
    plain = carbon.embodied(
        what.embodied_kg,
        duration_s=hours * 3600,
        lifetime_years=years,
        share=share,
        uncertainty_rel=_EMBODIED_UNCERTAINTY,
    )
    return (
        carbon.Embodied(
            g=plain.g,
            uncertainty_g=plain.uncertainty_g,
            what=f"the server of {what.name}",
            total_kg=plain.total_kg,
            lifetime_years=plain.lifetime_years,
            time_share=plain.time_share,
            share=share,
            utilisation=1.0,
            source=what.source,
        ),
    )


def _estimate(
    what: str,
    provider: str,
    parts: tuple[Part, ...],
    *,
    region: str | None,
    intensity: Intensity | str | float | None,
    pue: float | None,
    edition: str,
    embodied: tuple[Embodied, ...] = (),
) -> Estimate:
    _coefficients.edition_of(edition)
    kwh = math.fsum(part.it_kwh for part in parts)
    # One model is wrong in one direction: its parts add up linearly.
    uncertainty = math.fsum(part.it_kwh * part.uncertainty_rel for part in parts)
    building = _coefficients.pue_of(provider, (region or "").casefold()) if pue is None else pue
    footprint = carbon.footprint(
        kwh * carbon.JOULES_PER_KWH,
        uncertainty_j=uncertainty * carbon.JOULES_PER_KWH,
        intensity=_coefficients.grid(provider, region, edition) if intensity is None else intensity,
        pue=building,
        # SPECpower is measured at the wall of the server: power supply and fans are in it.
        host_factor_uncertainty_rel=0.0,
        embodied=embodied or None,
    )
    return Estimate(what=what, provider=provider, parts=parts, footprint=footprint, edition=edition)


def _hours(hours: float) -> None:
    _check.at_least("hours", hours, 0.0, "pass hours, 0 or more")
