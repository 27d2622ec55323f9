"""The machines that a cloud lets: cores, memory, GPUs, and the server they are a part of."""

from __future__ import annotations

from functools import cache
from typing import Final

from microjoule.config import Frozen
from microjoule.estimate.ccf import _tables

# What a service puts before the name of the machine it runs on.
SERVICE_PREFIXES: Final = (
    "db.",
    "cache.",
    "ml.",
    "dax.",
    "dms.",
    "mq.",
    "kafka.",
    "kernelgateway-ml.",
)
_AZURE_PREFIXES: Final = ("standard", "basic")


class Machine(Frozen):
    """A machine of a cloud.

    Attributes:
        name: its name, such as ``"m5.xlarge"``; what was described has the description.
        provider: ``"aws"``, ``"azure"``, ``"gcp"``, ``"alibaba"`` or ``"on-premise"``.
        vcpus: virtual cores; on-premise: servers.
        memory_gb: memory, GB.
        microarchitectures: those it may have; empty where nobody says.
        gpu: name of its GPUs, or empty.
        gpus: how many.
        family_vcpus: virtual cores of the largest of its family, which is taken for the server.
        family_memory_gb: memory of the largest, GB.
        embodied_kg: making of the server, kg CO2e; None where nobody says.
        baseline: share of its cores that a burstable machine gets all the time; None: all of it.
        source: key of the source.
    """

    __slots__ = (
        "name",
        "provider",
        "vcpus",
        "memory_gb",
        "microarchitectures",
        "gpu",
        "gpus",
        "family_vcpus",
        "family_memory_gb",
        "embodied_kg",
        "baseline",
        "source",
    )
    name: str
    provider: str
    vcpus: float
    memory_gb: float
    microarchitectures: tuple[str, ...]
    gpu: str
    gpus: float
    family_vcpus: float
    family_memory_gb: float
    embodied_kg: float | None
    baseline: float | None
    source: str

    def __init__(
        self,
        *,
        name: str,
        provider: str,
        vcpus: float,
        memory_gb: float,
        microarchitectures: tuple[str, ...] = (),
        gpu: str = "",
        gpus: float = 0.0,
        family_vcpus: float | None = None,
        family_memory_gb: float | None = None,
        embodied_kg: float | None = None,
        baseline: float | None = None,
        source: str = "given",
    ) -> None:
        self._fill(
            name=name,
            provider=provider,
            vcpus=vcpus,
            memory_gb=memory_gb,
            microarchitectures=microarchitectures,
            gpu=gpu,
            gpus=gpus,
            family_vcpus=vcpus if family_vcpus is None else family_vcpus,
            family_memory_gb=memory_gb if family_memory_gb is None else family_memory_gb,
            embodied_kg=embodied_kg,
            baseline=baseline,
            source=source,
        )


def machine(provider: str, name: str) -> Machine:
    """A machine of a provider by its name.

    Args:
        provider: ``"aws"``, ``"azure"`` or ``"gcp"``.
        name: such as ``"m5.xlarge"``, ``"db.m5.xlarge"``, ``"Standard_D4s_v3"`` or
            ``"n2-standard-8"``; case does not matter.

    Raises:
        ValueError: The table has no such machine; the sentence has the nearest names.
    """
    found = find(provider, name)
    if found is None:
        raise ValueError(unknown(provider, name))
    return found


def find(provider: str, name: str) -> Machine | None:
    """The same, None where the table has no such machine."""
    return _machines(provider).get(_key(provider, name))


def unknown(provider: str, name: str) -> str:
    """What is said of a machine that the table does not have."""
    near = nearest(provider, name)
    hint = f"did you mean {', '.join(near)}?" if near else "describe it by vCPUs and memory"
    return f"instance is {name!r}, which the table of {provider} does not have: {hint}"


def nearest(provider: str, name: str, count: int = 5) -> list[str]:
    """The names of the table that are nearest to a name: of its family, else spelt alike."""
    from difflib import get_close_matches

    machines = _machines(provider)
    key = _key(provider, name)
    family = key.partition(".")[0] if provider == "aws" else ""
    kin = [key for key in machines if family and key.startswith(f"{family}.")]
    near = get_close_matches(key, kin or machines, n=count, cutoff=0.5) or kin[:count]
    return [machines[key].name for key in near]


def machines(provider: str) -> list[Machine]:
    """All machines of a provider."""
    return list(_machines(provider).values())


@cache
def _machines(provider: str) -> dict[str, Machine]:
    if provider not in ("aws", "azure", "gcp"):
        return {}
    return {
        _key(provider, row["name"]): _machine(provider, row)
        for row in _tables.rows(f"{provider}.csv")
    }


def _machine(provider: str, row: dict[str, str]) -> Machine:
    def number(column: str) -> float | None:
        return float(row[column]) if row[column] else None

    baseline = number("baseline")
    return Machine(
        name=row["name"],
        provider=provider,
        vcpus=float(row["vcpus"]),
        memory_gb=float(row["memory_gb"]),
        microarchitectures=tuple(filter(None, row["microarchitectures"].split("+"))),
        gpu=row["gpu"],
        gpus=float(row["gpus"]),
        family_vcpus=float(row["family_vcpus"]),
        family_memory_gb=float(row["family_memory_gb"]),
        embodied_kg=number("embodied_kg"),
        baseline=None if baseline is None else baseline / 100,
        source=f"ccf_{provider}",
    )


def _key(provider: str, name: str) -> str:
    key = name.strip().casefold()
    if provider == "aws":
        for prefix in SERVICE_PREFIXES:
            key = key.removeprefix(prefix)
    if provider == "azure":
        words = key.replace("_", " ").split()
        if words and words[0] in _AZURE_PREFIXES:
            words = words[1:]
        key = " ".join(words)
    return key
