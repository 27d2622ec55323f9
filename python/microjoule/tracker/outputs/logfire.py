"""What came since the last time, as metrics of Logfire."""

from __future__ import annotations

from typing import Any

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.outputs.base import BaseOutput
from microjoule.tracker.outputs.prometheus import LABELS, METRICS

__all__ = ["LogfireOutput"]


class LogfireOutput(BaseOutput):
    """Sets gauges of the names that go to Prometheus, and a counter of energy.

    Raises:
        ImportError: logfire is not installed.
    """

    def __init__(self) -> None:
        try:
            import logfire
        except ImportError:
            raise ImportError("output to Logfire needs logfire: pip install logfire") from None
        logfire.configure(service_name="codecarbon")
        self._gauges: dict[str, Any] = {
            name: logfire.metric_gauge(f"codecarbon_{name}", description=text)
            for name, text in METRICS.items()
        }
        self._total = logfire.metric_counter("codecarbon_energy_total", unit="kWh")

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Sets what came since the last time."""
        labels = {name: str(getattr(delta, name) or "") for name in LABELS}
        for name, gauge in self._gauges.items():
            gauge.set(getattr(delta, name), attributes=labels)
        self._total.add(max(0.0, delta.energy_consumed), attributes=labels)

    def live_out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Sets what came since the last time."""
        self.out(total, delta)
