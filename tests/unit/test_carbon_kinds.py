"""What kind of figure an intensity is, which one is taken when a kind or a year is asked for."""

from datetime import date, datetime, timedelta, timezone

import pytest

from microjoule import carbon
from microjoule.carbon import (
    Intensity,
    _ask,
    _intensity,
    intensity,
    require_same_kind,
    resolve,
    same_kind,
)

EMBER = "lifecycle, production, average, location"
EPA = "direct, production, average, location"


@pytest.fixture
def in_2026(monkeypatch):
    monkeypatch.setattr(_intensity, "_this_year", lambda: 2026)
    monkeypatch.setattr(_intensity, "_cache", {})


@pytest.fixture
def nowhere(tmp_path):
    (tmp_path / "etc").mkdir()
    return {"environ": {}, "root": str(tmp_path), "cwd": str(tmp_path)}


class TestKindAskedFor:
    def test_without_axes_the_best_row_says_its_kind(self):
        assert intensity("US").kind == EMBER
        assert intensity("US").g_per_kwh == 383.549
        assert intensity("US-CA").kind == EPA
        assert intensity("AU-TAS").kind == "direct, consumption, average, location"

    def test_a_kind_that_is_there(self):
        found = intensity("US", scope="direct")
        assert (found.g_per_kwh, found.year, found.kind) == (349.667, 2023, EPA)
        assert found.source == "egrid2023_cc"
        assert intensity("US", scope="lifecycle") == intensity("US")
        assert intensity("NO", basis="production", method="average", accounting="location") == (
            intensity("NO")
        )

    @pytest.mark.parametrize(
        ("where", "axes", "there_is"),
        [
            ("NO", {"scope": "direct"}, [EMBER]),
            ("NO", {"basis": "consumption"}, [EMBER]),
            ("US", {"scope": "direct", "basis": "consumption"}, [EMBER, EPA]),
            ("US-CA", {"scope": "lifecycle"}, [EPA]),
            ("aws:us-east-1", {"scope": "lifecycle"}, [EPA]),
            ("gcp:us-west1", {"basis": "production"}, ["direct, unknown, average, location"]),
            ("WORLD", {"scope": "direct"}, [EMBER]),
            ("AD", {"scope": "direct"}, [EMBER]),
        ],
    )
    def test_a_kind_that_is_not_there_names_the_kinds_that_are(self, where, axes, there_is):
        with pytest.raises(ValueError) as error:
            intensity(where, **axes)
        sentence = str(error.value)
        assert sentence.startswith(f"the tables have no {' '.join(axes.values())} figure for ")
        assert all(repr(kind) in sentence for kind in there_is)
        assert sentence.count("average, location") == len(there_is)

    @pytest.mark.parametrize(
        "axes",
        [
            {"method": "marginal"},
            {"accounting": "market"},
            {"accounting": "market-based"},
            {"accounting": "residual"},
            {"accounting": "residual mix"},
        ],
    )
    def test_marginal_market_and_residual_come_from_elsewhere(self, axes):
        with pytest.raises(ValueError, match=r"come only from you .* or from a live provider"):
            intensity("NO", **axes)

    @pytest.mark.parametrize(
        ("axes", "says"),
        [
            ({"scope": "total"}, "scope is 'total': pass 'direct' or 'lifecycle'"),
            ({"basis": 3}, "basis is 3: pass 'production' or 'consumption'"),
            ({"method": "unknown"}, "method is 'unknown': pass 'average' or 'marginal'"),
            ({"accounting": ""}, "accounting is '': pass 'location' or 'market' or 'residual'"),
        ],
    )
    def test_what_an_axis_may_be(self, axes, says):
        with pytest.raises(ValueError) as error:
            intensity("NO", **axes)
        assert str(error.value) == says

    def test_spellings(self):
        for scope in ("life-cycle", "LIFECYCLE", " life cycle "):
            assert intensity("NO", scope=scope).scope == "lifecycle"
        assert intensity("NO", accounting="location-based").accounting == "location"

    def test_the_axes_say_what_an_own_figure_is(self):
        found = intensity(250, scope="direct", method="marginal", accounting="market", when=2025)
        assert found.kind == "direct, unknown, marginal, market"
        assert (found.g_per_kwh, found.year, found.rung) == (250, 2025, "given")
        assert intensity(250).kind == "unknown, unknown, unknown, unknown"

    def test_resolve_takes_the_axes_too(self, nowhere):
        assert resolve("US", scope="direct", **nowhere).kind == EPA
        assert resolve(region="California", **nowhere).place == "US-CA"
        assert resolve(intensity_g_per_kwh=9, scope="direct", **nowhere).scope == "direct"
        nowhere["environ"] = {"TZ": "America/New_York"}
        assert resolve(scope="direct", **nowhere).g_per_kwh == 349.667
        with pytest.raises(ValueError, match="no consumption figure for United States"):
            resolve(basis="consumption", **nowhere)
        nowhere["environ"] = {"MICROJOULE_INTENSITY": "300"}
        assert resolve(when=2020, **nowhere).g_per_kwh == 300
        with pytest.raises(ValueError, match="MICROJOULE_INTENSITY is a figure of which nobody"):
            resolve(scope="direct", **nowhere)

    def test_intensity_of_nowhere_passes_them_on(self, monkeypatch):
        monkeypatch.setenv("MICROJOULE_COUNTRY", "US")
        assert intensity(scope="direct", when=2023).g_per_kwh == 349.667


