"""Time of an item: percentiles against numpy, and which calls are timed."""

from __future__ import annotations

import pickle
import time
from typing import Any

import numpy as np
import pytest

from microjoule import metrics


def test_figures_of_durations() -> None:
    durations = np.random.default_rng(1).lognormal(size=237)
    found = metrics.Timing(durations, items=8)
    each = durations / 8
    assert found.mean_s == pytest.approx(each.mean())
    assert found.sd_s == pytest.approx(each.std(ddof=1))
    assert found.uncertainty_s == pytest.approx(each.std(ddof=1) / 237**0.5)
    told = (found.p50_s, found.p95_s, found.p99_s)
    assert told == pytest.approx(tuple(np.percentile(each, [50, 95, 99])))
    assert (found.least_s, found.most_s) == pytest.approx((each.min(), each.max()))
    assert found.throughput_per_s == pytest.approx(8 / durations.mean())
    assert found.value.category == "resources"
    assert pickle.loads(pickle.dumps(found)) == found


def test_one_duration() -> None:
    found = metrics.Timing([0.5])
    assert (found.p50_s, found.p99_s, found.sd_s, found.throughput_per_s) == (0.5, 0.5, 0.0, 2.0)


def test_the_warm_up_is_left_out() -> None:
    called: list[int] = []

    def slow_at_first(step: int, *, by: int) -> None:
        called.append(step * by)
        if len(called) <= 3:
            time.sleep(0.05)

    found = metrics.timing(slow_at_first, 2, by=3, repeats=20, warmup=3, items=4)
    assert called == [6] * 23
    assert (found.calls, found.warmup, found.items) == (20, 3, 4)
    assert found.p50_s < 0.05 / 4 <= metrics.timing(time.sleep, 0.05, repeats=2, items=4).least_s


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ({"repeats": 0}, "repeats is 0: pass a whole number"),
        ({"items": 1.5}, "items is 1.5: pass a whole number"),
        ({"warmup": -1}, "warmup is -1: pass how many"),
    ],
)
def test_what_is_refused(named: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        metrics.timing(int, **named)
    with pytest.raises(ValueError, match="there are no durations"):
        metrics.Timing([])
    with pytest.raises(ValueError, match="below 0 or not finite"):
        metrics.Timing([-1.0])
