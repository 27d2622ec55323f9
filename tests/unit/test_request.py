"""Requests: how they are asked for, what they carry, and arguments that make no sense."""

from __future__ import annotations

import asyncio
import json
import math
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import microjoule as uj

pytestmark = pytest.mark.usefixtures("modelled")


# -- tokens and blocks ------------------------------------------------------------------------


def test_begin_and_end(meter: uj.Meter) -> None:
    token = meter.begin_request("chat")
    assert isinstance(token, int)
    r = meter.end_request(token)
    assert isinstance(r, uj.Request)
    assert r.label == "chat"
    assert r.duration_s > 0
    assert r.wait(5)
    assert meter.end_request(meter.begin_request()).label is None


def test_tokens_fit_once_and_only_what_they_are_for(meter: uj.Meter) -> None:
    token = meter.begin_request()
    window = meter.begin()
    with pytest.raises(ValueError, match="unknown token"):
        meter.end(token)
    with pytest.raises(ValueError, match="unknown token"):
        meter.end_request(window)
    meter.end_request(token)
    with pytest.raises(ValueError, match="ended already"):
        meter.end_request(token)
    for nonsense in ("7", None, 1.5, -1):
        with pytest.raises(ValueError, match="no token of an open request"):
            meter.end_request(nonsense)  # type: ignore[arg-type]


def test_a_block_yields_the_request(meter: uj.Meter) -> None:
    with meter.request("chat", weight=2) as r:
        assert uj.current_request() is r
        time.sleep(0.01)
        assert r.energy_j >= 0
        assert not r.settled
    assert uj.current_request() is None
    assert r.wait(5)
    assert r.energy_j > 0
    assert r.weight == 2
    assert r.scope == "process"
    assert r.boundary == "host"
    assert r.quality == "estimated"
    assert r.uncertainty_j > 0
    assert r.outcome == "completed"
    assert r.wasted_j == 0
    assert r.power_w == pytest.approx(r.energy_j / r.duration_s)
    assert sum(r.by_kind.values()) == pytest.approx(r.energy_j)
    assert r.co2e_g > 0
    assert "J ±" in repr(r)


def test_the_process_wide_meter() -> None:
    token = uj.begin_request("x", weight=3)
    with uj.request() as r:
        uj.step([token, r], [1, 2])
    q = uj.end_request(token)
    assert q.label == "x"
    assert r.weight == 2
    assert r.wait(5)
    assert q.wait(5)


def test_one_at_a_time_and_all_at_once(meter: uj.Meter) -> None:
    own = meter.request()
    barrier = threading.Barrier(8)
    seen: list[uj.Request] = []

    def work() -> None:
        with own as r:
            barrier.wait()
            assert uj.current_request() is r
            seen.append(r)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(r) for r in seen}) == 8
    assert all(r.wait(5) for r in seen)


def test_phases_add_up(meter: uj.Meter) -> None:
    with meter.request() as r:
        with r.phase("prefill") as same:
            assert same is r
            time.sleep(0.01)
            with r.phase("inner"):
                time.sleep(0.005)
        r.phase("decode")
        time.sleep(0.01)
    assert r.wait(5)
    assert list(r.by_phase) == ["prefill", "inner", "decode", "other"]
    assert r.by_phase["prefill"] > r.by_phase["other"]
    assert math.fsum(r.by_phase.values()) == pytest.approx(r.energy_j, rel=1e-9)


def test_a_ninth_phase_is_other(meter: uj.Meter) -> None:
    with meter.request() as r:
        for number in range(10):
            with r.phase(f"p{number}"):
                time.sleep(0.002)
    assert r.wait(5)
    assert list(r.by_phase) == [f"p{number}" for number in range(8)] + ["other"]
    assert r.by_phase["other"] > 0
    assert math.fsum(r.by_phase.values()) == pytest.approx(r.energy_j, rel=1e-9)


def test_who_waits_pays_nothing(meter: uj.Meter) -> None:
    with meter.request(weight=0) as queued, meter.request() as runs:
        time.sleep(0.02)
    assert queued.wait(5)
    assert runs.wait(5)
    assert queued.energy_j == 0
    assert runs.energy_j > 0
    with meter.request() as r:
        r.idle()
        time.sleep(0.05)
        r.active()
        time.sleep(0.05)
    assert r.wait(5)
    assert 0.25 < max(r.share.values()) < 0.75


def test_weights_may_move(meter: uj.Meter) -> None:
    with meter.request(weight=1e-6) as r:
        r.weight = 12
        assert r.weight == 12
    r.weight = 3  # it has ended: nothing happens
    assert r.wait(5)


