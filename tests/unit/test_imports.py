"""What is loaded when: the import path stays light."""

from __future__ import annotations

import os
import subprocess
import sys

from sim.plain import FakeProc

HEAVY = (
    "numpy",
    "asyncio",
    "argparse",
    "json",
    "importlib.metadata",
    "dataclasses",
    "inspect",
    "logging",
)
NETWORK = ("urllib.request", "http", "http.client", "socket", "ssl", "httpx", "requests")


def loaded_by(code: str, names: tuple[str, ...], **environ: str) -> set[str]:
    """Those of the modules that a program loads and a bare interpreter does not."""

    def loaded(code: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=True,
        )
        return set(done.stdout.split())

    return set(names) & (loaded(code) - loaded("pass"))


def test_importing_loads_nothing_heavy() -> None:
    unwanted = (*HEAVY, *NETWORK, "microjoule._core", "microjoule.cli", "microjoule.carbon")
    assert loaded_by("import microjoule", unwanted) == set()


def test_measuring_loads_neither_numpy_nor_the_network() -> None:
    code = """
import microjoule as uj
with uj.measure("train", stage="train") as m:
    pass
token = uj.begin()
uj.lap(token)
uj.end(token)
m.energy_j, m.by_sensor, m.uncertainty_j, m.quality, m.reason, m.started_at, repr(m)
uj.sensors()
"""
    unwanted = (*NETWORK, "numpy", "asyncio", "argparse", "json", "microjoule.cli")
    with FakeProc() as proc:
        environ = {**proc.environ, "MICROJOULE_SYSFS": str(proc.root), "MICROJOULE_NVML": "/none"}
        assert loaded_by(code, unwanted, **environ) == set()


def test_carbon_loads_no_network() -> None:
    code = """
import microjoule as uj
with uj.measure() as m:
    pass
m.co2e_g, m.to_dict()
"""
    with FakeProc() as proc:
        environ = {**proc.environ, "MICROJOULE_SYSFS": str(proc.root), "MICROJOULE_NVML": "/none"}
        assert loaded_by(code, (*NETWORK, "numpy"), **environ) == set()
