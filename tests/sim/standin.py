"""What the stand-ins for GPU makers' libraries have in common: a folder of their own, and faults.

The library of a stand-in lies in a temporary folder with its configuration and a file that both
sides map into memory (``simfs/standin.h`` says what is in it).
"""

from __future__ import annotations

import mmap
import shutil
import struct
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.config import Config
from sim.counters import Publisher
from sim.loads import Int64Array, nanoseconds

__all__ = ["SimulatedGpu", "StandIn"]

_BLOCK = 128  # sizeof(Control) in simfs/standin.h; the names below are its members
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


class SimulatedGpu:
    """One simulated GPU: its truth, and what can go wrong with it."""

    def __init__(
        self,
        bed: StandIn,
        block: int,
        publisher: Publisher,
        missing: int,
        faults: Mapping[str, int],
        errors: Mapping[str, int],
    ) -> None:
        """Made by the bed; ``faults`` are the library's bits of what is missing, by name."""
        self.publisher = publisher
        self._bed = bed
        self._block = block
        self._missing = missing
        self._faults = faults
        self._errors = errors
        self.restore()

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
        """Let every call on the GPU fail with an error of the library by name, until `restore`."""
        self._set("error", self._errors[error])

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
        """Let what the library's table of faults names, like ``energy``, be not supported."""
        missing = self._bed.get(self._block, "missing")
        self._set("missing", missing | sum(self._faults[one] for one in what))

    def zero_power(self) -> None:
        """Let power read as 0, as some drivers do."""
        self._set("zeros", 1)

    def restore(self) -> None:
        """End every fault of the GPU."""
        for name in ("error", "delay_ns", "hang_until_ns", "frozen_until_ns", "zeros"):
            self._set(name, 0)
        self._set("missing", self._missing)

    def _set(self, name: str, value: int) -> None:
        self._bed.set(self._block, name, value)


class StandIn:
    """A copy of a stand-in with its GPUs; lasts until `close` or the block's end.

    Every bed has a copy of its own, so that two of them in one process share nothing.
    """

    def __init__(self, built: Path, name: str, errors: Mapping[str, int]) -> None:
        """Give the library a folder; `_start` writes what belongs beside it."""
        self.epoch_ns = time.monotonic_ns()
        self._errors = errors
        self._folder = Path(tempfile.mkdtemp(prefix="microjoule-gpus-"))
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        #: The library of this bed.
        self.path = self._folder / name
        shutil.copy(built, self.path)

    def _start(self, config: Config, gpus: int) -> None:
        (self._folder / "config").write_text(str(config))
        with (self._folder / "control").open("w+b") as control:
            control.truncate(_BLOCK * (gpus + 1))
            self._control = mmap.mmap(control.fileno(), 0)

    @property
    def inits(self) -> int:
        """How often the library was initialised, in all processes."""
        return self.get(0, "inits")

    def fail_init(self, error: str) -> None:
        """Let the library's start fail with an error by name."""
        self.set(0, "init_error", self._errors[error])

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
