"""The table of large models: what its rows say of themselves."""

from __future__ import annotations

import pytest

from microjoule.carbon import footprint, reported_models

MODELS = {row.model: row for row in reported_models()}
MWH = 3.6e9


@pytest.mark.parametrize(
    ("model", "plain_t", "with_pue_t"), [("Gopher", 351.8, 379.9), ("BLOOM-176B", 24.7, 29.6)]
)
def test_rows_that_close(model, plain_t, with_pue_t):
    row = MODELS[model]
    assert row.recomputed_t == pytest.approx(plain_t, abs=0.05)
    assert row.recomputed_with_pue_t == pytest.approx(with_pue_t, abs=0.05)
    assert (row.consistent, row.reason) == (True, "")
    same = footprint((row.energy_mwh or 0) * MWH, intensity=row.g_per_kwh, pue=row.pue or 0)
    assert same.co2e_g / 1e6 == pytest.approx(row.recomputed_with_pue_t, rel=1e-12)


def test_the_energy_of_gpt_3_has_the_pue_in_it():
    row = MODELS["GPT-3"]
    assert row.consistent is False
    assert row.reason.startswith(
        "the energy already has the PUE in it: 552.1 t are 502 t times 1.1"
    )


def test_opt_does_not_close():
    row = MODELS["OPT-175B"]
    assert row.consistent is False
    assert "energy times intensity is 74.84 t, the table says 70 t" in row.reason


def test_what_cannot_be_recomputed_says_so():
    rows = [row for row in MODELS.values() if row.consistent is None]
    assert {row.model for row in rows} >= {"Llama 2 70B", "Llama 3.1 405B", "Llama 4 Scout"}
    assert all("cannot be recomputed" in row.reason for row in rows)


def test_every_row_is_judged_and_has_its_source():
    assert len(MODELS) == len(reported_models()) == 20
    assert all(row.source and row.year for row in MODELS.values())
    assert MODELS["Llama 1 (all sizes, development included)"].consistent is True


def test_the_example_of_green_algorithms():
    """12 h, 8 cores x 10 W x 0.9, 64 GB x 0.3725 W, PUE 1.2, 30 g/kWh: 41.40288 g."""
    it_energy_j = 12 * 3600 * (8 * 10 * 0.9 + 64 * 0.3725)
    f = footprint(it_energy_j, intensity=30.0, pue=1.2)
    assert f.facility_energy_j / 3.6e6 == pytest.approx(1.380096, rel=1e-12)
    assert f.co2e_g == pytest.approx(41.40288, rel=1e-12)
