"""Private names of CodeCarbon's trackers that other people's code reads, as thin views."""

from __future__ import annotations

from typing import Any

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.rows import VERSION
from microjoule.tracker.ticker import ticker
from microjoule.tracker.units import Energy, Power, Water

__all__ = ["PrivateNames"]


class PrivateNames:
    """What optimum-benchmark, callbacks of Lightning and many scripts look at.

    The figures are those of the moment: a look during the run is a cut of it.
    """

    _settings: dict[str, Any]

    def _prepare_emissions_data(self, delta: bool = False) -> EmissionsData:
        """The row as it is now."""
        raise NotImplementedError

    def _so_far(self) -> EmissionsData | None:
        """The row as it is now, None before the start."""
        raise NotImplementedError

    def get_detected_hardware(self) -> dict[str, Any]:
        """What the machine is, by the names of a row's columns."""
        raise NotImplementedError

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
