"""Many threads that ask the same meter."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

import microjoule as uj
from sim.bed import PowercapBed

KEYS = ("package-0", "dram")
THREADS = 20
RESOLUTION_J = 2e-4


def in_threads(work: Callable[[int], list[uj.Measurement]]) -> list[uj.Measurement]:
    """What every thread has measured; they begin together."""
    start = threading.Barrier(THREADS)

    def begin(number: int) -> list[uj.Measurement]:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [m for results in pool.map(begin, range(THREADS)) for m in results]


def assert_right(bed: PowercapBed, windows: list[uj.Measurement]) -> None:
    """The truth is within the hard bounds of every window, and most are as right as they say."""
    errors = []
    for m in windows:
        assert m.wait(5)
        assert m.bounds_j is not None
        truth_j = bed.energy_j(*m._stamps(), *KEYS)
        low_j, high_j = m.bounds_j
        assert low_j - RESOLUTION_J <= truth_j <= high_j + RESOLUTION_J
        errors.append(abs(m.energy_j - truth_j) / (m.uncertainty_parts["timing"] + RESOLUTION_J))
    assert len(errors) < 10 or statistics.median(errors) <= 4


def test_windows_of_many_threads(bed: PowercapBed, meter: uj.Meter) -> None:
    def work(number: int) -> list[uj.Measurement]:
        windows = []
        for turn in range(10):
            token = meter.begin(f"{number}.{turn}")
            time.sleep(0.002 * (1 + number % 3))
            windows.append(meter.end(token))
        return windows

    windows = in_threads(work)
    assert [m.label for m in windows] == [f"{n}.{t}" for n in range(THREADS) for t in range(10)]
    assert_right(bed, windows)
    assert all(m.duration_s >= 0.002 for m in windows)


def test_a_storm_of_windows(bed: PowercapBed, meter: uj.Meter) -> None:
    def work(number: int) -> list[uj.Measurement]:
        return [meter.end(meter.begin()) for _ in range(2000)]

    with meter.measure() as around:
        windows = in_threads(work)
    assert len(windows) == THREADS * 2000
    assert around.wait(5)
    assert around.energy_j == pytest.approx(
        bed.energy_j(*around._stamps(), *KEYS),
        rel=0.02,
        abs=6 * around.uncertainty_parts["timing"],
    )
    assert_right(bed, windows[::97])
    assert all(m.settled for m in windows[::97])


def test_tokens_cross_threads(bed: PowercapBed, meter: uj.Meter) -> None:
    tokens: SimpleQueue[int | None] = SimpleQueue()
    windows: list[uj.Measurement] = []

    def end_them() -> None:
        while (token := tokens.get()) is not None:
            windows.append(meter.end(token))

    other = threading.Thread(target=end_them)
    other.start()
    for _ in range(50):
        tokens.put(meter.begin())
        time.sleep(0.001)
    tokens.put(None)
    other.join()
    assert len(windows) == 50
    assert_right(bed, windows)


def test_only_one_of_many_ends_a_window(meter: uj.Meter) -> None:
    for _ in range(20):
        token = meter.begin()

        def work(number: int, token: int = token) -> list[uj.Measurement]:
            try:
                return [meter.end(token)]
            except ValueError:
                return []

        assert len(in_threads(work)) == 1


@pytest.mark.parametrize("turn", range(5))
def test_one_result_read_by_many(bed: PowercapBed, meter: uj.Meter, turn: int) -> None:
    with meter.measure(trace=True) as m:
        time.sleep(0.02)
    read: list[float] = []

    def work(number: int) -> list[uj.Measurement]:
        read.append(m.energy_j)
        assert len(m.trace()[0]) > 1
        return []

    in_threads(work)
    assert set(read) == {m.energy_j}
    assert_right(bed, [m])


def test_laps_of_one_token_in_many_threads(bed: PowercapBed, meter: uj.Meter) -> None:
    token = meter.begin()
    laps = in_threads(lambda _: [meter.lap(token) for _ in range(50)])
    laps.append(meter.end(token))
    laps.sort(key=lambda m: m._stamps())
    assert_right(bed, laps[::53])
    # Nothing is lost between them and nothing is in two of them.
    whole_ns = laps[-1]._stamps()[1] - laps[0]._stamps()[0]
    assert sum(m._stamps()[1] - m._stamps()[0] for m in laps) == whole_ns


def test_a_decorated_function_in_many_threads(bed: PowercapBed, meter: uj.Meter) -> None:
    @meter.measure()
    def work(number: int) -> list[uj.Measurement]:
        time.sleep(0.01)
        return []

    with meter.measure() as around:
        in_threads(work)
    last: uj.Measurement = work.last_measurement  # type: ignore[attr-defined]
    assert 0 < last.energy_j <= around.energy_j * 1.05
    assert_right(bed, [last, around])


def test_the_meter_is_closed_while_others_measure(meter: uj.Meter) -> None:
    refused: list[str] = []

    def work(number: int) -> list[uj.Measurement]:
        if number == 0:
            time.sleep(0.02)
            meter.close()
            return []
        try:
            for _ in range(10_000):
                meter.end(meter.begin())
        except ValueError as error:
            refused.append(str(error))
        return []

    in_threads(work)
    assert all("closed" in message for message in refused)
