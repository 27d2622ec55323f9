"""The Green AI Quotient: sum, applicability, coverage, gains, evidence, untrusted files."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from microjoule import metrics
from microjoule.metrics._gaiq import Questionnaire
from microjoule.metrics._gaiq_files import SHIPPED, Answers
from microjoule.stages import STAGES

SMALL: dict[str, Any] = {
    "schema": 1,
    "name": "small",
    "version": "7",
    "note": "made for a test",
    "bands": {"A": 0.8, "B": 0.6, "C": 0.0},
    "project": [{"id": "kind", "text": "Which?", "options": {"big": "big", "tiny": "tiny"}}],
    "questions": [
        {
            "id": name,
            "stage": stage,
            "text": "Well?",
            "weight": weight,
            "levels": ["0", "1", "2", "3", "4"],
            "advice": f"mend {name}",
        }
        for name, stage, weight in (
            ("q1", "analysis", 3),
            ("q2", "analysis", 2),
            ("q3", "update", 1),
        )
    ],
}


def small(tmp_path: Path, **changes: Any) -> Questionnaire:
    path = tmp_path / "small.yml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return metrics.read_questionnaire(str(path))


def question(**changes: Any) -> dict[str, Any]:
    return {**SMALL["questions"][0], **changes}


def record(tmp_path: Path, **changes: Any) -> str:
    fields = {
        "schema": 1,
        "exit_status": 0,
        "measurement": {"quality": "measured", "stage": None, "energy_j": 5.0},
        "footprint": {"intensity": {"guess": False}},
        **changes,
    }
    path = tmp_path / "run.json"
    path.write_text(json.dumps(fields))
    return str(path)


class TestSum:
    def test_the_vector(self, tmp_path: Path) -> None:
        found = metrics.quotient(small(tmp_path), {}, {"q1": 4, "q2": 2, "q3": "n/a"})
        assert found.score == 0.8
        assert found.band == "A"
        assert [(g.id, round(g.gain, 12)) for g in found.gains] == [("q2", 0.2)]
        assert found.coverage == 1
        assert found.stages == {"analysis": 0.8, "update": None}
        assert (found.questionnaire, found.note) == ("small 7", "made for a test")

    def test_all_and_nothing(self, tmp_path: Path) -> None:
        q = small(tmp_path)
        assert metrics.quotient(q, {}, dict.fromkeys(("q1", "q2", "q3"), 0)).score == 0
        assert metrics.quotient(q, {}, dict.fromkeys(("q1", "q2", "q3"), 4)).score == 1
        with pytest.raises(ValueError, match="every question is n/a"):
            metrics.quotient(q, {}, dict.fromkeys(("q1", "q2", "q3"), "n/a"))

    def test_unanswered_is_not_n_a(self, tmp_path: Path) -> None:
        found = metrics.quotient(small(tmp_path), {}, {"q1": 4})
        assert found.score == 0.5
        assert found.coverage == 0.5
        assert [g.id for g in found.gains] == ["q2", "q3"]

    @given(
        st.lists(st.tuples(st.floats(0.1, 9), st.none() | st.floats(0, 1)), min_size=1, max_size=25)
    )
    def test_it_lies_between_the_scores(self, answers: list[tuple[float, float | None]]) -> None:
        scores = [s for _, s in answers if s is not None]
        if not scores:
            return
        found = metrics.green_ai_quotient(answers)
        assert min(scores) - 1e-12 <= found <= max(scores) + 1e-12
        scaled = [(3 * w, s) for w, s in answers]
        assert metrics.green_ai_quotient(scaled) == pytest.approx(found)

    @pytest.mark.parametrize(
        ("answers", "sentence"),
        [
            ([], "the questionnaire is empty"),
            ([(1, None)], "every question is n/a"),
            ([(0, 1)], "sum to zero: pass at least one above 0"),
            ([(-1, 1)], "pass weights of 0 or more"),
            ([(1, 1.5)], "pass scores from 0 to 1"),
            ([(float("nan"), 1)], "pass weights of 0 or more"),
            ([(1, float("nan"))], "pass scores from 0 to 1"),
        ],
    )
    def test_what_cannot_be(self, answers: Any, sentence: str) -> None:
        with pytest.raises(ValueError, match=sentence):
            metrics.green_ai_quotient(answers)


class TestShipped:
    Q = metrics.read_questionnaire()

    def test_25_questions_over_the_nine_stages(self) -> None:
        assert len(self.Q.questions) == 25
        assert tuple(dict.fromkeys(q.stage for q in self.Q.questions)) == STAGES
        assert self.Q.note == "questionnaire: ours; structure after Sikand et al. 2023"
        assert self.Q.version

    def test_the_best_answers_give_one_and_the_gains_close(self) -> None:
        best: dict[str, int | str] = {q.id: len(q.levels) - 1 for q in self.Q.questions}
        assert metrics.quotient(self.Q, {}, best).score == 1
        half = {name: best[name] for name in list(best)[::2]}
        found = metrics.quotient(self.Q, {}, half)
        assert sum(g.gain for g in found.gains) == pytest.approx(1 - found.score)
        gains = [g.gain for g in found.gains]
        assert gains == sorted(gains, reverse=True)

    def test_a_closed_model_is_not_asked_how_it_was_trained(self) -> None:
        found = metrics.quotient(self.Q, {"model_source": "external"}, {"energy_mix": 2})
        states = {q.id: q.state for q in found.questions}
        assert states["training_energy"] == "n/a"
        assert states["inference_energy"] == "unanswered"
        assert found.stages["data_collection"] is None

    def test_heavy_use_weighs_inference_more(self) -> None:
        def weight(use: str) -> float:
            found = metrics.quotient(self.Q, {"use": use}, {})
            return next(q.weight for q in found.questions if q.id == "cheap_inference")

        assert (weight("study"), weight("product"), weight("heavy")) == (2, 3, 4)


class TestEvidence:
    Q = metrics.read_questionnaire()

    def levels(self, path: str, answers: dict[str, int | str] | None = None) -> dict[str, float]:
        found = metrics.quotient(self.Q, {}, answers or {}, [metrics.read_record(path)])
        return {q.id: q.score for q in found.questions if q.state == "evidence"}

    def test_a_measured_training(self, tmp_path: Path) -> None:
        found = self.levels(record(tmp_path))
        assert found == {"training_energy": pytest.approx(2 / 3), "energy_mix": 0.5}

    def test_an_estimate_proves_less(self, tmp_path: Path) -> None:
        measurement = {"quality": "estimated", "stage": "construction/training", "energy_j": 1}
        found = self.levels(record(tmp_path, measurement=measurement, footprint=None))
        assert found == {"training_energy": pytest.approx(1 / 3)}

    def test_inference_is_not_training(self, tmp_path: Path) -> None:
        measurement = {"quality": "measured", "stage": "inference", "energy_j": 1}
        assert "training_energy" not in self.levels(record(tmp_path, measurement=measurement))

    def test_what_was_answered_stays(self, tmp_path: Path) -> None:
        assert "training_energy" not in self.levels(record(tmp_path), {"training_energy": 0})

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"schema": 2}, "no run record of schema 1"),
            ({"exit_status": 1}, "the run failed, which proves nothing"),
            ({"measurement": None}, "no run record"),
            ({"measurement": {"energy_j": None}}, "has no energy"),
            ({"measurement": {"energy_j": float("nan")}}, "has no energy"),
        ],
    )
    def test_what_proves_nothing(
        self, tmp_path: Path, changes: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(ValueError, match=sentence):
            metrics.read_record(record(tmp_path, **changes))

    def test_what_is_no_json(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text("[" * 100_000)
        with pytest.raises(ValueError, match="is no JSON"):
            metrics.read_record(str(tmp_path / "x.json"))


class TestFiles:
    def test_explicit_scores(self, tmp_path: Path) -> None:
        levels = ["none", {"text": "some", "score": 0.3}, "all"]
        q = small(tmp_path, questions=[question(levels=levels)])
        assert [metrics.quotient(q, {}, {"q1": n}).score for n in range(3)] == [0, 0.3, 1]

    def test_answers_go_round(self, tmp_path: Path) -> None:
        q, path = small(tmp_path), str(tmp_path / "answers.yml")
        answers = Answers({"kind": "big"}, {"q1": 3, "q2": "n/a"})
        metrics.write_answers(path, q, answers)
        assert metrics.read_answers(path, q) == answers
        assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("answers: {q9: 1}", "there is no question 'q9': there are q1, q2, q3"),
            ("answers: {q1: 5}", "q1 is 5: pass a level from 0 to 4, or n/a"),
            ("answers: {q1: true}", "q1 is True: pass a level"),
            ("answers: {q1: [1]}", "pass a level"),
            ("project: {kindd: big}", "no question 'kindd': did you mean kind?"),
            ("project: {kind: huge}", "kind is 'huge': pass one of big, tiny"),
            ("project: {kind: [big]}", "answers.yml: "),
            ("answer: {}", "unknown key 'answer': did you mean answers?"),
            ("questionnaire: other", "asked is 'small'"),
            ("version: '8'", "version is '8', asked is '7'"),
            ("- a", "pass names with values"),
            ("answers: {q1: 1, q1: 2}", "has the key 'q1' twice"),
            ("a: &x [1]\nb: *x", r"has an alias \(\*x\)"),
            ("a: " + "[" * 20 + "]" * 20, "nested deeper than 12"),
            pytest.param("a: " + "[" * 5000, "nested deeper than 12", id="very deep"),
            ("a: [", "is no YAML, line"),
            ("answers: !!python/object/apply:os.system [id]", "is no YAML"),
            pytest.param("# " + "x" * 300_000, "larger than 256 KiB", id="large"),
        ],
    )
    def test_answers_that_are_none(self, tmp_path: Path, text: str, sentence: str) -> None:
        path = tmp_path / "answers.yml"
        path.write_text(text)
        with pytest.raises(ValueError, match=sentence):
            metrics.read_answers(str(path), small(tmp_path))

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"schema": 2}, "schema is 2: pass schema: 1"),
            ({"questions": []}, "the questionnaire is empty"),
            ({"questions": [question(), deepcopy(question())]}, "two questions have the id 'q1'"),
            ({"questions": [question(wieght=1)]}, "unknown key 'wieght': did you mean weight?"),
            ({"questions": [question(weight=-1)]}, "pass a number from 0"),
            ({"questions": [question(weight=float("nan"))]}, "pass a number from 0"),
            ({"questions": [question(levels=["x"])]}, "two levels or more"),
            ({"questions": [question(levels=[False, True])]}, "in quotes where it is no, yes"),
            ({"questions": [question(not_for={"kind": ["x"]})]}, "kind has no option 'x'"),
            ({"questions": [question(not_for={"x": ["x"]})]}, "the project has no question 'x'"),
            ({"questions": [question(weight_for={"kind": {"big": "x"}})]}, "pass a number"),
            (
                {"questions": [question(evidence=[{"level": 9, "when": {"a": [1]}}])]},
                "level is 9: pass one from 0 to 4",
            ),
            ({"questions": [question(evidence=[{"level": 1, "when": {}}])]}, "pass when"),
            ({"questions": {}}, "pass a list"),
            ({"bands": {"A": 2}}, "pass a number from 0 to 1"),
            ({"name": ""}, "pass a text"),
            ({"nmae": "x"}, "unknown key 'nmae': did you mean name?"),
        ],
    )
    def test_questionnaires_that_are_none(
        self, tmp_path: Path, changes: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(ValueError, match=sentence):
            small(tmp_path, **changes)

    def test_own_questionnaires_load_as_ours(self, tmp_path: Path) -> None:
        copy = tmp_path / "mine.yml"
        copy.write_bytes(SHIPPED.read_bytes())
        assert metrics.read_questionnaire(str(copy)) == metrics.read_questionnaire()
