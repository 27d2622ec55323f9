"""A cluster as its accounting needs it: watts by partition, PUE, intensity.

The file is the ``cluster_info.yaml`` of Green Algorithms for HPC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from microjoule import untrusted
from microjoule.estimate._parts import ANY_CORE_W, ANY_GPU_W

__all__ = ["Cluster", "Partition", "read_cluster"]

_UNITS = ("K", "M", "G", "T")
_KEYS = (
    "cluster_name",
    "granularity_memory_request",
    "partitions",
    "PUE",
    "CI",
    "default_unit_RSS",
    "energy_cost",
    "texts_intro",
)


class Partition(NamedTuple):
    """What a core and a GPU of a partition are designed to draw, W."""

    core_w: float = ANY_CORE_W
    gpu_w: float = ANY_GPU_W


class Cluster(NamedTuple):
    """What is known of a cluster.

    Attributes:
        every: what holds where a partition is not named.
        partitions: by name; empty: nobody named any.
        pue: power usage effectiveness; None: not said.
        g_per_kwh: carbon intensity, g/kWh; None: not said.
        granularity_gb: memory is handed out in multiples of this, GB.
        rss_unit: unit of a MaxRSS that has none.
        source: who says how many watts: a file, ``"given"``, or Green Algorithms for any part.
    """

    every: Partition = Partition()
    partitions: Mapping[str, Partition] = {}
    pue: float | None = None
    g_per_kwh: float | None = None
    granularity_gb: float = 6.0
    rss_unit: str = "K"
    source: str = "Green Algorithms: any"

    def partition(self, name: str) -> Partition | None:
        """Return a partition, what holds for all where none is named, None where it is unknown."""
        return self.partitions.get(name) if self.partitions else self.every


def read_cluster(path: str) -> Cluster:
    """Read the description of a cluster.

    Raises:
        ValueError: something in it cannot be; the sentence names the place.
        OSError: it cannot be read.
    """
    top = untrusted.mapping(untrusted.load_yaml(path), path)
    for key in top:
        if key not in _KEYS:
            raise ValueError(f"{path} has an unknown key {key!r}: pass {', '.join(_KEYS)}")
    partitions = untrusted.mapping(top.get("partitions", {}), f"{path}: partitions")
    unit = str(top.get("default_unit_RSS", "K")).upper()
    if unit not in _UNITS:
        raise ValueError(f"{path}: default_unit_RSS is {unit!r}: pass one of {', '.join(_UNITS)}")
    pue = _number(top, "PUE", path)
    if pue is not None and pue < 1:
        raise ValueError(f"{path}: PUE is {pue:g}: pass 1 or more")
    granularity = _number(top, "granularity_memory_request", path)
    return Cluster(
        partitions={
            name: _partition(given, f"{path}: partitions.{name}")
            for name, given in partitions.items()
        },
        pue=pue,
        g_per_kwh=_number(top, "CI", path),
        granularity_gb=granularity or Cluster().granularity_gb,
        rss_unit=unit,
        source=path,
    )


def _partition(given: Any, at: str) -> Partition:
    fields = untrusted.mapping(given, at)
    for key in fields:
        if key not in ("type", "model", "TDP", "model_CPU", "TDP_CPU"):
            raise ValueError(f"{at} has an unknown key {key!r}: pass type, TDP and TDP_CPU")
    kind = fields.get("type")
    if kind not in ("CPU", "GPU"):
        raise ValueError(f"{at}.type is {kind!r}: pass CPU or GPU")
    tdp = _number(fields, "TDP", at)
    if tdp is None:
        raise ValueError(f"{at}: pass TDP, the watts of a {'core' if kind == 'CPU' else 'GPU'}")
    if kind == "CPU":
        return Partition(core_w=tdp)
    cores = _number(fields, "TDP_CPU", at)
    return Partition(ANY_CORE_W if cores is None else cores, tdp)


def _number(fields: Mapping[str, Any], key: str, at: str) -> float | None:
    return untrusted.number(fields[key], f"{at}.{key}") if key in fields else None
