"""GPUs with a known truth: a stand-in for NVIDIA's library, built on demand.

with NvmlBed([Gpu("GPU-aaaa", Llm(), update_s=0.1, window_s=0.025)]) as bed:
    ...  # run the product with bed.environ
    truth = bed[0].energy_j(t0_ns, t1_ns)
"""

from __future__ import annotations

import functools
import mmap
import shutil
import struct
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.config import Config, escaped
from sim.counters import Publisher
from sim.loads import Int64Array, Load, nanoseconds
from sim.server import BedUnavailableError, compiled

__all__ = ["BedUnavailableError", "Gpu", "NvmlBed", "SimulatedGpu", "library"]

LIBRARY = "libnvidia-ml.so.1"
_HERE = Path(__file__).resolve().parent
_BLOCK = 128  # sizeof(Control) in nvml/nvml.cpp; the names below are its members
_AT = {
    "error": ("i", 0),
    "zeros": ("I", 4),
    "delay_ns": ("q", 8),
    "hang_until_ns": ("q", 16),
    "frozen_from_ns": ("q", 24),
    "frozen_until_ns": ("q", 32),
    "missing": ("I", 40),
    "init_error": ("i", 44),
    "driver": ("Q", 48),
    "driver_ns": ("q", 56),
    "energy_calls": ("Q", 64),
    "power_calls": ("Q", 72),
    "inits": ("Q", 80),
}
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
    return compiled(
        "nvml", sources, headers, lambda: ("-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}", "-ldl")
    )


class SimulatedGpu:
    """One simulated GPU: its truth, and what can go wrong with it."""

    def __init__(self, bed: NvmlBed, number: int, gpu: Gpu) -> None:
        """Made by the bed."""
        self.gpu = gpu
        self.publisher = gpu.publisher(bed.epoch_ns)
        self._bed = bed
        self._block = number + 1

    @property
    def uuid(self) -> str:
        """Its UUID."""
        return self.gpu.uuid

    def energy_j(self, t0_ns: int, t1_ns: int) -> float:
        """The energy drawn between two instants, whatever the sensors made of it."""
        return self.publisher.energy_j(t1_ns) - self.publisher.energy_j(t0_ns)

    def power_w(self, t_ns: int) -> float:
        """The power drawn at an instant."""
        return self.publisher.load.power_w(t_ns - self.publisher.epoch_ns)

    def update_times(self, t0_ns: int, t1_ns: int) -> Int64Array:
        """The instants in [t0, t1] at which counter and power take new values."""
        return self.publisher.update_times(t0_ns, t1_ns)

    @property
    def energy_calls(self) -> int:
        """How often the energy counter has been asked for."""
        return self._bed.get(self._block, "energy_calls")

    @property
    def power_calls(self) -> int:
        """How often power, or a field value, has been asked for."""
        return self._bed.get(self._block, "power_calls")

    def fail(self, error: str) -> None:
        """Let every call on the GPU fail with an NVML error by name, until `restore`."""
        self._set("error", ERRORS[error])

    def delay(self, delay_s: float) -> None:
        """Let a call take this long; its value belongs to the middle."""
        self._set("delay_ns", nanoseconds(delay_s))

    def hang(self, seconds: float) -> int:
        """Let no call return before so many seconds from now; gives that instant."""
        until_ns = time.monotonic_ns() + nanoseconds(seconds)
        self._set("hang_until_ns", until_ns)
        return until_ns

    def freeze(self, seconds: float) -> None:
        """Let calls give what they would give now (stale values)."""
        now_ns = time.monotonic_ns()
        self._set("frozen_from_ns", now_ns)
        self._set("frozen_until_ns", now_ns + nanoseconds(seconds))

    def lose_calls(self, *what: str) -> None:
        """Let ``energy``, ``instant``, ``average`` or ``usage`` be not supported any more."""
        missing = self._bed.get(self._block, "missing")
        self._set("missing", missing | sum(_MISSING[one] for one in what))

    def zero_power(self) -> None:
        """Let power read as 0, as some drivers do."""
        self._set("zeros", 1)

    def restore(self) -> None:
        """End every fault of the GPU."""
        for name in ("error", "delay_ns", "hang_until_ns", "frozen_until_ns", "zeros"):
            self._set(name, 0)
        self._set("missing", self.gpu.missing)

    def _set(self, name: str, value: int) -> None:
        self._bed.set(self._block, name, value)


class NvmlBed:
    """A copy of the stand-in with its GPUs; lasts until `close` or the block's end.

    Every bed has a copy of its own, so that two of them in one process share nothing.
    """

    def __init__(self, gpus: Sequence[Gpu] = ()) -> None:
        """Write the configuration beside the library.

        Raises:
            BedUnavailableError: where the stand-in cannot be built.
        """
        built = library()
        self.epoch_ns = time.monotonic_ns()
        self._folder = Path(tempfile.mkdtemp(prefix="microjoule-nvml-"))
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        shutil.copy(built, self._folder / LIBRARY)
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
        (self._folder / "config").write_text(str(config))
        with (self._folder / "control").open("w+b") as control:
            control.truncate(_BLOCK * (len(gpus) + 1))
            self._control = mmap.mmap(control.fileno(), 0)
        self._gpus = [SimulatedGpu(self, number, gpu) for number, gpu in enumerate(gpus)]
        for simulated in self._gpus:
            simulated.restore()

    @property
    def path(self) -> Path:
        """The library of this bed."""
        return self._folder / LIBRARY

    @property
    def environ(self) -> dict[str, str]:
        """What makes microjoule load it; other sensors are not touched."""
        return {"MICROJOULE_NVML": str(self.path)}

    def __getitem__(self, number: int) -> SimulatedGpu:
        """A GPU by its NVML index."""
        return self._gpus[number]

    def __len__(self) -> int:
        """How many GPUs there are."""
        return len(self._gpus)

    @property
    def inits(self) -> int:
        """How often the library was initialised, in all processes."""
        return self.get(0, "inits")

    def fail_init(self, error: str) -> None:
        """Let nvmlInit fail with an NVML error by name."""
        self.set(0, "init_error", ERRORS[error])

    def reload_driver(self) -> int:
        """Let the driver be unloaded and loaded: handles are void, counters at 0; the instant."""
        now_ns = time.monotonic_ns()
        self.set(0, "driver_ns", now_ns)
        self.set(0, "driver", self.get(0, "driver") + 1)
        return now_ns

    def get(self, block: int, name: str) -> int:
        """A member of the control file."""
        kind, offset = _AT[name]
        return int(struct.unpack_from(f"={kind}", self._control, block * _BLOCK + offset)[0])

    def set(self, block: int, name: str, value: int) -> None:
        """Set a member of the control file; in force at once."""
        kind, offset = _AT[name]
        struct.pack_into(f"={kind}", self._control, block * _BLOCK + offset, value)

    def close(self) -> None:
        """Delete the files. Any number of times; what is loaded stays loaded."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
