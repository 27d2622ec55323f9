"""Green Algorithms: energy from hours, cores, accelerators and memory (Lannelongue et al. 2021).

``kWh = h · PUE · (n_cpu·p_core·u_cpu + n_gpu·p_gpu·u_gpu + 0.3725·GB) · PSF / 1000``, as the
calculator's edition 3 has it. The carbon intensity is microjoule's own, by place.
"""

from __future__ import annotations

import math

from microjoule import carbon, hardware
from microjoule.carbon import _check
from microjoule.estimate import _parts, _tables
from microjoule.estimate._estimate import Assumption, Estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.carbon import Equivalent, Factor, Intensity

__all__ = ["PLATFORMS", "WATTS_PER_GB", "green_algorithms", "green_algorithms_equivalents"]

WATTS_PER_GB = 0.3725
"""Power of memory that is available to a job, W per GB, whether it is used or not."""

PLATFORMS = ("personal", "local", "cloud")
"""An own computer, a server of one's own house, a cloud."""

_METHOD = "Green Algorithms"
# Below how many grams which flight is told: half of the next one.
_FLIGHTS = (
    (0.5 * 570_000, "flight_paris_dublin"),
    (0.5 * 2_310_000, "flight_ny_sf"),
    (math.inf, "flight_ny_melbourne"),
)
_TREE_YEARS_FROM = 24.0


def green_algorithms(
    hours: float,
    *,
    minutes: float = 0.0,
    cores: float = 0.0,
    cpu: str | None = None,
    core_w: float | None = None,
    usage: float = 1.0,
    gpus: float = 0.0,
    gpu: str | None = None,
    gpu_w: float | None = None,
    gpu_usage: float = 1.0,
    memory_gb: float = 0.0,
    psf: float = 1.0,
    platform: str = "local",
    provider: str | None = None,
    region: str | None = None,
    pue: float | str | None = None,
    intensity: Intensity | str | float | None = None,
    label: str | None = None,
) -> Estimate:
    """Return what the Green Algorithms calculator says of a piece of work.

    Args:
        hours: for how long it runs, h.
        minutes: what comes on top, min.
        cores: how many cores it has.
        cpu: their model; None: 12 W a core, the calculator's "Any".
        core_w: or what one of them is designed to draw, W.
        usage: mean usage of the cores, 0 to 1.
        gpus: how many accelerators it has.
        gpu: their model; None: 200 W, the calculator's "Any".
        gpu_w: or what one of them is designed to draw, W.
        gpu_usage: mean usage of the accelerators, 0 to 1.
        memory_gb: memory that is available to it, GB, whether it is used or not.
        psf: how often it is run (pragmatic scaling factor).
        platform: ``"personal"`` (no building), ``"local"`` (a server room) or ``"cloud"``.
        provider: of the cloud: ``"aws"``, ``"gcp"``, ``"azure"``, ``"ovhcloud"``, ``"oracle"``.
        region: of the cloud, such as ``"eu-west-1"``, where the electricity comes from.
        pue: of the building, or a provider for its own published figure; None: the calculator's, 1
            on an own computer, 1.56 where nobody knows it.
        intensity: what `microjoule.carbon.intensity` takes; None: of the region, else of the
            settings, else of the time zone.
        label: what it is called.

    Raises:
        ValueError: a figure is out of its range, or a name unknown.

    Example:
        >>> e = green_algorithms(12, cores=12, core_w=7.5, memory_gb=64, pue=1.56, intensity=475)
        >>> round(e.facility_energy_kwh, 6), round(e.co2e_g, 4)
        (2.131085, 1012.2653)
    """
    duration_s = 3600 * (_hours("hours", hours) + _hours("minutes", minutes) / 60)
    duration_s *= _check.above_zero("psf", psf, "pass how often it is run, above 0")
    watts: dict[str, float] = {}
    spread: list[float] = []
    told: list[Assumption] = []
    if _some("cores", cores):
        each, known = _core(cpu, core_w)
        told += [Assumption("cores", float(cores)), each, _usage("usage", usage)]
        watts["cpu"] = cores * float(each.value) * usage
        spread.append(watts["cpu"] * known)
    elif cpu is not None or core_w is not None:
        raise ValueError("pass cores, how many of the processor's it has")
    if _some("gpus", gpus):
        each, known = _gpu(gpu, gpu_w)
        told += [Assumption("gpus", float(gpus)), each, _usage("gpu_usage", gpu_usage)]
        watts["gpu"] = gpus * float(each.value) * gpu_usage
        spread.append(watts["gpu"] * known)
    elif gpu is not None or gpu_w is not None:
        raise ValueError("pass gpus, how many of them it has")
    if _some("memory_gb", memory_gb):
        told.append(Assumption("memory", float(memory_gb), "GB"))
        told.append(Assumption("memory power", WATTS_PER_GB, "W/GB", _tables.source("ga_ref")))
        watts["dram"] = memory_gb * WATTS_PER_GB
        spread.append(watts["dram"] * hardware.DRAM_UNCERTAINTY_REL)
    if not watts:
        raise ValueError("nothing draws power: pass cores, gpus or memory_gb")
    if psf != 1:
        told.append(Assumption("psf", float(psf)))
    building = _building(platform, provider, pue)
    footprint = carbon.footprint(
        math.fsum(watts.values()) * duration_s,
        uncertainty_j=math.hypot(*spread) * duration_s,
        intensity=_place(provider, region, intensity),
        pue=building if isinstance(building, float | int) else building.value,
        pue_uncertainty_rel=None if isinstance(building, float | int) else building.uncertainty_rel,
    )
    told.append(_pue(footprint.pue, building))
    return Estimate(
        label=label,
        method=_METHOD,
        duration_s=duration_s,
        by_kind={kind: w * duration_s for kind, w in watts.items()},
        carbon=footprint,
        assumptions=tuple(told),
        reason="Green Algorithms: design power times usage, and all the memory that is available",
    )


