"""How busy the machine is, and which part of it is this process tree's.

CPU time comes from `/proc/stat` (ticks since boot, so that a mean over any time is exact), memory
from `/proc/meminfo` and a process tree from `/proc/<pid>/task/*/children`; GPU utilisation from
NVML.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from microjoule import config
from microjoule.nvml import Nvml, NvmlError
from microjoule.tracker.ledger import Shares
from microjoule.tracker.log import logger

__all__ = ["Means", "ProcessTree", "Usage"]

_GIB = 2**30
# Two looks that are closer than this say nothing more than one: a tick has 10 ms.
_CLOSE_NS = 100_000_000


class Means:
    """Mean utilisations in percent, and memory in use in GiB."""

    __slots__ = ("cpu_percent", "gpu_percent", "ram_percent", "ram_used_gb")

    def __init__(self) -> None:
        self.cpu_percent = self.gpu_percent = self.ram_percent = self.ram_used_gb = 0.0


class Usage:
    """Means since the start, weighted by time.

    Args:
        gpus: NVML indices whose utilisation counts; empty: none.
    """

    def __init__(self, gpus: Sequence[int] = ()) -> None:
        self._gpus = _Gpus(gpus) if gpus else None
        self._began_ns = self._looked_ns = time.monotonic_ns()
        self._began_ticks = _cpu_ticks()
        self._ram_used, self._ram_total = _memory_bytes()
        self._gpu_percent = self._gpus.utilisation() if self._gpus else 0.0
        self._ram_integral = self._gpu_integral = 0.0

    def look(self) -> None:
        """Notes what is used now; does nothing if it has just been done."""
        now = time.monotonic_ns()
        elapsed = now - self._looked_ns
        if elapsed < _CLOSE_NS:
            return
        self._looked_ns = now
        used, self._ram_total = _memory_bytes()
        self._ram_integral += (self._ram_used + used) / 2 * elapsed
        self._ram_used = used
        if self._gpus:
            percent = self._gpus.utilisation()
            self._gpu_integral += (self._gpu_percent + percent) / 2 * elapsed
            self._gpu_percent = percent

    def means(self) -> Means:
        """Means from the start until now."""
        self.look()
        means = Means()
        busy, total = (b - a for a, b in zip(self._began_ticks, _cpu_ticks(), strict=True))
        means.cpu_percent = 100 * busy / total if total > 0 else 0.0
        elapsed = self._looked_ns - self._began_ns
        used = self._ram_integral / elapsed if elapsed else self._ram_used
        means.ram_used_gb = used / _GIB
        means.ram_percent = 100 * used / self._ram_total if self._ram_total else 0.0
        means.gpu_percent = self._gpu_integral / elapsed if elapsed else self._gpu_percent
        return means


class ProcessTree:
    """The share of this process and its children in what the machine does.

    Processors: CPU time of the tree over busy CPU time of the machine. Memory: resident pages of
    the tree over all memory. NVIDIA's GPUs: the tree's part in NVML's utilisation by process, each
    GPU by itself. Other makers' GPUs do not tell, and count whole.

    Args:
        gpus: NVML indices that count.
    """

    def __init__(self, gpus: Sequence[int] = ()) -> None:
        self._gpus = _Gpus(gpus) if gpus else None
        self._tree_s, self._rss = _tree()
        self._busy_s = _busy_s()
        self._last = 1.0

    def shares(self) -> Shares:
        """Shares since the last call, each from 0 to 1."""
        tree_s, rss = _tree()
        busy_s = _busy_s()
        used, busy = tree_s - self._tree_s, busy_s - self._busy_s
        # Less than a few ticks say nothing: the share of before holds on.
        if busy >= 0.05:
            self._last = min(1.0, max(0.0, used / busy))
            self._tree_s, self._busy_s = tree_s, busy_s
        _, total = _memory_bytes()
        ram = min(1.0, (self._rss + rss) / 2 / total) if total else 1.0
        self._rss = rss
        return Shares(self._last, ram, self._gpus.shares_of(_pids()) if self._gpus else {})


class _Gpus:
    """What NVML says of some GPUs; what it does not say is left out."""

    def __init__(self, indices: Sequence[int]) -> None:
        self._since_us = time.time_ns() // 1000
        self._indices = tuple(indices)
        self._nvml: Nvml | None = None
        try:
            self._nvml = Nvml(str(config.get("nvml").value))
        except NvmlError as error:
            logger.warning("NVML does not tell how busy the GPUs are: %s", error)

    def utilisation(self) -> float:
        """Mean utilisation in percent."""
        seen = []
        for index in self._indices if self._nvml else ():
            try:
                seen.append(self._nvml.utilisation(index))  # type: ignore[union-attr]
            except NvmlError:
                continue
        return sum(seen) / len(seen) if seen else 0.0

    def shares_of(self, pids: frozenset[int]) -> dict[str, float]:
        """For each GPU the part of these processes in what all of them used since the last call.

        A GPU that nobody uses is nobody's.
        """
        since, self._since_us = self._since_us, time.time_ns() // 1000
        shares = {}
        for index in self._indices:
            own = everybody = 0.0
            try:
                samples = self._nvml.processes(index, since) if self._nvml else []
            except NvmlError:
                samples = []  # none ran, or the driver does not tell
            for pid, percent in samples:
                everybody += percent
                own += percent if pid in pids else 0.0
            shares[f"gpu{index}"] = own / everybody if everybody else 0.0
        return shares


# -- /proc ------------------------------------------------------------------------------------

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _cpu_ticks() -> tuple[int, int]:
    """Busy and all ticks of all processors since boot."""
    try:
        fields = [int(word) for word in _first("/proc/stat", 256).split(b"\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    idle = fields[3] + fields[4]
    total = sum(fields)
    return total - idle, total


def _busy_s() -> float:
    return _cpu_ticks()[0] / _TICKS_PER_S


def _memory_bytes() -> tuple[int, int]:
    """Memory in use and in all, in bytes; in use is what could not be given to a program."""
    found = {}
    try:
        for line in _first("/proc/meminfo", 256).splitlines()[:3]:
            name, _, rest = line.partition(b":")
            found[name] = int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0, 0
    total = found.get(b"MemTotal", 0)
    return total - found.get(b"MemAvailable", total), total


def _first(path: str, size: int) -> bytes:
    """The first bytes of a file of the kernel's: these are written anew at each open."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, size)
    finally:
        os.close(file)


def _pids() -> frozenset[int]:
    """This process and what descends from it."""
    found = {os.getpid()}
    open_ = [os.getpid()]
    while open_:
        pid = open_.pop()
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for task in tasks:
            try:
                with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                    children = [int(word) for word in file.read().split()]
            except (OSError, ValueError):
                continue
            open_ += [child for child in children if child not in found]
            found.update(children)
    return frozenset(found)


def _tree() -> tuple[float, int]:
    """CPU seconds (children that have ended included) and resident bytes of the tree."""
    seconds, resident = 0.0, 0
    for pid in _pids():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        seconds += sum(int(word) for word in fields[11:15]) / _TICKS_PER_S
        resident += int(fields[21]) * _PAGE
    return seconds, resident
