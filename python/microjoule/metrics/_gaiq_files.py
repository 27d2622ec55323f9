"""Questionnaires and answers as YAML: read without trust, written whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from microjoule import untrusted
from microjoule.metrics._gaiq import (
    Level,
    ProjectQuestion,
    Proof,
    Question,
    Questionnaire,
    _near,
    check_answers,
)

SHIPPED: Final = Path(__file__).parent / "gaiq_data" / "green-ai-1.yaml"
_SCHEMA: Final = 1


class Answers(NamedTuple):
    """A file of answers.

    Attributes:
        project: answers on the project.
        levels: levels by question, or ``"n/a"``.
    """

    project: dict[str, str]
    levels: dict[str, int | str]


def read_questionnaire(path: str | None = None) -> Questionnaire:
    """Read a questionnaire; None reads the one that is shipped.

    Raises:
        ValueError: it is no questionnaire; the sentence says where and why.
        OSError: it cannot be read.
    """
    where = str(SHIPPED if path is None else path)
    top = untrusted.mapping(untrusted.load_yaml(where), where)
    keys = ("schema", "name", "version", "note", "bands", "project", "questions")
    _known(top, keys, where)
    if top.get("schema") != _SCHEMA:
        raise ValueError(f"{where}: schema is {top.get('schema')!r}: pass schema: {_SCHEMA}")
    project = tuple(
        _project_question(untrusted.mapping(q, f"{where}: project"), where)
        for q in untrusted.sequence(top.get("project", []), f"{where}: project")
    )
    questions = tuple(
        _question(untrusted.mapping(q, f"{where}: questions"), where, project)
        for q in untrusted.sequence(top.get("questions", []), f"{where}: questions")
    )
    if not questions:
        raise ValueError(f"{where}: the questionnaire is empty: pass at least one question")
    for ids in ([p.id for p in project], [q.id for q in questions]):
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ValueError(f"{where}: two questions have the id {twice!r}")
    bands = untrusted.mapping(top.get("bands", {}), f"{where}: bands")
    return Questionnaire(
        name=untrusted.text(top.get("name"), f"{where}: name"),
        version=untrusted.text(top.get("version"), f"{where}: version"),
        note=untrusted.text(top.get("note"), f"{where}: note"),
        bands={str(k): untrusted.number(v, f"{where}: bands.{k}", 1.0) for k, v in bands.items()},
        project=project,
        questions=questions,
    )


def read_answers(path: str, questionnaire: Questionnaire) -> Answers:
    """Read a file of answers to a questionnaire.

    Raises:
        ValueError: it is of another questionnaire, or an answer is unknown.
        OSError: it cannot be read.
    """
    top = untrusted.mapping(untrusted.load_yaml(path), path)
    _known(top, ("questionnaire", "version", "project", "answers"), path)
    for key, expected in (
        ("questionnaire", questionnaire.name),
        ("version", questionnaire.version),
    ):
        if top.get(key, expected) != expected:
            raise ValueError(
                f"{path}: {key} is {top[key]!r}, asked is {expected!r}: pass the --questionnaire "
                "that was answered"
            )
    answers = Answers(
        dict(untrusted.mapping(top.get("project") or {}, f"{path}: project")),
        dict(untrusted.mapping(top.get("answers") or {}, f"{path}: answers")),
    )
    try:
        check_answers(questionnaire, answers.project, answers.levels)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return answers


def write_answers(path: str, questionnaire: Questionnaire, answers: Answers) -> None:
    """Write a file of answers: the whole of it, or nothing.

    Raises:
        OSError: it cannot be written.
    """
    yaml = untrusted.yaml_module()
    fields = {
        "questionnaire": questionnaire.name,
        "version": questionnaire.version,
        "project": answers.project,
        "answers": answers.levels,
    }
    beside = f"{path}.{os.getpid()}.part"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            yaml.safe_dump(fields, file, sort_keys=False, allow_unicode=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)


def read_record(path: str) -> Mapping[str, Any]:
    """Read a run record, what ``uj run --json=FILE`` writes.

    Raises:
        ValueError: it is none, or of a run that failed or took no energy, which proves nothing.
        OSError: it cannot be read.
    """
    import json

    try:
        record = json.loads(untrusted.read_bytes(path))
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is no JSON: pass what `uj run --json=FILE` writes") from None
    measurement = record.get("measurement") if isinstance(record, dict) else None
    if not isinstance(measurement, dict) or record.get("schema") != 1:
        raise ValueError(
            f"{path} is no run record of schema 1: pass what `uj run --json=FILE` writes"
        )
    if record.get("exit_status") != 0:
        raise ValueError(
            f"{path}: the run failed, which proves nothing: pass one that ended with 0"
        )
    energy = measurement.get("energy_j")
    if not isinstance(energy, int | float) or not energy > 0:
        raise ValueError(f"{path}: the run has no energy, which proves nothing")
    return dict(record)


# -- the questionnaire ---------------------------------------------------------------------------


def _project_question(given: Mapping[str, Any], where: str) -> ProjectQuestion:
    name = untrusted.text(given.get("id"), f"{where}: id of a project question")
    at = f"{where}: {name}"
    _known(given, ("id", "text", "options"), at)
    options = untrusted.mapping(given.get("options"), f"{at}.options")
    return ProjectQuestion(
        name,
        untrusted.text(given.get("text"), f"{at}.text"),
        {
            untrusted.text(k, f"{at}.options"): untrusted.text(v, f"{at}.options.{k}")
            for k, v in options.items()
        },
    )


def _question(given: Mapping[str, Any], where: str, project: Iterable[ProjectQuestion]) -> Question:
    name = untrusted.text(given.get("id"), f"{where}: id of a question")
    at = f"{where}: {name}"
    _known(given, Question._fields, at)
    options = {p.id: p.options for p in project}
    levels = _levels(given.get("levels"), f"{at}.levels")
    not_for = {
        key: tuple(
            untrusted.text(v, f"{at}.not_for")
            for v in untrusted.sequence(values, f"{at}.not_for.{key}")
        )
        for key, values in untrusted.mapping(given.get("not_for", {}), f"{at}.not_for").items()
    }
    weight_for = {
        key: {
            option: untrusted.number(w, f"{at}.weight_for.{key}.{option}")
            for option, w in untrusted.mapping(weights, f"{at}.weight_for.{key}").items()
        }
        for key, weights in untrusted.mapping(
            given.get("weight_for", {}), f"{at}.weight_for"
        ).items()
    }
    for rule in (not_for, weight_for):
        for key, named in rule.items():
            if key not in options:
                raise ValueError(
                    f"{at}: the project has no question {key!r}: {_near(key, options)}"
                )
            for option in named:
                if option not in options[key]:
                    raise ValueError(f"{at}: {key} has no option {option!r}")
    return Question(
        id=name,
        stage=untrusted.text(given.get("stage"), f"{at}.stage"),
        text=untrusted.text(given.get("text"), f"{at}.text"),
        levels=levels,
        weight=untrusted.number(given.get("weight", 1), f"{at}.weight"),
        weight_for=weight_for,
        not_for=not_for,
        advice=untrusted.text(given.get("advice"), f"{at}.advice"),
        evidence=tuple(
            _proof(untrusted.mapping(p, f"{at}.evidence"), len(levels), at)
            for p in untrusted.sequence(given.get("evidence", []), f"{at}.evidence")
        ),
    )


def _levels(given: Any, at: str) -> tuple[Level, ...]:
    listed = untrusted.sequence(given, at)
    if len(listed) < 2:
        raise ValueError(f"{at}: pass two levels or more, from the worst to the best")
    levels = []
    for i, level in enumerate(listed):
        if isinstance(level, Mapping):
            _known(level, ("text", "score"), at)
            score = untrusted.number(level.get("score"), f"{at}.score", 1.0)
            levels.append(Level(untrusted.text(level.get("text"), f"{at}.text"), score))
        else:
            levels.append(Level(untrusted.text(level, at), i / (len(listed) - 1)))
    return tuple(levels)


def _proof(given: Mapping[str, Any], levels: int, at: str) -> Proof:
    _known(given, ("level", "when"), f"{at}.evidence")
    level = given.get("level")
    if type(level) is not int or not 0 <= level < levels:
        raise ValueError(f"{at}.evidence: level is {level!r}: pass one from 0 to {levels - 1}")
    when = untrusted.mapping(given.get("when"), f"{at}.evidence.when")
    if not when:
        raise ValueError(f"{at}.evidence: pass when, the fields that prove it")
    return Proof(
        level, {k: tuple(untrusted.sequence(v, f"{at}.evidence.when.{k}")) for k, v in when.items()}
    )


def _known(given: Mapping[str, Any], keys: Iterable[str], at: str) -> None:
    known = dict.fromkeys(keys)
    for key in given:
        if key not in known:
            raise ValueError(f"{at} has an unknown key {key!r}: {_near(key, known)}")
