"""What ``import microjoule`` costs over a bare interpreter, and what it loads."""

from __future__ import annotations

import subprocess
import sys
import time

from kit.figures import Book
from kit.statistics import median_interval

PAIRS = 200
UNWANTED = (
    "numpy",
    "asyncio",
    "argparse",
    "json",
    "importlib.metadata",
    "dataclasses",
    "socket",
    "ssl",
    "http",
    "urllib.request",
    "email",
    "requests",
    "httpx",
)


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(result.stdout.split())


def test_import_time(book: Book, share: float) -> None:
    pairs = max(6, round(PAIRS * share))
    for statement, bar in (
        ("import microjoule", 15),
        ("import microjoule as uj; uj.begin", None),
        ("import numpy", None),
    ):
        seconds(statement)  # warms the page cache
        extra_ms = median_interval(
            [(seconds(statement) - seconds("pass")) * 1000 for _ in range(pairs)]
        )
        book.add(
            f"`{statement}` over a bare interpreter, {pairs} pairs",
            f"{extra_ms} ms",
            f"≤ {bar} ms" if bar else "",
            extra_ms.value <= bar if bar else None,
        )


def test_modules(book: Book) -> None:
    bare = loaded("pass")
    for statement, barred in (
        ("import microjoule", True),
        ("import microjoule as uj; uj.begin", False),
        ("import microjoule as uj; uj.end(uj.begin())", False),
    ):
        new = loaded(statement) - bare
        found = sorted(name for name in UNWANTED if name in new)
        # The modules themselves, by their first names: what a reader can check.
        names = sorted({name for name in new if not name.startswith("microjoule.")})
        shown = ", ".join(names) if len(names) <= 12 else f"{len(names)} modules"
        book.add(
            f"`{statement}` loads",
            f"{shown}; unwanted: {', '.join(found) or 'none'}",
            "none of the unwanted" if barred else "",
            not found if barred else None,
        )
