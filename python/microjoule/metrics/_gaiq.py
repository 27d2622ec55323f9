"""The Green AI Quotient: ordinal answers on practice, weighed into a number from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from microjoule.metrics._registry import comparison

NOT_APPLICABLE: Final = "n/a"


class Level(NamedTuple):
    """One answer that can be chosen, and what it scores from 0 to 1."""

    text: str
    score: float


class Proof(NamedTuple):
    """A level that a run record proves, where each field has one of the values."""

    level: int
    when: dict[str, tuple[Any, ...]]


class Question(NamedTuple):
    """A core question.

    Attributes:
        id: its name in a file of answers.
        stage: the stage of the life cycle that it belongs to.
        text: the question.
        levels: the answers, from the worst to the best.
        weight: what it weighs.
        weight_for: other weights, by answers on the project.
        not_for: answers on the project with which it does not apply.
        advice: what to do about it.
        evidence: what a run record proves.
    """

    id: str
    stage: str
    text: str
    levels: tuple[Level, ...]
    weight: float
    weight_for: dict[str, dict[str, float]]
    not_for: dict[str, tuple[str, ...]]
    advice: str
    evidence: tuple[Proof, ...]


class ProjectQuestion(NamedTuple):
    """A question on the project, which never scores."""

    id: str
    text: str
    options: dict[str, str]


class Questionnaire(NamedTuple):
    """A questionnaire, and the version that a score is worth nothing without."""

    name: str
    version: str
    note: str
    bands: dict[str, float]
    project: tuple[ProjectQuestion, ...]
    questions: tuple[Question, ...]


class Scored(NamedTuple):
    """One question with its answer.

    Attributes:
        id: its name.
        stage: its stage.
        weight: what it weighs in this project.
        score: 0 to 1; 0 where it was not answered.
        state: ``"answered"``, ``"evidence"``, ``"unanswered"`` or ``"n/a"``.
        gain: how much the quotient would rise at its best answer.
        advice: what to do about it.
    """

    id: str
    stage: str
    weight: float
    score: float
    state: str
    gain: float
    advice: str


class Quotient(NamedTuple):
    """The result.

    Attributes:
        score: 0 (no sustainable practice) to 1 (all of those asked for).
        band: its letter.
        stages: the same by stage; None where nothing of it applies.
        coverage: weight of what was answered over that of what applies.
        questions: each of them.
        gains: those with something to gain, most first.
        questionnaire: name and version.
        note: whose questionnaire it is.
    """

    score: float
    band: str
    stages: dict[str, float | None]
    coverage: float
    questions: tuple[Scored, ...]
    gains: tuple[Scored, ...]
    questionnaire: str
    note: str


@comparison(
    title="Green AI Quotient (GAIQ)",
    group="practice",
    formula="Σ w·s / Σ w over what applies; gain of q: w·(1 − s) / Σ w",
    direction="higher",
    category="climate",
    reference="our questionnaire and weights; structure after Sikand, Sharma, Kaulgud, Podder, "
    "ASE 2023, DOI 10.1109/ASE56229.2023.00115, whose own were never published",
    certainty="ours",
    use="What a project does and leaves undone over its whole life, with the next steps by gain "
    "(`uj gaiq`). Unanswered questions score 0 and show in the coverage; those that do not apply "
    "leave the sum.",
    avoid="To compare projects scored with other questionnaires or versions, or as a measure of "
    "energy: it asks for practice. Not the score of Sikand et al., and not SAIQ.",
    examples={"green_ai_quotient([(3, 4 / 4), (2, 2 / 4), (1, None)])": "0.8"},
)
def green_ai_quotient(answers: Sequence[tuple[float, float | None]]) -> float:
    """Return the weighted mean of scores.

    Args:
        answers: (weight, score from 0 to 1) of each question; a score of None does not apply.

    Raises:
        ValueError: there is no question, none applies, the weights sum to zero, or a figure is
            outside its range.
    """
    if not answers:
        raise ValueError("the questionnaire is empty: pass at least one question")
    applies = [(weight, score) for weight, score in answers if score is not None]
    if not applies:
        raise ValueError("every question is n/a: answer at least one that applies")
    for weight, score in applies:
        if not 0 <= weight < math.inf:
            raise ValueError(f"a weight is {weight}: pass weights of 0 or more")
        if not 0 <= score <= 1:
            raise ValueError(f"a score is {score}: pass scores from 0 to 1")
    total = math.fsum(weight for weight, _ in applies)
    if total == 0:
        raise ValueError("the weights of what applies sum to zero: pass at least one above 0")
    return math.fsum(weight * score for weight, score in applies) / total


def quotient(
    questionnaire: Questionnaire,
    project: Mapping[str, str],
    answers: Mapping[str, int | str],
    evidence: Sequence[Mapping[str, Any]] = (),
) -> Quotient:
    """Score the answers to a questionnaire.

    Args:
        questionnaire: what was asked.
        project: answers on the project, by question.
        answers: levels by question, from 0; or ``"n/a"``.
        evidence: run records, which answer what they prove and nobody answered.

    Raises:
        ValueError: an answer is unknown, or nothing applies.
    """
    check_answers(questionnaire, project, answers)
    found = [_scored(q, project, answers, evidence) for q in questionnaire.questions]
    applies = [s for s in found if s.state != NOT_APPLICABLE]
    score = green_ai_quotient([_pair(s) for s in found])
    total = math.fsum(s.weight for s in applies)
    found = [
        s._replace(gain=s.weight * (1 - s.score) / total) if s in applies else s for s in found
    ]
    answered = math.fsum(s.weight for s in applies if s.state != "unanswered")
    gains = sorted((s for s in found if s.gain > 0), key=lambda s: -s.gain)
    return Quotient(
        score=score,
        band=_band(questionnaire.bands, score),
        stages=_by_stage(found),
        coverage=answered / total,
        questions=tuple(found),
        gains=tuple(gains),
        questionnaire=f"{questionnaire.name} {questionnaire.version}",
        note=questionnaire.note,
    )


def check_answers(
    questionnaire: Questionnaire, project: Mapping[str, str], answers: Mapping[str, int | str]
) -> None:
    """Refuse an answer to what was not asked, or one that cannot be chosen.

    Raises:
        ValueError: there is one; the sentence says what can be.
    """
    asked = {p.id: p for p in questionnaire.project}
    for name, option in project.items():
        if name not in asked:
            raise ValueError(f"the project has no question {name!r}: {_near(name, asked)}")
        if option not in asked[name].options:
            options = ", ".join(asked[name].options)
            raise ValueError(f"{name} is {option!r}: pass one of {options}")
    questions = {q.id: q for q in questionnaire.questions}
    for name, level in answers.items():
        if name not in questions:
            raise ValueError(f"there is no question {name!r}: {_near(name, questions)}")
        highest = len(questions[name].levels) - 1
        if level != NOT_APPLICABLE and not (type(level) is int and 0 <= level <= highest):
            raise ValueError(f"{name} is {level!r}: pass a level from 0 to {highest}, or n/a")


def applies(question: Question, project: Mapping[str, str]) -> bool:
    """Whether a question applies to a project."""
    return not any(project.get(name) in options for name, options in question.not_for.items())


def _scored(
    question: Question,
    project: Mapping[str, str],
    answers: Mapping[str, int | str],
    evidence: Sequence[Mapping[str, Any]],
) -> Scored:
    weight = question.weight
    for name, weights in question.weight_for.items():
        weight = weights.get(project.get(name, ""), weight)
    level: int | str | None = answers.get(question.id)
    state = "answered"
    if not applies(question, project) or level == NOT_APPLICABLE:
        level, state = None, NOT_APPLICABLE
    elif level is None:
        level = _proven(question, evidence)
        state = "unanswered" if level is None else "evidence"
    score = question.levels[level].score if isinstance(level, int) else 0.0
    return Scored(question.id, question.stage, weight, score, state, 0.0, question.advice)


def _proven(question: Question, evidence: Sequence[Mapping[str, Any]]) -> int | None:
    """The best level that one of the records proves."""
    levels = [
        proof.level
        for proof in question.evidence
        for record in evidence
        if all(_field(record, path) in values for path, values in proof.when.items())
    ]
    return max(levels, default=None)


def _field(record: Mapping[str, Any], path: str) -> Any:
    found: Any = record
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    # A list or an object is no value that a rule could name.
    return found if isinstance(found, str | int | float | bool | None) else ()


def _by_stage(found: Sequence[Scored]) -> dict[str, float | None]:
    stages: dict[str, float | None] = {}
    for stage in dict.fromkeys(s.stage for s in found):
        pairs = [_pair(s) for s in found if s.stage == stage]
        weighs = any(score is not None and weight > 0 for weight, score in pairs)
        stages[stage] = green_ai_quotient(pairs) if weighs else None
    return stages


def _pair(s: Scored) -> tuple[float, float | None]:
    return s.weight, None if s.state == NOT_APPLICABLE else s.score


def _band(bands: Mapping[str, float], score: float) -> str:
    reached = [(least, letter) for letter, least in bands.items() if score >= least]
    return max(reached)[1] if reached else ""


def _near(name: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
