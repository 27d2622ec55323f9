"""Whatever text or bytes come in: a value, or a sentence."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microjoule import metrics
from microjoule.cli import models_csv

QUESTIONNAIRE = metrics.read_questionnaire()
YAML = st.text(alphabet='abc:{}[]-*&!%"# \n\t01,<|>?', max_size=60) | st.text(max_size=30)
any_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.text(alphabet="0123456789.eE+-±%/ naif_", max_size=16) | st.text(max_size=8))
def test_numbers(text: str) -> None:
    try:
        found = metrics.value_of(text, "x")
    except ValueError as error:
        told = str(error)
        assert "pass a" in told
        return
    assert math.isfinite(found.value)
    assert 0 <= found.uncertainty < math.inf


@any_folder
@given(st.binary(max_size=80) | st.text(alphabet='ab,"\n\r0.', max_size=60).map(str.encode))
def test_tables(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    try:
        found = models_csv.read(str(path), None)
    except ValueError:
        return
    assert found.rows
    for row in found.rows.values():
        assert tuple(row) == found.columns


@any_folder
@given(YAML.map(str.encode) | st.binary(max_size=40))
def test_answers(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(raw)
    try:
        found = metrics.read_answers(str(path), QUESTIONNAIRE)
    except ValueError:
        return
    score = metrics.quotient(QUESTIONNAIRE, found.project, found.levels).score
    assert 0 <= score <= 1


@any_folder
@given(YAML)
def test_questionnaires(tmp_path: Path, text: str) -> None:
    path = tmp_path / "q.yml"
    path.write_bytes(text.encode())
    with pytest.raises(ValueError):
        metrics.read_questionnaire(str(path))


@any_folder
@given(st.text(alphabet='{}[]:,"0123abn', max_size=60))
def test_run_records(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        metrics.read_record(str(path))
