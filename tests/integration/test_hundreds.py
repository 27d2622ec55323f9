"""Threads and tasks by the hundred, whose windows overlap and change hands."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from queue import SimpleQueue

import microjoule as uj
from sim.bed import PowercapBed

KEYS = ("package-0", "dram")
MANY = 300
RESOLUTION_J = 2e-4


def assert_right(bed: PowercapBed, windows: list[uj.Measurement]) -> None:
    for m in windows:
        assert m.wait(10)
        assert m.quality == "measured"
        assert m.bounds_j is not None
        low_j, high_j = m.bounds_j
        truth_j = bed.energy_j(*m._stamps(), *KEYS)
        assert low_j - RESOLUTION_J <= truth_j <= high_j + RESOLUTION_J
        assert low_j <= m.energy_j <= high_j


def test_tokens_change_hands_between_hundreds_of_threads(bed: PowercapBed, meter: uj.Meter) -> None:
    # given threads that each begin windows and end those of whoever comes by
    tokens: SimpleQueue[tuple[str, int]] = SimpleQueue()
    ended: SimpleQueue[tuple[str, uj.Measurement]] = SimpleQueue()
    start = threading.Barrier(MANY)

    def work(number: int) -> None:
        chance = random.Random(number)
        start.wait()
        for turn in range(3):
            label = f"{number}.{turn}"
            tokens.put((label, meter.begin(label)))
            time.sleep(chance.uniform(0, 0.02))
            other, token = tokens.get()
            ended.put((other, meter.end(token)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(MANY)]
    with meter.measure() as around:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    # then every window is there once, under its own name, and right
    results = [ended.get() for _ in range(ended.qsize())]
    assert len({label for label, _ in results}) == len(results) == 3 * MANY
    assert all(label == m.label for label, m in results)
    assert_right(bed, [m for _, m in results[::7]])
    assert_right(bed, [around])
    assert meter.stats().late_events == 0


def test_hundreds_of_tasks_end_each_other_s_windows(bed: PowercapBed, meter: uj.Meter) -> None:
    async def main() -> list[uj.Measurement]:
        tokens: asyncio.Queue[int] = asyncio.Queue()

        async def one(number: int) -> uj.Measurement:
            tokens.put_nowait(meter.begin(str(number)))
            async with meter.measure() as own:
                await asyncio.sleep(0.001 * (number % 30))
            measurement = meter.end(await tokens.get())
            assert (await own).settled
            return await measurement

        return list(await asyncio.gather(*(one(number) for number in range(2 * MANY))))

    windows = asyncio.run(main())
    assert sorted(int(m.label or -1) for m in windows) == list(range(2 * MANY))
    assert_right(bed, windows[::5])


def test_blocks_of_tasks_belong_to_their_tasks(bed: PowercapBed, meter: uj.Meter) -> None:
    # one measure() object, open in hundreds of tasks at once, some of them in threads
    shared = meter.measure("shared")

    async def one(number: int) -> uj.Measurement:
        with shared as m:
            await asyncio.sleep(0.001 * (number % 20))
            if number % 10 == 0:
                await asyncio.to_thread(time.sleep, 0.002)
        assert m._stamps()[1] > 0
        return m

    async def main() -> list[uj.Measurement]:
        return list(await asyncio.gather(*(one(number) for number in range(MANY))))

    windows = asyncio.run(main())
    assert len({id(m) for m in windows}) == MANY
    assert_right(bed, windows[::5])
