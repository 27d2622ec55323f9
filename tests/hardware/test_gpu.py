"""NVIDIA GPUs: period, latency and completeness of the energy counter, and pynvml beside us.

With ``-m hardware`` against the GPUs of this machine, else against a stand-in for the library: the
same tests, so that the logic is known to be right before a machine is judged by it.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import microjoule as uj
from hardware.polling import poll
from sim.loads import Sine
from sim.nvml import BedUnavailableError, Gpu, NvmlBed

UUID = "GPU-aaaaaaaa-1111-2222-3333-444444444444"
Figure = Callable[[str], None]


class Calls:
    """The calls of NVML for one GPU, by the NVML API reference."""

    def __init__(self, library: str) -> None:
        self._nvml = ctypes.CDLL(library)
        self._check(self._nvml.nvmlInit_v2())
        self._device = ctypes.c_void_p()
        self._check(self._nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self._device)))

    def energy_mj(self) -> int:
        value = ctypes.c_ulonglong()
        self._check(
            self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._device, ctypes.byref(value))
        )
        return value.value

    def power_mw(self) -> int:
        value = ctypes.c_uint()
        self._check(self._nvml.nvmlDeviceGetPowerUsage(self._device, ctypes.byref(value)))
        return value.value

    def close(self) -> None:
        self._nvml.nvmlShutdown()

    def _check(self, result: int) -> None:
        if result:
            raise OSError(f"NVML says {result}")


@pytest.fixture(params=[pytest.param("real", marks=pytest.mark.hardware), "simulated"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The library to call; the environment leads microjoule to it and to no other meter."""
    monkeypatch.setenv("MICROJOULE_SYSFS", "/nowhere")
    monkeypatch.setenv("MICROJOULE_DEVFS", "/nowhere")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if request.param == "real":
        try:
            calls = Calls("libnvidia-ml.so.1")
        except OSError as error:
            pytest.skip(f"no GPU to test: {error}")
        calls.close()
        yield "libnvidia-ml.so.1"
        return
    try:
        bed = NvmlBed([Gpu(UUID, Sine(200, 100, period_s=3.7), window_s=0.1)])
    except BedUnavailableError as error:
        pytest.skip(f"no stand-in for NVML: {error}")
    with bed:
        for name, value in bed.environ.items():
            monkeypatch.setenv(name, value)
        yield str(bed.path)


@pytest.fixture
def calls(library: str) -> Iterator[Calls]:
    one = Calls(library)
    try:
        one.energy_mj()
    except OSError as error:
        one.close()
        pytest.skip(f"this GPU has no energy counter: {error}")
    yield one
    one.close()


def test_update_period_and_latency(calls: Calls, figure: Figure) -> None:
    energy, power = poll(calls.energy_mj, 4.0), poll(calls.power_mw, 4.0)
    for name, seen in (("energy counter", energy), ("power", power)):
        median, high = (1e6 * t for t in seen.latency_s)
        figure(
            f"{name}: changes every {seen.period_s * 1e3:.2f} ms, {len(seen.values)} times in "
            f"4 s; a call takes {median:.1f} µs, 99 % at most {high:.1f} µs"
        )
    assert np.all(np.diff(energy.values) > 0)
    # From 20 ms to 100 ms by architecture (Yang et al., SC24), and some room.
    assert 0.005 <= energy.period_s <= 0.25
    with uj.Meter(["nvml"], pace="fixed") as meter, meter.measure() as m:
        time.sleep(3.0)
        (learnt_s,) = [s.update_period_s for s in meter.sensors() if s.id == "gpu0"]
    assert m.wait(5)
    figure(f"update period as the sampler learnt it: {learnt_s * 1e3:.2f} ms")
    assert learnt_s == pytest.approx(energy.period_s, rel=0.25)


def test_the_counter_holds_what_the_power_integrates_to(calls: Calls, figure: Figure) -> None:
    times_s, watts = [], []
    with uj.Meter(["nvml"]) as meter:
        with meter.measure() as m:
            start_s = time.monotonic()
            while time.monotonic() - start_s < 10.0:
                times_s.append(time.monotonic())
                watts.append(calls.power_mw() * 1e-3)
                time.sleep(0.01)
        assert m.wait(5)
    counter_j = m.by_sensor["gpu0"]
    mean_w = float(np.trapezoid(watts, times_s)) / (times_s[-1] - times_s[0])
    power_j = mean_w * m.duration_s
    figure(
        f"10 s: {counter_j:.2f} J by the counter, {power_j:.2f} J by power, "
        f"{100 * (counter_j / power_j - 1):+.2f} %; stated ± {m.uncertainty_j:.2f} J"
    )
    # Power is a mean of the last second on many parts (measurement of Yang et al., SC24): it lags
    # by half of that and an update, by whatever the power differs at the two ends.
    lag_j = 0.6 * (max(watts) - min(watts))
    assert abs(counter_j - power_j) <= math.hypot(2 * m.uncertainty_j, lag_j)


def test_no_call_is_lost_to_short_windows(calls: Calls, figure: Figure) -> None:
    before_mj = calls.energy_mj()
    with uj.Meter(["nvml"]) as meter:
        whole = meter.begin()
        laps = meter.begin()
        parts = []
        for _ in range(20):
            time.sleep(0.137)
            parts.append(meter.lap(laps))
        last, m = meter.end(laps), meter.end(whole)
        assert m.wait(5)
        assert last.wait(5)
    after_mj = calls.energy_mj()
    figure(
        f"{len(parts)} laps: {math.fsum(p.energy_j for p in parts):.3f} J, whole "
        f"{m.energy_j:.3f} J, the counter itself {(after_mj - before_mj) * 1e-3:.3f} J"
    )
    assert math.fsum([*(p.energy_j for p in parts), last.energy_j]) == pytest.approx(
        m.energy_j, rel=1e-3
    )


def test_the_doctor_and_pynvml_see_the_same(library: str, figure: Figure) -> None:
    pytest.importorskip("pynvml")
    # pynvml takes the library that the loader finds by name.
    environ = {**os.environ, "MICROJOULE_COUNTRY": "NO"}
    if os.path.isabs(library):
        environ["LD_LIBRARY_PATH"] = str(Path(library).parent)
    done = subprocess.run(
        [sys.executable, "-m", "microjoule", "doctor", "--json"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    names = [s["method"] for s in found["sensors"] if s["source"] == "nvml" and s["readable"]]
    figure("; ".join(names))
    assert names
    assert found["problems"] == []
