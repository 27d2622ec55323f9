"""The drop-in trackers: CodeCarbon's calls and rows, on microjoule's meters.

How to move, and where figures differ and why: ``docs/from-codecarbon.md``.
"""

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.decorators import (
    TaskEmissionsTracker,
    track_emissions,
    track_task_emissions,
)
from microjoule.tracker.outputs.base import BaseOutput, OutputMethod
from microjoule.tracker.tracker import (
    BaseEmissionsTracker,
    EmissionsTracker,
    OfflineEmissionsTracker,
)

__all__ = [
    "BaseEmissionsTracker",
    "BaseOutput",
    "EmissionsData",
    "EmissionsTracker",
    "OfflineEmissionsTracker",
    "OutputMethod",
    "TaskEmissionsTracker",
    "track_emissions",
    "track_task_emissions",
]
