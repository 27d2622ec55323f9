"""`uj gaiq`: asked, stopped, taken up again, scored with evidence."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from microjoule import metrics

Uj = Callable[..., Any]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def answers(path: Path) -> Any:
    return metrics.read_answers(str(path), metrics.read_questionnaire())


def test_asked_stopped_and_taken_up_again(
    uj: Uj, say: Callable[[str], None], tmp_path: Path
) -> None:
    # Project: own, tabular, study, left open; then a level, what is none, n/a, and stop.
    say("0\n0\n0\n\n3\n9\nx\n2\nn\nq\n")
    first = uj("gaiq", "ask", "answers.yml")
    assert first.status == 0
    assert "'9' is none of these" in first.out
    assert "`uj gaiq ask answers.yml` goes on from here" in first.out
    found = answers(tmp_path / "answers.yml")
    assert found.project == {"model_source": "own", "task": "tabular", "use": "study"}
    assert found.levels == {"reuse_data": 3, "size_by_curve": 2, "deduplicate": "n/a"}

    # The input ends without a word: what was said is kept.
    say("1\n2\n")
    second = uj("gaiq", "ask", "answers.yml")
    assert second.status == 0
    assert "reuse" not in second.out
    assert "Were features or dimensions reduced?" in second.out
    found = answers(tmp_path / "answers.yml")
    assert found.project["host"] == "premises"
    assert found.levels["reduce_features"] == 2
    assert len(found.levels) == 4


def test_asked_to_the_end(uj: Uj, say: Callable[[str], None], tmp_path: Path) -> None:
    say("0\n" * 40)
    said = uj("gaiq", "ask", "answers.yml")
    assert "goes on from here" not in said.out
    found = answers(tmp_path / "answers.yml")
    # Of tables, trained here: a pretrained model is not asked for.
    assert "pretrained" not in found.levels
    assert set(found.levels.values()) == {0}
    assert uj("gaiq", "score", "answers.yml", "--json").fields["coverage"] == 1


def test_scored(uj: Uj, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("answers: {training_energy: 3, energy_mix: 1}\n")
    said = uj("gaiq", "score", "a.yml", "--gains", "2")
    assert said.status == 0
    assert "questionnaire: ours; structure after Sikand et al. 2023" in said.out
    assert "What to do next, by gain:" in said.out
    assert sum(line.startswith("  +0.") for line in said.out.splitlines()) == 2
    fields = uj("gaiq", "score", "a.yml", "--json").fields
    assert fields["schema"] == 1
    assert 0 < fields["score"] < 0.2
    assert fields["band"] == "E"
    assert len(fields["questions"]) == 25


def test_evidence(uj: Uj, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("answers: {}\n")
    run = {
        "schema": 1,
        "exit_status": 0,
        "measurement": {"quality": "measured", "stage": None, "energy_j": 5.0},
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    said = uj("gaiq", "score", "a.yml", "--evidence", "run.json")
    assert "Answered by evidence: training_energy" in said.out


def test_shown_and_used_as_ones_own(uj: Uj, tmp_path: Path) -> None:
    shown = uj("gaiq", "show")
    (tmp_path / "mine.yml").write_text(shown.out.replace("name: green-ai", "name: mine"))
    (tmp_path / "a.yml").write_text("answers: {energy_mix: 2}\n")
    said = uj("gaiq", "score", "a.yml", "--questionnaire", "mine.yml")
    assert "mine 1.0" in said.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("score", "there is no file of answers: uj gaiq score answers.yml"),
        ("score no.yml", "No such file"),
        ("score a.yml", "did you mean energy_mix?"),
        ("score a.yml --evidence models.csv", "is no JSON"),
        ("score a.yml --questionnaire models.csv", "pass names with values"),
        ("ask no/a.yml", "No such file"),
        ("guess a.yml", "invalid choice"),
        ("score a.yml --gains x", "'x' is not a number of lines"),
    ],
)
def test_bad_input(uj: Uj, tmp_path: Path, arguments: str, sentence: str) -> None:
    wrong = "energy_mx" if "evidence" not in arguments else "energy_mix"
    (tmp_path / "a.yml").write_text(f"answers: {{{wrong}: 1}}\n")
    said = uj("gaiq", *arguments.split())
    assert said.status == 2
    assert sentence in said.err


def test_without_pyyaml_it_is_one_sentence(uj: Uj, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    said = uj("gaiq", "show")
    assert said.status == 2
    assert "pip install 'microjoule[estimate]'" in said.err
