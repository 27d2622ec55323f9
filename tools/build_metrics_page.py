"""Writes ``docs/metrics.md`` from the registry: `python tools/build_metrics_page.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from microjoule import metrics
from microjoule.metrics._registry import CERTAINTY, GROUPS, METRICS, Entry, Input

PAGE = Path(__file__).resolve().parents[1] / "docs/metrics.md"

_HEAD = """\
# Metrics

<!-- Made by tools/build_metrics_page.py from the registry in python/microjoule/metrics. -->

A metric weighs what a model is worth against what it costs. Every one is a pure function in
`microjoule.metrics`; `uj score METRIC name=value …` computes it from the command line, and
`uj score --list` shows them all.

```python
>>> import microjoule as uj
>>> m = uj.metrics.energy_precision_ratio((0.08, 0.004), (0.40, 0.02), alpha=1)
>>> m.value, round(m.uncertainty, 5), m.unit, m.direction, m.category
(0.032, 0.00226, 'J', 'lower', 'climate')
```

**Two categories.** Metrics of *computing resources* (operations, parameters, time, data) are easy
to get and to compare and show where to optimise, but say nothing direct about the climate and
ignore differences of hardware. Metrics of the *climate* (electricity, carbon) are direct, but
depend on where the electricity comes from and are hard to measure exactly. Each metric carries its
category.

**Uncertainty.** An input may carry a standard uncertainty (k = 1): a pair `(0.40, 0.02)`, a
`Value`, the text `"0.40±0.02"` or `"0.40±5%"`, or the energy of a measurement,
`uj.metrics.energy_of(m)`. It is propagated by the law of propagation with the higher terms of each
input (JCGM 100:2008, 5.1.2). Where a class is decided (letters, stars, membership of a front,
ranks) the inputs are drawn 100 000 times and the probability of the class is given. Inputs are
taken as independent; the gain error of a meter that all models shared moves them alike, so leave it
out when you compare.

**How it was obtained.** A figure is `measured`, `given`, `mixed` or `estimated`: the weakest of its
inputs. NaN never comes out: an input outside its range is an error that says what to pass.

**Certainty** says how well the formula itself is known: {certainty}. The examples below
take their names from `microjoule.metrics`.
"""


def page() -> str:
    """Return the page."""
    told = "; ".join(f"*{name}*, {what.split(': ')[-1]}" for name, what in CERTAINTY.items())
    parts = [_HEAD.format(certainty=told)]
    entries = list(metrics.registry().values())
    parts.append(_table(entries))
    for group, title in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_section(entry) for entry in entries if entry.group == group]
    return "\n".join(parts)


def _table(entries: list[Entry]) -> str:
    lines = ["| metric | formula | unit | better | category |", "|---|---|---|---|---|"]
    for e in entries:
        cells = (f"[{e.name}](#{e.name})", _cell(e.formula), e.unit, e.direction, e.category)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _section(e: Entry) -> str:
    lines = [f"### {e.name}", "", f"**{e.title}**: {e.formula}", ""]
    if e.experimental:
        lines += ["*Experimental: it may change or go.*", ""]
    lines += [
        f"- unit: {e.unit}; better: {e.direction}; category: {e.category}",
        *[f"- `{name}`: {_input(spec)}" for name, spec in e.inputs.items()],
        f"- use: {e.use}",
        f"- not for: {e.avoid}",
        f"- source: {e.reference} ({e.certainty}: {CERTAINTY[e.certainty].split(': ')[-1]})",
        "",
        "```python",
    ]
    for example in e.examples:
        lines += [f">>> {_call(e, example.expression)}", example.value]
    return "\n".join([*lines, "```", ""])


def _input(spec: Input) -> str:
    unit = "" if spec.unit == "1" else f", {spec.unit}"
    return f"{spec.what}{unit}{' (a setting)' if spec.setting else ''}"


def _call(e: Entry, expression: str) -> str:
    """A figure is shown as the figure, not as the value around it."""
    whole = e.name in METRICS or e.name == "error_of"
    bare = expression.startswith(f"{e.name}(") and expression.endswith(")")
    return f"{expression}.value" if whole and bare else expression


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
