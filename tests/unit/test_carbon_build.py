"""tools/build_tables.py on an invented folder of facts: what it lets in and what it keeps out."""

import csv
import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "build_tables.py"

FACTS = {
    "grid_intensity_country.csv": """\
iso2,iso3,name,year,g_per_kwh,scope,basis,preferred,source
NA,NAM,Namibia,2022,59.259,lifecycle,production,1,owid_ember_cc
NO,NOR,Norway,2023,30.08,lifecycle,production,0,owid_ember_cc
NO,NOR,Norway,2024,30.746,lifecycle,production,1,owid_ember_ct
CF,CAF,Central African Republic,2022,0,lifecycle,production,0,owid_ember_cc
,WLD,World,2024,472.94,lifecycle,production,1,ember_co2js
,WLD,World,2018,475,direct,production,0,iea_2019
""",
    "grid_intensity_region.csv": """\
iso2,region,name,year,g_per_kwh,lb_per_mwh_published,scope,basis,source
US,US,United States,2023,349.667,770.884,direct,production,egrid2023_cc
US,US-CA,California,2023,179.064,394.769,direct,production,egrid2023_cc
CN,CN-BJ,Beijing,2023,555.4,,direct CO2 only,consumption,mee_2025_47_cc
DE,DE-X,Closed,2023,1,,direct,production,proprietary
""",
    "timezone_country.csv": """\
tz,iso2,via,source
Europe/Oslo,NO,zone.tab,tzdata
Iceland,CI,backward link to Africa/Abidjan,tzdata
CET,BE,backward link to Europe/Brussels,tzdata
""",
    "cpu_tdp.csv": """\
model,cores,threads,tdp_w,family,source
AMD EPYC 7763 (x),,,999,epyc,cpu_power_cc
AMD EPYC 7763,64,128,280,epyc,amd_spec_cc
Intel Odd 1 (65W),,,65,,cpu_power_cc
Intel Odd 1 (95W),,,95,,cpu_power_cc
6308,,,115,,cpu_power_cc
Rasberry Pi 4,4,,6.4,,ga_tdp
""",
    "cloud_google.csv": """\
region,iso2,city,year,g_per_kwh,cfe_fraction,source
us-west1,US,Oregon,2024,79.23,0.87,gcp_region_carbon
us-west1,US,Oregon,2025,97.85,0.83,gcp_region_carbon
""",
    "cloud_places.csv": """\
provider,region,iso2,city,place,source
aws,us-west-2,US,Oregon,eGRID-NWPP,aws_regions
aws,us-west-9,US,Nowhere,eGRID-NWPP,gsf_rtc
""",
    "generation_mix.csv": """\
iso2,iso3,name,year,coal_twh,total_twh,source
NO,NOR,Norway,2023,0.04,153.59,owid_mix_cc
""",
    "pue.csv": """\
provider,pue,year,source
aws,1.14,2025,aws_sustain
aws,1.35,2024,gsf_rtc
""",
    "wue.csv": "provider,source\naws,aws_sustain\nus,ecologits\n",
    "embodied.csv": "key,source\nserver,ccf_coef\ndell,boavizta_db\n",
    "equivalents.csv": "key,source\ncar,ga_ref\nled,led_9w\n",
    "lifecycle_factors.csv": "energy_source,source\ncoal,ipcc_ar5\n",
    "reported_models.csv": "model,source\nBLOOM,bloom\n",
    "ga_cpus.csv": "model,source\nXeon X5660,ga_tdp\n",
    "ga_gpus.csv": "model,source\nTPU v4,ga_tdp\n",
    "accelerators.csv": "model,source\nNVIDIA L4,impact_gpus\nNVIDIA L5,closed\n",
    "peaks.csv": "model,source\nNVIDIA L4,impact_gpus\n",
    "eras.csv": "key,source\nlarge-scale,sevilla2022\n",
    "training_compute.csv": "model,source\nGPT-3,epoch2024\nGPT-9,a_blog\n",
    "README.md": "Compiled 2031-02-03 by hand.\n",
}


