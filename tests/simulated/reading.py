"""Reading a simulated file as the product does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sim.bed import (
    PowercapBed,
    Sensor,
)


class Reader:
    """A file held open and read as the product does, each value between two stamps."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def text(self) -> str:
        return os.pread(self.descriptor, 64, 0).decode()

    def value(self) -> tuple[int, int, int]:
        before_ns = time.monotonic_ns()
        text = self.text()
        return before_ns, int(text), time.monotonic_ns()

    def close(self) -> None:
        os.close(self.descriptor)


def energy_file(bed: PowercapBed, key: str) -> Path:
    """Found as the product must find it: by the name in the file, not by the directory's."""
    for folder in (bed.root / "class/powercap").iterdir():
        name = folder / "name"
        if name.exists() and name.read_text() == f"{key}\n":
            return folder / "energy_uj"
    raise FileNotFoundError(key)


def assert_shows_truth(zone: Sensor, held: Reader, reads: int = 400) -> None:
    """Every read lies between what the mirror says of the instants before and after it."""
    for _ in range(reads):
        before_ns, value, after_ns = held.value()
        assert zone.counter_uj(before_ns) <= value <= zone.counter_uj(after_ns)
