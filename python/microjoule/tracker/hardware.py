"""What the machine is, in the words of CodeCarbon's rows."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Any

from microjoule import hardware
from microjoule.hardware import CpuModel
from microjoule.tracker.log import logger

__all__ = ["Hardware", "gpus_wanted", "index_of"]


class Hardware:
    """Detected once for the process; the GPUs depend on which of them a tracker counts.

    Attributes:
        cpu_count: threads.
        cpu_physical_count: sockets.
        cpu_model: name of the processor.
        ram_total_size: GiB.
        gpu_count: GPUs that count.
        gpu_model: kinds with their numbers, such as ``2 x NVIDIA A100``.
        gpu_ids: their ids, None without a GPU.
    """

    def __init__(self, gpus: Sequence[tuple[str, str]]) -> None:
        cpu, memory_gb, threads = _host()
        self.cpu_count = threads
        self.cpu_physical_count = cpu.sockets
        self.cpu_model = cpu.name
        self.ram_total_size = memory_gb
        self.gpu_count = len(gpus)
        names = [name for _, name in gpus]
        self.gpu_model = "".join(f"{names.count(n)} x {n}" for n in dict.fromkeys(names))
        self.gpu_ids = [sensor for sensor, _ in gpus] or None

    def to_dict(self) -> dict[str, Any]:
        """The words by their names."""
        return dict(vars(self))


@functools.cache
def _host() -> tuple[CpuModel, float, int]:
    """Processor, memory in GiB and threads; looked at once for the process."""
    cpu = hardware.cpu_model()
    return cpu, hardware.installed_memory_gb() or 0.0, os.cpu_count() or cpu.logical_cpus


def gpus_wanted(
    sensors: Sequence[str], wanted: Sequence[int | str] | None
) -> tuple[list[str], list[tuple[str, str]]]:
    """Which GPU sensors count.

    Args:
        sensors: ids of the GPU sensors that the meter counts, ``gpu0`` and so on.
        wanted: indices and UUID prefixes; None: all.

    Returns:
        The ids that count, and id and name of each.
    """
    known = {sensor: _identity(sensor) for sensor in sensors}
    if wanted is None:
        chosen = list(sensors)
    else:
        chosen = []
        for word in wanted:
            hit = [
                sensor
                for sensor, (uuid, _) in known.items()
                if (isinstance(word, int) and sensor.lstrip("amdintelgpu") == str(word))
                or (
                    isinstance(word, str)
                    and uuid.removeprefix("GPU-").startswith(word.removeprefix("GPU-"))
                    and uuid
                )
            ]
            if not hit:
                logger.warning("There is no GPU %r that can be read: it is left out", word)
            chosen += [sensor for sensor in hit if sensor not in chosen]
    return chosen, [(sensor, known[sensor][1]) for sensor in chosen]


def index_of(sensor: str) -> int | None:
    """The NVML index of a sensor, None if it is not NVML's."""
    number = sensor.removeprefix("gpu")
    return int(number) if number.isdigit() else None


def _identity(sensor: str) -> tuple[str, str]:
    """UUID and name of a GPU; what is not known is empty, and the name the sensor's id."""
    index = index_of(sensor)
    if index is None:
        return "", sensor
    import pynvml

    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        return _text(pynvml.nvmlDeviceGetUUID(handle)), _text(pynvml.nvmlDeviceGetName(handle))
    except pynvml.NVMLError as error:
        logger.debug("NVML does not tell the name of %s: %s", sensor, error)
        return "", sensor


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
