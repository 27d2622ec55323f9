"""What stands between a program and the meters of this machine's GPUs, and what mends it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from microjoule.cli.finding import Finding
from microjoule.cli.machine import Machine, text_of
from microjoule.nvml import NO_START, Nvml, NvmlError

if TYPE_CHECKING:
    from microjoule.sensors import Sensor

_NVIDIA: Final = "0x10de"
_AMD: Final = "0x1002"


def nvml(machine: Machine) -> Finding:
    """NVIDIA GPUs through the driver's library."""
    gpus, why = _gpus(machine.nvml)
    if gpus:
        return Finding("nvml", "open", f"{machine.nvml} shows {gpus} GPU{'s' * (gpus > 1)}")
    driver = os.path.exists(f"{machine.procfs}/driver/nvidia/version")
    if not _cards(machine.sysfs, _NVIDIA) and not driver:
        refusal = machine.refusal("nvml")
        text = "no NVIDIA GPU in this machine" + (f" ({refusal})" if refusal else "")
        return Finding("nvml", "absent", text)
    mend: tuple[tuple[str, str], ...]
    if machine.container:
        mend = (
            ("give the container the GPU and the library", "docker run --gpus all …"),
            ("or name the library", "export MICROJOULE_NVML=/path/to/libnvidia-ml.so.1"),
        )
    elif why.startswith(NO_START):
        mend = (("load the driver", "sudo modprobe nvidia"),)
    else:
        mend = (
            ("install the driver's library (Debian)", "sudo apt install libnvidia-ml1"),
            ("or name it", "export MICROJOULE_NVML=/path/to/libnvidia-ml.so.1"),
        )
    return Finding("nvml", "blocked", f"there is an NVIDIA GPU, but {why}", mend)


def amdsmi(machine: Machine) -> Finding:
    """AMD GPUs through the maker's library."""
    sockets, why = _amd_sockets(machine.amdsmi)
    if sockets:
        return Finding(
            "amdsmi", "open", f"{machine.amdsmi} shows {sockets} GPU{'s' * (sockets > 1)}"
        )
    if not _cards(machine.sysfs, _AMD):
        return Finding("amdsmi", "absent", "no AMD GPU in this machine")
    name = ("or name the library", "export MICROJOULE_AMDSMI=/opt/rocm/lib/libamd_smi.so")
    if machine.container:
        gpu = ("give the container the GPU", "docker run --device /dev/kfd --device /dev/dri …")
        return Finding("amdsmi", "blocked", f"there is an AMD GPU, but {why}", (gpu, name))
    text = f"there is an AMD GPU, but {why}; hwmon may tell its power"
    install = ("install AMD's library (from ROCm's packages)", "sudo apt install amd-smi-lib")
    return Finding("amdsmi", "blocked", text, (install, name))


def _cards(sysfs: str, vendor: str) -> int:
    folder = f"{sysfs}/bus/pci/devices"
    try:
        devices = os.listdir(folder)
    except OSError:
        return 0
    return sum(
        text_of(f"{folder}/{d}/vendor").strip() == vendor
        and text_of(f"{folder}/{d}/class").startswith(("0x03", "0x12"))  # display, accelerator
        for d in devices
    )


def _gpus(library: str) -> tuple[int, str]:
    """How many GPUs NVIDIA's library shows, and why none."""
    try:
        nvml = Nvml(library)
        count = nvml.count()
        nvml.close()
    except NvmlError as error:
        return 0, str(error)
    return count, "NVML shows none"


def _amd_sockets(library: str) -> tuple[int, str]:
    """How many sockets with GPUs AMD's library shows, and why none."""
    import ctypes

    try:
        smi = ctypes.CDLL(library)
        result = smi.amdsmi_init(ctypes.c_uint64(2))  # AMDSMI_INIT_AMD_GPUS
        if result:
            told = ctypes.c_char_p()
            smi.amdsmi_status_code_to_string(result, ctypes.byref(told))
            return 0, f"AMD SMI does not start: {(told.value or b'').decode(errors='replace')}"
        count = ctypes.c_uint32()
        smi.amdsmi_get_socket_handles(ctypes.byref(count), None)
        smi.amdsmi_shut_down()
    except (OSError, AttributeError) as error:
        return 0, str(error)
    return count.value, "AMD SMI shows none"


def beside_pynvml(sensors: Iterable[Sensor]) -> str:
    """In what pynvml, through which most tools look at GPUs, differs from us; empty if in nothing.

    Only where both have a library and GPUs: pynvml always takes the one that the loader finds.
    """
    ours = {s.id: s.method for s in sensors if s.source == "nvml" and s.readable}
    if not ours:
        return ""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # whatever it is that keeps pynvml away is no problem of ours
        return ""
    try:
        theirs = {}
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            theirs[f"gpu{index}"] = pynvml.nvmlDeviceGetUUID(handle)
    except Exception as error:
        return f"pynvml cannot list the GPUs: {error}"
    finally:
        pynvml.nvmlShutdown()
    unlike = [
        f"{name} is {theirs.get(name, 'not there')}"
        for name in sorted(ours.keys() | theirs.keys())
        if theirs.get(name, "not there") not in ours.get(name, "")
    ]
    return f"pynvml sees other GPUs than microjoule: {', '.join(unlike)}" if unlike else ""
