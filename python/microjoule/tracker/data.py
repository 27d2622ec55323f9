"""The row of a run and of a task: names, order and units of CodeCarbon's `emissions.csv`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from microjoule.tracker.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

__all__ = ["EmissionsData", "TaskEmissionsData", "later"]

# What grows while a run goes on; the rest of a row are means, names and settings.
_RUNNING_TOTALS = (
    "duration",
    "emissions",
    "cpu_energy",
    "gpu_energy",
    "ram_energy",
    "energy_consumed",
    "water_consumed",
)


class _Row:
    """What the two rows have in common."""

    __slots__ = ()
    _names: ClassVar[tuple[str, ...]]

    @property
    def values(self) -> OrderedDict[str, Any]:
        """All fields by name, in the order of the columns."""
        return OrderedDict((name, getattr(self, name)) for name in self._names)

    def toJSON(self) -> str:  # noqa: N802 (the method's name there)
        """The fields as indented JSON, sorted by name."""
        import json

        return json.dumps(self.values, sort_keys=True, indent=4, default=str)


@record
class EmissionsData(_Row):
    """One row of `emissions.csv`: running totals of a run.

    Energies are in kWh after PUE, powers in W after PUE, emissions in kg of CO2 equivalent, the
    rate in kg/s, water in litres, memory in GiB.
    """

    timestamp: str
    project_name: str
    run_id: str
    experiment_id: str
    duration: float
    emissions: float
    emissions_rate: float
    cpu_power: float
    gpu_power: float
    ram_power: float
    cpu_energy: float
    gpu_energy: float
    ram_energy: float
    energy_consumed: float
    water_consumed: float
    country_name: str
    country_iso_code: str
    region: str
    cloud_provider: str
    cloud_region: str
    os: str
    python_version: str
    codecarbon_version: str
    cpu_count: float
    cpu_model: str
    gpu_count: float
    gpu_model: str
    longitude: float | None
    latitude: float | None
    ram_total_size: float
    tracking_mode: str
    cpu_utilization_percent: float = 0
    gpu_utilization_percent: float = 0
    ram_utilization_percent: float = 0
    ram_used_gb: float = 0
    on_cloud: str = "N"
    pue: float = 1.0
    wue: float = 0.0

    def compute_delta_emission(self, previous_emission: EmissionsData) -> None:
        """Turns running totals into what came since another row, in place."""
        for name in _RUNNING_TOTALS:
            setattr(self, name, getattr(self, name) - getattr(previous_emission, name))
        self.emissions_rate = self.emissions / self.duration if self.duration > 0 else 0


@record
class TaskEmissionsData(_Row):
    """One row of the file of tasks: what one task came to."""

    task_name: str
    timestamp: str
    project_name: str
    run_id: str
    duration: float
    emissions: float
    emissions_rate: float
    cpu_power: float
    gpu_power: float
    ram_power: float
    cpu_energy: float
    gpu_energy: float
    ram_energy: float
    energy_consumed: float
    water_consumed: float
    country_name: str
    country_iso_code: str
    region: str
    cloud_provider: str
    cloud_region: str
    os: str
    python_version: str
    codecarbon_version: str
    cpu_count: float
    cpu_model: str
    gpu_count: float
    gpu_model: str
    longitude: float | None
    latitude: float | None
    ram_total_size: float
    tracking_mode: str
    cpu_utilization_percent: float = 0
    gpu_utilization_percent: float = 0
    ram_utilization_percent: float = 0
    ram_used_gb: float = 0
    on_cloud: str = "N"

    @classmethod
    def of(cls, task_name: str, data: EmissionsData) -> TaskEmissionsData:
        """The row of a task, from its data."""
        fields = dict(data.values)
        for name in ("experiment_id", "pue", "wue"):
            del fields[name]
        return cls(task_name=task_name, **fields)


class _Later(EmissionsData):
    """A row that is worked out when it is first looked at.

    Ending a task must not wait for the sensors, and its figures settle a few milliseconds after.
    Once worked out it is a plain `EmissionsData`.
    """

    def __init__(self, work_out: Callable[[], EmissionsData]) -> None:
        object.__setattr__(self, "_work_out", work_out)

    def __getattribute__(self, name: str) -> Any:
        if name != "__class__":
            _settle(self)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        _settle(self)
        setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        _settle(self)
        return EmissionsData.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        _settle(self)
        return EmissionsData.__repr__(self)


def _settle(row: EmissionsData) -> None:
    """Makes a plain row of it."""
    own: dict[str, Any] = object.__getattribute__(row, "__dict__")
    work_out = own.get("_work_out")
    if work_out is None:
        return  # another thread was faster
    fields = work_out().__dict__
    own.update(fields)
    object.__setattr__(row, "__class__", EmissionsData)
    own.pop("_work_out", None)


def later(work_out: Callable[[], EmissionsData]) -> EmissionsData:
    """A row whose figures are worked out when it is first looked at."""
    return _Later(work_out)
