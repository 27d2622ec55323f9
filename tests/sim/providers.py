"""Answers of the live providers of carbon intensity, in the shapes that they document.

The servers themselves are real: pytest-httpserver for whole answers, `Raw` for those that no decent
server gives.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

Figures = list[tuple[float, object]]


def iso(at: float) -> str:
    """Return unix seconds as the providers write them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def electricity_maps_latest(zone: str, at: float, figure: object, **more: object) -> object:
    """Return an answer of ``/carbon-intensity/latest``."""
    return {"zone": zone, **_electricity_maps_point(at, figure), **more}


def electricity_maps_list(key: str, zone: str, figures: Figures) -> object:
    """Return an answer of ``/carbon-intensity/history`` (key ``history``) or ``past-range``."""
    return {"zone": zone, key: [_electricity_maps_point(at, figure) for at, figure in figures]}


def _electricity_maps_point(at: float, figure: object) -> dict[str, object]:
    return {
        "carbonIntensity": figure,
        "datetime": iso(at),
        "updatedAt": iso(at + 1800),
        "createdAt": iso(at - 86400),
        "emissionFactorType": "lifecycle",
        "isEstimated": False,
        "estimationMethod": None,
    }


def watttime_historical(
    region: str,
    figures: Figures,
    *,
    signal: str = "co2_aoer",
    period_s: int = 3600,
    units: str = "lbs_co2_per_mwh",
) -> object:
    """Return an answer of ``/v3/historical``."""
    return {
        "data": [{"point_time": iso(at), "value": figure} for at, figure in figures],
        "meta": {
            "region": region,
            "signal_type": signal,
            "model": {"date": "2023-03-01"},
            "units": units,
            "data_point_period_seconds": period_s,
        },
    }


def uk_intensity(figures: list[tuple[float, object, object]]) -> object:
    """Return an answer of ``/intensity/{from}/{to}``: start, forecast and actual of half-hours."""
    return {
        "data": [
            {**_uk_span(at), "intensity": {"forecast": f, "actual": a, "index": "moderate"}}
            for at, f, a in figures
        ]
    }


def uk_regional(regionid: int, figures: Figures) -> dict[str, object]:
    """Return the ``data`` of ``/regional/intensity/{from}/{to}/regionid/{id}``."""
    return {
        "regionid": regionid,
        "dnoregion": "Scotland",
        "shortname": "Scotland",
        "data": [
            {
                **_uk_span(at),
                "intensity": {"forecast": figure, "index": "low"},
                "generationmix": [{"fuel": "wind", "perc": 80.1}],
            }
            for at, figure in figures
        ],
    }


def _uk_span(at: float) -> dict[str, str]:
    minute = "%Y-%m-%dT%H:%MZ"
    start, end = (datetime.fromtimestamp(s, UTC).strftime(minute) for s in (at, at + 1800))
    return {"from": start, "to": end}


class Raw:
    """A server on loopback that answers every connection with what it likes.

    Args:
        answer: gets the connection once the request's first bytes are read; it is closed after it.

    Attributes:
        url: address of the server.
        connections: how many there were.
    """

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.connections = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[Raw]:
        """Answer until the end of the block."""
        threading.Thread(target=self._run, daemon=True).start()
        try:
            yield self
        finally:
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            self._answer(connection)
