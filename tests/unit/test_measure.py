"""`measure`: a context manager, and a decorator that changes nothing of what it decorates."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

import microjoule as uj


def last(function: Any) -> uj.Measurement:
    """What the last call of a decorated function has measured."""
    measurement: uj.Measurement = function.last_measurement
    assert measurement.wait(5)
    return measurement


# -- context manager --------------------------------------------------------------------------


def test_block(meter: uj.Meter) -> None:
    with meter.measure("train", stage="train") as m:
        assert m.label == "train"
        assert not m.settled
    assert (m.label, m.stage) == ("train", "construction/training")
    assert m.wait(5)


def test_label_and_stage_may_be_left_out(meter: uj.Meter) -> None:
    with uj.measure(meter=meter) as m:
        pass
    assert (m.label, m.stage) == (None, None)
    with meter.measure(stage="my own") as m:
        pass
    assert m.stage == "my own"


def test_nested_blocks(meter: uj.Meter) -> None:
    with meter.measure("outer") as outer:
        time.sleep(0.001)
        with meter.measure("inner") as inner:
            time.sleep(0.001)
        time.sleep(0.001)
    assert outer._stamps()[0] < inner._stamps()[0] < inner._stamps()[1] < outer._stamps()[1]


def test_one_object_for_many_blocks(meter: uj.Meter) -> None:
    measure = meter.measure("again")
    windows = []
    for _ in range(3):
        with measure as m:
            pass
        windows.append(m)
    assert len({id(m) for m in windows}) == 3
    assert [m.label for m in windows] == ["again"] * 3


def test_one_object_within_itself(meter: uj.Meter) -> None:
    measure = meter.measure("twice")
    with measure as outer, measure as inner:
        assert outer is not inner
    assert outer._stamps()[0] <= inner._stamps()[0] <= inner._stamps()[1] <= outer._stamps()[1]


def test_one_object_in_tasks_that_overlap(meter: uj.Meter) -> None:
    measure = meter.measure("shared")
    ended: list[str] = []

    async def one(name: str, length_s: float) -> uj.Measurement:
        async with measure as m:
            await asyncio.sleep(length_s)
        assert m._stamps()[1] != 0  # its own window, not that of the other task
        ended.append(name)
        return m

    async def main() -> list[uj.Measurement]:
        return await asyncio.gather(one("short", 0.01), one("long", 0.1))

    short, long = asyncio.run(main())
    assert ended == ["short", "long"]
    assert short._stamps()[1] < long._stamps()[1]


def test_one_object_in_threads_that_overlap(meter: uj.Meter) -> None:
    measure = meter.measure("shared")
    inside = threading.Barrier(2)
    short_is_over = threading.Event()
    windows: dict[str, uj.Measurement] = {}

    def short() -> None:
        with measure as windows["short"]:
            inside.wait()
        short_is_over.set()

    def long() -> None:
        with measure as windows["long"]:
            inside.wait()
            short_is_over.wait()

    threads = [threading.Thread(target=work) for work in (short, long)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert windows["short"]._stamps()[1] < windows["long"]._stamps()[1]


def test_an_exception_passes_and_the_block_has_ended(meter: uj.Meter) -> None:
    error = KeyError("mine")
    with pytest.raises(KeyError) as raised, meter.measure() as m:
        raise error
    assert raised.value is error
    assert raised.value.__context__ is None
    assert m.wait(5)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_ends_a_program_passes(meter: uj.Meter, error: BaseException) -> None:
    with pytest.raises(type(error)), meter.measure() as m:
        raise error
    assert m.wait(5)


# -- decorator --------------------------------------------------------------------------------


def test_function(meter: uj.Meter) -> None:
    @meter.measure(stage="train")
    def add(a: int, b: int = 2, *rest: int, c: int = 0) -> int:
        """Adds."""
        return a + b + c + sum(rest)

    assert not hasattr(add, "last_measurement")
    assert add(1) == 3
    assert add(1, 2, 3, c=4) == 10
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    assert list(inspect.signature(add).parameters) == ["a", "b", "rest", "c"]
    m = last(add)
    assert m.label is not None
    assert m.label.endswith("add")
    assert m.stage == "construction/training"


def test_a_label_of_its_own(meter: uj.Meter) -> None:
    @meter.measure("mine")
    def work() -> None: ...

    work()
    first = last(work)
    work()
    assert last(work) is not first
    assert last(work).label == "mine"


def test_a_failing_function(meter: uj.Meter) -> None:
    @meter.measure()
    def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert last(fail).duration_s > 0


def test_a_function_within_itself(meter: uj.Meter) -> None:
    durations = []

    @meter.measure()
    def fall(depth: int) -> int:
        if depth:
            fall(depth - 1)
            durations.append(fall.last_measurement.duration_s)  # type: ignore[attr-defined]
        return depth

    assert fall(5) == 5
    assert durations == sorted(durations)  # each is around the one before


def test_methods(meter: uj.Meter) -> None:
    class Model:
        @meter.measure()
        def fit(self, x: int) -> tuple[object, int]:
            return self, x

        @classmethod
        @meter.measure()
        def make(cls) -> Model:
            return cls()

        @staticmethod
        @meter.measure()
        def add(a: int, b: int) -> int:
            return a + b

    model = Model.make()
    assert model.fit(3) == (model, 3)
    assert Model.add(1, 2) == 3
    assert last(Model.fit).label is not None
    assert last(Model.make).wait(5)


def test_callables_of_other_kinds(meter: uj.Meter) -> None:
    class Callable:
        def __call__(self) -> str:
            return "called"

    assert meter.measure()(Callable())() == "called"
    assert meter.measure()(functools.partial(int, base=2))("101") == 5
    assert meter.measure()(len)("abc") == 3


def test_generator(meter: uj.Meter) -> None:
    heard: list[object] = []

    @meter.measure("tokens")
    def tokens() -> Generator[str, object, str]:
        try:
            heard.append((yield "a"))
            try:
                yield "b"
            except KeyError as error:
                heard.append(error)
                yield "caught"
        finally:
            heard.append("closed")
        return "returned"

    assert inspect.isgeneratorfunction(tokens)
    stream = tokens()
    assert next(stream) == "a"
    assert stream.send("sent") == "b"
    assert stream.throw(KeyError("k")) == "caught"
    assert not hasattr(tokens, "last_measurement")
    with pytest.raises(StopIteration) as stopped:
        next(stream)
    assert stopped.value.value == "returned"
    assert heard[0] == "sent"
    assert isinstance(heard[1], KeyError)
    assert heard[2] == "closed"
    assert last(tokens).label == "tokens"


def test_a_generator_is_measured_from_its_first_item_on(meter: uj.Meter) -> None:
    @meter.measure()
    def count() -> Iterator[int]:
        yield from range(3)

    stream = count()
    created_ns = time.monotonic_ns()
    assert list(stream) == [0, 1, 2]
    assert last(count)._stamps()[0] >= created_ns


def test_a_generator_that_is_closed(meter: uj.Meter) -> None:
    closed = []

    @meter.measure()
    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    stream = endless()
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert last(endless).duration_s > 0
    for _ in endless():
        break
    assert closed == [True, True]  # whoever drops a generator closes it


def test_a_generator_that_fails(meter: uj.Meter) -> None:
    @meter.measure()
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("mine")

    stream = broken()
    assert next(stream) == 1
    with pytest.raises(KeyError, match="mine"):
        next(stream)
    assert last(broken).duration_s > 0


def test_the_meter_is_found_when_the_function_runs(
    meter: uj.Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A decorator at import time must start nothing.
    from microjoule import meter as _  # noqa: F401
    from microjoule.meter import __dict__ as names

    monkeypatch.setitem(names, "_shared", None)
    monkeypatch.setitem(names, "_kept", None)

    @uj.measure("later")
    def work() -> int:
        return 1

    assert names["_shared"] is None
    assert work() == 1
    assert names["_shared"] is not None
    assert last(work).label == "later"
    names["_shared"]._native.close()


# -- arguments --------------------------------------------------------------------------------


def test_without_parentheses() -> None:
    def work() -> None: ...

    with pytest.raises(ValueError, match=r"@measure\(\)"):
        uj.measure(work)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [3, b"x", ["x"]])
def test_a_label_that_is_none(bad: object) -> None:
    with pytest.raises(ValueError, match="label is"):
        uj.measure(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["", "  ", 3])
def test_a_stage_that_is_none(bad: object) -> None:
    with pytest.raises(ValueError, match="stage is"):
        uj.measure(stage=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad", [0, 0.0, -1, 1e-9, 1e9, float("nan"), float("inf"), "x", None, [0.1]]
)
def test_a_trace_step_that_is_none(bad: object) -> None:
    with pytest.raises(ValueError, match="step in seconds"):
        uj.measure(trace=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["x", 3, uj.Meter])
def test_a_meter_that_is_none(bad: object) -> None:
    with pytest.raises(ValueError, match="meter"):
        uj.measure(meter=bad)  # type: ignore[arg-type]


def test_what_cannot_be_called(meter: uj.Meter) -> None:
    with pytest.raises(ValueError, match="callable"):
        meter.measure()(3)  # type: ignore[type-var]
