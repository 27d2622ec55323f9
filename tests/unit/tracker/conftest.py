"""An empty folder, no settings from outside, and a quiet logger for each test."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import microjoule.meter  # noqa: F401 (looked up below)
from microjoule.tracker.log import logger


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
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
    names = vars(sys.modules["microjoule.meter"])
    # A meter that another test left behind may stand on sensors that are gone.
    for name in ("_shared", "_kept"):
        monkeypatch.setitem(names, name, None)
    level = logger.level
    yield work
    logger.setLevel(level)
    if names["_shared"] is not None:
        names["_shared"]._native.close()


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the trackers say, as `LEVEL text`."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.levelname} {record.getMessage()}")

    handler = Keep()
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)
