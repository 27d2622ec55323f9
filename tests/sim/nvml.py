"""GPUs with a known truth: a stand-in for NVIDIA's library, built on demand.

with NvmlBed([Gpu("GPU-aaaa", Llm(), update_s=0.1, window_s=0.025)]) as bed:
    ...  # run the product with bed.environ
    truth = bed[0].energy_j(t0_ns, t1_ns)
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.config import Config, escaped
from sim.counters import Publisher
from sim.loads import Load, nanoseconds
from sim.server import BedUnavailableError, compiled
from sim.standin import SimulatedGpu, StandIn

__all__ = ["BedUnavailableError", "Gpu", "NvmlBed", "SimulatedGpu", "library"]

LIBRARY = "libnvidia-ml.so.1"
_HERE = Path(__file__).resolve().parent
_MISSING = {"energy": 1, "average": 2, "instant": 4, "usage": 8}
# NVML API reference, nvmlReturn_t.
ERRORS = {
    "UNINITIALIZED": 1,
    "NOT_SUPPORTED": 3,
    "NO_PERMISSION": 4,
    "NOT_FOUND": 6,
    "DRIVER_NOT_LOADED": 9,
    "TIMEOUT": 10,
    "GPU_IS_LOST": 15,
    "RESET_REQUIRED": 16,
    "UNKNOWN": 999,
}


@dataclass(frozen=True)
class Gpu:
    """One GPU and how its sensors look at the load.

    Attributes:
        uuid: Its UUID, ``GPU-…``.
        load: What it draws.
        energy_counter: It has ``nvmlDeviceGetTotalEnergyConsumption`` (Volta and later).
        instant: It has field 186, power over the last ``window_s``.
        average: It has field 185, power over the last ``average_s``.
        usage: It has ``nvmlDeviceGetPowerUsage``.
        update_s: How often counter and power are published.
        window_s: Length of the stretch that the instant power is the mean of.
        average_s: The same for the average power.
        phase_s: When the first update comes.
        jitter_s: How unpunctual updates are.
        lost: The share of updates that never happen.
        stamps: Field values carry the time of the ``update``, or of the ``call``.
        start_mj: The counter's value at the beginning.
        name: The product's name.
        architecture: NVML's number: 5 Volta, 6 Turing, 7 Ampere, 8 Ada, 9 Hopper, 10 Blackwell.
        limit_w: The power limit.
        mig: It is cut into slices.
    """

    uuid: str
    load: Load
    energy_counter: bool = True
    instant: bool = True
    average: bool = True
    usage: bool = True
    update_s: float = 0.1
    window_s: float = 0.025
    average_s: float = 1.0
    phase_s: float = 0.0
    jitter_s: float = 0.0
    lost: float = 0.0
    seed: int = 1
    stamps: str = "update"
    start_mj: int = 123_456_789
    name: str = "NVIDIA H100 80GB HBM3"
    architecture: int = 9
    limit_w: float = 700.0
    mig: bool = False

    def publisher(self, epoch_ns: int) -> Publisher:
        """When its sensors are updated."""
        return Publisher(
            self.load,
            epoch_ns,
            nanoseconds(self.update_s),
            nanoseconds(self.phase_s),
            nanoseconds(self.jitter_s),
            self.seed,
            self.lost,
        )

    @property
    def missing(self) -> int:
        """What it cannot do, as the library's bits."""
        has = {
            "energy": self.energy_counter,
            "average": self.average,
            "instant": self.instant,
            "usage": self.usage,
        }
        return sum(_MISSING[what] for what, there in has.items() if not there)


@functools.cache
def library() -> Path:
    """The stand-in, compiled unless these very sources were compiled before.

    Raises:
        BedUnavailableError: without a compiler.
    """
    sources = sorted((_HERE / "nvml").glob("*.cpp"))
    headers = sorted((_HERE / "simfs").glob("*.h"))
    # No soname: whoever asks the loader for the real library's name must not get this one because
    # it is still loaded.
    return compiled("nvml", sources, headers, lambda: ("-shared", "-fPIC", "-ldl"))


class NvmlBed(StandIn):
    """The stand-in for NVML with its GPUs, by NVML index."""

    def __init__(self, gpus: Sequence[Gpu] = ()) -> None:
        """Write the configuration beside the library.

        Raises:
            BedUnavailableError: where the stand-in cannot be built.
        """
        super().__init__(library(), LIBRARY, ERRORS)
        config = Config(self.epoch_ns)
        for gpu in gpus:
            if gpu.stamps not in ("update", "call"):
                raise ValueError(f"stamps are of the 'update' or the 'call', not '{gpu.stamps}'")
            config.gpu(
                (
                    gpu.uuid,
                    gpu.architecture,
                    round(gpu.limit_w * 1e3),
                    int(gpu.mig),
                    gpu.missing,
                    int(gpu.stamps == "update"),
                    gpu.start_mj,
                ),
                gpu.publisher(self.epoch_ns),
                gpu.publisher(self.epoch_ns),
                nanoseconds(gpu.window_s),
                nanoseconds(gpu.average_s),
                escaped(gpu.name),
            )
        self._start(config, len(gpus))
        self._gpus = [
            SimulatedGpu(
                self, number + 1, gpu.publisher(self.epoch_ns), gpu.missing, _MISSING, ERRORS
            )
            for number, gpu in enumerate(gpus)
        ]

    @property
    def environ(self) -> dict[str, str]:
        """What makes microjoule load it; other sensors are not touched."""
        return {"MICROJOULE_NVML": str(self.path)}

    def processes(self, number: int, percent: Mapping[int, int]) -> None:
        """Let processes by pid use so much of a GPU by its NVML index, from now on."""
        lines = "".join(f"{pid} {share}\n" for pid, share in percent.items())
        spare = self.path.with_name("processes")
        spare.write_text(lines)
        spare.replace(self.path.with_name(f"processes.{number}"))

    def __getitem__(self, number: int) -> SimulatedGpu:
        """A GPU by its NVML index."""
        return self._gpus[number]

    def __len__(self) -> int:
        """How many GPUs there are."""
        return len(self._gpus)
