"""What the tests of one process share: a meter over the bed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import microjoule as uj
from sim.bed import PowercapBed


@pytest.fixture
def meter(bed: PowercapBed, monkeypatch: pytest.MonkeyPatch) -> Iterator[uj.Meter]:
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    with uj.Meter() as meter:
        yield meter
