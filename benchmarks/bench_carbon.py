"""Carbon: the first look-up of a process and later ones, a day of a series, providers that hang."""

from __future__ import annotations

import contextlib
import math
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from kit.figures import Book
from kit.statistics import median_interval

import microjoule as uj
from microjoule import carbon, wall
from microjoule.carbon.providers import ElectricityMaps, UKCarbon, WattTime
from sim.providers import Raw

PAIRS = 200
FIRST = "import microjoule as uj; uj.carbon.intensity('NO')"
UNWANTED = ("numpy", "socket", "ssl", "httpx", "tenacity", "http", "urllib.request", "json", "csv")
DAY_S = 86_400
BUDGET_S = 6.0  # the providers' own


def cost_ms(code: str, environ: dict[str, str]) -> tuple[float, float]:
    """Wall time and CPU time of a fresh interpreter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1e3 * wall_s, 1e3 * cpu_s


def test_the_first_look_up(book: Book, share: float, tmp_path: Path) -> None:
    # As installed: with its bytecode, which the first round writes.
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    codes = ("pass", "import microjoule", FIRST)
    for code in codes:
        cost_ms(code, environ)
    pairs = max(6, round(PAIRS * share))
    rounds = [[cost_ms(code, environ) for code in codes] for _ in range(pairs)]
    for kind, name in enumerate(("wall", "CPU")):
        for less, what in ((0, "a bare interpreter"), (1, "`import microjoule`")):
            extra_ms = median_interval([of[2][kind] - of[less][kind] for of in rounds])
            book.add(
                f"`{FIRST}` over {what}, {name}, {pairs} rounds",
                f"{extra_ms} ms",
                "≤ 15 ms",
                extra_ms.value <= 15,
            )
    loaded = subprocess.run(
        [sys.executable, "-c", f"{FIRST}\nimport sys\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = sorted(set(UNWANTED) & set(loaded.stdout.split()))
    what = ", ".join(found) or "nothing"
    book.add("of numpy and network it loads", what, "nothing", not found)


def test_later_look_ups(book: Book) -> None:
    for where in ("NO", "US-CA", "aws:eu-north-1", "Norway"):
        carbon.intensity(where)
        best_s = math.inf
        for _ in range(200):
            start = time.perf_counter()
            for _ in range(100):
                carbon.intensity(where)
            best_s = min(best_s, (time.perf_counter() - start) / 100)
        book.at_most(f"`intensity({where!r})` again, best of 200", 1e6 * best_s, 5, "µs")


def test_a_day_against_hourly_intensities(book: Book) -> None:
    """A trace of a point a second, and the sum over its seconds in fractions."""
    start_ns = 1_750_000_000 * 10**9
    times = start_ns + np.arange(DAY_S + 1, dtype=np.int64) * 10**9
    watts = 200 + 150 * np.sin(np.arange(DAY_S) / 777.7)
    energy = np.concatenate(([0.0], np.cumsum(watts)))
    hours = [(start_ns // 10**9 + 3600 * h, 50.0 + 37 * ((7 * h) % 11)) for h in range(24)]
    series = carbon.Series.from_slots([(at, at + 3600, g) for at, g in hours])
    exact = sum(
        Fraction(g) * (Fraction(float(energy[3600 * (h + 1)])) - Fraction(float(energy[3600 * h])))
        for h, (_, g) in enumerate(hours)
    )
    for name, course in (
        ("arrays", (times, energy)),
        ("lists", (times.tolist(), energy.tolist())),
    ):
        best_s, mean = math.inf, 0.0
        for _ in range(30):
            began = time.perf_counter()
            mean = series.mean(*course).g_per_kwh
            best_s = min(best_s, time.perf_counter() - began)
        error = abs(mean * float(energy[-1]) / float(exact) - 1)
        book.at_most(f"∫P·CI dt of a day, {name}, best of 30", 1e3 * best_s, 20, "ms")
        book.at_most(f"its error against the closed form, {name}", error, 1e-9, "")


def test_the_footprint_of_a_window_with_the_longest_trace(book: Book) -> None:
    """The same from a window on: its course is put together first."""
    with uj.Meter() as meter, meter.measure("day", trace=True) as m:
        time.sleep(0.3)
    m.trace()
    start_ns, end_ns = m._stamps()
    energy = m._trace[1]
    longest = np.linspace(start_ns, end_ns, 65_536).astype(np.int64)
    m._trace = (longest, np.linspace(energy[0], energy[-1], 65_536))
    at = wall.unix_ns(start_ns) / 1e9 - 1
    slots = [(at + i * 0.1, at + (i + 1) * 0.1, 50.0 + i) for i in range(60)]
    series = carbon.Series.from_slots(slots)
    best_s = math.inf
    for _ in range(30):
        began = time.perf_counter()
        m.footprint(series)
        best_s = min(best_s, time.perf_counter() - began)
    what = "`m.footprint(series)` with a trace of 65,536 points, best of 30"
    book.at_most(what, 1e3 * best_s, 20, "ms")


@contextlib.contextmanager
def hanging(drips: bool) -> Iterator[str]:
    """A server that takes every question and never has done with its answer."""
    end = threading.Event()

    def answer(connection: socket.socket) -> None:
        if drips:
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        while not end.wait(0.05):
            if drips:
                connection.sendall(b" ")

    with Raw(answer).running() as server:
        try:
            yield server.url
        finally:
            end.set()


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
@pytest.mark.parametrize("provider", ["electricitymaps", "watttime", "ukcarbon"])
def test_providers_that_hang(provider: str, drips: bool, book: Book) -> None:
    with hanging(drips) as url:
        asked = {
            "electricitymaps": ElectricityMaps("tok", base_url=url, cache_dir=""),
            "watttime": WattTime("me", "hush", base_url=url, cache_dir=""),
            "ukcarbon": UKCarbon(base_url=url, cache_dir=""),
        }[provider]
        start = time.perf_counter()
        found = carbon.live("GB", providers=[asked], environ={"MICROJOULE_OFFLINE": "0"})
        took_s = time.perf_counter() - start
    assert found.rung == "country", found.note
    # What stands in after the budget is looked up in a moment.
    what = f"{provider} from a {'dripping' if drips else 'silent'} server: the table after"
    book.at_most(what, took_s, BUDGET_S + 0.1, "s", found.note)
