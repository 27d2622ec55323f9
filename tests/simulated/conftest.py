"""Meters on simulated sensors, and plain readers of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

import microjoule as uj
from sim.bed import PowercapBed
from simulated.reading import Reader, energy_file
from simulated.windows import MeterOn, Simulated


@pytest.fixture
def meter_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[MeterOn]:
    """Starts a meter that sees these simulated sensors and nothing else.

    It is closed before they are where a test asks for them first.
    """
    with contextlib.ExitStack() as stack:

        def start(sensors: Simulated, *sources: str, **more: Any) -> uj.Meter:
            for name, value in sensors.environ.items():
                monkeypatch.setenv(name, value)
            return stack.enter_context(uj.Meter(list(sources) or None, **more))

        yield start


@pytest.fixture
def meter(bed: PowercapBed, meter_on: MeterOn) -> uj.Meter:
    """A meter on the bed of the test."""
    return meter_on(bed)


@pytest.fixture
def reader(bed: PowercapBed) -> Iterator[Reader]:
    """The counter of the bed's package, held open."""
    held = Reader(energy_file(bed, "package-0"))
    yield held
    held.close()
