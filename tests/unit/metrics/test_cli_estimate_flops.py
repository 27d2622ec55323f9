"""`uj estimate flops`: from a model's size, from its hardware, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Uj = Callable[..., Any]
SIZE = ("estimate", "flops", "--params", "175e9", "--tokens", "300e9")
HARDWARE = {"--devices": "1000", "--hours": "720", "--peak": "312e12", "--utilisation": "0.4"}


def hardware(**other: str) -> list[str]:
    given = {**HARDWARE, **{f"--{name}": value for name, value in other.items()}}
    return [word for pair in given.items() for word in pair]


def test_training(uj: Uj) -> None:
    said = uj(*SIZE)
    assert said.status == 0
    assert "3.15e+23 FLOP" in said.out
    assert "3 646 petaFLOP/s-days" in said.out
    assert "6 N D" in said.out
    assert "estimated" in said.out
    assert "resource indicator: it says nothing of hardware" in said.out


def test_in_json(uj: Uj) -> None:
    fields = uj(*SIZE, "--json").fields
    assert fields["quality"] == "estimated"
    assert fields["compute"]["value"] == pytest.approx(3.15e23, rel=1e-12)
    assert fields["compute"]["category"] == "resources"
    assert fields["petaflop_s_days"] == pytest.approx(3645.83, abs=5e-3)


def test_inference_takes_a_third(uj: Uj) -> None:
    said = uj(*SIZE, "--inference", "--json")
    assert said.fields["compute"]["value"] == pytest.approx(1.05e23, rel=1e-12)


def test_uncertainty_is_propagated(uj: Uj) -> None:
    said = uj("estimate", "flops", "--params", "175e9±3%", "--tokens", "300e9±4%", "--json")
    assert said.fields["compute"]["uncertainty"] == pytest.approx(3.15e23 * 0.05, rel=1e-3)
    assert "±" in uj("estimate", "flops", "--params", "7e9±3%", "--tokens", "1e9").out


def test_hardware(uj: Uj) -> None:
    fields = uj("estimate", "flops", *hardware(), "--json").fields
    assert fields["compute"]["value"] == pytest.approx(3.234816e23, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "pass --params and --tokens, or --devices"),
        (("--params", "175e9"), "pass --params and --tokens"),
        (("--params", "-1", "--tokens", "1"), "parameters is -1: pass the number of parameters"),
        (("--params", "many", "--tokens", "1"), "--params is 'many': pass a number"),
        (("--devices", "8"), "needs --hours, --peak, --utilisation as well"),
        ((*hardware(), "--params", "1e9"), "they are two estimates"),
        (hardware(utilisation="40"), "utilisation is 40: pass a share above 0, at most 1"),
    ],
)
def test_what_is_refused(uj: Uj, arguments: tuple[str, ...], sentence: str) -> None:
    said = uj("estimate", "flops", *arguments)
    assert said.status == 2
    assert sentence in said.err
    assert "Traceback" not in said.err