def green_algorithms_equivalents(co2e_g: float) -> list[Equivalent]:
    """Return what the calculator compares a footprint with: trees, a car in the EU, a flight.

    Args:
        co2e_g: grams of CO2 equivalent.

    Raises:
        ValueError: the footprint is below 0.
    """
    flight = next(key for below, key in _FLIGHTS if co2e_g < below)
    tree, car, seat = carbon.equivalents(co2e_g, keys=("tree_year", "car_km_eu", flight))
    if 12 * tree.amount < _TREE_YEARS_FROM:
        # A twelfth of the year, and not the rounded month of the same table.
        tree = carbon.Equivalent(
            key="tree_month",
            amount=12 * tree.amount,
            unit=tree.unit,
            what="month of one mature tree",
            g_co2e=tree.g_co2e / 12,
            wh=tree.wh,
            year=tree.year,
            source=tree.source,
        )
    return [tree, car, seat]


def _hours(name: str, value: float) -> float:
    return _check.at_least(name, value, 0.0, f"pass {name}, 0 or more")


def _some(name: str, value: float) -> bool:
    """Whether there is any of it."""
    return _check.at_least(name, value, 0.0, "pass how many, 0 or more") > 0


def _usage(name: str, value: float) -> Assumption:
    sentence = "pass a share from 0 to 1, such as 0.9"
    return Assumption(name, _check.fraction(name, value, sentence))


def _core(cpu: str | None, core_w: float | None) -> tuple[Assumption, float]:
    """Watts of a core, and what they are known to."""
    if core_w is not None and cpu is not None:
        raise ValueError("pass the processor's model or the watts of a core, not both")
    if core_w is not None:
        watts = _check.at_least("core_w", core_w, 0.0, "pass the watts of a core, such as 12")
        return Assumption("core power", watts, "W"), _parts.CORE_UNCERTAINTY_REL
    if cpu is None:
        return _any("core", _parts.ANY_CORE_W)
    part = _parts.cpu_core(cpu)
    each = Assumption(f"core power ({part.model})", part.watts, "W", part.source)
    return each, _parts.CORE_UNCERTAINTY_REL


def _gpu(gpu: str | None, gpu_w: float | None) -> tuple[Assumption, float]:
    """Watts of an accelerator, and what they are known to."""
    if gpu_w is not None and gpu is not None:
        raise ValueError("pass the accelerator's model or its watts, not both")
    if gpu_w is not None:
        watts = _check.at_least("gpu_w", gpu_w, 0.0, "pass the watts of a GPU, such as 300")
        return Assumption("GPU power", watts, "W"), _parts.GPU_UNCERTAINTY_REL
    if gpu is None:
        return _any("GPU", _parts.ANY_GPU_W)
    part = _parts.accelerator(gpu)
    each = Assumption(f"GPU power ({part.model})", part.watts, "W", part.source)
    unseen = part.from_memory
    return each, _parts.UNSEEN_GPU_UNCERTAINTY_REL if unseen else _parts.GPU_UNCERTAINTY_REL


def _any(what: str, watts: float) -> tuple[Assumption, float]:
    """The calculator's "Any", where nobody says which."""
    each = Assumption(f"{what} power (any)", watts, "W", _tables.source("ga_tdp"))
    return each, _parts.ANY_UNCERTAINTY_REL


def _building(platform: str, provider: str | None, pue: float | str | None) -> Factor | float:
    """The PUE: given, of the provider, else the calculator's for the platform."""
    if platform not in PLATFORMS:
        raise ValueError(f"platform is {platform!r}: pass one of {', '.join(PLATFORMS)}")
    if provider is not None and platform != "cloud":
        raise ValueError(f"a provider is of a cloud: pass platform='cloud', not {platform!r}")
    if isinstance(pue, str):
        return carbon.pue_of(pue)
    if pue is not None:
        return pue
    if platform == "personal":
        return 1.0
    return carbon.pue_default(provider or "unknown", "Green Algorithms")


def _pue(value: float, building: Factor | float) -> Assumption:
    if isinstance(building, float | int):
        return Assumption("PUE", value)
    return Assumption("PUE", value, source=f"{building.name}, {building.year}")


def _place(
    provider: str | None, region: str | None, intensity: Intensity | str | float | None
) -> Intensity | str | float | None:
    """What was given, else the region; None where nobody named a place."""
    if intensity is not None or region is None:
        return intensity
    return region if provider is None else f"{provider}:{region}"
