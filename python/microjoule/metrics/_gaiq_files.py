"""Questionnaires and answers as YAML: read without trust, written whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

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
_MOST_BYTES: Final = 256 << 10
_MOST_DEPTH: Final = 12
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
    top = _mapping(_load(where), where)
    keys = ("schema", "name", "version", "note", "bands", "project", "questions")
    _known(top, keys, where)
    if top.get("schema") != _SCHEMA:
        raise ValueError(f"{where}: schema is {top.get('schema')!r}: pass schema: {_SCHEMA}")
    project = tuple(
        _project_question(_mapping(q, f"{where}: project"), where)
        for q in _list(top.get("project", []), f"{where}: project")
    )
    questions = tuple(
        _question(_mapping(q, f"{where}: questions"), where, project)
        for q in _list(top.get("questions", []), f"{where}: questions")
    )
    if not questions:
        raise ValueError(f"{where}: the questionnaire is empty: pass at least one question")
    for ids in ([p.id for p in project], [q.id for q in questions]):
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ValueError(f"{where}: two questions have the id {twice!r}")
    bands = _mapping(top.get("bands", {}), f"{where}: bands")
    return Questionnaire(
        name=_text(top.get("name"), f"{where}: name"),
        version=_text(top.get("version"), f"{where}: version"),
        note=_text(top.get("note"), f"{where}: note"),
        bands={str(k): _number(v, f"{where}: bands.{k}", 1.0) for k, v in bands.items()},
        project=project,
        questions=questions,
    )


def read_answers(path: str, questionnaire: Questionnaire) -> Answers:
    """Read a file of answers to a questionnaire.

    Raises:
        ValueError: it is of another questionnaire, or an answer is unknown.
        OSError: it cannot be read.
    """
    top = _mapping(_load(path), path)
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
        dict(_mapping(top.get("project") or {}, f"{path}: project")),
        dict(_mapping(top.get("answers") or {}, f"{path}: answers")),
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
    yaml = _yaml()
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
        record = json.loads(_bytes(path))
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


# -- reading without trust --------------------------------------------------------------------


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise ValueError("questionnaires need PyYAML: pip install 'microjoule[estimate]'") from None
    return yaml


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_BYTES >> 10} KiB")
    return raw


def _load(path: str) -> Any:
    """YAML of bounded size and depth, without aliases and without a key given twice."""
    yaml = _yaml()
    raw = _bytes(path)
    try:
        depth = 0
        for event in yaml.parse(raw, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"{path} has an alias (*{event.anchor}): write it out")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_DEPTH:
                raise ValueError(f"{path} is nested deeper than {_MOST_DEPTH} levels")
        _no_key_twice(yaml, yaml.compose(raw, Loader=yaml.SafeLoader), path)
        return yaml.safe_load(raw)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or "it cannot be read"
        raise ValueError(f"{path} is no YAML{line}: {why}") from None


def _no_key_twice(yaml: Any, node: Any, path: str) -> None:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"{path} has the key {twice!r} twice")
        for _, value in node.value:
            _no_key_twice(yaml, value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _no_key_twice(yaml, value, path)


def _project_question(given: Mapping[str, Any], where: str) -> ProjectQuestion:
    name = _text(given.get("id"), f"{where}: id of a project question")
    at = f"{where}: {name}"
    _known(given, ("id", "text", "options"), at)
    options = _mapping(given.get("options"), f"{at}.options")
    return ProjectQuestion(
        name,
        _text(given.get("text"), f"{at}.text"),
        {_text(k, f"{at}.options"): _text(v, f"{at}.options.{k}") for k, v in options.items()},
    )


def _question(given: Mapping[str, Any], where: str, project: Iterable[ProjectQuestion]) -> Question:
    name = _text(given.get("id"), f"{where}: id of a question")
    at = f"{where}: {name}"
    _known(given, Question._fields, at)
    options = {p.id: p.options for p in project}
    levels = _levels(given.get("levels"), f"{at}.levels")
    not_for = {
        key: tuple(_text(v, f"{at}.not_for") for v in _list(values, f"{at}.not_for.{key}"))
        for key, values in _mapping(given.get("not_for", {}), f"{at}.not_for").items()
    }
    weight_for = {
        key: {
            option: _number(w, f"{at}.weight_for.{key}.{option}")
            for option, w in _mapping(weights, f"{at}.weight_for.{key}").items()
        }
        for key, weights in _mapping(given.get("weight_for", {}), f"{at}.weight_for").items()
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
        stage=_text(given.get("stage"), f"{at}.stage"),
        text=_text(given.get("text"), f"{at}.text"),
        levels=levels,
        weight=_number(given.get("weight", 1), f"{at}.weight"),
        weight_for=weight_for,
        not_for=not_for,
        advice=_text(given.get("advice"), f"{at}.advice"),
        evidence=tuple(
            _proof(_mapping(p, f"{at}.evidence"), len(levels), at)
            for p in _list(given.get("evidence", []), f"{at}.evidence")
        ),
    )


def _levels(given: Any, at: str) -> tuple[Level, ...]:
    listed = _list(given, at)
    if len(listed) < 2:
        raise ValueError(f"{at}: pass two levels or more, from the worst to the best")
    levels = []
    for i, level in enumerate(listed):
        if isinstance(level, Mapping):
            _known(level, ("text", "score"), at)
            score = _number(level.get("score"), f"{at}.score", 1.0)
            levels.append(Level(_text(level.get("text"), f"{at}.text"), score))
        else:
            levels.append(Level(_text(level, at), i / (len(listed) - 1)))
    return tuple(levels)


def _proof(given: Mapping[str, Any], levels: int, at: str) -> Proof:
    _known(given, ("level", "when"), f"{at}.evidence")
    level = given.get("level")
    if type(level) is not int or not 0 <= level < levels:
        raise ValueError(f"{at}.evidence: level is {level!r}: pass one from 0 to {levels - 1}")
    when = _mapping(given.get("when"), f"{at}.evidence.when")
    if not when:
        raise ValueError(f"{at}.evidence: pass when, the fields that prove it")
    return Proof(level, {k: tuple(_list(v, f"{at}.evidence.when.{k}")) for k, v in when.items()})


def _known(given: Mapping[str, Any], keys: Iterable[str], at: str) -> None:
    known = dict.fromkeys(keys)
    for key in given:
        if key not in known:
            raise ValueError(f"{at} has an unknown key {key!r}: {_near(key, known)}")


def _mapping(given: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(k, str) for k in given):
        raise ValueError(f"{at}: pass names with values")
    return given


def _list(given: Any, at: str) -> list[Any]:
    if not isinstance(given, list):
        raise ValueError(f"{at}: pass a list")
    return given


def _text(given: Any, at: str) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError(
            f"{at} is {given!r}: pass a text (in quotes where it is no, yes or a number)"
        )
    return given


def _number(given: Any, at: str, most: float = 1e6) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= most:
        raise ValueError(f"{at} is {given!r}: pass a number from 0 to {most:g}")
    return float(given)
