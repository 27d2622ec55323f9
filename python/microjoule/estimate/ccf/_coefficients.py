"""Watts, watt-hours and grams of Cloud Carbon Footprint, by edition: its editions disagree."""

from __future__ import annotations

import statistics
from typing import Final, NamedTuple

from microjoule.carbon import Intensity, intensity
from microjoule.config import Frozen
from microjoule.estimate.ccf import _tables

PROVIDERS: Final = ("aws", "azure", "gcp", "alibaba", "on-premise")
DEFAULT_EDITION: Final = "2024-03"


class Edition(NamedTuple):
    """Which figures are taken: watts of processors, and factors of the grids of the US."""

    watts: str
    grids: str
    summary: str


EDITIONS: Final = {
    "2024-03": Edition(
        "ccf-app", "repository, March 2024", "the application's repository of March 2024"
    ),
    "packages": Edition(
        "ccf-app", "core package 1.0.0", "the packages aws 0.15.0, azure 1.8.0 and core 1.0.0"
    ),
    "2026-04": Edition(
        "ccf-coefficients", "core package 1.0.0", "the coefficients of April 2026, for processors"
    ),
}
"""By name: what `edition` may be. The packages have the repository's watts and newer US grids."""

# Annual factors of mixed origin (EPA, EEA and others), as old as the edition.
_GRID_UNCERTAINTY: Final = (("reporting", 0.05), ("annual mean", 0.15), ("production", 0.22))
_UNKNOWN_REGION: Final = (("place", 1.0),)
# With one of these in the list a mean would be drawn up by a few old machines.
_MEDIAN_IF: Final = {"Sandy Bridge", "Ivy Bridge"}


class Watts(Frozen):
    """Power of a processor, idle and under full load.

    Attributes:
        min_w: watts at 0 % per `per`.
        max_w: watts at 100 %.
        per: ``"vCPU"``, ``"device"`` or ``"server"``.
        gb_per_chip: memory of the machines of the SPECpower runs behind it, GB a chip; None where
            the source has none.
        source: key of the source.
        note: what was taken in place of what, or empty.
    """

    __slots__ = ("gb_per_chip", "max_w", "min_w", "note", "per", "source")
    min_w: float
    max_w: float
    per: str
    gb_per_chip: float | None
    source: str
    note: str

    def __init__(
        self,
        *,
        min_w: float,
        max_w: float,
        per: str,
        gb_per_chip: float | None,
        source: str,
        note: str = "",
    ) -> None:
        self._fill(
            min_w=min_w, max_w=max_w, per=per, gb_per_chip=gb_per_chip, source=source, note=note
        )

    def at(self, utilisation: float) -> float:
        """Watts at a utilisation of 0 to 1."""
        return self.min_w + utilisation * (self.max_w - self.min_w)


