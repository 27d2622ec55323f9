"""What one pair of calls costs: many of them a batch, with a pause before each batch."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from pytest_benchmark.fixture import BenchmarkFixture

INNER = 200  # pairs a batch


def pair_ns(
    benchmark: BenchmarkFixture, batch: Callable[[], None], share: float
) -> npt.NDArray[np.float64]:
    """Nanoseconds of a pair in each batch of INNER of them.

    The sampler settles in the pauses, as it does in a program.
    """
    benchmark.pedantic(batch, setup=lambda: time.sleep(0.004), rounds=max(50, round(1500 * share)))
    return np.array(benchmark.stats.stats.data) / INNER * 1e9


def spread(times: npt.NDArray[np.float64]) -> str:
    """Where nine tenths of them lie."""
    return f"5 % below {np.percentile(times, 5):.0f}, 95 % below {np.percentile(times, 95):.0f}"
