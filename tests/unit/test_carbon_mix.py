"""What electricity is made from: shares by source, high-carbon or unknown."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule.carbon import Mix, mix
from microjoule.carbon._mix import HIGH_CARBON, SOURCES


class TestMix:
    def test_norway_by_hand(self):
        found = mix("NO")
        shares = dict(found.shares)
        assert tuple(shares) == SOURCES
        assert shares["hydro"] == pytest.approx(135.96 / 153.59)
        assert shares["wind"] == pytest.approx(14.96 / 153.59)
        assert found.high_carbon == pytest.approx((0.04 + 0.82 + 1.38) / 153.59)
        assert (found.year, found.total_twh) == (2023, 153.59)
        assert found.licence == "CC BY 4.0"
        assert "Our World in Data" in found.source_title
        assert str(found) == "Norway 2023: 1.5 % high-carbon"

    def test_high_carbon_is_coal_oil_and_gas(self):
        assert HIGH_CARBON == ("coal", "oil", "gas")
        found = mix("United States")
        assert found.high_carbon == pytest.approx((675.26 + 33.0 + 1802.06) / 4249.05, rel=1e-4)
        assert dict(mix("FRA").shares)["nuclear"] == pytest.approx(335.65 / 514.11, rel=1e-4)

    def test_a_territory_has_its_neighbours_mix_and_says_so(self):
        found = mix("AX")
        assert (found.place, found.shares) == ("FI", mix("FI").shares)
        assert "those of Finland stand in" in found.note

    def test_a_cloud_region_in_a_country_of_one_grid(self):
        for where in ("aws:eu-north-1", "europe-north2"):
            assert mix(where).place == "SE"
            assert "whole country" in mix(where).note

    @pytest.mark.parametrize(
        ("where", "why"),
        [("US-CA", "US for the whole country"), ("California", "US for the whole country"),
         ("NO1", "NO for the whole country"), ("aws:us-east-1", "US for the whole country"),
         ("gcp:us-west1", "US for the whole country"), ("AD", "no mix for Andorra"),
         ("WORLD", "pass one")],
    )  # fmt: skip
    def test_unknown_is_unknown(self, where, why):
        found = mix(where)
        assert (found.shares, found.high_carbon, found.year) == ((), None, None)
        assert why in found.note
        assert "unknown" in str(found)
        fields = json.loads(json.dumps(found.to_dict()))
        assert fields["shares"] == fields["high_carbon"] == "unknown"

    def test_nobody_said_where(self, monkeypatch):
        monkeypatch.setenv("MICROJOULE_COUNTRY", "FR")
        assert mix() == mix("FR")
        monkeypatch.setenv("MICROJOULE_INTENSITY", "30")
        assert mix().high_carbon is None
        monkeypatch.delenv("MICROJOULE_INTENSITY")
        monkeypatch.delenv("MICROJOULE_COUNTRY")
        monkeypatch.setenv("TZ", "Europe/Oslo")
        found = mix()
        assert found.place == "NO"
        assert "Europe/Oslo" in found.note

    def test_bad_places(self):
        with pytest.raises(ValueError, match=r"unknown place 'Norwey'.*Norway"):
            mix("Norwey")
        with pytest.raises(ValueError, match="is no place"):
            mix(3)

    @given(st.text(max_size=12))
    def test_any_text_is_a_place_or_a_valueerror(self, text):
        try:
            found = mix(text)
        except ValueError:
            return
        assert found.name

    def test_it_is_a_frozen_value(self):
        found = mix("NO")
        assert isinstance(found, Mix)
        assert pickle.loads(pickle.dumps(found)) == found
        assert json.loads(json.dumps(found.to_dict()))["shares"]["coal"] < 0.001
