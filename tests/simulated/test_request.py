"""Requests on sensors with a known truth: what the definition says, and books that balance."""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import microjoule as uj
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant, Load, Square

MeterOn = Callable[..., uj.Meter]

IDLE_W = 60.0
SQUARE = Square(IDLE_W, 180, period_s=0.074)


@pytest.fixture
def meter_on(bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeterOn]:
    """Starts a meter that sees the bed and nothing else; closed before the bed is."""
    with contextlib.ExitStack() as stack:

        def start(bed: PowercapBed, **options: object) -> uj.Meter:
            for name, value in bed.environ.items():
                monkeypatch.setenv(name, value)
            meter = stack.enter_context(uj.Meter(**options))  # type: ignore[arg-type]
            time.sleep(0.1)  # the update period is learnt
            return meter

        yield start


def package(load: Load, **options: float) -> Zone:
    return Zone("package-0", load, **options)  # type: ignore[arg-type]


def close_to(r: uj.Request, truth_j: float, relative: float) -> None:
    """Within the bar, or within what the request itself says where the machine was too busy."""
    assert r.wait(5)
    assert abs(r.energy_j - truth_j) <= max(relative * truth_j, 4 * r.uncertainty_parts["timing"])


def balanced(meter: uj.Meter, done: list[uj.Request]) -> None:
    assert all(r.wait(5) for r in done)
    books = meter.books()
    slack_j = 1e-9 * books.total_j
    assert books.attributed_j + books.unattributed_j == pytest.approx(books.total_j, abs=slack_j)
    assert math.fsum(r.energy_j for r in done) == pytest.approx(books.attributed_j, abs=slack_j)


def two_tenants(meter: uj.Meter) -> tuple[uj.Request, uj.Request]:
    """One alone, then both, then the other alone; the second has thrice the weight."""
    a = meter.begin_request(weight=1)
    time.sleep(0.15)
    b = meter.begin_request(weight=3)
    time.sleep(0.25)
    first = meter.end_request(a)
    time.sleep(0.15)
    return first, meter.end_request(b)


def test_fair_is_what_it_says(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory([package(SQUARE)])
    meter = meter_on(bed)
    a, b = two_tenants(meter)
    (a0, a1), (b0, b1) = a._stamps(), b._stamps()
    both_j = bed.energy_j(b0, a1, "package-0")
    close_to(a, bed.energy_j(a0, b0, "package-0") + both_j / 4, 0.01)
    close_to(b, both_j * 3 / 4 + bed.energy_j(a1, b1, "package-0"), 0.01)
    balanced(meter, [a, b])


def test_marginal_is_what_it_says(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory([package(SQUARE)])
    meter = meter_on(bed, split="marginal", idle_w={"cpu0.package": IDLE_W})
    a, b = two_tenants(meter)
    (a0, a1), (b0, b1) = a._stamps(), b._stamps()
    floor_j = IDLE_W * (a1 - b0) * 1e-9
    own_j = bed.energy_j(b0, a1, "package-0") - floor_j
    close_to(a, bed.energy_j(a0, b0, "package-0") + floor_j / 2 + own_j / 4, 0.02)
    close_to(b, floor_j / 2 + own_j * 3 / 4 + bed.energy_j(a1, b1, "package-0"), 0.02)
    balanced(meter, [a, b])


def test_the_idle_floor_is_learnt(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    meter = meter_on(bed_factory([package(Constant(IDLE_W))]), split="marginal")
    for _ in range(5):
        time.sleep(0.1)
        with meter.request() as r:
            time.sleep(0.01)
    assert r.wait(5)
    assert meter.books().idle_w["cpu0.package"] == pytest.approx(IDLE_W, rel=0.02)


def test_equals_and_nothing(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory([package(SQUARE)])
    meter = meter_on(bed)
    tokens = [meter.begin_request() for _ in range(10)]
    null = meter.begin_request(weight=0)
    time.sleep(0.5)
    equals = [meter.end_request(token) for token in tokens]
    nothing = meter.end_request(null)
    assert all(r.wait(5) for r in equals)
    # They did not begin and end at one instant: each had the power of its own ends.
    apart_j = 180e-9 * max(
        abs(a - b) for r in equals for a, b in zip(r._stamps(), equals[0]._stamps(), strict=True)
    )
    for r in equals:
        assert abs(r.energy_j - equals[0].energy_j) <= max(0.005 * r.energy_j, apart_j)
    assert nothing.wait(5)
    assert nothing.energy_j == 0
    assert nothing.uncertainty_j == 0
    balanced(meter, [*equals, nothing])


def test_short_requests_in_the_mean(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory([package(Constant(80))])
    meter = meter_on(bed)
    done = []
    for _ in range(2000):
        token = meter.begin_request()
        time.sleep(0.0002)
        done.append(meter.end_request(token))
    assert all(r.wait(5) for r in done)
    truth_j = sum(bed.energy_j(*r._stamps(), "package-0") for r in done)
    spread_j = math.hypot(*(r.uncertainty_parts["timing"] for r in done))
    assert abs(math.fsum(r.energy_j for r in done) - truth_j) <= max(0.01 * truth_j, 4 * spread_j)
    balanced(meter, done)


def test_who_uses_one_device_does_not_pay_for_the_other(
    bed_factory: BedFactory, meter_on: MeterOn
) -> None:
    bed = bed_factory([Zone("package-0", Constant(80)), Zone("package-1", Constant(200))])
    meter = meter_on(bed)
    with meter.request(devices=["cpu0.package"]) as first, meter.request() as both:
        time.sleep(0.2)
    close_to(first, bed.energy_j(*both._stamps(), "package-0") / 2, 0.02)
    assert list(first.by_sensor) == ["cpu0.package"]
    assert both.wait(5)
    second_j = bed.energy_j(*both._stamps(), "package-1")
    assert both.by_sensor["cpu1.package"] == pytest.approx(second_j, rel=0.02)
    balanced(meter, [first, both])


def test_books_balance_over_wraps_and_faults(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(
        [
            Zone("package-0", SQUARE, max_range_uj=20_000_000),
            Zone("package-1", Constant(90)),
        ]
    )
    meter = meter_on(bed)
    lost = threading.Timer(0.2, bed["package-1"].vanish)
    back = threading.Timer(0.5, bed["package-1"].restore)
    bed["package-0"].fail("EIO", seconds=0.2, after_s=0.3)
    lost.start()
    back.start()
    dice = random.Random(4)
    done: list[uj.Request] = []
    lock = threading.Lock()

    def serve(seed: int) -> None:
        own = random.Random(seed)
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            with meter.request(weight=10 ** own.uniform(-6, 6)) as r:
                r.phase(own.choice(["prefill", "decode"]))
                time.sleep(own.uniform(0, 0.02))
                r.weight = own.uniform(0.1, 10)
                if own.random() < 0.3:
                    r.idle()
                time.sleep(own.uniform(0, 0.01))
            with lock:
                done.append(r)

    threads = [threading.Thread(target=serve, args=(dice.random(),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in [*threads, lost, back]:
        thread.join()
    assert len(done) > 50
    balanced(meter, done)
    for r in done:
        assert math.fsum(r.by_phase.values()) == pytest.approx(r.energy_j, abs=1e-9)