def edition_of(name: str) -> Edition:
    """An edition by its name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in EDITIONS:
        raise ValueError(f"edition is {name!r}: pass one of {', '.join(EDITIONS)}")
    return EDITIONS[name]


def provider_of(name: str) -> str:
    """A provider in the tables' spelling.

    Raises:
        ValueError: There is none of that name.
    """
    found = name.strip().casefold().replace("_", "-")
    if found not in PROVIDERS:
        raise ValueError(f"provider is {name!r}: pass one of {', '.join(PROVIDERS)}")
    return found


def constant(name: str, applies_to: str = "all") -> float:
    """A constant of the table, such as ``memory_energy``."""
    for row in _tables.rows("constants.csv"):
        if row["constant"] == name and row["applies_to"] == applies_to:
            return float(row["value"])
    raise KeyError(f"{name} of {applies_to}")


def choices(name: str, prefix: str = "") -> list[str]:
    """What a constant is known of."""
    whole = (r["applies_to"] for r in _tables.rows("constants.csv") if r["constant"] == name)
    return [applies for applies in whole if applies.startswith(prefix)]


def pue_of(provider: str, region: str = "") -> float:
    """The PUE of a provider, of the region itself where there is one."""
    own = f"{provider}:{region}"
    return constant("pue", own if own in choices("pue") else provider)


def replication_of(provider: str, service: str) -> float:
    """How often a service keeps what it stores.

    Raises:
        ValueError: The service is unknown; the sentence names those that are known.
    """
    for name in choices("replication_factor", f"{provider}:"):
        if name.partition(":")[2].casefold() == service.strip().casefold():
            return constant("replication_factor", name)
    known = [name.partition(":")[2] for name in choices("replication_factor", f"{provider}:")]
    raise ValueError(
        f"replication is {service!r}: pass a factor of 1 or more"
        + (f", or one of {', '.join(known)}" if known else "")
    )


def cpu(provider: str, names: tuple[str, ...], edition: str = DEFAULT_EDITION) -> Watts:
    """The power of some micro-architectures together: their mean, or with the oldest the median.

    Args:
        provider: one of `PROVIDERS`.
        names: micro-architectures of which nobody knows which it will be; empty: the provider's
            average.
        edition: one of `EDITIONS`.
    """
    watts = edition_of(edition).watts
    found = [row for name in names if (row := _row(provider, "cpu", name, watts)) is not None]
    missing = [name for name in names if _row(provider, "cpu", name, watts) is None]
    note = ""
    if missing or not names:
        row = _row(provider, "cpu", "(average)", watts) or _row(provider, "cpu", "(median)", watts)
        what = ", ".join(missing) or "the micro-architecture"
        note = f"{what} has no figure in edition {edition}: the provider's average"
        if row is None:
            row = _row(provider, "cpu", "(average)", "ccf-app")
            row = row or _row(provider, "cpu", "(median)", "ccf-app")
        assert row is not None
        found = [row]
    middle = statistics.median if _MEDIAN_IF & set(names) else statistics.fmean
    chips = [float(row["gb_per_chip"]) for row in found if row["gb_per_chip"]]
    return Watts(
        min_w=middle([float(row["min_w"]) for row in found]),
        max_w=middle([float(row["max_w"]) for row in found]),
        per=found[0]["per"],
        gb_per_chip=statistics.fmean(chips) if chips else None,
        source=found[0]["source"],
        note=note,
    )


def gpu(provider: str, name: str) -> Watts:
    """The power of a GPU, a device.

    Raises:
        ValueError: The table has no such GPU; the sentence names those it has.
    """
    known = {r["name"]: r for r in _tables.rows("coefficients.csv") if r["kind"] == "gpu"}
    wanted = _bare(name)
    for row in sorted(known.values(), key=lambda row: row["provider"] != provider):
        if wanted in (_bare(row["name"]), _bare(row["name"]).removeprefix("tesla")):
            return Watts(
                min_w=float(row["min_w"]),
                max_w=float(row["max_w"]),
                per=row["per"],
                gb_per_chip=None,
                source=row["source"],
            )
    raise ValueError(f"gpu is {name!r}: pass one of {', '.join(sorted(known))}")


def microarchitecture_of(provider: str, name: str) -> str:
    """A micro-architecture in the tables' spelling.

    Raises:
        ValueError: The tables have none of that name for the provider.
    """
    known = {
        row["name"]
        for row in _tables.rows("coefficients.csv")
        if row["kind"] == "cpu" and row["provider"] == provider and row["name"][0] != "("
    }
    for candidate in known:
        if _bare(candidate) == _bare(name):
            return candidate
    raise ValueError(f"microarchitecture is {name!r}: pass one of {', '.join(sorted(known))}")


def grid(provider: str, region: str | None, edition: str = DEFAULT_EDITION) -> Intensity:
    """The intensity that Cloud Carbon Footprint takes for a region.

    For Google, and for regions that its table lacks, it is the figure of microjoule's own tables.

    Args:
        provider: one of `PROVIDERS`.
        region: such as ``"us-east-1"`` or ``"westeurope"``; None: the plain mean of the provider's
            table, which is marked as such.
        edition: one of `EDITIONS`.

    Raises:
        ValueError: Nobody knows the region; the sentence has the nearest names.
    """
    if region is None:
        if provider == "alibaba":
            return intensity("WORLD")
        return _ccf_intensity(
            constant("unknown_region_intensity", provider),
            "no region named",
            _UNKNOWN_REGION,
            f"nobody named the region: the plain mean of all regions of {provider}",
        )
    wanted = region.strip().casefold().replace(" ", "")
    for row in _tables.rows("regions.csv"):
        if row["provider"] == provider and row["region"] == wanted:
            figure = row["g_per_kwh"]
            g_per_kwh = float(figure) if figure[0].isdigit() else _nerc(figure, edition)
            return _ccf_intensity(g_per_kwh, f"{provider}:{wanted}", _GRID_UNCERTAINTY, "")
    if provider in ("aws", "azure", "gcp"):
        return intensity(f"{provider}:{wanted}")
    return intensity(region)


def _nerc(name: str, edition: str) -> float:
    return constant("nerc_intensity", f"us:{name} ({edition_of(edition).grids})")


def _ccf_intensity(
    g_per_kwh: float, place: str, parts: tuple[tuple[str, float], ...], note: str
) -> Intensity:
    return Intensity(
        g_per_kwh=g_per_kwh,
        place=place,
        name=place,
        year=None,
        scope="unknown",
        basis="production",
        method="average",
        accounting="location",
        source="ccf_app",
        source_title=_tables.source("ccf_app"),
        licence="Apache-2.0",
        uncertainty_parts=parts,
        edition="",
        rung="cloud region",
        guess=bool(note),
        note=note,
    )


def _row(provider: str, kind: str, name: str, edition: str) -> dict[str, str] | None:
    for row in _tables.rows("coefficients.csv"):
        if (row["provider"], row["kind"], row["name"], row["edition"]) == (
            provider,
            kind,
            name,
            edition,
        ):
            return row
    return None


def _bare(name: str) -> str:
    words = name.casefold().replace("-", " ").replace("_", " ").split()
    return "".join(word for word in words if word not in ("nvidia", "amd", "intel", "xilinx"))
