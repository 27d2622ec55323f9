"""Accounting exports of Slurm: job by job, by user and by project, and what failed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microjoule import estimate
from microjoule.cli import main
from microjoule.estimate._sacct import duration_s, gigabytes

HEADER = (
    "UID|User|JobID|JobName|Submit|Elapsed|Partition|NNodes|NCPUS|TotalCPU|CPUTime|ReqMem|MaxRSS|"
    "WorkDir|State|Account|AllocTRES"
)
CLUSTER = """\
cluster_name: "Test"
granularity_memory_request: 6
partitions:
  skylake: {type: CPU, model: "Xeon Gold 6142", TDP: 9.4}
  ampere: {type: GPU, model: "NVIDIA A100", TDP: 300, model_CPU: "EPYC 7763", TDP_CPU: 4.4}
PUE: 1.15
CI: 231
default_unit_RSS: K
"""
# As sacct writes them: a job, its steps, an array, a job that waits, and three that failed.
LINES = """\
1000|ann|101|train|2026-01-01T00:00:00|02:00:00|skylake|1|4|06:00:00|08:00:00|16G||/w|COMPLETED|vision|billing=4,cpu=4,mem=16G,node=1
||101.batch|batch|2026-01-01T00:00:00|02:00:00||1|4|06:00:00|08:00:00||3000000K||COMPLETED|vision|cpu=4,mem=16G,node=1
||101.extern|extern|2026-01-01T00:00:00|02:00:00||1|4|00:00:00|08:00:00||0||COMPLETED|vision|billing=4,cpu=4,mem=16G,node=1
1000|ann|102_1|array|2026-01-01T00:00:00|1-00:00:00|ampere|2|16|00:00:00|16-00:00:00|4000Mc||/w|FAILED|vision|billing=8,cpu=16,gres/gpu=4,gres/gpu:a100=4,mem=64000M,node=2
1001|bob|103|sim|2026-01-02T00:00:00|00:30:00.500|skylake|2|2|12:34.567|01:00:01|10Gn||/w|CANCELLED by 1001|climate|billing=2,cpu=2,mem=20G,node=2
1001|bob|104|sim|2026-01-02T00:00:00|00:00:00|skylake|1|1|00:00:00|00:00:00|4G||/w|PENDING|climate|
1001|bob|105|sim|2026-01-02T00:00:00|01:00:00|skylake|1|1|00:00:00|01:00:00|4G||/w|TIMEOUT|climate|cpu=1,mem=4G,node=1
"""  # noqa: E501


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "sacct.txt"
    path.write_text(f"{HEADER}\n{LINES}")
    return path


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    path = tmp_path / "cluster_info.yaml"
    path.write_text(CLUSTER)
    return path


def kwh(core_s: float, core_w: float, gpu_s: float, gpu_w: float, s: float, gb: float) -> float:
    """The formula of Green Algorithms for HPC, in its own order."""
    cores = core_s / 3600 * core_w / 1000
    cards = gpu_s / 3600 * gpu_w / 1000
    memory = s / 3600 * gb * 0.3725 / 1000
    return (cores + cards + memory) * 1.15


EXPECTED = {
    "101": kwh(6 * 3600, 9.4, 0, 0, 7200, 16),
    "102_1": kwh(16 * 86400, 4.4, 4 * 86400, 300, 86400, 64),
    "103": kwh(754.567, 9.4, 0, 0, 1800.5, 20),
    "105": kwh(3600, 9.4, 0, 0, 3600, 4),
}


def test_job_by_job_by_user_and_by_project(export: Path, cluster: Path) -> None:
    found = estimate.slurm(str(export), cluster=str(cluster))
    assert [job.job for job in found.jobs] == list(EXPECTED)
    for job in found.jobs:
        assert job.energy_j * 1.15 / 3.6e6 == pytest.approx(EXPECTED[job.job], rel=1e-12)
        assert job.co2e_g == pytest.approx(EXPECTED[job.job] * 231, rel=1e-12)
    by_user = {s.name: s for s in found.users}
    assert by_user["ann"].estimate.facility_energy_kwh == pytest.approx(
        EXPECTED["101"] + EXPECTED["102_1"], rel=1e-12
    )
    by_project = {s.name: s.estimate.co2e_g for s in found.projects}
    assert by_project == pytest.approx(
        {
            "vision": (EXPECTED["101"] + EXPECTED["102_1"]) * 231,
            "climate": (EXPECTED["103"] + EXPECTED["105"]) * 231,
        },
        rel=1e-12,
    )
    assert [s.name for s in found.users] == ["ann", "bob"]
    total = found.total
    assert total.estimate.co2e_g == pytest.approx(sum(by_project.values()), rel=1e-12)
    assert (total.jobs, found.unfinished, found.errors) == (4, 1, [])
    assert total.estimate.quality == total.failed.quality == "estimated"


def test_what_failed(export: Path, cluster: Path) -> None:
    found = estimate.slurm(str(export), cluster=str(cluster))
    failed = ("102_1", "103", "105")
    assert [job.job for job in found.jobs if not job.succeeded] == list(failed)
    assert found.total.failed_jobs == 3
    assert found.total.failed.facility_energy_kwh == pytest.approx(
        sum(EXPECTED[job] for job in failed), rel=1e-12
    )
    lenient = estimate.slurm(str(export), cluster=str(cluster), success=["timeout"])
    assert lenient.total.failed_jobs == 2
    assert lenient.total.estimate.energy_j == found.total.estimate.energy_j


def test_memory_that_nobody_needed(export: Path, cluster: Path) -> None:
    found = estimate.slurm(str(export), cluster=str(cluster))
    # 3 GB held: 6 GB would have done of 16; where nothing was recorded nothing is said.
    assert found.jobs[0].unneeded_j == pytest.approx(7200 * (16 - 6) * 0.3725)
    assert [job.unneeded_j for job in found.jobs[1:]] == [0, 0, 0]
    assert found.total.unneeded_g == pytest.approx(7200 * 10 * 0.3725 / 3.6e6 * 1.15 * 231)


def test_the_export_that_green_algorithms_for_hpc_ships(tmp_path: Path) -> None:
    """Its two example lines: no user, no CPU time recorded, memory a core and a node."""
    path = tmp_path / "raw.txt"
    path.write_text(
        "JobID|JobName|Submit|Elapsed|Partition|NNodes|NCPUS|TotalCPU|CPUTime|ReqMem|MaxRSS|"
        "WorkDir|State|Account|AllocTRES\n"
        "556141|n|2022-02-11T19:11:21|04:00:25|p|1|1|00:00:00|04:00:25|6760Mc||/j|TIMEOUT|a|"
        "billing=1,cpu=1,mem=6760M,node=1\n"
        "552375|n|2022-02-12T13:55:33|03:00:30|p|1|32|00:00:00|4-00:16:00|250Gn||/j|TIMEOUT|a|"
        "billing=32,cpu=32,gres/gpu=1,mem=250G,node=1\n"
    )
    found = estimate.slurm(str(path), core_w=10, gpu_w=250, pue=1.67, intensity=467)
    first, second = (job.energy_j * 1.67 / 3.6e6 for job in found.jobs)
    assert first == pytest.approx((14425 * 10 + 14425 * 6.76 * 0.3725) / 3.6e6 * 1.67)
    watts = 346560 * 10 + 10830 * 250 + 10830 * 250 * 0.3725
    assert second == pytest.approx(watts / 3.6e6 * 1.67)
    assert found.users[0].name == "(not said)"


def test_bars_at_the_end_of_lines_and_other_names_of_columns(tmp_path: Path) -> None:
    """`--parsable` ends lines with a bar; AllocCPUS is NCPUS; columns stand in any order."""
    path = tmp_path / "p.txt"
    path.write_text("Elapsed|JobID|AllocCPUS|\n01:00:00|7|2|\n01:00:00|8|1|\n")
    found = estimate.slurm(str(path), pue=1, intensity=1000)
    assert [job.co2e_g for job in found.jobs] == pytest.approx([24, 12])
    assert all(job.succeeded for job in found.jobs)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00:00", 0),
        ("1-02:03:04", 93784),
        ("12:34.567", 754.567),
        ("05", 5),
        ("00:00.508", 0.508),
        ("100-00:00:00", 8640000),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize("text", ["", "1:2:3:4", "-1:00", "a", "1-", "x-00:01", "1.2.3", "00:0x"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        duration_s(text)


@pytest.mark.parametrize(
    ("text", "gb"),
    [("2745K", 0.002745), ("250G", 250), ("6760M", 6.76), ("1.5T", 1500), ("100", 0.1), ("0", 0)],
)
def test_memory(text: str, gb: float) -> None:
    assert gigabytes(text) == pytest.approx(gb)


GOOD = "1|ann|1|n|t|01:00:00|skylake|1|1|00:30:00|01:00:00|4G||/w|COMPLETED|p|cpu=1"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("01:00:00|skylake", "1:2:3:4|skylake", "line 3, column Elapsed: '1:2:3:4' is no duration"),
        ("|1|1|00:30", "|1|-1|00:30", "line 3, column NCPUS: '-1' is no number of cores"),
        ("00:30:00", "half", "line 3, column TotalCPU: 'half' is no duration"),
        ("4G", "4 GB", "line 3, column ReqMem: '4 GB' is no amount of memory"),
        ("cpu=1", "gres/gpu=two", "line 3, column AllocTRES: 'gres/gpu=two' is no list"),
        ("COMPLETED", "FINE", "line 3, column State: 'FINE' is no state of a job"),
        ("skylake", "moon", "line 3, column Partition: 'moon' is not in the cluster's description"),
        ("|1|n|t|", "||n|t|", "line 3, column JobID: it is empty"),
        (GOOD, GOOD[:40], "line 3: 10 cells for 17 columns: the line is cut"),
    ],
)
def test_a_line_that_says_nothing_is_named_and_left_out(
    tmp_path: Path, cluster: Path, old: str, new: str, sentence: str
) -> None:
    assert old in GOOD
    path = tmp_path / "bad.txt"
    path.write_text("\n".join([HEADER, GOOD, GOOD.replace(old, new, 1), GOOD, ""]))
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        estimate.slurm(str(path), cluster=str(cluster))
    assert sentence in str(caught.value)
    found = estimate.slurm(str(path), cluster=str(cluster), keep_going=True)
    assert (len(found.jobs), len(found.errors)) == (2, 1)
    assert sentence in found.errors[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is no export of sacct"),
        ("JobID,Elapsed,NCPUS\n1,00:01,1\n", "it is separated by ','"),
        ("JobID|Elapsd|NCPUS\n", "there is no column Elapsed; it has elapsd"),
        ("JobID|Elapsed\n", "there is no column NCPUS"),
        ("identifier | instance | cost\n", "there is no column JobID"),
        ("\x00\x01|\x02\n", "there is no column JobID"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "other"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        estimate.slurm(str(path), keep_going=True)
    assert sentence in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"JobID|Elapsed|NCPUS\n1|00:01|1\n\xff\xfe|00:01|1\n")
    with pytest.raises(ValueError, match=r"line 3 is no text in UTF-8"):
        estimate.slurm(str(path))


@given(text=st.text(alphabet="0123456789:-.|KMGTnc,=gres/upa \n", max_size=120))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_is_a_figure_or_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.txt"
    path.write_text(f"JobID|Elapsed|NCPUS|TotalCPU|ReqMem|MaxRSS|AllocTRES|State\n{text}")
    found = estimate.slurm(str(path), keep_going=True, intensity=1)
    assert 0 <= found.total.estimate.energy_j < math.inf
    assert all("line" in sentence for sentence in found.errors)


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ("partitions: [a]", "partitions: pass names with values"),
        ("partitions: {a: {type: TPU, TDP: 1}}", "partitions.a.type is 'TPU': pass CPU or GPU"),
        ("partitions: {a: {type: GPU}}", "pass TDP, the watts of a GPU"),
        ("partitions: {a: {type: CPU, TDP: -1}}", "partitions.a.TDP is -1"),
        ("PUE: 0.5", "PUE is 0.5: pass 1 or more"),
        ("CI: clean", "CI is 'clean'"),
        ("colour: red", "unknown key 'colour'"),
        ("default_unit_RSS: X", "pass one of K, M, G, T"),
        ("a: &x 1\nb: *x", "has an alias"),
    ],
)
def test_a_cluster_that_cannot_be(tmp_path: Path, description: str, sentence: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(description)
    with pytest.raises(ValueError) as caught:
        estimate.read_cluster(str(path))
    assert sentence in str(caught.value)


def test_watts_are_said_once(export: Path, cluster: Path) -> None:
    with pytest.raises(ValueError, match="not both"):
        estimate.slurm(str(export), cluster=str(cluster), core_w=10)
    with pytest.raises(ValueError, match="not both"):
        estimate.slurm(str(export), cpu="Xeon Gold 6148", core_w=10)
    with pytest.raises(ValueError, match="core_w is nan"):
        estimate.slurm(str(export), core_w=math.nan)


def test_sums_alone_and_progress(export: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text(f"{HEADER}\n" + f"{GOOD}\n" * 10_000)
    seen: list[tuple[int, int]] = []
    found = estimate.slurm(
        str(long), keep_jobs=False, intensity=1, progress=lambda *at: seen.append(at)
    )
    assert (found.jobs, found.total.jobs) == ([], 10_000)
    assert seen == sorted(seen)
    assert {whole for _, whole in seen} == {long.stat().st_size}


def test_the_command(
    export: Path, cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["estimate", "slurm", str(export), "--cluster", str(cluster)]
    assert main([*words, "--jobs"]) == 0
    told = capsys.readouterr().out
    for piece in ("102_1", "ann", "climate", "3 of 4 jobs", "estimated", "unfinished"):
        assert piece in told
    assert main([*words, "--json", "--jobs"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["total"]["co2e_g"] == pytest.approx(231 * sum(EXPECTED.values()))
    assert [job["job"] for job in fields["jobs"]] == list(EXPECTED)
    assert fields["quality"] == "estimated"
    cut = tmp_path / "cut.txt"
    cut.write_text(export.read_text() + "1000|ann|1")
    assert main(["estimate", "slurm", str(cut), "--cluster", str(cluster)]) == 1
    error = capsys.readouterr().err
    assert "line 9: 3 cells for 17 columns: the line is cut" in error
    assert "Traceback" not in error
    assert main(["estimate", "slurm", str(cut), "--cluster", str(cluster), "--keep-going"]) == 0
    caught = capsys.readouterr()
    assert "left out: " in caught.err
    assert "1 lines that say nothing" in caught.out
    assert main(["estimate", "slurm", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err
