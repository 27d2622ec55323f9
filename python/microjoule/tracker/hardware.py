"""What the machine is, in the words of CodeCarbon's rows."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence

from microjoule import config, hardware
from microjoule.hardware import CpuModel
from microjoule.nvml import Nvml, NvmlError
from microjoule.tracker.log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from microjoule._core import SensorInfo

__all__ = ["Hardware", "gpus_wanted", "index_of"]

# A device's own sensor; others of its kind (hwmon's) have a name behind the number.
_NUMBERED = re.compile(r"(?:amd|intel)?gpu(\d+)")


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

    def __init__(self, gpus: Sequence[str]) -> None:
        cpu, memory_gb, threads = _host()
        self.cpu_count = threads
        self.cpu_physical_count = cpu.sockets
        self.cpu_model = cpu.name
        self.ram_total_size = memory_gb
        self.gpu_count = len(gpus)
        names = [_identity(sensor, _library())[1] for sensor in gpus]
        self.gpu_model = "".join(f"{names.count(n)} x {n}" for n in dict.fromkeys(names))
        self.gpu_ids = list(gpus) or None

    def to_dict(self) -> dict[str, Any]:
        """The words by their names."""
        return dict(vars(self))


@functools.cache
def _host() -> tuple[CpuModel, float, int]:
    """Processor, memory in GiB and threads; looked at once for the process."""
    cpu = hardware.cpu_model()
    return cpu, hardware.installed_memory_gb() or 0.0, os.cpu_count() or cpu.logical_cpus


def gpus_wanted(sensors: Sequence[SensorInfo], wanted: Sequence[int | str] | None) -> list[str]:
    """The ids of the GPU sensors that count.

    Args:
        sensors: what the meter reads.
        wanted: indices and UUID prefixes; None: those that the meter counts, which are the visible
            ones (``CUDA_VISIBLE_DEVICES``, ``ROCR_VISIBLE_DEVICES``).
    """
    gpus = [s for s in sensors if s.kind == "gpu"]
    if wanted is None:
        return [s.id for s in gpus if s.counted]
    chosen = []
    for word in wanted:
        hits = [s.id for s in gpus if _is_meant(s.id, word)]
        if not hits:
            logger.warning("There is no GPU %r that can be read: it is left out", word)
        chosen += [sensor for sensor in hits if sensor not in chosen]
    return chosen


def _is_meant(sensor: str, word: int | str) -> bool:
    number = _NUMBERED.fullmatch(sensor)
    if isinstance(word, int):
        return number is not None and int(number[1]) == word
    uuid = _identity(sensor, _library())[0].removeprefix("GPU-")
    # A slice is named by its GPU and two numbers behind slashes.
    prefix = word.removeprefix("GPU-").partition("/")[0]
    return bool(uuid and prefix) and uuid.startswith(prefix)


def index_of(sensor: str) -> int | None:
    """The NVML index of a sensor, None if it is not NVML's."""
    number = sensor.removeprefix("gpu")
    return int(number) if number.isdigit() else None


def _library() -> str:
    return str(config.get("nvml").value)


@functools.cache
def _identity(sensor: str, library: str) -> tuple[str, str]:
    """UUID and name of a GPU; what is not known is empty, and the name the sensor's id."""
    index = index_of(sensor)
    if index is None:
        return "", sensor
    try:
        nvml = Nvml(library)
        return nvml.uuid(index), nvml.name(index)
    except NvmlError as error:
        logger.debug("NVML does not tell the name of %s: %s", sensor, error)
        return "", sensor
