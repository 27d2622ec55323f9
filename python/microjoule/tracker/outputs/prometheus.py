"""What came since the last time, pushed to a Prometheus push gateway."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.log import logger
from microjoule.tracker.outputs.base import BaseOutput
from microjoule.tracker.outputs.http import within

__all__ = ["LABELS", "METRICS", "PrometheusOutput"]

LABELS = (
    "project_name",
    "country_name",
    "country_iso_code",
    "region",
    "cloud_provider",
    "cloud_region",
    "os",
    "codecarbon_version",
    "cpu_model",
    "cpu_count",
    "gpu_model",
    "gpu_count",
    "tracking_mode",
    "ram_total_size",
)
METRICS = {
    "duration": "Seconds since the last push",
    "emissions": "Emissions in kg of CO2 equivalent since the last push",
    "emissions_rate": "Emissions in kg of CO2 equivalent per second",
    "cpu_power": "Power of the processors in W",
    "gpu_power": "Power of the GPUs in W",
    "ram_power": "Power of the memory in W",
    "cpu_energy": "Energy of the processors in kWh since the last push",
    "gpu_energy": "Energy of the GPUs in kWh since the last push",
    "ram_energy": "Energy of the memory in kWh since the last push",
    "energy_consumed": "Energy in kWh since the last push",
}
_PATIENCE_S = 1.0
_TIMEOUT_S = 10.0


class PrometheusOutput(BaseOutput):
    """Pushes gauges of what came since the last time; takes them away at the end.

    ``PROMETHEUS_USERNAME`` and ``PROMETHEUS_PASSWORD`` give credentials.

    Args:
        prometheus_url: the gateway, such as ``localhost:9091``.
        job_name: what the push is grouped by; other characters than letters, digits, ``_`` and
            ``-`` become ``_``.

    Raises:
        ImportError: prometheus-client is not installed.
    """

    def __init__(self, prometheus_url: str, job_name: str = "codecarbon") -> None:
        try:
            import prometheus_client
        except ImportError:
            raise ImportError(
                "pushing to Prometheus needs prometheus-client: pip install 'microjoule[serve]'"
            ) from None
        self.prometheus_url = prometheus_url
        self.job_name = re.sub(r"[^A-Za-z0-9_-]", "_", job_name)
        self.registry = prometheus_client.CollectorRegistry()
        self._gauges = {
            name: prometheus_client.Gauge(
                f"codecarbon_{name}", text, LABELS, registry=self.registry
            )
            for name, text in METRICS.items()
        }
        self._total = prometheus_client.Counter(
            "codecarbon_energy", "Energy in kWh since the start", LABELS, registry=self.registry
        )

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Pushes what came since the last time."""
        # Labels that tell machines apart would make a series of each run: only the project does.
        labels = dict.fromkeys(LABELS, "") | {"project_name": delta.project_name}
        for name, gauge in self._gauges.items():
            gauge.labels(**labels).set(getattr(delta, name))
        self._total.labels(**labels).inc(max(0.0, delta.energy_consumed))
        self._send("push_to_gateway", registry=self.registry)

    def live_out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Pushes what came since the last time."""
        self.out(total, delta)

    def exit(self) -> None:
        """Takes the group away from the gateway."""
        self._send("delete_from_gateway")

    def _send(self, what: str, **more: Any) -> None:
        import prometheus_client

        def send() -> None:
            try:
                getattr(prometheus_client, what)(
                    self.prometheus_url,
                    job=self.job_name,
                    timeout=_TIMEOUT_S,
                    handler=self._handler,
                    **more,
                )
            except (OSError, ValueError) as error:
                logger.error("The push gateway %s was not reached: %s", self.prometheus_url, error)

        within(_PATIENCE_S, send)

    @staticmethod
    def _handler(
        url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        from prometheus_client.exposition import basic_auth_handler, default_handler

        name = os.environ.get("PROMETHEUS_USERNAME")
        word = os.environ.get("PROMETHEUS_PASSWORD")
        send: Callable[[], None]
        if name and word:
            send = basic_auth_handler(url, method, timeout, headers, data, name, word)
        else:
            send = default_handler(url, method, timeout, headers, data)
        return send