def test_exceptions_go_on_and_are_marked(meter: uj.Meter) -> None:
    with pytest.raises(KeyError), meter.request() as failed:
        raise KeyError("own")
    assert failed.outcome == "failed"
    assert failed.wait(5)
    assert failed.wasted_j == failed.energy_j

    async def cancelled() -> uj.Request:
        kept: list[uj.Request] = []

        async def work() -> None:
            async with meter.request() as r:
                kept.append(r)
                await asyncio.sleep(10)

        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return kept[0]

    assert asyncio.run(cancelled()).outcome == "cancelled"
    with meter.request() as retried:
        retried.mark("retried")
    assert retried.wait(5)
    assert retried.wasted_j == retried.energy_j


def test_tokens_of_text(meter: uj.Meter) -> None:
    with meter.request() as r:
        time.sleep(0.01)
    assert math.isnan(r.energy_per_token_j)
    r.tokens(input=5, output=20)
    r.tokens(output=10)
    assert r.input_tokens == 5
    assert r.energy_per_token_j == pytest.approx(r.energy_j / 10)


def test_to_dict_is_json(meter: uj.Meter) -> None:
    with meter.request("chat") as r:
        pass
    assert r.wait(5)
    told = json.loads(json.dumps(r.to_dict()))
    assert told["schema"] == 1
    assert told["label"] == "chat"
    assert told["energy_per_token_j"] is None
    assert told["settled"] is True


# -- decorators, tasks and threads ------------------------------------------------------------


def test_decorators(meter: uj.Meter) -> None:
    @meter.request()
    def function(x: int) -> int:
        assert uj.current_request() is not None
        return x + 1

    @meter.request("named")
    async def coroutine(x: int) -> int:
        await asyncio.sleep(0)
        assert uj.current_request() is not None
        return x + 1

    @meter.request()
    def generator(n: int) -> Iterator[int]:
        yield from range(n)

    @meter.request()
    async def asynchronous(n: int) -> AsyncIterator[int]:
        for i in range(n):
            yield i

    async def collect() -> list[int]:
        return [i async for i in asynchronous(3)]

    assert function(1) == 2
    assert asyncio.run(coroutine(1)) == 2
    assert list(generator(3)) == [0, 1, 2]
    assert asyncio.run(collect()) == [0, 1, 2]
    assert uj.current_request() is None
    for decorated, label in [
        (function, "test_decorators.<locals>.function"),
        (coroutine, "named"),
        (generator, "test_decorators.<locals>.generator"),
        (asynchronous, "test_decorators.<locals>.asynchronous"),
    ]:
        last = decorated.last_request  # type: ignore[union-attr]
        assert last.label == label
        assert last.outcome == "completed"
        assert last.wait(5)


def test_a_decorated_function_that_raises(meter: uj.Meter) -> None:
    @meter.request()
    def fails() -> None:
        raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        fails()
    assert fails.last_request.outcome == "failed"  # type: ignore[attr-defined]
    assert uj.current_request() is None


def test_a_generator_left_early_is_cancelled(meter: uj.Meter) -> None:
    @meter.request()
    def generator() -> Iterator[int]:
        yield 1
        yield 2

    steps = generator()
    assert next(steps) == 1
    steps.close()  # type: ignore[attr-defined]
    assert generator.last_request.outcome == "cancelled"  # type: ignore[attr-defined]


def test_the_current_request_follows(meter: uj.Meter) -> None:
    async def main() -> None:
        async with meter.request("outer") as outer:

            async def task(label: str) -> None:
                assert uj.current_request() is outer
                async with meter.request(label) as own:
                    await asyncio.sleep(0.01)
                    assert uj.current_request() is own

            await asyncio.gather(*(task(str(n)) for n in range(5)))
            assert await asyncio.to_thread(uj.current_request) is outer
            assert (await outer) is outer

    async def settled() -> uj.Request:
        async with meter.request() as r:
            pass
        return await r

    asyncio.run(main())
    assert asyncio.run(settled()).settled


def test_wrap_carries_it_into_an_executor(meter: uj.Meter) -> None:
    with ThreadPoolExecutor(4) as pool, meter.request() as r:
        assert pool.submit(uj.current_request).result() is None
        found = list(pool.map(uj.wrap(lambda _: uj.current_request()), range(20)))
        assert all(each is r for each in found)
        assert pool.submit(uj.current_request).result() is None
    with pytest.raises(ValueError, match="callable"):
        uj.wrap(3)  # type: ignore[type-var]


# -- callbacks --------------------------------------------------------------------------------


def test_settled_requests_are_told_in_order() -> None:
    told: list[tuple[str | None, bool, str]] = []
    with uj.Meter() as meter:
        meter.on_settled(
            lambda r: told.append((r.label, r.settled, threading.current_thread().name))
        )
        for number in range(50):
            with meter.request(str(number)):
                pass
        meter.end_request(meter.begin_request("last"))
    assert [label for label, _, _ in told] == [str(number) for number in range(50)] + ["last"]
    assert all(settled and name == "microjoule-settled" for _, settled, name in told)


