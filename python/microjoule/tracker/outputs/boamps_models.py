"""The parts of a BoAmps report (Boavizta's open format for the energy of AI tasks, version 0.1).

A part is a dataclass; in JSON its names are camelCase and what is not known is left out.
https://github.com/Boavizta/BoAmps/tree/main/model (CC BY-SA 4.0)
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = [
    "BoAmpsAlgorithm",
    "BoAmpsDataset",
    "BoAmpsEnvironment",
    "BoAmpsHardware",
    "BoAmpsHeader",
    "BoAmpsInfrastructure",
    "BoAmpsMeasure",
    "BoAmpsPublisher",
    "BoAmpsReport",
    "BoAmpsSoftware",
    "BoAmpsSystem",
    "BoAmpsTask",
]

_P = TypeVar("_P", bound="_Part")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


class _Part:
    """To and from the JSON of the format."""

    def to_dict(self) -> dict[str, Any]:
        """The part for JSON: camelCase, and nothing that is None."""
        return {
            _camel(field.name): _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if getattr(self, field.name) is not None
        }

    @classmethod
    def from_dict(cls: type[_P], content: Mapping[str, Any]) -> _P:
        """The part from JSON, in camelCase or snake_case.

        Raises:
            TypeError: a name that the format does not have.
        """
        kinds = _PARTS_WITHIN.get(cls.__name__, {})
        fields: dict[str, Any] = {}
        for key, value in content.items():
            name = _snake(key)
            kind = kinds.get(name)
            if kind is not None:
                value = (
                    [_as_part(kind, v) for v in value]
                    if isinstance(value, list | tuple)
                    else _as_part(kind, value)
                )
            fields[name] = value
        return cls(**fields)


def _as_part(kind: type[_Part], value: Any) -> Any:
    return kind.from_dict(value) if isinstance(value, Mapping) else value


def _plain(value: Any) -> Any:
    if isinstance(value, _Part):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


@dataclass
class BoAmpsPublisher(_Part):
    """Who publishes the report."""

    name: str | None = None
    division: str | None = None
    project_name: str | None = None
    confidentiality_level: str | None = None
    public_key: str | None = None


@dataclass
class BoAmpsHeader(_Part):
    """What the report is."""

    licensing: str | None = None
    format_version: str | None = None
    format_version_specification_uri: str | None = None
    report_id: str | None = None
    report_datetime: str | None = None
    report_status: str | None = None
    publisher: BoAmpsPublisher | None = None


@dataclass
class BoAmpsAlgorithm(_Part):
    """An algorithm of the task."""

    training_type: str | None = None
    algorithm_type: str | None = None
    algorithm_name: str | None = None
    algorithm_uri: str | None = None
    foundation_model_name: str | None = None
    foundation_model_uri: str | None = None
    parameters_number: float | None = None
    framework: str | None = None
    framework_version: str | None = None
    class_path: str | None = None
    layers_number: float | None = None
    epochs_number: float | None = None
    optimizer: str | None = None
    quantization: str | None = None


@dataclass
class BoAmpsDataset(_Part):
    """A data set of the task."""

    data_usage: str | None = None
    data_type: str | None = None
    data_format: str | None = None
    data_size: float | None = None
    data_quantity: float | None = None
    shape: str | None = None
    source: str | None = None
    source_uri: str | None = None
    owner: str | None = None


@dataclass
class BoAmpsTask(_Part):
    """What was done."""

    task_stage: str | None = None
    task_family: str | None = None
    nb_request: float | None = None
    algorithms: list[BoAmpsAlgorithm] | None = None
    dataset: list[BoAmpsDataset] | None = None
    measured_accuracy: float | None = None
    estimated_accuracy: str | None = None
    task_description: str | None = None


@dataclass
class BoAmpsMeasure(_Part):
    """What was measured; energy in kWh (the format calls it power), duration in s."""

    measurement_method: str | None = None
    manufacturer: str | None = None
    version: str | None = None
    cpu_tracking_mode: str | None = None
    gpu_tracking_mode: str | None = None
    average_utilization_cpu: float | None = None
    average_utilization_gpu: float | None = None
    power_calibration_measurement: float | None = None
    duration_calibration_measurement: float | None = None
    power_consumption: float | None = None
    measurement_duration: float | None = None
    measurement_date_time: str | None = None


@dataclass
class BoAmpsSystem(_Part):
    """The operating system."""

    os: str | None = None
    distribution: str | None = None
    distribution_version: str | None = None


@dataclass
class BoAmpsSoftware(_Part):
    """The language."""

    language: str | None = None
    version: str | None = None


@dataclass
class BoAmpsHardware(_Part):
    """A component of the machine; memory in GiB."""

    component_name: str | None = None
    component_type: str | None = None
    nb_component: int | None = None
    memory_size: float | None = None
    manufacturer: str | None = None
    family: str | None = None
    series: str | None = None
    share: float | None = None


@dataclass
class BoAmpsInfrastructure(_Part):
    """Where it ran."""

    infra_type: str | None = None
    cloud_provider: str | None = None
    cloud_instance: str | None = None
    cloud_service: str | None = None
    components: list[BoAmpsHardware] | None = None


@dataclass
class BoAmpsEnvironment(_Part):
    """Where the electricity came from."""

    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    location: str | None = None
    power_supplier_type: str | None = None
    power_source: str | None = None
    power_source_carbon_intensity: float | None = None


@dataclass
class BoAmpsReport(_Part):
    """The whole report."""

    header: BoAmpsHeader | None = None
    task: BoAmpsTask | None = None
    measures: list[BoAmpsMeasure] | None = None
    system: BoAmpsSystem | None = None
    software: BoAmpsSoftware | None = None
    infrastructure: BoAmpsInfrastructure | None = None
    environment: BoAmpsEnvironment | None = None
    quality: str | None = None


_PARTS_WITHIN: dict[str, dict[str, type[_Part]]] = {
    "BoAmpsHeader": {"publisher": BoAmpsPublisher},
    "BoAmpsTask": {"algorithms": BoAmpsAlgorithm, "dataset": BoAmpsDataset},
    "BoAmpsInfrastructure": {"components": BoAmpsHardware},
    "BoAmpsReport": {
        "header": BoAmpsHeader,
        "task": BoAmpsTask,
        "measures": BoAmpsMeasure,
        "system": BoAmpsSystem,
        "software": BoAmpsSoftware,
        "infrastructure": BoAmpsInfrastructure,
        "environment": BoAmpsEnvironment,
    },
}
