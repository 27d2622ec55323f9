"""AMD GPUs with a known truth: a stand-in for AMD's management library, built on demand.

with AmdsmiBed([Gpu("GPU-aaaaaaaaaaaaaaaa", Llm(), bus=3)]) as bed:
    ...  # run the product with bed.environ
    truth = bed[0].energy_j(t0_ns, t1_ns)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.config import Config, escaped
from sim.counters import Publisher
from sim.loads import Load, nanoseconds
from sim.server import BedUnavailableError, compiled
from sim.standin import SimulatedGpu, StandIn

__all__ = ["AmdsmiBed", "BedUnavailableError", "Gpu", "library"]

LIBRARY = "libamd_smi.so"
_HERE = Path(__file__).resolve().parent
_MISSING = {"energy": 1, "current": 2, "average": 4, "zero energy": 8}
# amd_smi/amdsmi.h, amdsmi_status_t.
ERRORS = {
    "INVAL": 1,
    "NOT_SUPPORTED": 2,
    "TIMEOUT": 8,
    "NO_PERM": 10,
    "FILE_ERROR": 14,
    "BUSY": 30,
    "NOT_FOUND": 31,
    "NOT_INIT": 32,
    "DRIVER_NOT_LOADED": 34,
}


@dataclass(frozen=True)
class Gpu:
    """One GPU and how its sensors look at the load.

    Attributes:
        uuid: HIP's name for it, ``GPU-`` and 16 hexadecimal digits.
        load: What it draws.
        bus: Its number on the PCI bus: 3 is ``0000:03:00.0``.
        function: The last digit of that address; partitions of one card differ in it.
        hip_id: What HIP counts it as; None: the library does not tell.
        kind: The library's type of processor: 1 GPU, 2 CPU, 6 APU.
        energy_counter: It has an energy accumulator.
        current: It tells its current power (MI300 and later).
        average: It tells its average power.
        layout: Which of the library's three layouts of power it speaks; 4: one of tomorrow.
        resolution_uj: Microjoules a step, as the library says; the firmware counts in 2^-16 J.
        update_s: How often accumulator and power are published.
        window_s: Length of the stretch that the current power is the mean of.
        average_s: The same for the average power.
        jitter_s: How unpunctual updates are.
        start: The accumulator's value at the beginning; below 0: so far from 2^64.
        name: The product's name.
    """

    uuid: str
    load: Load
    bus: int = 3
    function: int = 0
    hip_id: int | None = 0
    kind: int = 1
    energy_counter: bool = True
    current: bool = True
    average: bool = False
    layout: int = 3
    resolution_uj: float = 15.3
    update_s: float = 0.01
    window_s: float = 0.001
    average_s: float = 0.1
    jitter_s: float = 0.0
    seed: int = 1
    start: int = 1 << 40
    name: str = "AMD Instinct MI300X"

    def publisher(self, epoch_ns: int) -> Publisher:
        """When its sensors are updated."""
        return Publisher(
            self.load,
            epoch_ns,
            nanoseconds(self.update_s),
            0,
            nanoseconds(self.jitter_s),
            self.seed,
            0.0,
        )

    @property
    def missing(self) -> int:
        """What it cannot do, as the library's bits."""
        has = {"energy": self.energy_counter, "current": self.current, "average": self.average}
        return sum(_MISSING[what] for what, there in has.items() if not there)

    @property
    def address(self) -> str:
        """Its address as the kernel writes it."""
        return f"0000:{self.bus:02x}:00.{self.function}"


@functools.cache
def library() -> Path:
    """The stand-in, compiled unless these very sources were compiled before.

    Raises:
        BedUnavailableError: without a compiler.
    """
    sources = sorted((_HERE / "amdsmi").glob("*.cpp"))
    headers = sorted((_HERE / "simfs").glob("*.h"))
    # No soname: whoever asks the loader for the real library's name must not get this one because
    # it is still loaded.
    return compiled("amdsmi", sources, headers, lambda: ("-shared", "-fPIC", "-ldl"))


class AmdsmiBed(StandIn):
    """The stand-in for AMD's library with its GPUs, in the library's order."""

    def __init__(self, gpus: Sequence[Gpu] = ()) -> None:
        """Write the configuration beside the library.

        Raises:
            BedUnavailableError: where the stand-in cannot be built.
        """
        super().__init__(library(), LIBRARY, ERRORS)
        config = Config(self.epoch_ns)
        for gpu in gpus:
            config.gpu(
                (
                    gpu.uuid,
                    gpu.bus << 8 | gpu.function,
                    0xFFFFFFFF if gpu.hip_id is None else gpu.hip_id,
                    gpu.kind,
                    gpu.layout,
                    gpu.resolution_uj,
                    gpu.missing,
                    gpu.start,
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
        return {"MICROJOULE_AMDSMI": str(self.path)}

    def __getitem__(self, number: int) -> SimulatedGpu:
        """A GPU by its place in the library's list."""
        return self._gpus[number]

    def __len__(self) -> int:
        """How many GPUs there are."""
        return len(self._gpus)
