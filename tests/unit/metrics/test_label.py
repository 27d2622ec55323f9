"""The letters A to E and the stars: boundaries, medians, and the chance of each class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import metrics

A100 = {"inference_energy": 0.859, "inference_time": 1.579, "parameters": 44707176, "top1": 0.718}
MODEL = {"inference_energy": 0.673, "inference_time": 1.369, "parameters": 5330571, "top1": 0.681}


def letters(label: metrics.Label) -> str:
    return "".join(a.letter for a in label.axes)


def test_the_papers_table() -> None:
    found = metrics.label(MODEL, A100)
    assert letters(found) == "BBBD"
    ratios = [a.ratio for a in found.axes]
    assert ratios == pytest.approx([1.27637, 1.15340, 8.38693941043, 0.94847], rel=1e-5)
    # Weights .7 .3 .4 for B against .8 for D: 1.4 of 2.2 lie at B.
    assert found.letter == "B"
    assert found.probabilities == {"A": 0, "B": 1, "C": 0, "D": 0, "E": 0}


def test_rounded_parameter_counts_would_be_a() -> None:
    assert metrics.label({"parameters": 5.3}, {"parameters": 44.7}).letter == "A"


def test_the_reference_beside_itself() -> None:
    assert letters(metrics.label(A100, A100)) == "CCDC"


def test_a_boundary_belongs_to_the_letter_below() -> None:
    axis = {"x": metrics.Axis(True, 1.0, (4.0, 3.0, 2.0, 1.0))}
    found = [metrics.label({"x": v}, {"x": 1}, axes=axis).letter for v in (4.1, 4, 3, 2, 1, 0.5)]
    assert found == ["A", "B", "C", "D", "E", "E"]


def test_what_is_missing_is_e() -> None:
    found = metrics.label({"inference_energy": 0.1, "top1": None}, A100)
    assert letters(found) == "AE"
    assert found.axes[1].value is None


class TestMedian:
    @pytest.mark.parametrize(
        ("given", "weights", "optimistic", "expected"),
        [
            ("AD", [0.4, 0.6], True, "D"),
            ("AD", [0.6, 0.4], True, "A"),
            ("AD", [0.5, 0.5], True, "B"),
            ("AD", [0.5, 0.5], False, "C"),
            ("AB", [1, 1], True, "A"),
            ("AB", [1, 1], False, "B"),
            ("DCBA", [0.1, 0.1, 0.1, 0.7], True, "A"),
            ("ABC", [0.1, 0.2, 0.7], True, "C"),
            # 0.1 + 0.2 + 0.3 falls beside 0.6 in binary: still the exact middle of 1.2.
            ("ABCE", [0.1, 0.2, 0.3, 0.6], True, "D"),
            ("E", [3], True, "E"),
            ("AE", [1, 0], True, "A"),
        ],
    )
    def test_by_hand(
        self, given: str, weights: list[float], optimistic: bool, expected: str
    ) -> None:
        assert metrics.weighted_median(given, weights, optimistic=optimistic) == expected

    def test_the_authors_is_a_letter_early(self) -> None:
        compat = "fischer2022"
        assert metrics.weighted_median("AD", [0.4, 0.6], compat=compat) == "A"
        assert metrics.weighted_median("ABC", [0.1, 0.2, 0.7], compat=compat) == "B"
        assert metrics.weighted_median("AD", [0.5, 0.5], compat=compat) == "B"

    @given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 9)), min_size=1, max_size=9))
    def test_it_is_the_median_of_the_repeated(self, pairs: list[tuple[str, int]]) -> None:
        repeated = sorted("".join(letter * n for letter, n in pairs))
        if not repeated:
            return
        half = len(repeated) / 2
        low, high = repeated[int(half - 0.5)], repeated[int(half)]
        between = (ord(low) + ord(high)) // 2
        found = metrics.weighted_median([p[0] for p in pairs], [p[1] for p in pairs])
        assert found == chr(between)


@pytest.mark.parametrize(
    ("compound", "optimistic", "expected"),
    [
        ("best", True, "A"),
        ("worst", True, "E"),
        ("majority", True, "A"),
        ("majority", False, "E"),
        ("mean", True, "C"),
        ("mean", False, "C"),
        ("median", True, "C"),
    ],
)
def test_compounds(compound: str, optimistic: bool, expected: str) -> None:
    axes = {name: metrics.Axis(True, 1.0, (4.0, 3.0, 2.0, 1.0)) for name in "xy"}
    found = metrics.label(
        {"x": 5, "y": 0.5}, {"x": 1, "y": 1}, axes=axes, compound=compound, optimistic=optimistic
    )
    assert found.letter == expected


def test_own_weights_and_axes() -> None:
    axes = {"flop": metrics.AXES["flop"]._replace(boundaries=(1.5, 1.2, 0.95, 0.85), weight=9.0)}
    found = metrics.label({"flop": 1, "top1": 0.9}, {"flop": 2, "top1": 0.718}, axes=axes)
    assert letters(found) == "AA"
    assert found.axes[0].weight == 9


def test_the_chance_of_a_letter() -> None:
    # On the boundary between A and B the chance is a half; far from it it is one.
    at = metrics.label({"top1": (1.02143, 0.01)}, {"top1": 1.0})
    assert at.probabilities["A"] == pytest.approx(0.5, abs=0.01)
    assert at.axes[0].probabilities["B"] == pytest.approx(0.484, abs=0.01)
    assert sum(at.probabilities.values()) == pytest.approx(1)
    far = metrics.label({"top1": (1.5, 0.01)}, {"top1": 1.0})
    assert far.probabilities["A"] == 1


def test_the_chance_of_the_compound_is_drawn_together() -> None:
    # Of three equal axes on a boundary, the median is A where two of them are: half of the time.
    axes = {name: metrics.Axis(True, 1.0, (1.0, 0.5, 0.4, 0.3)) for name in "xyz"}
    found = metrics.label(dict.fromkeys("xyz", (1.0, 0.05)), dict.fromkeys("xyz", 1.0), axes=axes)
    assert found.probabilities["A"] == pytest.approx(0.5, abs=0.01)
    best = metrics.label(
        dict.fromkeys("xyz", (1.0, 0.05)), dict.fromkeys("xyz", 1.0), axes=axes, compound="best"
    )
    assert best.probabilities["A"] == pytest.approx(7 / 8, abs=0.01)


class TestStars:
    def test_equal_energies_share_the_best(self) -> None:
        for method in ("range", "quantile"):
            found = metrics.stars({"a": 2, "b": 2, "c": 2}, method=method)
            assert [s.stars for s in found.models.values()] == [5, 5, 5]

    def test_the_cohort_and_the_date_are_kept(self) -> None:
        found = metrics.stars({"a": 1, "b": 5}, date="2026-01-31")
        assert (list(found.models), found.date, found.method) == (["a", "b"], "2026-01-31", "range")
        assert metrics.stars({"a": 1}).date[:2] == "20"

    def test_the_chance_of_stars(self) -> None:
        found = metrics.stars({"a": 1.0, "b": (2.0, 0.001), "c": 6.0})
        # 2.0 is the end of the first fifth of 1 … 6.
        chances = found.models["b"].probabilities
        assert chances[4] == pytest.approx(0.5, abs=0.02)
        assert chances[3] == pytest.approx(0.5, abs=0.02)
        assert found.models["c"].probabilities == (1, 0, 0, 0, 0)

    @given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12))
    def test_less_energy_never_has_fewer_stars(self, energies: list[float]) -> None:
        models = {str(i): e for i, e in enumerate(energies)}
        for method in ("range", "quantile"):
            found = metrics.stars(models, method=method).models
            ordered = sorted(found.values(), key=lambda s: s.energy.value)
            assert [s.stars for s in ordered] == sorted((s.stars for s in ordered), reverse=True)
            assert ordered[0].stars == 5
