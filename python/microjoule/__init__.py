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
    from microjoule import estimate as estimate
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
    from microjoule.request import Request as Request
    from microjoule.requesting import begin_request as begin_request
    from microjoule.requesting import current_request as current_request
    from microjoule.requesting import end_request as end_request
    from microjoule.requesting import request as request
    from microjoule.requesting import step as step
    from microjoule.requesting import wrap as wrap
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
    "Request",
    "Sensor",
    "__version__",
    "begin",
    "begin_request",
    "carbon",
    "current_request",
    "end",
    "estimate",
    "end_request",
    "install_as_codecarbon",
    "lap",
    "measure",
    "meter",
    "metrics",
    "request",
    "sensors",
    "step",
    "track_emissions",
    "wrap",
]

_HOME = {
    "Books": "meter",
    "EmissionsTracker": "tracker.tracker",
    "Measurement": "measurement",
    "Meter": "meter",
    "OfflineEmissionsTracker": "tracker.tracker",
    "Request": "request",
    "Sensor": "sensors",
    "begin": "meter",
    "begin_request": "requesting",
    "current_request": "requesting",
    "end": "meter",
    "end_request": "requesting",
    "install_as_codecarbon": "codecarbon",
    "lap": "meter",
    "measure": "meter",
    "meter": "meter",
    "request": "requesting",
    "sensors": "sensors",
    "step": "requesting",
    "track_emissions": "tracker.decorators",
    "wrap": "requesting",
}


def _load(name: str) -> object:
    from importlib import import_module

    return getattr(import_module(f"microjoule.{_HOME[name]}"), name)


class _Package(type(sys)):  # type: ignore[misc]
    """This package, in which `meter`, `request` and `sensors` are what one calls.

    They live in modules of the same names, which the import system would put in their place.
    """

    @property
    def meter(self) -> object:
        return _load("meter")

    @meter.setter
    def meter(self, module: object) -> None:
        pass

    @property
    def request(self) -> object:
        return _load("request")

    @request.setter
    def request(self, module: object) -> None:
        pass

    @property
    def sensors(self) -> object:
        return _load("sensors")

    @sensors.setter
    def sensors(self, module: object) -> None:
        pass


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name in ("carbon", "estimate", "metrics"):
        from importlib import import_module

        return import_module(f"microjoule.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'microjoule' has no attribute {name!r}")
    value = globals()[name] = _load(name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
