"""From joules to grams of CO2 equivalent: where the electricity comes from, and what it weighs.

Pure functions over dated tables. Nothing here opens a socket, and nothing of microjoule but
`microjoule.config` is imported. How a figure comes about: ``docs/carbon.md``.
"""

from microjoule.carbon._footprint import JOULES_PER_KWH, Footprint, footprint
from microjoule.carbon._intensity import Intensity, intensity
from microjoule.carbon._resolve import resolve

__all__ = ["JOULES_PER_KWH", "Footprint", "Intensity", "footprint", "intensity", "resolve"]
