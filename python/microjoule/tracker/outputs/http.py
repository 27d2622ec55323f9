"""Rows posted as JSON: to an address of the user's own, or to one that speaks CodeCarbon's API.

A post has a thread of its own and the program waits for it one second at most: a dead address
costs no run its end.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.log import logger
from microjoule.tracker.outputs.base import BaseOutput

__all__ = ["CodeCarbonAPIOutput", "HTTPOutput", "within"]

_PATIENCE_S = 1.0
_TIMEOUT_S = 10.0
_SHORTEST_S = 1.0  # shorter stretches are not worth a post, there as here


def within(seconds: float, work: Any) -> None:
    """Does something in a thread, and goes on without it when it takes longer."""
    thread = threading.Thread(target=work, name="microjoule-post", daemon=True)
    thread.start()
    thread.join(seconds)


def _post(url: str, content: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Posts JSON; returns the answer, empty if it is none that can be read."""
    import urllib.request

    if not url.lower().startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no address: pass one that begins with http:// or https://")
    body = json.dumps(content, default=str).encode()
    request = urllib.request.Request(
        url, body, {"Content-Type": "application/json", **headers}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        if answer.status not in (200, 201):
            logger.error("%s answered %s", url, answer.status)
        try:
            read = json.loads(answer.read(65536))
        except ValueError:
            return {}
    return read if isinstance(read, dict) else {}


class HTTPOutput(BaseOutput):
    """Posts the running totals at each flush and at the stop.

    Args:
        endpoint_url: where to.
        user: goes along under that name; nothing is looked up.
    """

    def __init__(self, endpoint_url: str, user: str = "") -> None:
        self.endpoint_url = endpoint_url
        self.user = user

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Posts the totals."""
        content = {**total.values, "user": self.user}

        def post() -> None:
            try:
                _post(self.endpoint_url, content, {})
            except (OSError, ValueError) as error:
                logger.error("Emissions could not be posted to %s: %s", self.endpoint_url, error)

        within(_PATIENCE_S, post)


class CodeCarbonAPIOutput(BaseOutput):
    """Posts what came since the last time, to an address that was given explicitly.

    Args:
        endpoint_url: base address; the default one of CodeCarbon is never contacted.
        experiment_id: the experiment there.
        api_key: goes along in a header.
        conf: what is known of machine and place.
    """

    def __init__(
        self, endpoint_url: str, experiment_id: str, api_key: str, conf: Mapping[str, Any]
    ) -> None:
        self.endpoint_url = endpoint_url.rstrip("/")
        self.experiment_id = experiment_id
        self.conf = conf
        self.run_id = ""
        self._of = ""  # the run that this one there stands for
        self._headers = {"x-api-token": api_key}
        self._one_by_one = threading.Lock()

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Posts what came since the last time."""
        self.live_out(total, delta)

    def live_out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Posts what came since the last time; stretches under a second are left out."""
        if delta.duration < _SHORTEST_S:
            logger.debug("Less than a second since the last post: nothing is sent")
            return
        content = dict(delta.values)
        within(_PATIENCE_S, lambda: self._send(content))

    def _send(self, content: dict[str, Any]) -> None:
        try:
            with self._one_by_one:
                if self._of != content["run_id"]:
                    self.run_id, self._of = self._new_run(content), content["run_id"]
                _post(f"{self.endpoint_url}/emissions", self._emission(content), self._headers)
        except (OSError, ValueError) as error:
            logger.error("Emissions could not be posted to %s: %s", self.endpoint_url, error)

    def _new_run(self, content: Mapping[str, Any]) -> str:
        known = ("os", "python_version", "codecarbon_version", "cpu_count", "cpu_model")
        more = ("gpu_count", "gpu_model", "longitude", "latitude", "region", "ram_total_size")
        run = {
            "experiment_id": self.experiment_id,
            "timestamp": content["timestamp"],
            **{name: content.get(name) for name in (*known, *more, "tracking_mode")},
            "provider": content.get("cloud_provider"),
        }
        answer = _post(f"{self.endpoint_url}/runs", run, self._headers)
        name = answer.get("id")
        if not isinstance(name, str):
            raise ValueError("the answer to a new run has no id")
        return name

    def _emission(self, content: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "timestamp": content["timestamp"],
            "duration": int(content["duration"]),
            "emissions_sum": content["emissions"],
            **{
                name: content[name]
                for name in (
                    "emissions_rate",
                    "cpu_power",
                    "gpu_power",
                    "ram_power",
                    "cpu_energy",
                    "gpu_energy",
                    "ram_energy",
                    "energy_consumed",
                    "cpu_utilization_percent",
                    "gpu_utilization_percent",
                    "ram_utilization_percent",
                    "wue",
                )
            },
        }