class TestWhen:
    @pytest.mark.parametrize(
        ("when", "year"),
        [
            (2023, 2023),
            ("2023", 2023),
            ("2023-12-31T23:59Z", 2023),
            (date(2023, 1, 1), 2023),
            (datetime(2023, 6, 1), 2023),
            # Half past midnight in Oslo is still last year in UTC.
            (datetime(2024, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), 2023),
            ("2024-01-01T00:30+01:00", 2023),
            ("2024-03-01", 2024),
        ],
    )
    def test_the_row_of_that_year(self, in_2026, when, year):
        found = intensity("NO", when=when)
        assert (found.year, found.note) == (year, "")
        assert found.g_per_kwh == {2023: 30.08, 2024: 30.746}[year]
        assert "age" not in dict(found.uncertainty_parts)

    def test_another_year_says_how_far_off_it_is(self, in_2026):
        found = intensity("NO", when=2020)
        assert found.year == 2023
        assert found.note == "no figure of 2020: that of 2023, 3 years off, stands in"
        assert dict(found.uncertainty_parts)["age"] == pytest.approx(0.08 * 3**0.5)
        found = intensity("NO", when="2025-07-01")
        assert (found.year, dict(found.uncertainty_parts)["age"]) == (2024, 0.08)
        assert "1 year off" in found.note
        # Of two years equally far the newer one.
        assert intensity("AM", when=2023).year == 2024

    def test_without_a_year_the_newest_ages(self, in_2026):
        found = intensity("NO")
        assert (found.year, found.note) == (2024, "")
        assert dict(found.uncertainty_parts)["age"] == pytest.approx(0.08 * 2**0.5)

    def test_a_year_never_changes_the_kind(self):
        # The table has a direct figure of 2023 too, but the best kind is the life-cycle one.
        found = intensity("US", when=2023)
        assert (found.g_per_kwh, found.scope) == (369.473, "lifecycle")

    @pytest.mark.parametrize(
        "when", ["yesterday", "", 1850, 20240101, True, 2023.5, object(), "2023-13-01", [2023]]
    )
    def test_what_is_no_time(self, when):
        with pytest.raises(
            ValueError, match="pass a year from 1900 to 2200, a date, a datetime or an ISO 8601"
        ):
            intensity("NO", when=when)


class TestSums:
    def test_one_kind_is_returned(self):
        assert require_same_kind([intensity("NO"), intensity("FR")]) == EMBER
        assert require_same_kind(carbon.footprint(1, intensity=w) for w in ("NO", "PL")) == EMBER
        assert require_same_kind([]) is None

    def test_two_kinds_are_an_error_that_names_both(self):
        with pytest.raises(ValueError) as error:
            require_same_kind([intensity("NO"), intensity("SE"), intensity("US-CA")])
        sentence = str(error.value)
        assert sentence.startswith("figures of different kinds have no sum: ")
        assert f"NO is {EMBER}, US-CA is {EPA}" in sentence
        assert "--intensity" in sentence
        assert "\n" not in sentence

    def test_footprints_are_told_apart_by_their_intensity(self):
        parts = [carbon.footprint(1, intensity=where) for where in ("NO", "US-CA")]
        assert not same_kind(*parts)
        with pytest.raises(ValueError, match="NO is lifecycle"):
            require_same_kind(parts)

    def test_an_unknown_axis_differs_from_a_known_one_and_not_from_itself(self):
        assert same_kind(intensity(100), intensity(200))
        assert not same_kind(intensity(100), intensity("NO"))
        assert same_kind(
            intensity(
                100, scope="lifecycle", basis="production", method="average", accounting="location"
            ),
            intensity("NO"),
        )

    @pytest.mark.parametrize("axis", ["scope", "basis", "method", "accounting"])
    def test_each_axis_counts(self, axis):
        fields = {name: getattr(intensity("NO"), name) for name in Intensity.__slots__}
        del fields["uncertainty_rel"]
        assert not same_kind(intensity("NO"), Intensity(**{**fields, axis: "unknown"}))

    def test_what_has_no_kind(self):
        with pytest.raises(ValueError, match="pass intensities or footprints"):
            require_same_kind([3.0])


class TestLosses:
    @pytest.mark.parametrize(
        ("where", "losses"),
        [("NO", False), ("US-CA", False), ("AU-NSW", False), ("HK-CLP", True),
         ("CA-QC", None), ("CN-BJ", None), ("gcp:us-west1", None), (100, None)],
    )  # fmt: skip
    def test_known_per_row(self, where, losses):
        assert intensity(where).includes_losses is losses


def test_a_plain_question_is_one_object():
    assert _ask.asking() is _ask.ANYTHING
    assert _ask.asking(when=2024) is not _ask.ANYTHING
