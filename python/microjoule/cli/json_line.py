"""One line of JSON for a program."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

SCHEMA: Final = 1


def json_line(fields: Mapping[str, Any]) -> str:
    """Fields as one line of JSON, with `schema` first and null for what has no number."""
    return json.dumps(_finite({"schema": SCHEMA, **fields}), allow_nan=False)


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for: NaN and the infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value
