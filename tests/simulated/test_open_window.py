"""A window that is still open, on a record that another window used before."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import microjoule as uj
from sim.bed import PowercapBed


@pytest.fixture
def meter(bed: PowercapBed, monkeypatch: pytest.MonkeyPatch) -> Iterator[uj.Meter]:
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    with uj.Meter() as meter:
        assert meter.end(meter.begin()).energy_j >= 0  # read to the end: its record is free again
        yield meter


def test_it_has_no_end(meter: uj.Meter) -> None:
    with meter.measure() as m:
        assert m._stamps()[1] == 0
        time.sleep(0.01)
        assert m.duration_s >= 0.01
        assert not m.wait(0.0)


def test_reading_it_does_not_wait(meter: uj.Meter) -> None:
    with meter.measure() as m:
        time.sleep(0.02)
        assert m.energy_j >= 0
        assert not m.settled
    assert m.energy_j > 0
    assert m.settled
