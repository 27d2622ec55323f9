"""Beside the operational grams: embodied carbon, water, losses, what is counted twice, sums."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import microjoule
from microjoule import carbon
from microjoule.carbon import embodied, footprint, pue_of, total, wue_of
from microjoule.carbon._intensity import own_figure

KWH = 3.6e6
HOUR = 3600.0


class TestPue:
    def test_of_a_provider(self):
        f = footprint(KWH, intensity=400.0, pue="aws")
        assert (f.pue, f.pue_uncertainty_rel, f.pue_source) == (1.14, 0.08, "AWS 2025")
        assert f.operational_g == f.co2e_g == pytest.approx(456)

    def test_the_operators_own_figure_wins_over_a_tools_and_memory_is_not_quoted(self):
        assert (pue_of("AWS").value, pue_of("azure").value) == (1.14, 1.18)
        assert (pue_of("gcp").value, pue_of("gcp").year) == (1.1, 2023)
        assert pue_of("jean-zay").uncertainty_rel == 0.03
        assert pue_of("unknown").value == 1.56

    def test_of_nobody(self):
        with pytest.raises(ValueError, match=r"pue is 'acme': pass a PUE .* one of any, aws, az"):
            footprint(KWH, intensity=400.0, pue="acme")


class TestWater:
    def test_each_place_on_its_own_line(self):
        """W = E_IT·(WUE_site + PUE·WUE_source): 0.18 + 1.2·3.14 litres for a kWh."""
        f = footprint(KWH, intensity=400.0, pue=1.2, wue_site=0.18, wue_source=3.14)
        assert f.water is not None
        assert f.water.site_l == pytest.approx(0.18)
        assert f.water.source_l == pytest.approx(3.768)
        assert f.water_l == pytest.approx(3.948)
        assert f.water_uncertainty_l == pytest.approx(math.hypot(0.018, 0.7 * 3.768))

    def test_the_pue_does_not_multiply_what_the_site_evaporates(self):
        f = footprint(KWH, intensity=400.0, pue=2.0, wue_site=1.0)
        assert f.water_l == pytest.approx(1.0)
        assert f.water is not None
        assert f.water.note == "on site given; water at source is left out"

    def test_it_is_per_kwh_of_the_machine_not_of_the_sensors(self):
        f = footprint(KWH, intensity=400.0, host_factor=1.2, wue_site=0.5)
        assert f.water_l == pytest.approx(0.6)

    def test_of_a_provider(self):
        f = footprint(KWH, intensity=400.0, wue_site="meta")
        assert f.water_l == pytest.approx(0.18)
        assert f.water_uncertainty_l == pytest.approx(0.18)
        assert wue_of("azure").value == 0.3

    def test_not_asked_for_is_none_and_not_zero(self):
        f = footprint(KWH, intensity=400.0)
        assert (f.water_l, f.water_uncertainty_l, f.water) == (None, None, None)
        assert footprint(KWH, intensity=400.0, wue_site=0.0).water_l == 0

    @pytest.mark.parametrize("wue", [-0.1, math.nan, math.inf, True, [1]])
    def test_bad(self, wue):
        with pytest.raises(ValueError, match=r"wue_site is .*: pass litres per kWh, 0 or more"):
            footprint(KWH, intensity=400.0, wue_site=wue)
        with pytest.raises(ValueError, match=r"wue_source is"):
            footprint(KWH, intensity=400.0, wue_source=wue)
        with pytest.raises(ValueError, match=r"WUE on site is 'acme': pass litres .* aws"):
            footprint(KWH, intensity=400.0, wue_site="acme")


class TestLosses:
    def test_the_intensity_is_divided_by_what_arrives(self):
        f = footprint(KWH, intensity=400.0, losses=0.06)
        assert f.co2e_g == pytest.approx(400 * 1.06383, rel=1e-6)
        assert f.facility_energy_j == KWH
        assert footprint(KWH, intensity=400.0).losses == 0

    def test_never_twice(self):
        grid = carbon.Series.from_slots([(0, 10, 100)], includes_losses=True, name="GB")
        where = grid.mean([0, 10**9], [0, 1])
        assert footprint(1.0, intensity=where).losses == 0
        with pytest.raises(ValueError, match=r"intensity of GB .* has the losses in it"):
            footprint(1.0, intensity=where, losses=0.06)

    @pytest.mark.parametrize("losses", [-0.1, 0.5, 6, math.nan])
    def test_bad(self, losses):
        with pytest.raises(ValueError, match=r"losses is .*: pass the share lost"):
            footprint(KWH, intensity=400.0, losses=losses)


class TestAtTheWall:
    def test_what_is_counted_twice_is_said(self):
        f = footprint(KWH, intensity=400.0, host_factor=1.1, pue=1.3, at_wall=True)
        assert len(f.remarks) == 2
        assert "host factor 1.1 counts them twice" in f.remarks[0]
        assert "PUE 1.3" in f.remarks[1]

    def test_nothing_is_said_of_nothing(self):
        f = footprint(KWH, intensity=400.0, at_wall=True)
        assert f.remarks == ()
        assert f.host_factor_uncertainty_rel == 0  # power supply and fans are in it
        assert footprint(KWH, intensity=400.0, host_factor=1.1, pue=1.3).remarks == ()


class TestEmbodied:
    def test_the_specifications_own_example(self):
        """SCI: 1000 kg over 4 years are 28.5388 g an hour."""
        m = embodied(1000, duration_s=HOUR)
        assert m.g == pytest.approx(28.5388, abs=5e-5)
        assert (m.lifetime_years, m.share, m.utilisation, m.source) == (4, 1, 1, "given")

    def test_sci_with_its_share_and_functional_unit(self):
        m = embodied(1000, duration_s=HOUR, share=8 / 64)
        f = footprint(0.5 * KWH, intensity=300.0, embodied=m)
        assert f.total_g / 1000 == pytest.approx(0.153567351598, rel=1e-11)

    def test_bloom(self):
        """Luccioni et al.: an eighth of a server and a GPU, 6 years at 85 %, 1 082 990 hours."""
        gpu_hours = 1_082_990 * HOUR
        plan = {"duration_s": gpu_hours, "lifetime_years": 6.0, "utilisation": 0.85}
        server = embodied("server-bloom", share=1 / 8, **plan)
        gpu = embodied("gpu-bloom", **plan)
        assert (server.g + gpu.g) / 1e6 == pytest.approx(11.2115, abs=5e-5)
        hour = {**plan, "duration_s": HOUR}
        one = embodied("server-bloom", share=1 / 8, **hour).g + embodied("gpu-bloom", **hour).g
        assert one == pytest.approx(10.3523, abs=5e-5)

    def test_cloud_carbon_footprint_m5_xlarge(self):
        m = embodied(1610.79, duration_s=720 * HOUR, share=4 / 96)
        assert m.g == pytest.approx(1379.10, abs=0.005)

    def test_a_line_of_its_own_with_its_uncertainty(self):
        server = embodied("server-ccf", duration_s=HOUR, share=0.25)
        memory = embodied("ram-ccf", duration_s=HOUR, count=384)
        f = footprint(KWH, uncertainty_j=0, intensity=100.0, embodied=[server, memory])
        assert memory.total_kg == pytest.approx(533, abs=0.5)
        assert f.embodied_g == pytest.approx(server.g + memory.g)
        # all of them are wrong in one direction
        assert f.embodied_uncertainty_g == pytest.approx(
            server.uncertainty_g + memory.uncertainty_g
        )
        assert f.operational_g == pytest.approx(100)
        assert f.total_g == pytest.approx(100 + server.g + memory.g)
        assert f.total_uncertainty_g == pytest.approx(
            math.hypot(f.co2e_uncertainty_g, f.embodied_uncertainty_g)
        )
        assert memory.what == "384 x per GB (CCF)"

    def test_not_asked_for_is_none_and_not_zero(self):
        f = footprint(KWH, intensity=100.0)
        assert (f.embodied_g, f.embodied_uncertainty_g) == (None, None)
        assert f.total_g == f.operational_g

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"what": "abacus"}, r"no embodied carbon of 'abacus' .* one of server-r740-lca"),
            ({"what": -1}, r"embodied carbon is -1: pass kg"),
            ({"what": None}, r"embodied carbon is None: pass kg"),
            ({"duration_s": -1}, r"duration_s is -1: pass the time"),
            ({"lifetime_years": 0}, r"lifetime_years is 0: pass years above 0"),
            ({"share": 1.5}, r"share is 1.5: pass a share above 0, at most 1"),
            ({"share": 0}, r"share is 0: pass"),
            ({"utilisation": 85}, r"utilisation is 85: pass a share"),
            ({"count": 0}, r"count is 0: pass how many"),
            ({"uncertainty_rel": -1}, r"uncertainty_rel is -1: pass"),
        ],
    )
    def test_bad(self, arguments, sentence):
        with pytest.raises(ValueError, match=sentence):
            embodied(**{"what": 1000, "duration_s": 1.0, **arguments})

    def test_what_is_no_embodied(self):
        with pytest.raises(ValueError, match=r"embodied is 5: pass what .*embodied\(\) gave"):
            footprint(KWH, intensity=1.0, embodied=[5])  # type: ignore[list-item]


class TestTotal:
    def test_sums_of_one_kind(self):
        one = footprint(KWH, uncertainty_j=1e5, intensity="NO", wue_site=1.0)
        two = footprint(2 * KWH, uncertainty_j=1e5, intensity="PL", wue_site=1.0)
        both = total([one, two])
        assert both.operational_g == pytest.approx(one.co2e_g + two.co2e_g)
        assert both.energy_j == 3 * KWH
        assert both.water_l == pytest.approx(3.0)
        assert both.embodied_g is None
        assert (both.count, both.kind) == (2, one.intensity.kind)

    def test_what_the_sensors_do_not_know_averages_out_and_the_rest_does_not(self):
        sure = {"host_factor_uncertainty_rel": 0.0}
        noisy = footprint(KWH, uncertainty_j=0.1 * KWH, intensity=own_figure(100.0), **sure)
        u_ci = noisy.intensity.uncertainty_rel
        both = total([noisy] * 4)
        assert both.operational_uncertainty_g == pytest.approx(
            math.hypot(100 * 0.1 * 2, 4 * 100 * u_ci)
        )

    def test_different_kinds_have_no_sum(self):
        life_cycle = footprint(KWH, intensity="US")
        direct = footprint(KWH, intensity="US-CA")
        sentence = r"different kinds have no sum: US is lifecycle, .*, US-CA is direct.*--intensity"
        with pytest.raises(ValueError, match=sentence):
            total([life_cycle, direct])

    def test_of_nothing(self):
        assert total([]).operational_g == 0


class TestSeries:
    def test_a_series_needs_the_course_of_the_energy(self):
        series = carbon.Series.from_slots([(0, 1, 5)], name="mine")
        with pytest.raises(ValueError, match=r"series mine needs the course .* Series.mean"):
            footprint(KWH, intensity=series)  # type: ignore[arg-type]


class TestEquivalents:
    def test_two_at_most_and_a_drive_first(self):
        drive, charge = carbon.equivalents(0.31)
        assert (drive.key, drive.unit, drive.g_co2e) == ("car_km_eu", "km", 175)
        assert drive.amount * 1000 == pytest.approx(1.77, abs=0.005)
        assert (drive.year, drive.source) == ("undated", "Reference values v3, Green Algorithms")
        assert charge.key == "smartphone_charge"
        assert [e.key for e in carbon.equivalents(5e4)] == ["car_km_eu", "tree_month"]
        assert [e.key for e in carbon.equivalents(5e6)] == ["car_km_eu", "flight_ny_sf"]

    def test_figures_of_carbontracker_and_green_algorithms(self):
        """1 kg: 5.714 km at 175, 9.36 km in a new car of 2024, 1.0909 tree-months at 917 g."""
        keys = ("car_km_eu", "new_car_km_eu_2024", "tree_month", "car_mile_us_cc", "tv_hour")
        amounts = [e.amount for e in carbon.equivalents(1000, keys=keys)]
        assert amounts == pytest.approx([5.714, 9.363, 1.0905, 2.445, 10.309], abs=6e-4)

    def test_a_lamp_burns_energy_and_not_carbon(self):
        (lamp,) = carbon.equivalents(1.0, energy_j=9 * HOUR, keys=["led_hour"])
        assert lamp.amount == 1
        assert math.isnan(lamp.g_co2e)
        with pytest.raises(ValueError, match="led_hour compares energy: pass energy_j"):
            carbon.equivalents(1.0, keys=["led_hour"])

    def test_bad(self):
        with pytest.raises(ValueError, match="nothing to compare with is called 'elephants': pass"):
            carbon.equivalents(1.0, keys=["elephants"])
        with pytest.raises(ValueError, match="co2e_g is -1"):
            carbon.equivalents(-1)


class TestPrice:
    def test_fixed(self):
        bill = carbon.cost(2 * KWH, 0.31, "NOK")
        assert (bill.amount, bill.currency, bill.per_kwh) == (pytest.approx(0.62), "NOK", 0.31)

    def test_by_slots_also_below_zero(self, tmp_path):
        path = tmp_path / "prices.csv"
        path.write_text("start,price\n1970-01-01T00:00Z,0.40\n1970-01-01T01:00Z,-0.10\n")
        prices = carbon.Prices.from_csv(str(path))
        hour = 3600 * 10**9
        bill = prices.cost([0, hour, 2 * hour], [0, KWH, 3 * KWH], "EUR")
        assert bill.amount == pytest.approx(0.40 - 0.20)
        half = prices.cost([hour, 3 * hour], [0, 2 * KWH], "EUR")
        assert half.amount == pytest.approx(-0.20)
        assert half.note == "50 % of the energy has a price; its mean stands in for the rest"
        none = prices.cost([5 * hour, 6 * hour], [0, KWH], "EUR")
        assert math.isnan(none.amount)
        assert "has no price for this time" in none.note
        assert prices.borders_ns(0, 9) == [hour, 2 * hour]

    def test_bad(self):
        for price in (math.nan, "x", True):
            with pytest.raises(ValueError, match=r"price is .*: pass a number per kWh"):
                carbon.cost(KWH, price)


class TestTheWorkedRun:
    """docs/carbon.md, "One run, from joules to grams": every figure of its table."""

    PAGE = (Path(__file__).resolve().parents[2] / "docs/carbon.md").read_text(encoding="utf-8")

    def run(self) -> carbon.Footprint:
        names: dict[str, Any] = {"uj": microjoule}
        section = self.PAGE.split("## One run, from joules to grams")[1].split("\n## ")[0]
        code = section.split("```python")[1].split("```")[0]
        lines = [line[4:] for line in code.splitlines() if line.startswith((">>> ", "... "))]
        exec("\n".join(lines), names)
        found = names["f"]
        assert isinstance(found, carbon.Footprint)
        return found

    def test_its_figures(self, monkeypatch):
        monkeypatch.setattr("microjoule.carbon._intensity._this_year", lambda: 2026)
        monkeypatch.setattr("microjoule.carbon._intensity._cache", {})
        f = self.run()
        assert f.it_energy_j == pytest.approx(2.2e6)
        assert f.facility_energy_j == pytest.approx(2.508e6)
        assert f.intensity.g_per_kwh == 383.549
        assert f.operational_g == pytest.approx(267.2, abs=0.05)
        assert f.co2e_uncertainty_rel == pytest.approx(0.68, abs=0.005)
        by_hand = math.hypot(0.03, 0.10, 0.08, math.hypot(0.05, 0.08 * 2**0.5, 0.22, 0.15, 0.6))
        assert f.co2e_uncertainty_rel == pytest.approx(by_hand)
        assert f.co2e_interval_g == pytest.approx((135, 528), abs=0.5)
        assert f.embodied is not None
        assert [piece.g for piece in f.embodied] == pytest.approx([17.8, 8.6], abs=0.05)
        assert (f.embodied_g, f.embodied_uncertainty_g) == pytest.approx((26.4, 26.4), abs=0.05)
        assert (f.water_l, f.water_uncertainty_l) == pytest.approx((2.26, 1.53), abs=0.005)


def test_everything_goes_into_json():
    m = embodied("gpu-ccf", duration_s=HOUR)
    f = footprint(KWH, intensity="NO", pue="aws", wue_site="aws", embodied=m, at_wall=True)
    fields = json.loads(json.dumps(f.to_dict()))
    assert fields["operational_g"] == fields["co2e_g"] == f.co2e_g
    assert fields["embodied"][0]["what"] == "any card (CCF)"
    assert fields["water"]["note"] == "on site AWS 2025; water at source is left out"
    assert fields["total_g"] == pytest.approx(f.co2e_g + m.g)
    assert fields["pue_source"] == "AWS 2025"
