"""Uncertainty: whether it covers the errors, and whether it is as small as they are."""

from __future__ import annotations

import pytest
from kit.campaign import LOADS, PACES, Campaign
from kit.figures import Book
from kit.statistics import share_interval


@pytest.mark.bed
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("pace", PACES)
def test_coverage_and_sharpness(load: str, pace: str, campaign: Campaign, book: Book) -> None:
    for length_s, outcome in campaign.run(load, pace).by_length.items():
        barred = length_s == 0.01  # the length of which there are a thousand
        what = f"{pace}, {load}, {length_s * 1000:g} ms x {outcome.count}"
        share = outcome.covered / outcome.count
        low, high = share_interval(outcome.covered, outcome.count)
        book.add(
            f"{what}: k=2 covers",
            f"{share:.1%} [{low:.1%}, {high:.1%}]",
            "≥ 95 %" if barred else "",
            share >= 0.95 if barred else None,
        )
        book.add(
            f"{what}: mean u / RMS error",
            f"{outcome.sharpness:.2f}",
            "≤ 2" if barred else "",
            outcome.sharpness <= 2 if barred else None,
        )
