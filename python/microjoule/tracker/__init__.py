"""The drop-in trackers: CodeCarbon's calls and rows, on microjoule's meters.

How to move, and where figures differ and why: ``docs/from-codecarbon.md``. The names are loaded
when they are first used: a tracker needs no decorator, and a decorator needs `inspect`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule.tracker.data import EmissionsData as EmissionsData
    from microjoule.tracker.decorators import TaskEmissionsTracker as TaskEmissionsTracker
    from microjoule.tracker.decorators import track_emissions as track_emissions
    from microjoule.tracker.decorators import track_task_emissions as track_task_emissions
    from microjoule.tracker.outputs.base import BaseOutput as BaseOutput
    from microjoule.tracker.outputs.base import OutputMethod as OutputMethod
    from microjoule.tracker.tracker import BaseEmissionsTracker as BaseEmissionsTracker
    from microjoule.tracker.tracker import EmissionsTracker as EmissionsTracker
    from microjoule.tracker.tracker import OfflineEmissionsTracker as OfflineEmissionsTracker

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

_HOME = {
    "BaseEmissionsTracker": "tracker",
    "BaseOutput": "outputs.base",
    "EmissionsData": "data",
    "EmissionsTracker": "tracker",
    "OfflineEmissionsTracker": "tracker",
    "OutputMethod": "outputs.base",
    "TaskEmissionsTracker": "decorators",
    "track_emissions": "decorators",
    "track_task_emissions": "decorators",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
