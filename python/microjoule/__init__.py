"""Energy and carbon of machine learning, measured so cheaply that it can stay on.

The public names are loaded when they are first used: importing this package loads neither the
native core nor numpy, and asks nobody on the network.
"""

from __future__ import annotations

import sys

from microjoule._version import __version__

# typing.TYPE_CHECKING by its name only: importing typing would load `re` on some versions.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from microjoule import carbon as carbon
    from microjoule import metrics as metrics
    from microjoule.codecarbon import install_as_codecarbon as install_as_codecarbon
    from microjoule.measurement import Measurement as Measurement
    from microjoule.meter import Books as Books
    from microjoule.meter import Meter as Meter
    from microjoule.meter import begin as begin
    from microjoule.meter import end as end
    from microjoule.meter import lap as lap
    from microjoule.meter import measure as measure
    from microjoule.meter import meter as meter
    from microjoule.sensors import Sensor as Sensor
    from microjoule.sensors import sensors as sensors
    from microjoule.tracker import EmissionsTracker as EmissionsTracker
    from microjoule.tracker import OfflineEmissionsTracker as OfflineEmissionsTracker
    from microjoule.tracker import track_emissions as track_emissions

__all__ = [
    "Books",
    "EmissionsTracker",
    "Measurement",
    "Meter",
    "OfflineEmissionsTracker",
    "Sensor",
    "__version__",
    "begin",
    "carbon",
    "end",
    "install_as_codecarbon",
    "lap",
    "measure",
    "meter",
    "metrics",
    "sensors",
    "track_emissions",
]

_HOME = {
    "Books": "meter",
    "EmissionsTracker": "tracker.tracker",
    "Measurement": "measurement",
    "Meter": "meter",
    "OfflineEmissionsTracker": "tracker.tracker",
    "Sensor": "sensors",
    "begin": "meter",
    "end": "meter",
    "install_as_codecarbon": "codecarbon",
    "lap": "meter",
    "measure": "meter",
    "meter": "meter",
    "sensors": "sensors",
    "track_emissions": "tracker.decorators",
}


def _load(name: str) -> object:
    from importlib import import_module

    return getattr(import_module(f"microjoule.{_HOME[name]}"), name)


class _Package(type(sys)):  # type: ignore[misc]
    """This package, in which `meter` and `sensors` are the functions.

    They live in modules of the same names, which the import system would put in their place.
    """

    @property
    def meter(self) -> object:
        return _load("meter")

    @meter.setter
    def meter(self, module: object) -> None:
        pass

    @property
    def sensors(self) -> object:
        return _load("sensors")

    @sensors.setter
    def sensors(self, module: object) -> None:
        pass


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name in ("carbon", "metrics"):
        from importlib import import_module

        return import_module(f"microjoule.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'microjoule' has no attribute {name!r}")
    value = globals()[name] = _load(name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
