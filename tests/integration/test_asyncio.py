"""Measuring from coroutines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

import microjoule as uj
from sim.bed import PowercapBed

KEYS = ("package-0", "dram")


def assert_right(bed: PowercapBed, m: uj.Measurement) -> None:
    assert m.settled
    assert m.bounds_j is not None
    low_j, high_j = m.bounds_j
    assert low_j - 2e-4 <= bed.energy_j(*m._stamps(), *KEYS) <= high_j + 2e-4
    assert low_j <= m.energy_j <= high_j


def test_async_with_and_await(bed: PowercapBed, meter: uj.Meter) -> None:
    async def main() -> uj.Measurement:
        async with meter.measure("task", stage="serve") as m:
            await asyncio.sleep(0.02)
        assert await m is m
        return m

    m = asyncio.run(main())
    assert (m.label, m.stage) == ("task", "inference")
    assert_right(bed, m)


def test_waiting_does_not_block_the_loop(bed: PowercapBed, meter: uj.Meter) -> None:
    # given a result that cannot settle until the loop has gone on
    async def main() -> list[str]:
        order: list[str] = []
        bed["package-0"].fail("EIO", seconds=0.3)
        async with meter.measure() as m:
            await asyncio.sleep(0.01)

        async def wait() -> None:
            await m
            order.append("settled")

        waiting = asyncio.create_task(wait())
        for _ in range(3):
            await asyncio.sleep(0)
            order.append("turn")
        await waiting
        return order

    assert asyncio.run(main()) == ["turn"] * 3 + ["settled"]


def test_many_overlapping_tasks(bed: PowercapBed, meter: uj.Meter) -> None:
    async def one(number: int) -> uj.Measurement:
        async with meter.measure(str(number)) as m:
            await asyncio.sleep(0.001 * (number % 20 + 1))
        return await m

    async def main() -> list[uj.Measurement]:
        return list(await asyncio.gather(*(one(number) for number in range(200))))

    windows = asyncio.run(main())
    assert [m.label for m in windows] == [str(number) for number in range(200)]
    for m in windows:
        assert_right(bed, m)
        assert m.duration_s >= 0.001 * (int(m.label or 0) % 20 + 1)


def test_a_decorated_coroutine(bed: PowercapBed, meter: uj.Meter) -> None:
    @meter.measure()
    async def answer(question: int, *, more: int = 0) -> int:
        """Doc."""
        await asyncio.sleep(0.02)
        return question + more

    assert asyncio.iscoroutinefunction(answer)
    assert answer.__doc__ == "Doc."
    assert asyncio.run(answer(40, more=2)) == 42
    last: uj.Measurement = answer.last_measurement  # type: ignore[attr-defined]
    assert last.label is not None
    assert last.label.endswith("answer")
    assert last.wait(5)
    assert_right(bed, last)


def test_a_cancelled_coroutine_has_ended(meter: uj.Meter) -> None:
    @meter.measure("cancelled")
    async def forever() -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        task = asyncio.create_task(forever())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    last: uj.Measurement = forever.last_measurement  # type: ignore[attr-defined]
    assert last.wait(5)
    assert last.duration_s < 3600


def test_an_exception_passes_through(meter: uj.Meter) -> None:
    async def main() -> uj.Measurement:
        with contextlib.suppress(KeyError):
            async with meter.measure() as m:
                raise KeyError
        return await m

    assert asyncio.run(main()).settled


def test_a_decorated_asynchronous_generator(meter: uj.Meter) -> None:
    heard: list[object] = []

    @meter.measure("tokens")
    async def tokens() -> AsyncIterator[str]:
        try:
            heard.append((yield "a"))
            try:
                yield "b"
            except KeyError as error:
                heard.append(error)
                yield "caught"
            yield "c"
        finally:
            heard.append("closed")

    async def main() -> None:
        stream = tokens()
        assert await anext(stream) == "a"
        assert await stream.asend("sent") == "b"  # type: ignore[attr-defined]
        assert await stream.athrow(KeyError("k")) == "caught"  # type: ignore[attr-defined]
        assert await anext(stream) == "c"
        assert not hasattr(tokens, "last_measurement")
        await stream.aclose()  # type: ignore[attr-defined]
        assert heard[0] == "sent"
        assert isinstance(heard[1], KeyError)
        assert heard[2] == "closed"
        assert [item async for item in tokens()] == ["a", "b", "c"]

    asyncio.run(main())
    last: uj.Measurement = tokens.last_measurement  # type: ignore[attr-defined]
    assert last.label == "tokens"
    assert last.wait(5)


def test_an_asynchronous_generator_that_fails(meter: uj.Meter) -> None:
    @meter.measure()
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise KeyError("mine")

    async def main() -> None:
        stream = broken()
        assert await anext(stream) == 1
        with pytest.raises(KeyError, match="mine"):
            await anext(stream)

    asyncio.run(main())
    assert broken.last_measurement.wait(5)  # type: ignore[attr-defined]


def test_an_asynchronous_generator_left_half_way(meter: uj.Meter) -> None:
    @meter.measure()
    async def endless() -> AsyncIterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    async def main() -> None:
        async for number in endless():
            if number == 3:
                break

    asyncio.run(main())  # closes what was left
    assert endless.last_measurement.wait(5)  # type: ignore[attr-defined]
