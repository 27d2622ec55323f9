"""What the tests of one part share: a machine without a meter, and a meter on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import microjoule as uj
from sim.plain import FakeProc


@pytest.fixture
def modelled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine without a meter: its processors are idle, and what they draw is a model's."""
    with FakeProc() as proc:
        monkeypatch.setenv("MICROJOULE_PROCFS", str(proc.root))
        monkeypatch.setenv("MICROJOULE_SYSFS", str(tmp_path))
        monkeypatch.setenv("MICROJOULE_DEVFS", str(tmp_path))
        monkeypatch.setenv("MICROJOULE_NVML", str(tmp_path / "no-nvml"))
        yield


@pytest.fixture
def meter(modelled: None) -> Iterator[uj.Meter]:
    with uj.Meter() as meter:
        yield meter
