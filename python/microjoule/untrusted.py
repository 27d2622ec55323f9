"""Files from outside: read with bounds, and refused in a sentence that names the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST_BYTES = 256 << 10
_MOST_DEPTH = 12


def yaml_module() -> Any:
    """Return PyYAML.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise ValueError("YAML files need PyYAML: pip install 'microjoule[estimate]'") from None
    return yaml


def read_bytes(path: str) -> bytes:
    """Return the content of a small file.

    Raises:
        ValueError: it is larger than 256 KiB.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_BYTES >> 10} KiB")
    return raw


def load_yaml(path: str) -> Any:
    """Return YAML of bounded size and depth, without aliases and without a key given twice.

    Raises:
        ValueError: it is no such YAML.
        OSError: it cannot be read.
    """
    yaml = yaml_module()
    raw = read_bytes(path)
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


def mapping(given: Any, at: str) -> Mapping[str, Any]:
    """Return names with values; refuse anything else found there."""
    if not isinstance(given, Mapping) or not all(isinstance(k, str) for k in given):
        raise ValueError(f"{at}: pass names with values")
    return given


def sequence(given: Any, at: str) -> list[Any]:
    """Return a list; refuse anything else found there."""
    if not isinstance(given, list):
        raise ValueError(f"{at}: pass a list")
    return given


def text(given: Any, at: str) -> str:
    """Return a text that is not empty; refuse anything else found there."""
    if not isinstance(given, str) or not given.strip():
        raise ValueError(
            f"{at} is {given!r}: pass a text (in quotes where it is no, yes or a number)"
        )
    return given


def number(given: Any, at: str, most: float = 1e6) -> float:
    """Return a number from 0 to ``most``; refuse anything else found there."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= most:
        raise ValueError(f"{at} is {given!r}: pass a number from 0 to {most:g}")
    return float(given)


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
