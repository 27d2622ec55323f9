"""`uj score`: the ratio, another model, any metric of the registry, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Uj = Callable[..., Any]


def test_the_ratio(uj: Uj) -> None:
    said = uj("score", "--error", "0.08", "--energy-j", "0.40", "--items", "1", "--alpha", "1")
    assert said.status == 0
    assert "0.03200 J  (lower is better; α = 1)" in said.out
    assert "at most 2.000 times the energy" in said.out


def test_in_json(uj: Uj) -> None:
    said = uj("score", "--error", "0.05", "--energy-j", "0.2", "--alpha", "2", "--json")
    fields = said.fields
    assert fields["schema"] == 1
    assert fields["metric"]["value"] == pytest.approx(5e-4)
    assert fields["metric"]["category"] == "climate"
    assert fields["metric"]["unit"] == "J"
    assert fields["worth_of_halving"] == 4


def test_precision(uj: Uj) -> None:
    arguments = ("score", "--accuracy", "0.92", "--energy-j", "432", "--items", "10_000")
    assert "0.003456 J" in uj(*arguments).out
    assert "0.0035 J" in uj(*arguments, "--precision", "2").out


def test_uncertainty(uj: Uj) -> None:
    fields = uj("score", "--error", "0.08±0.004", "--energy-j", "0.4+-5%", "--json").fields
    assert fields["metric"]["uncertainty"] == pytest.approx(0.032 * 0.05 * 2**0.5, rel=2e-3)


def test_against_another(uj: Uj) -> None:
    said = uj("score", "--error", "0.08", "--energy-j", "0.40", "--against", "0.05,0.90")
    assert "1.725: below it this model is better, above it the other one" in said.out
    turned = uj("score", "--error", "0.05", "--energy-j", "0.90", "--against", "0.08,0.40")
    assert "1.725: below it the other model is better, above it this one" in turned.out
    never = uj("score", "--error", "0.05", "--energy-j", "0.1", "--against", "0.08,0.40")
    assert "none: this model has less error and no more energy" in never.out


def test_a_model_without_errors(uj: Uj) -> None:
    assert "--tested n" in uj("score", "--error", "0", "--energy-j", "1").err
    said = uj("score", "--error", "0", "--energy-j", "1", "--tested", "98")
    assert "0.01000 J" in said.out
    assert "counted as 0.01" in said.out


def test_r2(uj: Uj) -> None:
    assert "0.001296 J" in uj("score", "--r2", "0.97", "--energy-j", "0.0432").out


def test_any_metric(uj: Uj) -> None:
    said = uj("score", "dllce", "training_j=1.8e8", "inference_j=0.5", "inferences=1e9")
    assert "0.7353  (higher is better)" in said.out
    assert "never rank" not in said.out
    assert "not for" in said.out
    mixed = uj("score", "edp", "--json", "energy_j=12±1", "duration_s=0.25")
    assert mixed.fields["metric"]["uncertainty"] == pytest.approx(0.25)
    assert "experimental" in uj("score", "sam", "accuracy=0.9", "electricity=1000").out


def test_the_list(uj: Uj) -> None:
    said = uj("score", "--list")
    assert "energy_precision_ratio" in said.out
    metrics = uj("score", "--list", "--json").fields["metrics"]
    assert {m["category"] for m in metrics} == {"resources", "climate"}
    assert all(m["reference"] and m["formula"] for m in metrics)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--error 8 --energy-j 1", "pass the error as a fraction from 0 to 1 (8 % is 0.08)"),
        ("--error 0.08 --energy-j 0", "energy_j is 0: pass the energy in joules, above 0"),
        ("--error 0.08", "there is no energy: pass --energy-j"),
        ("--energy-j 1", "there is no error: pass --error, --accuracy or --r2"),
        ("--r2 -0.5 --energy-j 1", "pass an R² from 0 to 1"),
        ("--error nan --energy-j 1", "pass a finite number"),
        ("--error 0.1 --energy-j 1 --items 0", "pass how many items"),
        ("--error 0.1 --energy-j 1 --alpha -1", "pass an exponent, 0 or more"),
        ("--error 0.1 --energy-j 1 --against 0.1", "such as 0.05,0.90"),
        ("--error 0.1 --energy-j 1 --against 0.1,2", "there is no α at which the order turns"),
        ("--error 0.1 --energy-j 1 --tested 0", "pass the items of the test set"),
        ("dlce training_j=1", "did you mean dllce?"),
        ("dllce training_j=1", "dllce needs inference_j=… (energy of one inference, J)"),
        ("dllce x=1", "dllce takes no x: it takes training_j"),
        ("dllce 5", "'5' is no input: pass name=value"),
        ("error_floor items=5", "in Python it is uj.metrics.error_floor"),
        ("edp energy_j=1 duration_s=1 --plot a.svg", "there is no picture of edp"),
        ("--error 0.1 --energy-j 1 --plot a.pdf", "pass a file that ends in .svg or .png"),
        ("--error 0.1 --energy-j 1 --plot no/a.svg", "there is no folder 'no'"),
    ],
)
def test_bad_input_is_a_sentence(uj: Uj, arguments: str, sentence: str) -> None:
    said = uj("score", *arguments.split())
    assert said.status == 2
    assert said.out == ""
    assert sentence in said.err
    assert "Traceback" not in said.err


class TestPictures:
    ARGUMENTS = ("score", "--error", "0.08", "--energy-j", "0.4", "--against", "0.05,0.9")

    def test_svg_and_png(self, uj: Uj, tmp_path: Path) -> None:
        assert uj(*self.ARGUMENTS, "--plot", "out.svg").status == 0
        text = (tmp_path / "out.svg").read_text(encoding="utf-8")
        assert text.startswith("<?xml")
        assert "other" in text
        assert uj(*self.ARGUMENTS, "--plot", "out.png").status == 0
        assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")

    def test_the_same_figures_give_the_same_file(self, uj: Uj, tmp_path: Path) -> None:
        for name in ("one.svg", "two.svg"):
            uj(*self.ARGUMENTS, "--plot", name)
        assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()

    def test_without_matplotlib_it_is_one_sentence(
        self, uj: Uj, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        said = uj(*self.ARGUMENTS, "--plot", "out.svg")
        assert said.status == 2
        assert "pip install 'microjoule[plot]'" in said.err

    def test_without_a_picture_matplotlib_is_not_loaded(self) -> None:
        import subprocess

        code = (
            "import sys; from microjoule.cli import main; "
            "main(['score', '--error', '0.1', '--energy-j', '1']); "
            "print([m for m in ('matplotlib', 'numpy') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]"
