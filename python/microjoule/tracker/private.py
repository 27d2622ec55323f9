"""Private names of CodeCarbon's trackers that other people's code reads, as thin views."""

from __future__ import annotations

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.rows import VERSION
from microjoule.tracker.ticker import ticker
from microjoule.tracker.units import Energy, Power, Water

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from microjoule.tracker.handlers import Handlers
    from microjoule.tracker.outputs.base import BaseOutput
    from microjoule.tracker.run import Run
    from microjoule.tracker.task import Task

__all__ = ["PrivateNames"]


class PrivateNames:
    """What optimum-benchmark, callbacks of Lightning and many scripts look at.

    The figures are those of the moment: a look during the run is a cut of it.
    """

    _settings: dict[str, Any]
    _handlers: Handlers
    _run: Run | None

    def _prepare_emissions_data(self, delta: bool = False) -> EmissionsData:
        """The row as it is now."""
        raise NotImplementedError

    def get_detected_hardware(self) -> dict[str, Any]:
        """What the machine is, by the names of a row's columns."""
        raise NotImplementedError

    def _on_tick(self) -> None:
        """A measurement."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        # Every argument is there under its name with a line before it.
        settled = self.__dict__.get("_settings", {})
        if name.startswith("_") and name[1:] in settled:
            return settled[name[1:]]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _so_far(self) -> EmissionsData | None:
        """The row as it is now, None before the start."""
        return None if self._run is None else self._prepare_emissions_data()

    def _measure_power_and_energy(self) -> None:
        """A measurement between two ticks."""
        self._on_tick()

    @property
    def _tasks(self) -> dict[str, Task]:
        return {} if self._run is None else self._run.tasks

    @property
    def _active_task(self) -> str | None:
        return None if self._run is None else self._run.active_task

    @property
    def _start_time(self) -> float | None:
        return None if self._run is None else self._run.start_time

    @property
    def _output_handlers(self) -> list[BaseOutput]:
        return self._handlers.all

    @property
    def _save_to_file(self) -> bool:
        return any(type(handler).__name__ == "FileOutput" for handler in self._handlers.all)

    @property
    def _total_energy(self) -> Energy:
        now = self._so_far()
        return Energy(now.energy_consumed if now else 0.0)

    @property
    def _total_cpu_energy(self) -> Energy:
        now = self._so_far()
        return Energy(now.cpu_energy if now else 0.0)

    @property
    def _total_gpu_energy(self) -> Energy:
        now = self._so_far()
        return Energy(now.gpu_energy if now else 0.0)

    @property
    def _total_ram_energy(self) -> Energy:
        now = self._so_far()
        return Energy(now.ram_energy if now else 0.0)

    @property
    def _total_water(self) -> Water:
        now = self._so_far()
        return Water(now.water_consumed if now else 0.0)

    @property
    def _total_emissions(self) -> float:
        now = self._so_far()
        return now.emissions if now else 0.0

    @property
    def _cpu_power(self) -> Power:
        now = self._so_far()
        return Power.from_watts(now.cpu_power if now else 0.0)

    @property
    def _gpu_power(self) -> Power:
        now = self._so_far()
        return Power.from_watts(now.gpu_power if now else 0.0)

    @property
    def _ram_power(self) -> Power:
        now = self._so_far()
        return Power.from_watts(now.ram_power if now else 0.0)

    @property
    def _conf(self) -> dict[str, Any]:
        return {
            "codecarbon_version": VERSION,
            **self._settings,
            **self.get_detected_hardware(),
            "hardware": self._hardware,
        }

    @property
    def _hardware(self) -> list[Any]:
        from microjoule.sensors import sensors

        return [s for s in sensors() if s.counted]

    @property
    def _scheduler(self) -> Any:
        return ticker
