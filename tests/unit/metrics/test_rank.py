"""The front and the ranking: who is beaten, who cannot be told apart, and where the order turns."""

from __future__ import annotations

from itertools import pairwise

import pytest

from microjoule import metrics

FIVE = {"a": (0.90, 10), "b": (0.92, 15), "c": (0.91, 20), "d": (0.95, 60), "e": (0.95, 80)}
A = {"error": 0.08, "energy_j": 0.40}
B = {"error": 0.05, "energy_j": 0.90}


class TestFront:
    def test_who_beats_whom_and_by_how_much(self) -> None:
        by_name = {p.model: p for p in metrics.places(FIVE)}
        assert [p.model for p in by_name.values() if p.on_front] == ["a", "b", "d"]
        assert by_name["c"].by == "b"
        assert by_name["c"].extra_cost_rel == pytest.approx(1 / 3)
        assert by_name["c"].lost_quality == pytest.approx(0.01)
        assert by_name["e"].by == "d"
        assert by_name["e"].lost_quality == 0
        assert by_name["a"].by == ""
        assert [p.probability for p in by_name.values()] == [1, 1, 0, 1, 0]

    def test_duplicates_stay(self) -> None:
        assert metrics.front({"x": (0.9, 1), "y": (0.9, 1), "z": (0.8, 2)}) == ["x", "y"]

    def test_the_chance_of_being_on_it(self) -> None:
        # c beats b in half of the draws, whatever a far better and dearer one does.
        models = {"b": (0.9, (1.0, 0.05)), "c": (0.9, (1.0, 0.05)), "d": (0.99, 9.0)}
        found = metrics.places(models)
        assert [p.probability for p in found] == pytest.approx([0.5, 0.5, 1.0], abs=0.01)

    def test_the_chance_by_enumeration(self) -> None:
        # On the front unless the other is both better and cheaper: 1/2 · 1/2.
        models = {"x": ((0.9, 0.01), (1.0, 0.1)), "y": ((0.9, 0.01), (1.0, 0.1))}
        chances = [p.probability for p in metrics.places(models)]
        assert chances == pytest.approx([0.75, 0.75], abs=0.01)

    def test_ties_in_draws_stay_together(self) -> None:
        models = {"x": (0.9, 1.0), "y": (0.9, 1.0), "z": ((0.5, 0.01), 2.0)}
        assert [p.probability for p in metrics.places(models)] == [1, 1, 0]

    def test_beyond_the_reference_point_nothing_is_added(self) -> None:
        assert metrics.hypervolume(FIVE, 0.85, 100) == pytest.approx(7.4)
        assert metrics.hypervolume(FIVE, 0.96, 100) == 0
        assert metrics.hypervolume(FIVE, 0.85, 10) == 0
        more = {**FIVE, "f": (0.99, 200)}
        assert metrics.hypervolume(more, 0.85, 100) == pytest.approx(7.4)


