"""Accuracy: errors against the closed form, beside the rule of reading the file at both ends."""

from __future__ import annotations

import numpy as np
import pytest
from kit.campaign import LOADS, PACES, Campaign
from kit.figures import Book

# Mean absolute error in per cent by pace and length of the window; |bias| below a third of it.
BARS = {
    "events": {0.01: 1.0, 0.1: 0.1, 1.0: 0.02},
    "fixed": {0.01: 3.0, 0.1: 0.3, 1.0: 0.03},
}


@pytest.mark.bed
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("pace", PACES)
def test_accuracy(load: str, pace: str, campaign: Campaign, book: Book) -> None:
    run = campaign.run(load, pace)
    for length_s, outcome in run.by_length.items():
        bar = BARS[pace][length_s]
        what = f"{pace}, {load}, {length_s * 1000:g} ms x {outcome.count}"
        book.at_most(
            f"{what}: mean abs error",
            outcome.abs_error_pct,
            bar,
            "%",
            f"{outcome.calm_abs_error_pct:.3g} without the {np.sum(~outcome.calm)} windows with a "
            f"late wake-up; read at both ends: {outcome.naive_abs_error_pct:.3g}",
        )
        book.add(
            f"{what}: bias",
            f"{outcome.bias_pct:+.2g} ± {outcome.bias_sem_pct:.1g} %",
            f"< {bar / 3:.2g} %",
            abs(outcome.bias_pct) < bar / 3,
        )
    book.add(
        f"{pace}, {load}: reads a second",
        f"{run.reads_per_s:.0f} ({run.late_wakeups} of {run.wakeups} wake-ups more than 1 ms late, "
        f"worst {run.worst_lateness_s * 1000:.1f} ms)",
    )
