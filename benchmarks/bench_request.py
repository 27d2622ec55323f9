"""What a request costs from Python, also while ever more of them are open."""

from __future__ import annotations

import time

import numpy as np
import pytest
from kit.figures import Book
from kit.pairs import INNER, pair_ns, spread
from pytest_benchmark.fixture import BenchmarkFixture

import microjoule as uj


@pytest.mark.parametrize("form", ["tokens", "block"])
@pytest.mark.usefixtures("tree")
def test_a_request(form: str, benchmark: BenchmarkFixture, book: Book, share: float) -> None:
    with uj.Meter() as meter:
        begin, end = meter.begin_request, meter.end_request

        def tokens() -> None:
            for _ in range(INNER):
                end(begin())

        def block() -> None:
            for _ in range(INNER):
                with meter.request():
                    pass

        times = pair_ns(benchmark, tokens if form == "tokens" else block, share)
    book.at_most(
        "begin_request+end_request from Python: median"
        if form == "tokens"
        else "with request() from Python: median",
        float(np.median(times)),
        500 if form == "tokens" else 900,
        "ns",
        spread(times),
    )


@pytest.mark.usefixtures("tree")
def test_ever_more_are_open(book: Book) -> None:
    """A pair beside 1 and beside 100,000 open requests, one after the other in one run."""
    with uj.Meter() as few, uj.Meter() as many:
        few.begin_request()
        for _ in range(100_000):
            many.begin_request()
        time.sleep(0.2)
        medians = []
        for meter in (few, many):
            times = []
            for _ in range(300):
                start = time.perf_counter_ns()
                for _ in range(INNER):
                    meter.end_request(meter.begin_request())
                times.append(time.perf_counter_ns() - start)
                time.sleep(0.002)
            medians.append(float(np.median(times)))
    book.at_most(
        "begin_request+end_request beside 100,000 open over beside 1",
        medians[1] / medians[0],
        1.5,
        "",
        f"{medians[0] / INNER:.0f} and {medians[1] / INNER:.0f} ns",
    )
