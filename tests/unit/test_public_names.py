"""The names of ``import microjoule as uj``, whatever has been imported before."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import microjoule as uj


def run(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", uj.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(uj, name) is not None
    assert name in dir(uj)
    run(f"from microjoule import {name}")


def test_star() -> None:
    run("from microjoule import *; assert callable(measure) and callable(meter)")


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'measur'"):
        _ = uj.measur
    with pytest.raises(ImportError):
        exec("from microjoule import measur")


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import microjoule.meter, microjoule.sensors",
        "from microjoule import meter, sensors",
        "from microjoule.meter import Meter",
        "from microjoule.sensors import Sensor",
        "from microjoule.measurement import Measurement",
        "uj.measure, uj.Meter, uj.Sensor",
    ],
)
def test_meter_and_sensors_are_functions(before: str) -> None:
    run(
        "import microjoule as uj\n"
        f"{before}\n"
        "assert uj.meter.__class__.__name__ == 'function', uj.meter\n"
        "assert uj.sensors.__class__.__name__ == 'function', uj.sensors\n"
        "from microjoule import meter, sensors\n"
        "assert meter is uj.meter and sensors is uj.sensors\n"
        "from microjoule.sensors import Sensor\n"
        "from microjoule.meter import Meter\n"
        "assert Sensor is uj.Sensor and Meter is uj.Meter"
    )


def test_the_package_can_be_reloaded() -> None:
    run(
        "import importlib, microjoule as uj\n"
        "uj.meter, uj.measure\n"
        "importlib.reload(uj)\n"
        "assert callable(uj.meter) and callable(uj.measure)"
    )


@pytest.mark.parametrize("module", ["meter", "measurement", "sensors", "stages", "wall"])
def test_what_a_module_names_is_in_it(module: str) -> None:
    loaded = importlib.import_module(f"microjoule.{module}")
    for name in loaded.__all__:
        assert hasattr(loaded, name)
