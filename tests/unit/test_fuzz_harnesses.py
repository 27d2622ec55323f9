"""Every parser of outside text or bytes has a fuzz harness, and every harness its inputs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HARNESSES = {path.stem[len("fuzz_") :]: path for path in (ROOT / "cpp/fuzz").glob("fuzz_*.cpp")}


def declared(header: str, pattern: str) -> list[str]:
    text = (ROOT / "cpp" / header).read_text()
    return re.findall(pattern, text)


PARSERS = [
    *declared("sources/parse.h", r"(?m)^[\w:<> ]+ (\w+)\([^;]*;"),
    *declared("include/microjoule/files.h", r"\b(parse_\w+)\("),
    *declared("include/microjoule/topology.h", r"\b(parse_\w+)\("),
]


def test_the_parsers_are_found() -> None:
    assert {"zone_place", "event_config", "cpu_times", "parse_u64", "parse_cpu_list"} <= set(
        PARSERS
    )


@pytest.mark.parametrize("parser", PARSERS)
def test_a_parser_is_fuzzed(parser: str) -> None:
    called = re.compile(rf"\b{parser}\(")
    assert any(called.search(path.read_text()) for path in HARNESSES.values())


@pytest.mark.parametrize("harness", [*HARNESSES, "config"])
def test_a_harness_is_built_and_starts_from_inputs(harness: str) -> None:
    assert any((ROOT / "tests/fuzz/corpus" / harness).iterdir())
    listed = (ROOT / "cpp/fuzz/CMakeLists.txt").read_text()
    assert harness == "config" or re.search(rf"\b{harness}\b", listed)