def test_a_callback_that_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    told = []

    def fails_first(r: uj.Request) -> None:
        told.append(r)
        if len(told) == 1:
            raise KeyError("own")

    with uj.Meter() as meter:
        meter.on_settled(fails_first)
        for _ in range(3):
            with meter.request():
                pass
    assert len(told) == 3
    assert "on_settled" in caplog.text


# -- books and fork ---------------------------------------------------------------------------


def test_books_balance(meter: uj.Meter) -> None:
    done = []
    for number in range(20):
        with meter.request(weight=1 + number) as r, meter.request() as q:
            time.sleep(0.002)
        done += [r, q]
    meter.close()
    assert all(r.wait(5) for r in done)
    books = meter.books()
    assert books.attributed_j + books.unattributed_j == pytest.approx(books.total_j, rel=1e-9)
    assert math.fsum(r.energy_j for r in done) == pytest.approx(
        books.attributed_j, abs=1e-9 * books.total_j
    )
    by_sensor = {name: math.fsum(r.by_sensor[name] for r in done) for name in done[0].by_sensor}
    assert by_sensor == pytest.approx(
        {name: books.attributed_by_sensor[name] for name in by_sensor}, abs=1e-9 * books.total_j
    )


def test_a_child_is_not_hurt_by_its_parents_requests(meter: uj.Meter) -> None:
    with meter.request("parent") as r:
        time.sleep(0.01)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                with meter.request("child") as own:
                    time.sleep(0.02)
                well = own.wait(5) and max(own.share.values()) > 0.99
                r.weight = 3
                r.phase("x")
                status = 0 if well else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert r.wait(5)
    assert "forked" not in r.reason


# -- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf, 1e-9, 1e9, "2", None])
def test_weights_that_make_no_sense(meter: uj.Meter, weight: float) -> None:
    with pytest.raises(ValueError, match="pass 0"):
        meter.begin_request(weight=weight)
    with pytest.raises(ValueError, match="pass 0"), meter.request(weight=weight):
        pass
    with meter.request() as r, pytest.raises(ValueError, match="pass 0"):
        r.weight = weight
    assert r.weight == 1


def test_devices(meter: uj.Meter) -> None:
    with meter.request(devices="cpu") as r, meter.request(devices={"model.cpu": 3}) as q:
        time.sleep(0.01)
    assert list(r.by_sensor) == list(q.by_sensor) == ["model.cpu"]
    assert r.wait(5)
    assert q.wait(5)
    assert q.share["model.cpu"] == pytest.approx(0.75, abs=0.05)
    for devices, why in [
        ("gpu0", "no sensor here"),
        ([], "no sensor that is counted"),
        ({"cpu": -1}, "0 or more"),
        ({"cpu": 0}, "no sensor that is counted"),
        (7, "pass sensor ids"),
    ]:
        with pytest.raises(ValueError, match=why):
            meter.begin_request(devices=devices)  # type: ignore[arg-type]


def test_other_arguments(meter: uj.Meter) -> None:
    with pytest.raises(ValueError, match="decorate with"):
        uj.request(lambda: None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"microjoule\.Meter"):
        uj.request(meter="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pass a name"):
        meter.begin_request(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="callable"):
        meter.on_settled(3)  # type: ignore[arg-type]
    with meter.request() as r:
        for bad in ("", 3):
            with pytest.raises(ValueError, match="pass a name"):
                r.phase(bad)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="number of tokens"):
            r.tokens(output=-1)
        with pytest.raises(ValueError, match="pass one of"):
            r.mark("lost")
        with pytest.raises(ValueError, match="one weight for each"):
            meter.step([r], [])
        with pytest.raises(ValueError, match="requests of this meter"):
            meter.step([object()], [1])  # type: ignore[list-item]
        with uj.Meter() as other, pytest.raises(ValueError, match="requests of this meter"):
            other.step([r], [1])


def test_splits_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="pass 'fair' or 'marginal'"):
        uj.Meter(split="even")
    with pytest.raises(ValueError, match="needs split='marginal'"):
        uj.Meter(idle_w={"cpu": 10})
    with pytest.raises(ValueError, match="no sensor here"):
        uj.Meter(split="marginal", idle_w={"gpu9": 10})
    with uj.Meter(split="marginal", idle_w={"cpu": 7.5}) as meter:
        assert meter.books().idle_w["model.cpu"] == pytest.approx(7.5)


def test_a_closed_meter_opens_none() -> None:
    with uj.Meter() as meter:
        token = meter.begin_request()
    assert meter.end_request(token).wait(5)
    with pytest.raises(ValueError, match="closed"):
        meter.begin_request()
