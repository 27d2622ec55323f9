"""What the sampler may cost: the kernel's own account of its thread, against its limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import microjoule as uj
from sim.loads import Constant
from sim.plain import PlainTree
from sim.zones import Zone


def sampler_cpu_s() -> float:
    """CPU time of every sampler of this process, from the kernel (nanoseconds in schedstat)."""
    used = 0
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().startswith("microjoule"):
            used += int((task / "schedstat").read_text().split()[0])
    return used * 1e-9


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[int]:
    """Plain files as sensors, so many as asked for."""
    zones = [Zone(f"package-{number}", Constant(100)) for number in range(request.param)]
    with PlainTree(zones) as tree:
        for name, value in tree.environ.items():
            monkeypatch.setenv(name, value)
        yield request.param


@pytest.mark.slow
@pytest.mark.parametrize("counters", [1, 4, 16, 64], indirect=True)
def test_ten_seconds_at_a_fixed_pace_stay_below_the_limit(counters: int) -> None:
    # given a pace that would cost more than it may
    limit = 0.002 * min(counters, 4)
    with uj.Meter(sources=["powercap"], pace="fixed", period_s=1e-4, overhead_limit=limit) as meter:
        assert sum(s.counted for s in meter.sensors()) == counters
        time.sleep(0.1)
        start, cpu = time.monotonic(), sampler_cpu_s()
        with meter.measure() as m:
            time.sleep(10)
        share = (sampler_cpu_s() - cpu) / (time.monotonic() - start)
        stats = meter.stats()
    # then it is slowed to its limit, and says so
    assert share <= 1.2 * limit
    assert stats.stretch > 1
    assert m.wait(5)
    assert "times less often, to hold its overhead" in m.reason


@pytest.mark.parametrize("counters", [16], indirect=True)
def test_bursts_at_events_are_never_slowed(counters: int) -> None:
    # given a sampler that is slowed as far as it goes
    with uj.Meter(sources=["powercap"], pace="fixed", period_s=1e-4, overhead_limit=1e-4) as meter:
        time.sleep(1)
        assert meter.stats().stretch > 10
    with uj.Meter(sources=["powercap"], overhead_limit=1e-4) as meter:
        with meter.measure(trace=1e-3):
            time.sleep(1)
        assert meter.stats().stretch > 10
        # when a window ends
        reads = meter.stats().reads
        m = meter.end(meter.begin())
        settled = m.wait(5)
        # then the sensors are read at their own pace until it is settled
        assert settled
        assert meter.stats().reads - reads >= 10
        assert "less often" not in m.reason
