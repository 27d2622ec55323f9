"""The decorator, on everything that can be called."""

from __future__ import annotations

import asyncio
import csv
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import pytest

from microjoule.tracker import EmissionsTracker, track_emissions, track_task_emissions


def rows() -> list[dict[str, str]]:
    with open("emissions.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_bare_and_with_arguments() -> None:
    @track_emissions
    def bare(a: int, *, b: int = 2) -> int:
        """Adds."""
        return a + b

    @track_emissions(project_name="named", output_file="named.csv")
    def named() -> str:
        return "x"

    @track_emissions("positional", output_file="positional.csv")
    def positional() -> str:
        return "y"

    assert bare(1, b=3) == 4
    assert bare(1) == 3
    assert (bare.__name__, bare.__doc__) == ("bare", "Adds.")
    assert list(inspect.signature(bare).parameters) == ["a", "b"]
    assert len({row["run_id"] for row in rows()}) == 2
    assert (named(), positional()) == ("x", "y")
    for name in ("named", "positional"):
        with open(f"{name}.csv", newline="") as file:
            assert next(csv.DictReader(file))["project_name"] == name


def test_methods_recursion_and_exceptions() -> None:
    class Model:
        @track_emissions
        def fit(self, depth: int) -> int:
            return 0 if depth == 0 else 1 + self.fit(depth - 1)

        @track_emissions
        def fail(self) -> None:
            raise KeyError("mine")

    assert Model().fit(2) == 2
    assert len(rows()) == 3
    with pytest.raises(KeyError, match="mine"):
        Model().fail()
    assert len(rows()) == 4


def test_a_coroutine_is_measured_while_it_runs_and_stays_one() -> None:
    @track_emissions
    async def work() -> str:
        await asyncio.sleep(0.2)
        return "done"

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work()) == "done"
    assert float(rows()[0]["duration"]) >= 0.2


def test_a_generator_is_measured_while_it_runs_and_stays_one() -> None:
    @track_emissions
    def numbers() -> Iterator[int]:
        for i in range(2):
            time.sleep(0.1)
            yield i

    @track_emissions
    async def later() -> AsyncIterator[int]:
        for i in range(2):
            await asyncio.sleep(0.1)
            yield i

    async def collect() -> list[int]:
        return [i async for i in later()]

    assert inspect.isgeneratorfunction(numbers)
    assert inspect.isasyncgenfunction(later)
    assert list(numbers()) == [0, 1]
    assert asyncio.run(collect()) == [0, 1]
    assert all(float(row["duration"]) >= 0.2 for row in rows())


def test_what_is_sent_and_thrown_reaches_the_generator() -> None:
    @track_emissions
    async def echo() -> AsyncGenerator[object, object]:
        got = yield "first"
        try:
            yield got
        except KeyError:
            yield "caught"

    async def talk() -> list[object]:
        generator = echo()
        heard = [await anext(generator), await generator.asend("sent")]
        heard.append(await generator.athrow(KeyError()))
        await generator.aclose()
        return heard

    assert asyncio.run(talk()) == ["first", "sent", "caught"]
    assert len(rows()) == 1


def test_a_decorated_task_may_be_of_any_kind() -> None:
    tracker = EmissionsTracker(output_methods=[])

    @track_task_emissions(tracker=tracker)
    def numbers() -> Iterator[int]:
        for i in range(2):
            time.sleep(0.05)
            yield i

    @track_task_emissions(tracker=tracker)
    async def work() -> int:
        await asyncio.sleep(0.1)
        return 3

    assert list(numbers()) == [0, 1]
    assert asyncio.run(work()) == 3
    tracker.stop()
    for task in tracker._tasks.values():
        assert task.emissions_data.duration >= 0.1


def test_offline() -> None:
    @track_emissions(offline=True, country_iso_code="FRA")
    def known() -> None:
        pass

    @track_emissions(offline=True)
    def unknown() -> None:
        pass

    known()
    assert rows()[0]["country_iso_code"] == "FRA"
    with pytest.raises(Exception, match=r"^Needs ISO Code of the Country for Offline mode$"):
        unknown()


def test_online_leaves_the_place_out() -> None:
    @track_emissions(country_iso_code="FRA", force_carbon_intensity_g_co2e_kwh=1)
    def anywhere() -> None:
        pass

    anywhere()
    assert len(rows()) == 1


def test_an_unknown_argument_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'projekt'"):
        track_emissions(projekt="x")
