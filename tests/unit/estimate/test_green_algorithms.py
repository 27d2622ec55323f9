"""The Green Algorithms calculator's figures, its defaults and its comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import carbon, estimate
from microjoule.cli import main
from microjoule.estimate import _parts, _tables

DATA = Path(_tables.__file__).parent / "data"

# hours, what it has, W, kWh, g, tree-months and km by car: by edition 3.
WORKED = [
    (
        {"hours": 12, "cores": 12, "core_w": 7.5, "memory_gb": 64, "pue": 1.56, "intensity": 475},
        (177.5904, 2.131085, 1012.2653, 1.10429, 5.78437),
    ),
    (
        {
            "hours": 48,
            "cores": 8,
            "core_w": 4.4,
            "gpus": 1,
            "gpu_w": 300,
            "memory_gb": 32,
            "pue": 1.12,
            "psf": 3,
            "intensity": 30.746,
        },
        (388.7744, 55.983514, 1721.2691, 1.87775, 9.83582),
    ),
    (
        {
            "hours": 24,
            "gpus": 8,
            "gpu_w": 400,
            "gpu_usage": 0.9,
            "memory_gb": 512,
            "pue": 1.2,
            "intensity": 44.179,
        },
        (3684.8640, 88.436736, 3907.0466, 4.26223, 22.32598),
    ),
    (
        {
            "hours": 12,
            "cores": 8,
            "core_w": 10,
            "usage": 0.9,
            "memory_gb": 64,
            "pue": 1.2,
            "intensity": 30,
        },
        (115.008, 1.380096, 41.40288, 0.0451668, 0.236588),
    ),
]


@pytest.mark.parametrize(("job", "figures"), WORKED)
def test_worked_examples_to_the_digits_given(
    job: dict[str, Any], figures: tuple[float, ...]
) -> None:
    found = estimate.green_algorithms(**job)
    watts, kwh, grams, tree_months, km = figures
    assert found.facility_energy_j / found.duration_s == pytest.approx(watts, abs=5e-5)
    assert found.facility_energy_kwh == pytest.approx(kwh, abs=5e-7)
    assert found.co2e_g == pytest.approx(grams, abs=5e-5)
    tree, car, _ = estimate.green_algorithms_equivalents(found.co2e_g)
    assert (tree.key, tree.amount) == ("tree_month", pytest.approx(tree_months, abs=5e-6))
    assert car.amount == pytest.approx(km, abs=5e-6)


@given(
    hours=st.floats(0, 1e5),
    cores=st.floats(1e-3, 1e4),
    watts=st.floats(0.1, 100),
    usage=st.floats(0, 1),
    gb=st.floats(0, 1e5),
    pue=st.floats(1, 3),
    psf=st.floats(0.1, 100),
    g_per_kwh=st.floats(0, 2000),
)
def test_the_calculators_formula(
    hours: float,
    cores: float,
    watts: float,
    usage: float,
    gb: float,
    pue: float,
    psf: float,
    g_per_kwh: float,
) -> None:
    found = estimate.green_algorithms(
        hours,
        cores=cores,
        core_w=watts,
        usage=usage,
        memory_gb=gb,
        pue=pue,
        psf=psf,
        intensity=g_per_kwh,
    )
    kwh = hours * pue * (cores * watts * usage + gb * 0.3725) * psf / 1000
    assert found.facility_energy_kwh == pytest.approx(kwh, rel=1e-12)
    assert found.co2e_g == pytest.approx(kwh * g_per_kwh, rel=1e-12)
    assert sum(found.by_kind.values()) == pytest.approx(found.energy_j, rel=1e-12)


@pytest.mark.parametrize(
    ("where", "pue"),
    [
        ({}, 1.56),
        ({"platform": "local"}, 1.56),
        ({"platform": "personal"}, 1.0),
        ({"platform": "cloud"}, 1.56),
        ({"platform": "cloud", "provider": "gcp"}, 1.12),
        ({"platform": "cloud", "provider": "AWS"}, 1.2),
        ({"platform": "cloud", "provider": "azure"}, 1.12),
        ({"platform": "cloud", "provider": "OVHcloud"}, 1.09),
        ({"platform": "cloud", "provider": "Oracle"}, 1.2),
        ({"platform": "cloud", "provider": "aws", "pue": 1.07}, 1.07),
        ({"platform": "personal", "pue": 1.3}, 1.3),
    ],
)
def test_the_pue_of_each_platform(where: dict[str, Any], pue: float) -> None:
    found = estimate.green_algorithms(1, cores=1, intensity=100, **where)
    assert found.carbon.pue == pue
    assert found.facility_energy_kwh == pytest.approx(0.012 * pue)


def test_a_provider_for_the_pue_means_its_own_figure() -> None:
    found = estimate.green_algorithms(1, cores=1, intensity=100, pue="aws")
    assert found.carbon.pue == carbon.pue_of("aws").value
    assert "AWS" in found.assumptions[-1].source


def test_models_of_the_calculator_and_of_vendors() -> None:
    for row in _tables.rows("ga_cpus.csv"):
        part = _parts.cpu_core(row["model"])
        assert part.watts == pytest.approx(float(row["tdp_w"]) / float(row["cores"]))
    for row in _tables.rows("ga_gpus.csv"):
        assert _parts.accelerator(row["model"]).watts == float(row["tdp_w"])
    assert _parts.cpu_core("Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz").watts == 7.5
    own = _parts.cpu_core("AMD EPYC 9654 96-Core Processor")
    assert (own.watts, own.source.split(",")[0]) == (
        3.75,
        "AMD processor specification pages (desktop",
    )
    assert _parts.accelerator("H100 SXM5").watts == 700
    assert _parts.accelerator("a100 sxm4 80 gb").watts == 400


def test_nothing_known_is_the_calculators_any() -> None:
    cores = estimate.green_algorithms(1, cores=2, pue=1, intensity=1)
    cards = estimate.green_algorithms(1, gpus=2, pue=1, intensity=1)
    assert (cores.power_w, cards.power_w) == (24, 400)
    # What nobody knows is less certain than what somebody named.
    named = estimate.green_algorithms(1, cores=2, core_w=12, pue=1, intensity=1)
    assert named.uncertainty_j < cores.uncertainty_j


def test_with_a_place_our_table_is_used_and_told() -> None:
    found = estimate.green_algorithms(1, cores=1, intensity="NO")
    assert found.carbon.intensity.g_per_kwh == carbon.intensity("NO").g_per_kwh
    cloud = estimate.green_algorithms(
        1, cores=1, platform="cloud", provider="gcp", region="us-west1"
    )
    assert cloud.carbon.intensity.source == "gcp_region_carbon"


@pytest.mark.parametrize(
    ("grams", "keys", "amounts"),
    [
        (21_999.9, ("tree_month", "flight_paris_dublin"), (24 - 1.0909e-4, 0.2)),
        (22_000.0, ("tree_year", "flight_paris_dublin"), (2, 0.2)),
        (285_000.0, ("tree_year", "flight_ny_sf"), (25.909, 0.5)),
        (1_155_000.0, ("tree_year", "flight_ny_melbourne"), (105, 0.5)),
    ],
)
def test_comparisons_change_where_the_calculators_do(
    grams: float, keys: tuple[str, str], amounts: tuple[float, float]
) -> None:
    tree, _, flight = estimate.green_algorithms_equivalents(grams)
    assert (tree.key, flight.key) == keys
    assert (tree.amount, flight.amount) == pytest.approx(amounts, rel=1e-4)


def test_it_is_estimated_for_ever_and_has_a_measurements_names() -> None:
    found = estimate.green_algorithms(2, cores=4, memory_gb=16, intensity="FR", label="fold")
    assert found.quality == "estimated"
    fields = json.loads(json.dumps(found.to_dict()))
    for name in ("schema", "label", "duration_s", "energy_j", "energy_kwh", "by_kind", "power_w"):
        assert name in fields
    for name in ("uncertainty_j", "uncertainty_parts", "quality", "reason", "co2e_g"):
        assert name in fields
    assert fields["footprint"]["intensity"]["source"] == "owid_ember_ct"
    assert all(a["source"] for a in fields["assumptions"])
    assert hash(found) == hash(
        estimate.green_algorithms(2, cores=4, memory_gb=16, intensity="FR", label="fold")
    )


def test_the_footprint_with_other_factors_keeps_the_rest() -> None:
    found = estimate.green_algorithms(1, cores=1, pue=1.4, intensity=100)
    elsewhere = found.footprint("PL")
    assert elsewhere.pue == 1.4
    assert elsewhere.intensity.place == "PL"
    assert found.footprint(pue=1.1).intensity.g_per_kwh == 100
    assert found.footprint().co2e_g == found.co2e_g


BAD = [
    ({"hours": -1, "cores": 1}, "hours is -1: pass hours, 0 or more"),
    ({"hours": 1}, "nothing draws power: pass cores, gpus or memory_gb"),
    ({"hours": 1, "cores": -2}, "cores is -2"),
    ({"hours": 1, "cores": 1, "usage": 1.5}, "usage is 1.5: pass a share from 0 to 1"),
    ({"hours": 1, "gpus": 1, "gpu_usage": -0.1}, "gpu_usage is -0.1"),
    ({"hours": 1, "cores": 1, "psf": 0}, "psf is 0"),
    ({"hours": 1, "cores": 1, "cpu": "Xeon Gold 6149x"}, "nearest xeon gold 6148"),
    ({"hours": 1, "cores": 1, "cpu": "Xeon Gold 6148", "core_w": 3}, "not both"),
    ({"hours": 1, "gpus": 1, "gpu": "H100"}, "may be NVIDIA H100 NVL"),
    ({"hours": 1, "gpus": 1, "gpu": "H1000"}, "unknown accelerator 'H1000'"),
    ({"hours": 1, "core_w": 3, "memory_gb": 1}, "pass cores"),
    ({"hours": 1, "gpu_w": 3, "memory_gb": 1}, "pass gpus"),
    ({"hours": 1, "cores": 1, "platform": "moon"}, "pass one of personal, local, cloud"),
    ({"hours": 1, "cores": 1, "provider": "aws"}, "a provider is of a cloud"),
    ({"hours": 1, "cores": 1, "platform": "cloud", "provider": "x"}, "has no PUE for 'x'"),
    ({"hours": 1, "cores": 1, "pue": 0.9}, "pue is 0.9"),
    ({"hours": 1, "cores": 1, "intensity": "Atlantis"}, "unknown place 'Atlantis'"),
]


@pytest.mark.parametrize(("job", "sentence"), BAD)
def test_what_cannot_be_is_one_sentence(job: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        estimate.green_algorithms(**job)
    assert sentence in str(caught.value)


COMMAND = "green-algorithms --hours 12 --cores 8 --core-w 10 --usage .9 --mem-gb 64"
ROW_39 = ["estimate", *COMMAND.split(), "--pue", "1.2", "--intensity", "30"]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ROW_39) == 0
    told = capsys.readouterr().out
    assert "1.380096 kWh" in told
    assert "41.40288 g" in told
    assert "estimated" in told
    assert main([*ROW_39, "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["schema"] == 1
    assert fields["facility_energy_kwh"] == pytest.approx(1.380096)
    assert fields["equivalents"][0]["key"] == "tree_month"


def test_the_command_names_the_source_of_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["estimate", "green-algorithms", "--hours", "1", "--cores", "4"]
    assert main([*words, "--country", "NO"]) == 0
    told = capsys.readouterr().out
    assert "Norway 2024 (owid_ember_ct, CC BY 4.0" in told
    assert "PUE 1.56" in told


def test_the_command_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--hours", "-1", "--cores", "1"], ["--hour", "1"], ["--cores", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(["estimate", "green-algorithms", *wrong])
        assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_every_source_is_named_in_the_notice() -> None:
    words = set((Path(__file__).parents[3] / "NOTICE").read_text().replace(",", " ").split())
    sources = _tables.rows("sources.csv")
    assert {row["key"] for row in sources} <= words
    assert all(row["title"] and row["publisher"] and row["licence"] for row in sources)
    tables = [p for p in DATA.glob("*.csv") if p.name != "sources.csv"]
    named = {row["source"] for path in tables for row in _tables.rows(path.name)}
    assert named <= {row["key"] for row in sources}
