"""Energy and carbon of what nobody measured: from hours and cores, and from a cluster's accounting.

Every way gives an `Estimate`, whose figures have the names of a `Measurement`'s and whose quality
is ``"estimated"`` for ever.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.estimate._cluster import Cluster as Cluster
    from microjoule.estimate._cluster import Partition as Partition
    from microjoule.estimate._cluster import read_cluster as read_cluster
    from microjoule.estimate._estimate import Assumption as Assumption
    from microjoule.estimate._estimate import Estimate as Estimate
    from microjoule.estimate._green_algorithms import green_algorithms as green_algorithms
    from microjoule.estimate._green_algorithms import (
        green_algorithms_equivalents as green_algorithms_equivalents,
    )
    from microjoule.estimate._slurm import Job as Job
    from microjoule.estimate._slurm import Jobs as Jobs
    from microjoule.estimate._slurm import Sum as Sum
    from microjoule.estimate._slurm import slurm as slurm

_HOME = {
    "Assumption": "_estimate",
    "Cluster": "_cluster",
    "Estimate": "_estimate",
    "Job": "_slurm",
    "Jobs": "_slurm",
    "Partition": "_cluster",
    "Sum": "_slurm",
    "green_algorithms": "_green_algorithms",
    "green_algorithms_equivalents": "_green_algorithms",
    "read_cluster": "_cluster",
    "slurm": "_slurm",
}

__all__ = [
    "Assumption",
    "Cluster",
    "Estimate",
    "Job",
    "Jobs",
    "Partition",
    "Sum",
    "green_algorithms",
    "green_algorithms_equivalents",
    "read_cluster",
    "slurm",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'microjoule.estimate' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"microjoule.estimate.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
