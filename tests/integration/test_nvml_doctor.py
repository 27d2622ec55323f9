"""`uj doctor` on a machine with GPUs, beside what pynvml says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator

import pytest

import microjoule as uj
from microjoule.cli.obstacles_gpus import beside_pynvml
from sim.loads import Constant
from sim.nvml import BedUnavailableError, Gpu, NvmlBed, library

try:
    library()
except BedUnavailableError as error:
    pytest.skip(f"no stand-in for NVML: {error}", allow_module_level=True)

A = "GPU-aaaaaaaa-1111-2222-3333-444444444444"
B = "GPU-bbbbbbbb-1111-2222-3333-444444444444"


@pytest.fixture
def bed() -> Iterator[NvmlBed]:
    """One GPU with an energy counter."""
    with NvmlBed([Gpu(A, Constant(100))]) as one:
        yield one


def doctor(bed: NvmlBed, pynvml_sees: NvmlBed, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        **bed.environ,
        "MICROJOULE_SYSFS": "/nowhere",
        "MICROJOULE_DEVFS": "/nowhere",
        "MICROJOULE_COUNTRY": "NO",
        "LD_LIBRARY_PATH": str(pynvml_sees.path.parent),
    }
    return subprocess.run(
        [sys.executable, "-m", "microjoule", "doctor", *arguments],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_gpu_is_a_meter_and_pynvml_agrees(bed: NvmlBed) -> None:
    done = doctor(bed, bed, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (gpu,) = [s for s in found["sensors"] if s["source"] == "nvml"]
    assert (gpu["id"], gpu["counted"], gpu["readable"]) == ("gpu0", True, True)
    (finding,) = [f for f in found["findings"] if f["way"] == "nvml"]
    assert (finding["state"], finding["taken"]) == ("open", True)
    assert finding["text"].endswith("shows 1 GPU")
    assert found["problems"] == []
    text = doctor(bed, bed).stdout
    assert "measured here, by nvml" in text.splitlines()[0]
    assert A in "".join(text.split())


def test_pynvml_that_sees_other_gpus_is_a_problem(
    bed: NvmlBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    sensors = uj.sensors()
    other = types.SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: (B, A)[index],
        nvmlDeviceGetUUID=lambda handle: handle,
    )
    monkeypatch.setitem(sys.modules, "pynvml", other)
    problem = beside_pynvml(sensors)
    assert problem == f"pynvml sees other GPUs than microjoule: gpu0 is {B}, gpu1 is {A}"
    other.nvmlDeviceGetCount = lambda: 1
    other.nvmlDeviceGetUUID = lambda handle: A
    assert beside_pynvml(sensors) == ""


def test_a_driver_that_is_not_loaded_is_said(bed: NvmlBed) -> None:
    bed.fail_init("DRIVER_NOT_LOADED")
    found = json.loads(doctor(bed, bed, "--json").stdout)
    (gpu,) = [s for s in found["sensors"] if s["source"] == "nvml"]
    assert not gpu["readable"]
    assert gpu["reason"] == "NVML does not start: Driver Not Loaded"
