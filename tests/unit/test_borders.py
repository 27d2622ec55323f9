"""The borders of the house: which part may know which (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python/microjoule"
CPP = ROOT / "cpp"

# From the bottom up; a part may import those below it. What is in no layer is for everyone: small
# modules that import none of the parts themselves.
LAYERS = [
    {"_core"},
    {
        "meter",
        "measurement",
        "recording",
        "request",
        "requesting",
        "result",
        "sensors",
        "settling",
    },
    {"metrics", "carbon"},
    {"lifecycle", "estimate", "indicators"},
    {"report", "integrations", "export", "tracker", "codecarbon"},
    {"cli"},
]
FOR_EVERYONE = {
    "_version",
    "config",
    "decorating",
    "hardware",
    "nvml",
    "stages",
    "untrusted",
    "wall",
}
# The meter's figures ask for the carbon of an energy; not before somebody does. The names of
# `uj.metrics` are those of the indicators too, which are loaded when one of them is used.
LATE = {("result", "carbon"), ("meter", "carbon"), ("metrics", "indicators")}


def level(part: str) -> int | None:
    return next((n for n, layer in enumerate(LAYERS) if part in layer), None)


def part_of(path: Path) -> str:
    """The module or subpackage of microjoule that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(node: ast.AST, path: Path) -> list[str]:
    """The parts of microjoule that a statement imports."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            package = ("microjoule", *path.relative_to(PACKAGE).parts)[: -node.level]
            module = ".".join((*package, module)).rstrip(".")
        names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
    found = [name.split(".") for name in names]
    return [words[1] for words in found if words[0] == "microjoule" and len(words) > 1]


def statements(node: ast.AST, *, late: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Every statement below a node, and whether it runs only inside a function or for types."""
    for child in ast.iter_child_nodes(node):
        typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        inner = late or typing or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield child, inner
        yield from statements(child, late=inner)


def imports() -> list[tuple[str, str, bool, str]]:
    """All imports between parts, as (from, to, late, where)."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent == PACKAGE and path.name in ("__init__.py", "__main__.py"):
            continue  # the public names are those of every part
        tree = ast.parse(path.read_text())
        for node, late in statements(tree):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            found += [(part_of(path), to, late, where) for to in imported(node, path)]
    return found


def test_every_part_has_its_place() -> None:
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert parts <= set().union(*LAYERS, FOR_EVERYONE)


def test_imports_point_one_way() -> None:
    against = [
        f"{where}: {here} imports {there}"
        for here, there, late, where in imports()
        if (low := level(here)) is not None
        and (high := level(there)) is not None
        and low < high
        and not (late and (here, there) in LATE)
    ]
    assert against == []


def test_carbon_and_metrics_do_not_know_the_meter() -> None:
    against = [
        f"{where}: {here} imports {there}"
        for here, there, _, where in imports()
        if here in LAYERS[2] and there in LAYERS[0] | LAYERS[1]
    ]
    assert against == []


def test_nobody_imports_the_command_line() -> None:
    assert [w for here, there, _, w in imports() if there == "cli" and here != "cli"] == []


def test_what_is_for_everyone_knows_no_part() -> None:
    against = [
        f"{where}: {here} imports {there}"
        for here, there, _, where in imports()
        if here in FOR_EVERYONE and level(there) is not None
    ]
    assert against == []


def test_the_test_sees_imports() -> None:
    def found(code: str, file: str) -> list[str]:
        nodes = statements(ast.parse(code))
        return [to for node, _ in nodes for to in imported(node, PACKAGE / file)]

    assert found("from microjoule import cli", "meter.py") == ["cli"]
    assert found("import microjoule.cli.run", "meter.py") == ["cli"]
    assert found("def f():\n    from microjoule.cli import run", "meter.py") == ["cli", "cli"]
    assert found("from . import meter", "config.py") == ["meter"]
    assert found("from ..meter import Meter", "carbon/location.py") == ["meter", "meter"]
    assert found("import numpy, microjoulex.cli", "meter.py") == []
    assert len(imports()) > 20


# -- the native core --------------------------------------------------------------------------


def includes(folder: str) -> list[tuple[str, str]]:
    """What the files of a folder include, as (file, header)."""
    pattern = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
    return [
        (path.name, header)
        for path in sorted((CPP / folder).rglob("*"))
        if path.suffix in (".h", ".cpp")
        for header in pattern.findall(path.read_text())
    ]


def sources() -> set[str]:
    """The headers that belong to a concrete source."""
    return {f"microjoule/{path.stem}.h" for path in (CPP / "sources").glob("*.cpp")}


@pytest.mark.parametrize("folder", ["core", "sources", "recording", "include", "tests"])
def test_there_is_no_python_in_the_core(folder: str) -> None:
    assert includes(folder) != []
    assert [i for i in includes(folder) if re.search(r"Python\.h|pybind11", i[1])] == []


def test_the_core_knows_no_concrete_source() -> None:
    concrete = sources()
    assert {"microjoule/powercap.h", "microjoule/model.h", "microjoule/files.h"} <= concrete
    assert [i for i in includes("core") if i[1] in concrete] == []
    core = {f"{path.stem}.h" for path in (CPP / "core").glob("*.cpp")}
    assert [i for i in includes("include") if i[0] in core and i[1] in concrete] == []


def test_only_the_source_replay_knows_recordings() -> None:
    room = {f"microjoule/{path.stem}.h" for path in (CPP / "recording").glob("*.cpp")}
    assert room == {f"microjoule/{name}.h" for name in ("recording", "recorder", "rerun")}
    assert [i for i in includes("core") if i[1] in room] == []
    assert {i for i in includes("sources") if i[1] in room} == {
        ("replay.cpp", "microjoule/recording.h")
    }
    assert [i for i in includes("recording") if i[1] in sources()] == []


def test_no_source_knows_another() -> None:
    def owner(file: str) -> str:
        # A source of several files has its name before the first underscore of each.
        return Path(file).stem.split("_")[0]

    # What several of them need is told from a source by having none of its own.
    shared = {"files", "topology", "rapl", "driver", "parse"}
    owned = {owner(path.name) for path in (CPP / "sources").glob("*.cpp")} - shared
    assert {"nvml", "amdsmi", "hwmon"} <= owned
    headers = {path.name for path in (CPP / "sources").glob("*.h")}
    against = [
        (name, header)
        for name, header in includes("sources")
        if (header.startswith("microjoule/") or header in headers)
        and owner(header) in owned - {owner(name)}
        and owner(name) != "discover"
    ]
    assert against == []


def test_sources_know_the_interface_and_not_the_sampler() -> None:
    inside = {f"microjoule/{path.stem}.h" for path in (CPP / "core").glob("*.cpp")}
    against = [i for i in includes("sources") if i[1] in inside - {"microjoule/clock.h"}]
    assert against == []


def test_what_the_architecture_names_is_there() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    folders = (PACKAGE, CPP, ROOT / "tests/unit", ROOT / "tools", ROOT / "benchmarks")
    files = {path.name for folder in folders for path in folder.rglob("*.*")}
    named = set(re.findall(r"`(?:[\w/]+/)?(\w+\.(?:py|cpp|h))`", page))
    assert len(named) > 10
    assert named <= files
    rooms = dict(re.findall(r"^\| `([\w/]+)/` \|.*?`([\w ]+ [\w ]+)`", page, re.MULTILINE))
    assert {"cpp/core", "cpp/sources", "python/microjoule"} <= set(rooms)
    for room, stems in rooms.items():
        there = {path.stem for path in (ROOT / room).iterdir()}
        assert set(stems.split()) <= there, room
