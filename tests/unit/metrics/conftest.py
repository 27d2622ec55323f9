"""A table of models in a folder of its own, and the command line run on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from microjoule import cli

TABLE = """\
model,accuracy,inference_j,inference_j_uncertainty,duration_s
A,0.92,0.40,0.02,0.1
B,0.95±0.004,0.90±5%,,0.2
C,0.92±0.005,0.42,0.03,0.15
D,0.90,1.2,,0.15
"""


class Said(NamedTuple):
    """What a command gave: its status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def uj(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    (tmp_path / "models.csv").write_text(TABLE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Said:
        try:
            status = cli.main(list(arguments))
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return Said(status, out, err)

    return run
