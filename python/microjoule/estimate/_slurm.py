"""Green Algorithms for HPC: what the jobs of a cluster took, by its accounting.

``kWh = (core hours used · W + GPU hours · W + hours · GB asked for · 0.3725) · PUE / 1000``, job by
job, summed by user and by project, with what failed and what memory nobody used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from microjoule import carbon
from microjoule.estimate import _parts, _sacct
from microjoule.estimate._cluster import Cluster, Partition, read_cluster
from microjoule.estimate._green_algorithms import WATTS_PER_GB
from microjoule.estimate._lines import Lines
from microjoule.estimate._sacct import CellError
from microjoule.estimate._slurm_sums import Job, Reckoning, Sum

__all__ = ["Job", "Jobs", "Sum", "slurm"]

_SUCCESS = frozenset({"COMPLETED"})
_UNFINISHED = frozenset(
    {"PENDING", "RUNNING", "REQUEUED", "RESIZING", "SUSPENDED", "CONFIGURING", "COMPLETING"}
)
_FAILED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
_NOBODY = "(not said)"


class Jobs(NamedTuple):
    """What an accounting export says.

    Attributes:
        jobs: job by job, in its order; empty where they were not to be kept.
        total: all of them.
        users, projects: by name, the largest first.
        unfinished: jobs that wait or run and are left out.
        errors: lines that say nothing and were left out, a sentence each.
    """

    jobs: list[Job]
    total: Sum
    users: list[Sum]
    projects: list[Sum]
    unfinished: int
    errors: list[str]


def slurm(
    path: str,
    *,
    cluster: Cluster | str | None = None,
    cpu: str | None = None,
    core_w: float | None = None,
    gpu: str | None = None,
    gpu_w: float | None = None,
    pue: float | str | None = None,
    intensity: carbon.Intensity | str | float | None = None,
    success: tuple[str, ...] | list[str] = (),
    keep_going: bool = False,
    keep_jobs: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Jobs:
    """Return what the jobs of a cluster took, from ``sacct --parsable2``.

    Args:
        path: the export. ``JobID``, ``Elapsed`` and ``NCPUS`` must be in it; what of ``User``,
            ``Account``, ``State``, ``Partition``, ``TotalCPU``, ``CPUTime``, ``ReqMem``,
            ``MaxRSS``, ``NNodes`` and ``AllocTRES`` is in it is used.
        cluster: a `Cluster`, or a file that describes it: watts by partition, PUE, intensity.
        cpu: model of the cores of all partitions; None: 12 W a core.
        core_w: or what one of them is designed to draw, W.
        gpu: model of the GPUs; None: 200 W.
        gpu_w: or what one of them is designed to draw, W.
        pue: of the building, or a provider; None: the cluster's, else 1.56, which nobody knows.
        intensity: what `microjoule.carbon.intensity` takes; None: the cluster's, else of the place.
        success: states that count as success beside ``COMPLETED``, such as ``"TIMEOUT"``.
        keep_going: leave out lines that say nothing, and name them in ``errors``.
        keep_jobs: False: the sums only, for exports larger than memory.
        progress: told of bytes read and bytes in all.

    Raises:
        ValueError: the export, the cluster or a figure cannot be; of a line the sentence names the
            column.
        OSError: a file cannot be read.
    """
    there = cluster if isinstance(cluster, Cluster) else _cluster(cluster)
    there = _with_watts(there, cpu, core_w, gpu, gpu_w)
    good = _SUCCESS | {state.strip().upper() for state in success}
    reckoning = Reckoning(there, pue, intensity)
    errors: list[str] = []

    def left_out(error: CellError) -> None:
        if not keep_going:
            raise error
        errors.append(str(error))

    jobs: list[Job] = []
    unfinished = 0
    with Lines(path, progress) as lines:
        for found in _sacct.allocations(iter(lines), path, left_out, there.rss_unit):
            if found.state in _UNFINISHED and found.state not in good:
                unfinished += 1
                continue
            try:
                job = _job(found, there, good, reckoning.g_per_j, path)
            except CellError as error:
                left_out(error)
                continue
            reckoning.add(job)
            if keep_jobs:
                jobs.append(job)
    return Jobs(
        jobs=jobs,
        total=reckoning.sum_of("", ""),
        users=reckoning.sums("user"),
        projects=reckoning.sums("project"),
        unfinished=unfinished,
        errors=errors,
    )


def _job(
    found: _sacct.Allocation,
    cluster: Cluster,
    good: frozenset[str] | set[str],
    g_per_j: float,
    path: str,
) -> Job:
    partition = cluster.partition(found.partition)
    if partition is None:
        raise CellError(
            f"{path}, line {found.line}, column Partition: {found.partition!r} is not in the "
            f"cluster's description, which has {', '.join(cluster.partitions)}"
        )
    if found.state and found.state not in good | _FAILED:
        raise CellError(
            f"{path}, line {found.line}, column State: {found.state!r} is no state of a job"
        )
    asked = found.memory_gb
    needed = asked
    if found.used_gb is not None:
        step = cluster.granularity_gb
        least = (math.floor(found.used_gb / step) + 1) * step
        needed = min(asked, least)
    memory_j = found.duration_s * asked * WATTS_PER_GB
    cpu_j = found.core_s * partition.core_w
    gpu_j = found.duration_s * found.gpus * partition.gpu_w
    return Job(
        job=found.job,
        name=found.name,
        user=found.user or _NOBODY,
        project=found.account or _NOBODY,
        partition=found.partition,
        state=found.state,
        # An export without states does not say that anything failed.
        succeeded=not found.state or found.state in good,
        duration_s=found.duration_s,
        cpu_j=cpu_j,
        gpu_j=gpu_j,
        memory_j=memory_j,
        unneeded_j=found.duration_s * (asked - needed) * WATTS_PER_GB,
        co2e_g=(cpu_j + gpu_j + memory_j) * g_per_j,
    )


# -- what is known -----------------------------------------------------------------------------


def _cluster(path: str | None) -> Cluster:
    return Cluster() if path is None else read_cluster(path)


def _with_watts(
    cluster: Cluster, cpu: str | None, core_w: float | None, gpu: str | None, gpu_w: float | None
) -> Cluster:
    if cluster.partitions and any(given is not None for given in (cpu, core_w, gpu, gpu_w)):
        raise ValueError("watts are the cluster's: pass its description or them, not both")
    if (cpu is not None and core_w is not None) or (gpu is not None and gpu_w is not None):
        raise ValueError("pass a model or its watts, not both")
    every = cluster.every
    if cpu is not None:
        core_w = _parts.cpu_core(cpu).watts
    if gpu is not None:
        gpu_w = _parts.accelerator(gpu).watts
    for name, value in (("core_w", core_w), ("gpu_w", gpu_w)):
        if value is not None and not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}: pass watts, 0 or more")
    if core_w is None and gpu_w is None:
        return cluster
    return cluster._replace(
        source="given",
        every=Partition(
            every.core_w if core_w is None else core_w, every.gpu_w if gpu_w is None else gpu_w
        ),
    )
