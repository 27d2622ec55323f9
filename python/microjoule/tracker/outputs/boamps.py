"""A BoAmps report of the run, beside the CSV file."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.outputs.base import BaseOutput
from microjoule.tracker.outputs.boamps_models import (
    BoAmpsEnvironment,
    BoAmpsHardware,
    BoAmpsHeader,
    BoAmpsInfrastructure,
    BoAmpsMeasure,
    BoAmpsReport,
    BoAmpsSoftware,
    BoAmpsSystem,
    BoAmpsTask,
)
from microjoule.tracker.outputs.file import replace

__all__ = ["BoAmpsOutput", "report_of"]

_FORMAT = "0.1"
_FORMAT_URI = "https://github.com/Boavizta/BoAmps/tree/main/model"


class BoAmpsOutput(BaseOutput):
    """Writes ``boamps_report_<run_id>.json`` at each flush and at the stop.

    Args:
        output_dir: folder of the report.
        task: what was done; without it the report is not valid, and a warning says so.
        header: licence and publisher, where there are any.
        quality: free word on the measurement's quality.
        infra_overrides: what replaces the infrastructure found, in the format's names.
        environment_overrides: the same of the environment.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike[str] = ".",
        task: BoAmpsTask | None = None,
        header: BoAmpsHeader | None = None,
        quality: str | None = None,
        infra_overrides: dict[str, Any] | None = None,
        environment_overrides: dict[str, Any] | None = None,
    ) -> None:
        if task is None:
            warnings.warn(
                "a BoAmps report without a task is not valid: pass metadata={'boamps': "
                "{'task': {'taskStage': 'training', 'taskFamily': …}}}",
                UserWarning,
                stacklevel=2,
            )
        self.output_dir = output_dir
        self.task = task
        self.header = header
        self.quality = quality
        self.infra_overrides = infra_overrides or {}
        self.environment_overrides = environment_overrides or {}

    @classmethod
    def from_dict(
        cls, context: Mapping[str, Any], output_dir: str | os.PathLike[str] = "."
    ) -> BoAmpsOutput:
        """From a mapping in the format's names: task, header, quality, infrastructure, environment.

        Raises:
            TypeError: a name that the format does not have.
        """
        task, header = context.get("task"), context.get("header")
        return cls(
            output_dir=output_dir,
            task=BoAmpsTask.from_dict(task) if task else None,
            header=BoAmpsHeader.from_dict(header) if header else None,
            quality=context.get("quality"),
            infra_overrides=context.get("infrastructure"),
            environment_overrides=context.get("environment"),
        )

    @classmethod
    def from_file(
        cls, context_file_path: str | os.PathLike[str], output_dir: str | os.PathLike[str] = "."
    ) -> BoAmpsOutput:
        """The same from a JSON file."""
        with open(context_file_path, encoding="utf-8") as file:
            return cls.from_dict(json.load(file), output_dir)

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Writes the report anew."""
        report = report_of(total)
        report.task = self.task
        report.quality = self.quality
        for name, value in (self.header.to_dict() if self.header else {}).items():
            _override(report.header, BoAmpsHeader.from_dict({name: value}))
        _override(report.infrastructure, BoAmpsInfrastructure.from_dict(self.infra_overrides))
        _override(report.environment, BoAmpsEnvironment.from_dict(self.environment_overrides))
        path = os.path.join(self.output_dir, f"boamps_report_{total.run_id}.json")
        text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
        replace(path, text.encode("utf-8"))


def _override(part: Any, other: Any) -> None:
    for name, value in vars(other).items():
        if value is not None:
            setattr(part, name, value)


def report_of(total: EmissionsData) -> BoAmpsReport:
    """What a row says, as a report without a task."""
    moment = total.timestamp.replace("T", " ")
    components = [
        BoAmpsHardware(
            component_name=total.cpu_model or None,
            component_type="cpu",
            # The format counts processors; a row only has threads, two of them to a core.
            nb_component=max(1, int(total.cpu_count or 1) // 2),
        )
    ]
    if total.gpu_count:
        components.append(
            BoAmpsHardware(
                component_name=total.gpu_model or None,
                component_type="gpu",
                nb_component=int(total.gpu_count),
            )
        )
    components.append(
        BoAmpsHardware(component_type="ram", nb_component=1, memory_size=total.ram_total_size)
    )
    cloud = total.on_cloud == "Y"
    return BoAmpsReport(
        header=BoAmpsHeader(
            format_version=_FORMAT,
            format_version_specification_uri=_FORMAT_URI,
            report_id=total.run_id,
            report_datetime=moment,
        ),
        measures=[
            BoAmpsMeasure(
                measurement_method="codecarbon",
                version=total.codecarbon_version,
                average_utilization_cpu=_share(total.cpu_utilization_percent),
                average_utilization_gpu=_share(total.gpu_utilization_percent),
                power_consumption=total.energy_consumed,
                measurement_duration=total.duration,
                measurement_date_time=moment,
            )
        ],
        system=BoAmpsSystem(os=total.os),
        software=BoAmpsSoftware(language="python", version=total.python_version),
        infrastructure=BoAmpsInfrastructure(
            infra_type="publicCloud" if cloud else "onPremise",
            cloud_provider=(total.cloud_provider or None) if cloud else None,
            components=components,
        ),
        environment=BoAmpsEnvironment(
            country=total.country_name or None,
            latitude=total.latitude if isinstance(total.latitude, float) else None,
            longitude=total.longitude if isinstance(total.longitude, float) else None,
        ),
    )


def _share(percent: float) -> float | None:
    return percent / 100 if percent > 0 else None
