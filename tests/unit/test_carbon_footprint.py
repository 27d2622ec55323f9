"""Joules to grams: the three factors, their uncertainty, and what is refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import carbon
from microjoule.carbon import Footprint, footprint


def figure(g_per_kwh, uncertainty_rel):
    """An intensity with one known uncertainty."""
    return carbon.Intensity(
        g_per_kwh=g_per_kwh, place="given", name="test", year=None, scope="unknown",
        basis="unknown", method="average", accounting="location", source="given",
        source_title="", licence="", uncertainty_parts=(("all", uncertainty_rel),),
        edition="", rung="given",
    )  # fmt: skip


class TestFactors:
    def test_order_of_the_three_factors(self):
        # By hand: 1 kWh at the sensors, 1.1 kWh at the plug, 1.32 kWh at the building, 132 g.
        result = footprint(3.6e6, intensity=100, pue=1.2, host_factor=1.1)
        assert result.sensor_energy_j == 3.6e6
        assert result.it_energy_j == pytest.approx(3.96e6)
        assert result.facility_energy_j == pytest.approx(4.752e6)
        assert result.co2e_g == pytest.approx(132.0)

    def test_published_operational_figures(self):
        # Gopher: 1066 MWh, 330 g/kWh, PUE 1.08. BLOOM: 433.196 MWh at 57 g/kWh.
        joules = 1066 * 1000 * 3.6e6
        assert footprint(joules, intensity=330).co2e_g == pytest.approx(351.8e6, rel=1e-3)
        assert footprint(joules, intensity=330, pue=1.08).co2e_g == pytest.approx(379.9e6, rel=1e-3)
        bloom = footprint(433.196 * 1000 * 3.6e6, intensity=57)
        assert bloom.co2e_g == pytest.approx(24.7e6, rel=1e-3)

    def test_a_place_a_figure_and_an_intensity_are_the_same(self):
        norway = carbon.intensity("NO")
        by_object = footprint(3.6e6, intensity=norway)
        assert by_object == footprint(3.6e6, intensity="NO")
        assert by_object.co2e_g == pytest.approx(norway.g_per_kwh)
        assert footprint(3.6e6, intensity=norway.g_per_kwh).co2e_g == by_object.co2e_g

    def test_no_intensity_means_the_settings(self, monkeypatch):
        monkeypatch.setenv("MICROJOULE_INTENSITY", "50")
        result = footprint(3.6e6)
        assert result.co2e_g == pytest.approx(50)
        assert result.intensity.rung == "given"


class TestUncertainty:
    def test_measured_run_by_hand(self):
        # Energy 2 %, PUE 5 %, intensity 10 %: 11.4 %.
        result = footprint(
            1000, uncertainty_j=20, intensity=figure(400, 0.10), pue=1.2,
            pue_uncertainty_rel=0.05, host_factor_uncertainty_rel=0,
        )  # fmt: skip
        assert result.co2e_uncertainty_rel == pytest.approx(0.114, abs=5e-4)
        low, high = result.co2e_interval_g
        assert high - result.co2e_g == pytest.approx(result.co2e_g - low)

    def test_modelled_run_by_hand_is_log_normal(self):
        # Energy 45 %, PUE 8 %, year 10 %, basis 22 %: 51.7 %.
        result = footprint(
            1000, uncertainty_j=450, intensity=figure(400, math.hypot(0.10, 0.22)), pue=1.2,
            pue_uncertainty_rel=0.08, host_factor_uncertainty_rel=0,
        )  # fmt: skip
        assert result.co2e_uncertainty_rel == pytest.approx(0.517, abs=5e-4)
        low, high = result.co2e_interval_g
        assert high / result.co2e_g == pytest.approx(math.exp(0.517), rel=1e-3)
        assert result.co2e_g / low == pytest.approx(math.exp(0.517), rel=1e-3)

    def test_what_is_assumed_where_nobody_said(self):
        plain = footprint(1000, intensity=figure(400, 0))
        assert plain.pue_uncertainty_rel == 0
        assert plain.host_factor_uncertainty_rel == 0.10
        assert footprint(1000, intensity=1, pue=1.1).pue_uncertainty_rel == 0.03

    def test_nothing_used_and_nothing_emitted(self):
        nothing = footprint(0, intensity=400)
        assert (nothing.co2e_g, nothing.co2e_uncertainty_g, nothing.co2e_uncertainty_rel) == (
            0,
            0,
            0,
        )
        assert nothing.co2e_interval_g == (0, 0)
        unsure = footprint(0, uncertainty_j=3.6e6, intensity=figure(400, 0.1))
        assert unsure.co2e_uncertainty_rel == math.inf
        assert unsure.co2e_interval_g == (0, pytest.approx(400))
        assert footprint(1000, intensity=0).co2e_g == 0

    @given(
        energy_j=st.floats(0, 1e15),
        rel=st.floats(0, 3),
        g_per_kwh=st.floats(0, 1500),
        pue=st.floats(1, 3),
        host_factor=st.floats(0.5, 2),
    )
    def test_the_interval_holds_the_figure(self, energy_j, rel, g_per_kwh, pue, host_factor):
        result = footprint(
            energy_j, uncertainty_j=energy_j * rel, intensity=g_per_kwh, pue=pue,
            host_factor=host_factor,
        )  # fmt: skip
        low, high = result.co2e_interval_g
        assert 0 <= low <= result.co2e_g <= high
        assert result.facility_energy_j >= result.it_energy_j
        assert result.co2e_g == pytest.approx(
            energy_j * host_factor * pue * g_per_kwh / 3.6e6, rel=1e-12
        )


class TestBadInput:
    @pytest.mark.parametrize("pue", [0.9, 0, -1.2, math.nan, math.inf, "1.2", True, None])
    def test_pue(self, pue):
        with pytest.raises(ValueError, match=r"^pue is .*: pass a PUE of 1 or more"):
            footprint(1, intensity=1, pue=pue)

    @pytest.mark.parametrize("factor", [0, 0.0, -1, math.nan, math.inf])
    def test_host_factor(self, factor):
        with pytest.raises(ValueError, match=r"^host_factor is .*: pass a factor above 0"):
            footprint(1, intensity=1, host_factor=factor)

    @pytest.mark.parametrize("energy_j", [-1, math.nan, math.inf, None, "much"])
    def test_energy(self, energy_j):
        with pytest.raises(ValueError, match=r"^energy_j is .*: pass the energy in joules"):
            footprint(energy_j, intensity=1)

    def test_uncertainties_and_place(self):
        with pytest.raises(ValueError, match="uncertainty_j is -1"):
            footprint(1, uncertainty_j=-1, intensity=1)
        with pytest.raises(ValueError, match="pue_uncertainty_rel is -1"):
            footprint(1, intensity=1, pue_uncertainty_rel=-1)
        with pytest.raises(ValueError, match="unknown place 'Norwey'"):
            footprint(1, intensity="Norwey")


def test_it_is_frozen_and_goes_to_json():
    result = footprint(3.6e6, uncertainty_j=1000, intensity="NO", pue=1.1)
    assert isinstance(result, Footprint)
    with pytest.raises(AttributeError, match="frozen"):
        result.pue = 1.0
    fields = json.loads(json.dumps(result.to_dict()))
    assert fields["co2e_g"] == result.co2e_g
    assert fields["intensity"]["place"] == "NO"
    assert fields["co2e_interval_g"] == list(result.co2e_interval_g)