class TestRanking:
    def test_the_order_turns_once(self) -> None:
        found = metrics.rank({"A": A, "B": B})
        orders = [found.order(column) for column in found.columns]
        assert orders == [["A", "B"], ["A", "B"], ["B", "A"], ["B", "A"]]
        (flip,) = found.flips
        assert flip.alpha.value == pytest.approx(1.7253701)
        assert (flip.below, flip.above) == ("A", "B")
        assert found.draws == 1
        assert [row.model for row in found.rows] == ["B", "A"]

    def test_a_flip_outside_the_span_is_none(self) -> None:
        assert metrics.rank({"A": A, "B": B}, alphas=(0, 1)).flips == ()
        assert metrics.rank({"A": A, "B": B}, alphas=(2,)).flips == ()
        better_and_cheaper = {"error": 0.05, "energy_j": 0.1}
        assert metrics.rank({"A": A, "C": better_and_cheaper}).flips == ()

    def test_flips_are_every_change_of_order(self) -> None:
        models = {
            "A": A,
            "B": B,
            "C": {"error": 0.03, "energy_j": 2.2},
            "D": {"error": 0.2, "energy_j": 0.1},
        }
        found = metrics.rank(models)
        stars = [flip.alpha.value for flip in found.flips]
        assert stars == sorted(stars)
        assert len(stars) == 6
        edges = [0.0, *stars, 3.0]
        middles = [(a + b) / 2 for a, b in pairwise(edges)]
        ranked = metrics.rank(models, alphas=middles)
        orders = [ranked.order(column) for column in ranked.columns]
        for before, after, flip in zip(orders, orders[1:], found.flips, strict=False):
            swapped = [flip.above if m == flip.below else m for m in before]
            swapped = [
                flip.below if m == flip.above and before[i] == flip.above else m
                for i, m in enumerate(swapped)
            ]
            assert after == swapped

    def test_who_cannot_be_told_apart(self) -> None:
        near = {"error": (0.08, 0.004), "energy_j": (0.41, 0.02)}
        found = metrics.rank({"A": A, "near": near, "far": {"error": 0.3, "energy_j": 9}})
        cells = {row.model: row.cells[1] for row in found.rows}
        assert cells["A"].tied_with == ("near",)
        assert (cells["A"].best, cells["A"].worst) == (1, 2)
        assert (cells["near"].best, cells["near"].worst) == (1, 2)
        assert (cells["far"].best, cells["far"].worst, cells["far"].rank) == (3, 3, 3)
        assert cells["far"].first == 0
        assert cells["A"].first + cells["near"].first == pytest.approx(1)
        assert 0.5 < cells["A"].first < 0.8

    def test_the_chance_of_being_first_is_that_of_a_normal_difference(self) -> None:
        models = {
            "x": {"error": 0.1, "energy_j": (1.0, 0.03)},
            "y": {"error": 0.1, "energy_j": (1.05, 0.04)},
        }
        found = metrics.rank(models, alphas=(1,))
        # P(N(0.05, 0.05) > 0) = Φ(1)
        assert found.rows[0].model == "x"
        assert found.rows[0].cells[0].first == pytest.approx(0.8413, abs=0.005)
        assert found.rows[0].cells[0].tied_with == ("y",)

    def test_at_alpha_zero_the_error_does_not_blur(self) -> None:
        models = {
            "x": {"error": (0.1, 0.02), "energy_j": 1.0},
            "y": {"error": (0.1, 0.02), "energy_j": 1.01},
        }
        found = metrics.rank(models, alphas=(0, 2))
        assert [r.cells[0].tied_with for r in found.rows] == [(), ()]
        assert [len(r.cells[1].tied_with) for r in found.rows] == [1, 1]

    def test_equals_share_a_rank(self) -> None:
        # 0.1 · 0.4 and 0.05 · 0.8 differ in the last bit.
        found = metrics.rank(
            {"x": {"error": 0.1, "energy_j": 0.4}, "y": {"error": 0.05, "energy_j": 0.8}},
            alphas=(1,),
        )
        cells = [row.cells[0] for row in found.rows]
        assert [c.rank for c in cells] == [1, 1]
        assert [c.first for c in cells] == [0.5, 0.5]
        assert [(c.best, c.worst) for c in cells] == [(1, 2), (1, 2)]

    def test_further_metrics_rank_in_their_own_direction(self) -> None:
        models = {
            "A": {**A, "duration_s": 1.0, "accuracy": 0.92, "parameters": 5e6, "macs": 1e9},
            "B": {**B, "duration_s": 0.1, "accuracy": 0.95, "parameters": 5e6, "macs": 1e9},
        }
        found = metrics.rank(models, metrics=["edp", "netscore"])
        assert found.columns[-2:] == ("edp", "netscore")
        assert found.categories[-2:] == ("climate", "resources")
        assert found.order("edp") == ["B", "A"]
        assert found.order("netscore") == ["B", "A"]
        assert found.directions[-1] == "higher"

    def test_settings_and_uncertain_inputs_of_further_metrics(self) -> None:
        models = {
            name: {"error": (1 - a, 0.002), "accuracy": (a, 0.002), "energy_j": 1.0, "classes": 10}
            for name, a in (("x", 0.9), ("y", 0.8))
        }
        found = metrics.rank(models, metrics=["recognition_bits_per_joule"])
        cell = found.rows[0].cells[-1]
        assert found.rows[0].model == "x"
        assert cell.tied_with == ()
        assert cell.value.uncertainty > 0

    def test_quality_may_be_accuracy_or_r2(self) -> None:
        found = metrics.rank(
            {"a": {"accuracy": 0.92, "energy_j": 1}, "r": {"r2": 0.97, "energy_j": 1}}
        )
        assert {r.model: r.error.value for r in found.rows} == {"a": 0.08, "r": 0.03}

    def test_energy_for_many_items(self) -> None:
        models = {
            "A": {**A, "energy_j": 40.0, "items": 100},
            "B": {**B, "energy_j": 45.0, "items": 50},
        }
        found = metrics.rank(models)
        assert found.flips[0].alpha.value == pytest.approx(1.7253701)
        assert [row.energy_j.value for row in found.rows] == pytest.approx([0.9, 0.4])
        assert all(row.place.on_front for row in found.rows)
        assert found.rows[1].cells[0].value.value == pytest.approx(0.40)

    def test_a_floor_lets_a_model_without_errors_in(self) -> None:
        models = {"A": A, "perfect": {"error": 0, "energy_j": 4.0}}
        found = metrics.rank(models, floor=metrics.error_floor(98))
        assert found.order("M(α=1)") == ["A", "perfect"]
        assert found.order("M(α=2)") == ["perfect", "A"]
        assert found.flips[0].alpha.value == pytest.approx(1.107309, rel=1e-6)

    def test_many_models_take_fewer_draws(self) -> None:
        models = {str(i): {"error": (0.1, 0.01), "energy_j": 1 + i} for i in range(60)}
        found = metrics.rank(models, alphas=(1,))
        assert 1000 <= found.draws < 100_000

    def test_of_many_models_only_the_front_is_paired(self) -> None:
        beaten = {f"m{i}": {"error": 0.2 + i / 1000, "energy_j": 1.0 + i} for i in range(60)}
        few = dict(list(beaten.items())[:5])
        assert len(metrics.rank({"A": A, "B": B, **few}).flips) == 1
        extra = {"error": 0.3, "energy_j": 0.5}
        found = metrics.rank({"A": A, "B": B, "x": extra, **beaten})
        assert [(f.below, f.above) for f in found.flips] == [("A", "B")]
        assert [(f.below, f.above) for f in metrics.rank({"B": B, "x": extra}).flips] == [
            ("x", "B")
        ]
