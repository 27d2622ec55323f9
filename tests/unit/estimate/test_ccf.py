"""Cloud Carbon Footprint's figures: its worked examples, its coefficients, its machines."""

from __future__ import annotations

import json

import pytest

from microjoule import carbon
from microjoule.cli import main
from microjoule.estimate import ccf


def test_m5_xlarge_in_virginia() -> None:
    found = ccf.instance("aws", "m5.xlarge", hours=720, region="us-east-1")
    assert found.part_kwh("compute") == pytest.approx(7.779744, abs=5e-7)
    assert found.part_kwh("memory") == pytest.approx(3.927932, abs=5e-7)
    assert found.operational_g == pytest.approx(2949.06 + 1488.96, abs=0.01)
    assert found.embodied_g == pytest.approx(1379.10, abs=0.005)
    assert found.total_g == pytest.approx(5817.12, abs=0.005)
    newer = ccf.instance("aws", "m5.xlarge", hours=720, region="us-east-1", edition="packages")
    assert newer.total_g == pytest.approx(5653.90, abs=0.005)


def test_n2_standard_8_in_iowa() -> None:
    found = ccf.instance("gcp", "n2-standard-8", hours=100, region="us-central1", intensity=456.0)
    assert found.part_kwh("compute") == pytest.approx(2.046840, abs=5e-7)
    assert found.part_kwh("memory") == pytest.approx(1.392384, abs=5e-7)
    assert found.operational_g == pytest.approx(933.359 + 634.927, abs=0.001)
    assert found.embodied_g == pytest.approx(336.84, abs=0.005)


def test_d4s_v3_in_the_netherlands() -> None:
    found = ccf.instance("azure", "Standard_D4s_v3", hours=100, region="westeurope")
    assert found.part_kwh("compute") == pytest.approx(1.164855, abs=5e-7)
    assert found.part_kwh("compute") * 328.4 == pytest.approx(382.538, abs=5e-4)
    assert found.footprint.intensity.g_per_kwh == 328.4
    assert found.embodied_g == pytest.approx(264.54, abs=0.005)


def test_gpus_storage_and_traffic() -> None:
    p3 = ccf.instance("aws", "p3.2xlarge", hours=100, region="us-east-1")
    assert p3.part_kwh("gpu") == pytest.approx(19.35175, abs=5e-6)
    ebs = ccf.storage("aws", tb=0.5, hours=720, replication="EC2 EBS volume")
    assert ebs.energy_kwh == pytest.approx(0.98064, abs=5e-6)
    s3 = ccf.storage("aws", tb=1, hours=720, medium="hdd", replication="S3")
    assert s3.energy_kwh == pytest.approx(3.18708, abs=5e-6)
    assert ccf.network("aws", gb=100).energy_kwh == pytest.approx(0.1135, abs=5e-7)


def test_the_oldest_machines_take_the_median() -> None:
    # Skylake, Broadwell, Haswell, Sandy Bridge, Ivy Bridge: 0.65 0.71 1 2.17 3.04 W idle.
    found = ccf.instance("gcp", "n1-standard-1", hours=1000, utilisation=0.0, region="us-central1")
    assert found.part_kwh("compute") == pytest.approx(1.0 * 1.11)


def test_figures_have_the_types_of_measured_ones_and_say_that_they_are_estimated() -> None:
    found = ccf.instance("aws", "m5.large", hours=1, region="eu-west-1")
    assert isinstance(found.footprint, carbon.Footprint)
    assert found.quality == found.to_dict()["quality"] == "estimated"
    two = ccf.summed([found, ccf.storage("aws", tb=1, hours=1, region="eu-west-1")])
    assert isinstance(two, carbon.Total)


def test_a_region_that_nobody_named_is_a_guess() -> None:
    where = ccf.instance("aws", "m5.large", hours=1).footprint.intensity
    assert where.guess
    assert where.g_per_kwh == pytest.approx(392.78188)
    assert where.uncertainty_rel == 1.0


def test_a_region_beyond_the_table_is_that_of_our_own_tables() -> None:
    found = ccf.instance("aws", "m5.large", hours=1, region="ap-south-2")
    assert found.footprint.intensity.source != "ccf_app"
    with pytest.raises(ValueError, match="us-east-1"):
        ccf.instance("aws", "m5.large", hours=1, region="us-east-11")


@pytest.mark.parametrize(("provider", "least"), [("aws", 300), ("azure", 300), ("gcp", 100)])
def test_machines_are_possible(provider: str, least: int) -> None:
    machines = ccf.machines(provider)
    assert len(machines) >= least
    for m in machines:
        assert m.vcpus <= m.family_vcpus, m.name
        assert m.memory_gb <= m.family_memory_gb, m.name
        assert 0.2 < m.memory_gb / m.vcpus < 300, m.name
        assert bool(m.gpu) == bool(m.gpus), m.name
        assert m.embodied_kg is None or 900 < m.embodied_kg < 60_000, m.name
        assert ccf.instance(provider, m, hours=1, intensity=100.0).energy_kwh > 0, m.name


def test_a_server_from_what_is_in_it() -> None:
    assert ccf.embodied_kg(memory_gb=384, sockets=2) == pytest.approx(1610.79, abs=0.01)
    assert ccf.embodied_kg(ssds=2, hdds=1, gpus=8) == 1000 + 200 + 50 + 1200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--provider", "aws", "--instance", "m5.xlarg", "--hours", "1"], "did you mean m5.xlarge"),
        (["--provider", "moon", "--instance", "m5.xlarge", "--hours", "1"], "pass one of aws"),
        (["--provider", "aws", "--instance", "m5.xlarge", "--hours", "-1"], "pass hours"),
        (["--provider", "aws", "--instance", "m5.xlarge"], "pass --hours"),
        (["--provider", "aws", "--hours", "1"], "pass one of --instance"),
        (["--instance", "m5.xlarge", "--hours", "1"], "pass --provider"),
        (["--provider", "aws", "--instance", "m5.large", "--hours", "1", "--edition", "x"], "2024"),
        (
            ["--provider", "aws", "--storage-tb", "1", "--hours", "1", "--replication", "S4"],
            "S3",
        ),
    ],
)
def test_wrong_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["estimate", "ccf", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--provider", "aws", "--instance", "m5.xlarge", "--hours", "720"]
    assert main(["estimate", "ccf", *words, "--region", "us-east-1"]) == 0
    text = capsys.readouterr().out
    for part in ("7.77974 kWh", "3.92793 kWh", "5.817 kgCO2e", "ccf_app", "estimated"):
        assert part in text
    assert main(["estimate", "ccf", *words, "--region", "us-east-1", "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["total_g"] == pytest.approx(5817.12, abs=0.005)
    assert fields["quality"] == "estimated"
