"""Jobs of a cluster, added up by user and by project."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from microjoule import carbon
from microjoule.estimate import _tables
from microjoule.estimate._cluster import Cluster
from microjoule.estimate._estimate import Assumption, Estimate
from microjoule.estimate._green_algorithms import WATTS_PER_GB
from microjoule.estimate._parts import CORE_UNCERTAINTY_REL, GPU_UNCERTAINTY_REL
from microjoule.hardware import DRAM_UNCERTAINTY_REL

_UNCERTAINTY = {
    "cpu": CORE_UNCERTAINTY_REL,
    "gpu": GPU_UNCERTAINTY_REL,
    "dram": DRAM_UNCERTAINTY_REL,
}
_KINDS = tuple(_UNCERTAINTY)
_METHOD = "Green Algorithms for HPC"


class Job(NamedTuple):
    """One job.

    Attributes:
        job, name, user, project, partition, state: as in the accounting.
        succeeded: whether it ended as it should.
        duration_s: for how long it ran, s.
        cpu_j, gpu_j, memory_j: energy of the machine, J.
        unneeded_j: what of ``memory_j`` is of memory that it asked for and did not need, J.
        co2e_g: with PUE and intensity, grams of CO2 equivalent.
    """

    job: str
    name: str
    user: str
    project: str
    partition: str
    state: str
    succeeded: bool
    duration_s: float
    cpu_j: float
    gpu_j: float
    memory_j: float
    unneeded_j: float
    co2e_g: float

    @property
    def energy_j(self) -> float:
        """Energy of the machine, J."""
        return self.cpu_j + self.gpu_j + self.memory_j


class Sum(NamedTuple):
    """Jobs that belong together.

    Attributes:
        name: of the user or the project; empty for all.
        jobs, failed_jobs: how many.
        estimate: all they took.
        failed: what those took that failed.
        unneeded_g: carbon of memory that was asked for and not needed, grams.
    """

    name: str
    jobs: int
    failed_jobs: int
    estimate: Estimate
    failed: Estimate
    unneeded_g: float

    def to_dict(self) -> dict[str, object]:
        """Return the figures by name, ready for JSON."""
        return {
            "name": self.name,
            "jobs": self.jobs,
            "failed_jobs": self.failed_jobs,
            "energy_kwh": self.estimate.energy_kwh,
            "facility_energy_kwh": self.estimate.facility_energy_kwh,
            "co2e_g": self.estimate.co2e_g,
            "failed_kwh": self.failed.facility_energy_kwh,
            "failed_g": self.failed.co2e_g,
            "unneeded_g": self.unneeded_g,
            "quality": self.estimate.quality,
        }


class _Tally:
    """Sums of the jobs of one user or project."""

    __slots__ = ("duration_s", "failed", "failed_jobs", "jobs", "joules", "unneeded_j")

    def __init__(self) -> None:
        self.jobs = self.failed_jobs = 0
        self.duration_s = self.unneeded_j = 0.0
        self.joules = [0.0, 0.0, 0.0]
        self.failed = [0.0, 0.0, 0.0]

    def add(self, job: Job) -> None:
        self.jobs += 1
        self.duration_s += job.duration_s
        self.unneeded_j += job.unneeded_j
        for n, joules in enumerate((job.cpu_j, job.gpu_j, job.memory_j)):
            self.joules[n] += joules
            if not job.succeeded:
                self.failed[n] += joules
        self.failed_jobs += not job.succeeded


class Reckoning:
    """Adds up jobs, and makes estimates of the sums."""

    def __init__(
        self,
        cluster: Cluster,
        pue: float | str | None,
        intensity: carbon.Intensity | str | float | None,
    ) -> None:
        building = pue if pue is not None else cluster.pue
        self._factors: dict[str, Any] = {}
        self._pue_source = "given"
        if building is None:
            default = carbon.pue_default("unknown", "Green Algorithms")
            building = default.value
            self._factors["pue_uncertainty_rel"] = default.uncertainty_rel
            self._pue_source = f"{default.name}, {default.year}"
        self._factors["pue"] = building
        where = cluster.g_per_kwh if intensity is None else intensity
        one = carbon.footprint(1.0, intensity=where, **self._factors)
        # Looked up once: a place is the same for all of them.
        self._factors["intensity"] = one.intensity
        self.g_per_j = one.co2e_g
        self._pue = one.pue
        partitions = cluster.partitions or {"": cluster.every}
        self._watts = tuple(
            Assumption(f"{what} power{f' in {name}' if name else ''}", watts, "W", cluster.source)
            for name, partition in partitions.items()
            for what, watts in (("core", partition.core_w), ("GPU", partition.gpu_w))
        )
        self._all: dict[str, dict[str, _Tally]] = {"": {"": _Tally()}, "user": {}, "project": {}}

    def add(self, job: Job) -> None:
        self._all[""][""].add(job)
        for by, name in (("user", job.user), ("project", job.project)):
            tally = self._all[by].get(name)
            if tally is None:
                tally = self._all[by][name] = _Tally()
            tally.add(job)

    def sums(self, by: str) -> list[Sum]:
        """The sums of all users or projects, the largest first."""
        every = [self.sum_of(by, name) for name in self._all[by]]
        return sorted(every, key=lambda s: (-s.estimate.energy_j, s.name))

    def sum_of(self, by: str, name: str) -> Sum:
        tally = self._all[by][name]
        return Sum(
            name=name,
            jobs=tally.jobs,
            failed_jobs=tally.failed_jobs,
            estimate=self._estimate(name, tally.joules, tally.duration_s),
            failed=self._estimate(name, tally.failed, 0.0),
            unneeded_g=tally.unneeded_j * self.g_per_j,
        )

    def _estimate(self, name: str, joules: list[float], duration_s: float) -> Estimate:
        by_kind = dict(zip(_KINDS, joules, strict=True))
        # Watts that are wrong are wrong for all jobs: only kinds of devices are independent.
        spread = [by_kind[kind] * u for kind, u in _UNCERTAINTY.items()]
        return Estimate(
            label=name or None,
            method=_METHOD,
            duration_s=duration_s,
            by_kind=by_kind,
            carbon=carbon.footprint(
                math.fsum(joules), uncertainty_j=math.hypot(*spread), **self._factors
            ),
            assumptions=(
                *self._watts,
                Assumption("memory power", WATTS_PER_GB, "W/GB", _tables.source("ga_ref")),
                Assumption("PUE", self._pue, source=self._pue_source),
            ),
            reason="Green Algorithms for HPC: core hours used, GPU hours and memory asked for, at "
            "design power",
        )
