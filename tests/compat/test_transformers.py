"""transformers' Trainer reports to these trackers as it does to CodeCarbon's.

Needs torch, which nothing else here does: `make test-torch` makes an environment for it and keeps
it below `.cache`; without one the test is not run.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from microjoule.tracker.data import EmissionsData


@pytest.mark.torch
@pytest.mark.slow
def test_the_trainer_reports_here(in_torch: Callable[..., str]) -> None:
    said = in_torch("trainer.py", HF_HUB_OFFLINE="1", CODECARBON_PROJECT_NAME="tiny")
    seen = json.loads(said.splitlines()[-1])
    assert seen["tracker"].startswith("microjoule.")
    assert seen["rows"] == 1
    assert seen["project"] == "tiny"
    assert seen["energy_kwh"] > 0
    assert seen["duration_s"] > 0
    assert seen["columns"] == list(EmissionsData.__dataclass_fields__)
