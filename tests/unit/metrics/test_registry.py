"""The registry holds every metric, says what it must of each, and the page is made from it."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from microjoule import metrics
from microjoule.metrics._registry import CATEGORIES, CERTAINTY, DIRECTIONS, GROUPS, METRICS
from unit.metrics.points import RISES_FALLS

ROOT = Path(__file__).resolve().parents[3]
ENTRIES = metrics.registry()
# What is public and no metric: values, types, indicators, and tools of the metrics beside them.
BESIDE = {
    "flops",
    "learning_curve",
    "model_size",
    "AXES",
    "energy_of",
    "places",
    "quotient",
    "read_answers",
    "read_questionnaire",
    "read_record",
    "registry",
    "timing",
    "value_of",
    "weighted_median",
    "write_answers",
}


def test_every_public_function_is_in_it() -> None:
    functions = {n for n in metrics.__all__ if not inspect.isclass(getattr(metrics, n))}
    assert functions - BESIDE == set(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda e: e.name)
def test_it_says_what_it_must(entry: metrics.Entry) -> None:
    assert entry.category in CATEGORIES
    assert entry.direction in DIRECTIONS
    assert entry.certainty in CERTAINTY
    assert entry.group in GROUPS
    for text in (entry.title, entry.formula, entry.unit, entry.reference, entry.use, entry.avoid):
        assert text.strip()


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda m: m.entry.name)
def test_a_metric_describes_each_of_its_inputs(metric: metrics.Metric[...]) -> None:
    names = list(inspect.signature(metric).parameters)
    assert names == list(metric.entry.inputs)
    for name in names:
        assert f"{name}: " in (metric.__doc__ or "")


def test_both_categories_are_there() -> None:
    assert {e.category for e in ENTRIES.values()} == set(CATEGORIES)
    assert ENTRIES["netscore"].category == "resources"
    assert ENTRIES["energy_precision_ratio"].category == "climate"


def test_what_is_not_to_be_shipped_is_not() -> None:
    everything = " ".join(ENTRIES).casefold()
    for name in ("scas", "saiq", "lenherr", "training_efficiency", "recognition_efficiency"):
        assert name not in everything
    assert [e.name for e in ENTRIES.values() if e.experimental] == ["sam"]


def test_every_metric_has_its_signs_in_the_property_tests() -> None:
    assert set(RISES_FALLS) == set(METRICS)


def test_a_metric_is_found_before_its_module_is_imported() -> None:
    code = (
        "from microjoule import metrics\n"
        "models = {'A': {'error': 0.1, 'energy_j': 1, 'duration_s': 2}}\n"
        "print(metrics.rank(models, metrics=['edp']).rows[0].cells[-1].value.value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("2.0\n", "")


def test_the_first_example_of_the_page_runs() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    example = doctest.DocTestParser().get_doctest(code, {}, "docs/metrics.md", None, 0)
    assert len(example.examples) == 3
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_the_page_is_made_from_the_registry() -> None:
    tool = ROOT / "tools/build_metrics_page.py"
    spec = importlib.util.spec_from_file_location("build_metrics_page", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.page()
    assert made == (ROOT / "docs/metrics.md").read_text(encoding="utf-8"), (
        "run: python tools/build_metrics_page.py"
    )
    for entry in ENTRIES.values():
        assert f"### {entry.name}\n" in made
