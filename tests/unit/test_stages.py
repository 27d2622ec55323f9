from __future__ import annotations

import pytest

from microjoule.stages import STAGES, canonical


@pytest.mark.parametrize("stage", STAGES)
def test_the_nine_are_their_own_names(stage: str) -> None:
    assert canonical(stage) == stage
    assert canonical(f" {stage.upper()} ") == stage


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("train", "construction/training"),
        ("training", "construction/training"),
        ("Train", "construction/training"),
        ("evaluate", "construction/evaluation"),
        ("test", "construction/evaluation"),
        ("serve", "inference"),
        ("predict", "inference"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    assert canonical(alias) == name


@pytest.mark.parametrize("name", ["preprocessing/transform", "My own stage", "x/y/z", "übung"])
def test_other_names_are_kept(name: str) -> None:
    assert canonical(name) == name


def test_none_is_no_stage() -> None:
    assert canonical(None) is None


@pytest.mark.parametrize("bad", ["", "  ", 3, True, b"train", ["train"]])
def test_what_is_no_name(bad: object) -> None:
    with pytest.raises(ValueError, match="construction/training"):
        canonical(bad)  # type: ignore[arg-type]