@pytest.fixture
def facts(tmp_path):
    for name, text in FACTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    keys = [
        "owid_ember_ct",
        "owid_ember_cc",
        "ember_co2js",
        "egrid2023_cc",
        "mee_2025_47_cc",
        "tzdata",
        "amd_spec_cc",
        "ga_tdp",
        "cpu_power_cc",
        "gcp_region_carbon",
        "aws_regions",
        "owid_mix_cc",
        "aws_sustain",
        "ccf_coef",
        "ga_ref",
        "ipcc_ar5",
        "bloom",
        "impact_gpus",
        "sevilla2022",
        "epoch2024",
    ]
    rows = [f"{key},Title,Publisher,2025,Licence,,," for key in keys]
    head = "key,title,publisher,year,licence,licence_note,reached_through,note"
    (tmp_path / "sources.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def tool(monkeypatch):
    # The tool puts the source tree in front of the path; the tests after this one must not see it.
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = importlib.util.spec_from_file_location("build_tables", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def built(tool, facts):
    tables = tool.build(facts, tool.edition_of(facts))
    return {
        f"{path.parent.parent.name}/{path.name}": list(csv.DictReader(io.StringIO(text)))
        for path, text in tables.items()
    }


def test_closed_and_zero_rows_stay_out_and_the_preferred_year_stands_first(built):
    countries = built["carbon/countries.csv"]
    assert [(row["iso2"], row["year"]) for row in countries] == [
        ("NA", "2022"),
        ("NO", "2024"),
        ("NO", "2023"),
        ("US", "2023"),
        ("WORLD", "2024"),
    ]
    assert "iea_2019" not in {row["key"] for row in built["carbon/sources.csv"]}


def test_estimates_have_tables_of_their_own(built):
    assert [row["model"] for row in built["estimate/accelerators.csv"]] == ["NVIDIA L4"]
    assert [row["model"] for row in built["estimate/training_compute.csv"]] == ["GPT-3"]
    keys = {row["key"] for row in built["estimate/sources.csv"]}
    assert keys == {"ga_tdp", "ga_ref", "impact_gpus", "sevilla2022", "epoch2024"}


def test_what_a_scope_cannot_say_becomes_a_note(built):
    regions = {row["region"]: row for row in built["carbon/regions.csv"]}
    assert set(regions) == {"US-CA", "CN-BJ"}
    assert regions["CN-BJ"]["scope"] == "direct"
    assert "CO2 only" in regions["CN-BJ"]["note"]


def test_cloud_regions_are_google_figures_newest_first_and_places_of_the_others(built):
    regions = built["carbon/cloud_regions.csv"]
    assert [(row["region"], row["year"], row["place"]) for row in regions] == [
        ("aws:us-west-2", "undated", "eGRID-NWPP"),
        ("gcp:us-west1", "2025", ""),
        ("gcp:us-west1", "2024", ""),
    ]


def test_rows_known_only_through_a_closed_table_stay_out(built):
    assert [row["pue"] for row in built["carbon/pue.csv"]] == ["1.14"]
    assert [row["provider"] for row in built["carbon/wue.csv"]] == ["aws"]
    assert [row["key"] for row in built["carbon/embodied.csv"]] == ["server"]


def test_the_shipped_tables_are_what_the_facts_in_the_repository_make(tool):
    for path, text in tool.build(tool.FACTS, tool.edition_of(tool.FACTS)).items():
        # Rows of unclear rights: whoever does not want them deletes the file.
        if path.exists() or path.name != "cpu_tdp_compiled.csv":
            assert path.read_text(encoding="utf-8") == text, path


def test_zones_that_lie_are_put_right_or_left_out(built):
    zones = {row["tz"]: row["iso2"] for row in built["carbon/timezones.csv"]}
    assert zones == {"Europe/Oslo": "NO", "Iceland": "IS"}


def test_a_primary_source_wins_over_a_compiled_one(built):
    primary = {row["key"]: row for row in built["microjoule/cpu_tdp.csv"]}
    assert primary["epyc 7763"]["tdp_w"] == "280"
    assert primary["raspberry pi 4"]["tdp_w"] == "6.4"
    (odd,) = built["microjoule/cpu_tdp_compiled.csv"]
    assert odd["tdp_w"] == "95"
    assert "upstream rights unclear" in odd["licence"]


def test_check_shows_the_difference_and_writes_nothing(facts):
    shipped = TOOL.parents[1] / "python" / "microjoule" / "carbon" / "data" / "edition.txt"
    before = shipped.read_text()
    done = subprocess.run(
        [sys.executable, str(TOOL), str(facts), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "+2031-02-03" in done.stdout
    assert shipped.read_text() == before


def test_facts_without_a_date_are_refused(tool, facts):
    (facts / "README.md").write_text("no date\n")
    with pytest.raises(SystemExit, match="pass --edition"):
        tool.edition_of(facts)
