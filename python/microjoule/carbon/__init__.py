"""From joules to grams of CO2 equivalent: where the electricity comes from, and what it weighs.

Pure functions over dated tables. Nothing here opens a socket, and nothing of microjoule but
`microjoule.config` is imported. How a figure comes about: ``docs/carbon.md``.
"""

from microjoule.carbon._footprint import JOULES_PER_KWH, Footprint, footprint
from microjoule.carbon._intensity import Intensity, intensity
from microjoule.carbon._kinds import require_same_kind, same_kind
from microjoule.carbon._mix import Mix, mix
from microjoule.carbon._resolve import resolve

__all__ = [
    "JOULES_PER_KWH",
    "Footprint",
    "Intensity",
    "Mix",
    "footprint",
    "intensity",
    "mix",
    "require_same_kind",
    "resolve",
    "same_kind",
]
