"""An empty folder, no settings from outside, and a quiet logger for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from microjoule.tracker.log import logger


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_shared: None) -> Iterator[Path]:
    home = tmp_path / "home"
    work = tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in list(os.environ):
        if name.lower().startswith(("codecarbon_", "microjoule_")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    # A library of another test's that the process has loaded already would be found by its name.
    monkeypatch.setenv("MICROJOULE_NVML", str(tmp_path / "none.so"))
    monkeypatch.chdir(work)
    level = logger.level
    yield work
    logger.setLevel(level)
