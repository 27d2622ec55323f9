"""The stand-in for NVML does what it says: right energies, and every fault on demand."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time

import pytest

from sim.loads import Constant, Llm
from sim.nvml import ERRORS, BedUnavailableError, Gpu, NvmlBed, library

UUID = "GPU-11111111-2222-3333-4444-555555555555"

try:
    library()
except BedUnavailableError as error:
    pytest.skip(f"no stand-in for NVML: {error}", allow_module_level=True)


class Nvml:
    """The library of a bed, called as any program calls it."""

    def __init__(self, bed: NvmlBed) -> None:
        self.lib = ctypes.CDLL(str(bed.path))
        assert self.lib.nvmlInit_v2() == 0

    def handle(self, index: int = 0) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        assert self.lib.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0
        return handle

    def energy_mj(self, handle: ctypes.c_void_p) -> tuple[int, int]:
        value = ctypes.c_ulonglong()
        error = self.lib.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(value))
        return error, value.value

    def power_mw(self, handle: ctypes.c_void_p) -> tuple[int, int]:
        value = ctypes.c_uint()
        error = self.lib.nvmlDeviceGetPowerUsage(handle, ctypes.byref(value))
        return error, value.value


def test_the_counter_shows_the_energy_of_its_last_update() -> None:
    with NvmlBed([Gpu(UUID, Llm(), update_s=0.02, start_mj=1000)]) as bed:
        nvml, gpu = Nvml(bed), bed[0]
        handle = nvml.handle()
        for _ in range(20):
            before = time.monotonic_ns()
            error, value = nvml.energy_mj(handle)
            after = time.monotonic_ns()
            assert error == 0
            low, high = (
                1000 + 1000 * gpu.publisher.energy_j(gpu.publisher.last_update(t))
                for t in (before, after)
            )
            assert int(low) <= value <= high
            time.sleep(0.003)
        assert gpu.energy_calls == 20


def test_power_is_the_mean_over_the_window() -> None:
    with NvmlBed([Gpu(UUID, Constant(250), architecture=5)]) as bed:
        nvml = Nvml(bed)
        time.sleep(0.15)  # nothing was drawn before the epoch
        assert nvml.power_mw(nvml.handle()) == (0, 250_000)
        bed[0].zero_power()
        assert nvml.power_mw(nvml.handle()) == (0, 0)
        bed[0].lose_calls("usage", "energy")
        assert nvml.power_mw(nvml.handle())[0] == ERRORS["NOT_SUPPORTED"]
        assert nvml.energy_mj(nvml.handle())[0] == ERRORS["NOT_SUPPORTED"]
        bed[0].restore()
        assert nvml.power_mw(nvml.handle()) == (0, 250_000)


def test_faults_come_and_go() -> None:
    with NvmlBed([Gpu(UUID, Constant(100)), Gpu("GPU-other", Constant(50))]) as bed:
        nvml = Nvml(bed)
        handles = [nvml.handle(0), nvml.handle(1)]
        bed[0].fail("GPU_IS_LOST")
        assert nvml.energy_mj(handles[0])[0] == ERRORS["GPU_IS_LOST"]
        assert nvml.energy_mj(handles[1])[0] == 0
        bed[0].restore()
        bed[0].delay(0.02)
        start = time.monotonic()
        assert nvml.energy_mj(handles[0])[0] == 0
        assert time.monotonic() - start >= 0.02
        bed[0].restore()
        until_ns = bed[0].hang(0.05)
        assert nvml.energy_mj(handles[0])[0] == 0
        assert time.monotonic_ns() >= until_ns
        bed[0].freeze(30)
        frozen = nvml.energy_mj(handles[0])
        time.sleep(0.12)
        assert nvml.energy_mj(handles[0]) == frozen


def test_after_a_driver_reload_everything_must_be_asked_for_again() -> None:
    with NvmlBed([Gpu(UUID, Constant(100))]) as bed:
        nvml = Nvml(bed)
        old = nvml.handle()
        bed.reload_driver()
        assert nvml.energy_mj(old)[0] == ERRORS["UNINITIALIZED"]
        assert nvml.lib.nvmlInit_v2() == 0
        error, value = nvml.energy_mj(nvml.handle())
        assert error == 0
        assert value < 1_000_000
        assert bed.inits == 2


def test_a_forked_child_must_initialise_again() -> None:
    with NvmlBed([Gpu(UUID, Constant(100))]) as bed:
        nvml = Nvml(bed)
        handle = nvml.handle()
        child = os.fork()
        if child == 0:
            lost = nvml.energy_mj(handle)[0] == ERRORS["UNINITIALIZED"]
            os._exit(0 if lost and nvml.lib.nvmlInit_v2() == 0 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert nvml.energy_mj(handle)[0] == 0


def test_pynvml_finds_its_way_around() -> None:
    pytest.importorskip("pynvml")
    script = (
        "import pynvml as n; n.nvmlInit(); h = n.nvmlDeviceGetHandleByIndex(0)\n"
        "print(n.nvmlDeviceGetCount(), n.nvmlDeviceGetUUID(h), n.nvmlDeviceGetName(h))\n"
        "print(n.nvmlDeviceGetArchitecture(h), n.nvmlDeviceGetMigMode(h))\n"
        "print([(v.fieldId, v.nvmlReturn, v.value.uiVal) for v in"
        " n.nvmlDeviceGetFieldValues(h, [185, 186])])\n"
        "n.nvmlShutdown()"
    )
    with NvmlBed([Gpu(UUID, Constant(300), window_s=0, average_s=0)]) as bed:
        time.sleep(0.12)
        environ = {**os.environ, "LD_LIBRARY_PATH": str(bed.path.parent)}
        result = subprocess.run(
            [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
        )
    assert result.stdout.splitlines() == [
        f"1 {UUID} NVIDIA H100 80GB HBM3",
        "9 [0, 0]",
        "[(185, 0, 300000), (186, 0, 300000)]",
    ]
