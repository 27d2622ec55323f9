"""Cloud regions and the names of regions: what they mean and what stands in for them."""

import pytest

from microjoule.carbon import _codes, _tables, intensity


class TestCloudRegions:
    @pytest.mark.parametrize(
        "where", ["gcp:europe-west1", "europe-west1", "GCP:Europe-West1", " gcp:europe-west1 "]
    )
    def test_googles_own_figure(self, where):
        found = intensity(where)
        assert (found.place, found.rung, found.guess) == ("gcp:europe-west1", "cloud region", False)
        assert (found.g_per_kwh, found.year) == (126.43, 2025)
        assert found.kind == "direct, unknown, average, location"
        assert found.licence == "Apache-2.0"
        assert "Belgium" in found.name

    def test_googles_figures_age_faster_than_a_countrys(self):
        assert intensity("gcp:us-west1", when=2024).g_per_kwh == 79.23
        found = intensity("gcp:us-west1", when=2022)
        assert found.year == 2023
        assert dict(found.uncertainty_parts)["age"] == pytest.approx(0.15)
        assert dict(intensity("NO", when=2022).uncertainty_parts)["age"] == pytest.approx(0.08)

    @pytest.mark.parametrize(
        ("where", "place", "rung"),
        [
            ("aws:eu-north-1", "SE", "country of the cloud region"),
            ("azure:swedencentral", "SE", "country of the cloud region"),
            ("swedencentral", "SE", "country of the cloud region"),
            ("aws:us-east-1", "eGRID-SRVC", "grid of the cloud region"),
            ("us-west-2", "eGRID-NWPP", "grid of the cloud region"),
            # California and Washington, whatever the names suggest.
            ("azure:westus", "eGRID-CAMX", "grid of the cloud region"),
            ("azure:westus2", "eGRID-NWPP", "grid of the cloud region"),
            ("aws:ca-central-1", "CA-QC", "grid of the cloud region"),
            ("ap-southeast-2", "AU-NSW", "grid of the cloud region"),
        ],
    )
    def test_others_take_the_figure_of_their_grid_and_say_so(self, where, place, rung):
        found = intensity(where)
        assert (found.place, found.rung, found.guess) == (place, rung, False)
        assert found.g_per_kwh == intensity(place).g_per_kwh
        assert found.uncertainty_rel == intensity(place).uncertainty_rel
        assert f"that of {place} stands in" in found.note

    def test_an_unknown_region_names_the_nearest_of_its_provider(self):
        with pytest.raises(ValueError, match=r"unknown place 'aws:eu-nord-1'.*aws:eu-north-1"):
            intensity("aws:eu-nord-1")
        with pytest.raises(ValueError, match="unknown place 'alibaba:cn-beijing'"):
            intensity("alibaba:cn-beijing")
        with pytest.raises(ValueError, match="unknown place 'aws:'"):
            intensity("aws:")

    def test_a_name_that_two_providers_have_must_be_told_apart(self, monkeypatch):
        table = "region,iso2\naws:north1,NO\ngcp:north1,FI\n"
        monkeypatch.setattr(_tables, "text", lambda name: table)
        with pytest.raises(ValueError, match="may be aws:north1 or gcp:north1: name the provider"):
            _codes.cloud_region("north1")
        assert _codes.cloud_region("gcp:north1") == "gcp:north1"

    def test_a_cell_is_no_region(self):
        assert _codes.cloud_region("aws:af-south-1,ZA") is None
        assert _codes.cloud_region("aws:af-south-1,ZA,Cape Town\naws:ap-east-1") is None

    def test_every_cloud_region_has_a_figure(self):
        for code, _, sort in _codes.listed():
            if sort == "cloud region":
                found = intensity(code)
                assert found.g_per_kwh > 0
                assert "cloud region" in found.rung


class TestNames:
    @pytest.mark.parametrize(
        ("name", "place"),
        [("California", "US-CA"), ("TEXAS", "US-TX"), ("new  york", "US-NY"), ("Quebec", "CA-QC"),
         ("Québec", "CA-QC"), ("Washington", "US-WA"), ("Washington D.C.", "US-DC"),
         ("Yukon", "CA-YT"), ("New South Wales", "AU-NSW"), ("Northern Territory", "AU-NT-DKIS"),
         ("Inner Mongolia", "CN-NM"), ("ercot", "eGRID-ERCT"), ("ERCOT All", "eGRID-ERCT"),
         ("camx", "eGRID-CAMX"), ("NO-NO1", "NO1"), ("se-se3", "SE3")],
    )  # fmt: skip
    def test_a_region_by_its_name(self, name, place):
        found = intensity(name)
        assert (found.place, found.rung) == (place, "region")

    def test_georgia_is_the_country_and_says_so(self):
        found = intensity("Georgia")
        assert found.place == "GE"
        assert found.note == "Georgia is the country (GE); the region is US-GA"
        assert intensity("GE").note == ""
        assert intensity("US-GA").name == "Georgia"

    def test_a_region_that_we_do_not_have_names_its_country(self):
        with pytest.raises(ValueError, match=r"unknown place 'DE-BE'.*nearest: Germany \(DE\)"):
            intensity("DE-BE")
        with pytest.raises(ValueError, match="unknown place 'US-NO1'"):
            intensity("US-NO1")

    def test_a_name_of_two_grids_names_both(self):
        with pytest.raises(ValueError) as error:
            intensity("Western Australia")
        assert "(AU-WA-SWIS)" in str(error.value)
        assert "(AU-WA-NWIS)" in str(error.value)
        assert str(error.value).endswith("pass one of the codes")

    def test_every_listed_code_and_no_other_is_a_place(self):
        listed = _codes.listed()
        assert {"NO", "AX", "US-CA", "aws:eu-north-1", "gcp:us-west1"} <= {c for c, _, _ in listed}
        assert len({code.casefold() for code, _, _ in listed}) == len(listed)
        for code, name, sort in listed:
            assert name
            rung = intensity(code).rung
            assert sort in rung or rung == "world mean", code
