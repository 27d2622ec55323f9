"""Operations and sizes of torch models, counted in the environment with torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.slow]
# Multiply-accumulates by hand; the first five are those of the reference.
TRUTH = {
    "convolution": 606_208,
    "linear": 500_000,
    "perceptron": 101_632,
    "batch of 8": 813_056,
    "transformer": 819_200,
    "lstm": 2 * 5 * 4 * 16 * (8 + 16),
    "gru": 2 * 5 * 3 * 16 * (8 + 16),
    "attention": 4 * 16 * 16 * (16 + 16),
    "scripted": 101_632,
    "compiled": 101_632,
    "by name": 3 * 4 * 5,
    "distances": 6 * 6 * 3,
}


@pytest.fixture(scope="module")
def seen(in_torch: Callable[..., str]) -> dict[str, Any]:
    """What the program found there."""
    found: dict[str, Any] = json.loads(in_torch("indicators.py").splitlines()[-1])
    return found


@pytest.mark.parametrize("model", TRUTH)
def test_the_counter_finds_what_there_is(seen: dict[str, Any], model: str) -> None:
    assert seen["macs"][model] == pytest.approx(TRUTH[model], rel=0.01)


def test_what_has_no_formula_is_named(seen: dict[str, Any]) -> None:
    assert seen["uncounted"] == {"distances": ["aten._cdist_forward"]}
    assert seen["obtained"] == "mixed"
    assert seen["tool"].startswith("torch.utils.flop_counter of torch 2")


def test_backward(seen: dict[str, Any]) -> None:
    assert seen["forward"] == 2 * 20 * 256 * 256 * 4
    assert seen["backward"] == 30_932_992
    assert seen["scope"] == "forward and backward"


def test_what_is_refused(seen: dict[str, Any]) -> None:
    assert "found no operations" in seen["nothing"]
    assert "aten.relu" in seen["nothing"]
    assert seen["no input"] == "a model of torch is counted while it runs: pass an input as x"
    assert "pip install fvcore" in seen["no fvcore"]


def test_the_model_and_torch_stay_as_they_were(seen: dict[str, Any]) -> None:
    assert seen["unchanged"]
    assert seen["fast path"]
    assert seen["mkldnn"]


def test_sizes(seen: dict[str, Any]) -> None:
    size = seen["size"]
    assert (size["parameters"], size["trainable"], size["nonzero"]) == (55, 50, 45)
    assert (size["memory_bytes"], size["dtypes"]) == (220, {"float32": 55})
    assert size["disk_bytes"] > 220
    assert (seen["half"]["memory_bytes"], seen["half"]["dtypes"]) == (110, {"float16": 55})
    assert seen["shared"]["parameters"] == 100
    assert seen["meta"]["parameters"] == 55
    assert seen["meta"]["nonzero"] is None


def test_experts(seen: dict[str, Any]) -> None:
    experts = seen["experts"]
    assert (experts["parameters"], experts["active"]) == (900, 300)
    assert experts["obtained"] == "mixed"
    assert "2 of 8 experts" in experts["note"]
