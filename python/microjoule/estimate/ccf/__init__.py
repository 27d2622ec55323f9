"""Cloud Carbon Footprint's figures without its pipeline: machines, storage, traffic.

Figures are always estimated. The coefficients are those of an edition of theirs, named in each
result.
"""

from microjoule.estimate.ccf._coefficients import DEFAULT_EDITION, EDITIONS, PROVIDERS
from microjoule.estimate.ccf._estimate import (
    Estimate,
    Part,
    embodied_kg,
    instance,
    network,
    storage,
    summed,
)
from microjoule.estimate.ccf._instances import Machine, machine, machines, nearest

__all__ = [
    "DEFAULT_EDITION",
    "EDITIONS",
    "Estimate",
    "Machine",
    "PROVIDERS",
    "Part",
    "embodied_kg",
    "instance",
    "machine",
    "machines",
    "nearest",
    "network",
    "storage",
    "summed",
]
