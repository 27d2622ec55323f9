"""What runs in the environment of one meter: windows through its adapter, timed and counted.

    python worker.py ADAPTER TASK JSON

Only the standard library is used, so that what is loaded is the meter. The result is one line of
JSON after ``RESULT``; before it, a task that needs something done to the sensors says ``STEP`` and
waits for a line.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import select
import signal
import statistics
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

now = time.monotonic_ns
# Pairs in a row before their figures are asked for: nobody's caches are cold because of a wait.
BATCH = 25


def load_adapter(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("adapter_of_a_meter", path)
    assert spec is not None
    assert spec.loader is not None
    adapter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(adapter)
    return adapter


def nothing(*_: object) -> None:
    """In place of what an adapter does not have."""


def joules(adapter: ModuleType, result: Any) -> float:
    getattr(adapter, "wait", nothing)(result)
    return float(adapter.joules(result))


# -- cost ---------------------------------------------------------------------------------------


def cost(adapter: ModuleType, pairs: int) -> dict[str, Any]:
    """Time to import and to the first window, memory, pairs, and the wait for a figure."""
    wait = getattr(adapter, "wait", nothing)
    before_kib = resident_kib()
    t0 = now()
    adapter.load()
    t1 = now()
    adapter.ready()
    first = adapter.begin()
    t2 = now()
    time.sleep(0.05)
    joules(adapter, adapter.end(first))
    memory_kib = resident_kib() - before_kib
    paired, waited = [], []
    for number in range(1 + pairs // BATCH):
        a = now()
        results = [adapter.end(adapter.begin()) for _ in range(BATCH)]
        b = now()
        wait(results[-1])
        c = now()
        for result in results:
            wait(result)
        d = now()
        for result in results:
            adapter.joules(result)
        e = now()
        if number > 0:  # warm
            paired.append(((b - a) + (e - d)) / BATCH)
            waited.append(c - b)
    figures = {
        "import_s": (t1 - t0) * 1e-9,
        "first_ms": (t2 - t1) * 1e-6,
        "memory_mib": memory_kib / 1024,
        "pair_us": statistics.median(paired) * 1e-3,
        "wait_us": statistics.median(waited) * 1e-3 if hasattr(adapter, "wait") else None,
        "mark_us": marks_us(adapter) if hasattr(adapter, "mark") else None,
    }
    getattr(adapter, "close", nothing)()
    return figures


def marks_us(adapter: ModuleType, batches: int = 30, size: int = 200) -> float:
    """Median time of a pair whose figure nobody asks for now."""
    times = []
    for _ in range(batches):
        a = now()
        for _ in range(size):
            adapter.mark()
        times.append((now() - a) * 1e-3 / size)
        time.sleep(0.01)
    return statistics.median(times)


def open_window(adapter: ModuleType, seconds: float) -> dict[str, Any]:
    """CPU time while one window is open, in per cent of a core, of all processes of the meter."""
    adapter.load()
    adapter.ready()
    handle = adapter.begin()
    time.sleep(1)
    own = -cpu_ns() + cpu_ns()  # what looking costs
    cpu, t0 = cpu_ns(), now()
    time.sleep(seconds)
    share = (cpu_ns() - cpu - own) / (now() - t0)
    joules(adapter, adapter.end(handle))
    getattr(adapter, "close", nothing)()
    return {"open_pct": share * 100}


def family() -> list[int]:
    """This process and all below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def resident_kib() -> float:
    """Resident memory of the family, shared pages divided among who shares them."""
    total = 0
    for pid in family():
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


def cpu_ns() -> int:
    """CPU time of the family, ended children not included."""
    total = 0
    for pid in family():
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
    return total


# -- accuracy -----------------------------------------------------------------------------------


def windows(adapter: ModuleType, length_s: float, count: int, seed: int) -> list[list[float]]:
    """Windows one after the other: when each began and ended, and its figure."""
    gaps = random.Random(seed)
    adapter.load()
    adapter.ready()
    rows = []
    for number in range(5 + count):
        time.sleep(gaps.uniform(0.002, 0.025))
        handle = adapter.begin()
        t0 = now()
        time.sleep(length_s)
        t1 = now()
        figure = joules(adapter, adapter.end(handle))
        if number >= 5:  # warm
            rows.append([t0, t1, figure])
    getattr(adapter, "close", nothing)()
    return rows


# -- faults -------------------------------------------------------------------------------------


def step(name: str) -> None:
    """Lets whoever has the sensors do something to them."""
    print(f"STEP {name}", flush=True)
    sys.stdin.readline()


def outcome(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What came of it, be it an exception."""
    try:
        return work()
    except Exception as error:
        return {"raises": type(error).__name__}


def window(adapter: ModuleType, during: Callable[[], None]) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        handle = adapter.begin()
        t0 = now()
        during()
        t1 = now()
        result = adapter.end(handle)
        figure = joules(adapter, result)
        caveat = getattr(adapter, "caveat", nothing)(result)
        return {"t0": t0, "t1": t1, "joules": figure, "caveat": caveat or ""}

    return outcome(work)


def fault(adapter: ModuleType) -> list[dict[str, Any]]:
    """A window in which something happens, and one after it."""
    adapter.load()
    try:
        adapter.ready()
    except Exception as error:
        return [{"raises": type(error).__name__}]
    warm = window(adapter, lambda: time.sleep(0.2))
    if "raises" in warm:
        return [warm]
    step("begin")
    first = window(adapter, lambda: step("opened"))
    step("ended")
    return [first, window(adapter, lambda: time.sleep(0.5))]


def fork(adapter: ModuleType) -> list[dict[str, Any]]:
    """A window across a fork, and one of the child's own; a child that hangs is ended."""
    adapter.load()
    adapter.ready()
    window(adapter, lambda: time.sleep(0.2))
    childs: list[dict[str, Any]] = []

    def forked() -> None:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            own = window(adapter, lambda: time.sleep(0.3))
            os.write(writer, json.dumps(own).encode())
            os._exit(0)
        ready, _, _ = select.select([reader], [], [], 10)
        childs.append(json.loads(os.read(reader, 65536)) if ready else {"raises": "a hang"})
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    return [window(adapter, forked), *childs]


def overlap(adapter: ModuleType, count: int, nested: bool) -> list[dict[str, Any]]:
    """Many windows that are open at the same time; ended in order, or the last one first."""
    adapter.load()
    adapter.ready()
    window(adapter, lambda: time.sleep(0.2))

    def work() -> dict[str, Any]:
        handles, rows = [], []
        for _ in range(count):
            handles.append((adapter.begin(), now()))
            time.sleep(0.002)
        time.sleep(0.1)
        ended = []
        for handle, t0 in reversed(handles) if nested else handles:
            t1 = now()
            ended.append((t0, t1, adapter.end(handle)))
            time.sleep(0.002)
        for t0, t1, result in ended:
            rows.append({"t0": t0, "t1": t1, "joules": joules(adapter, result), "caveat": ""})
        return {"rows": rows}

    found = outcome(work)
    rows: list[dict[str, Any]] = found.get("rows", [found])
    return rows


TASKS: dict[str, Callable[..., Any]] = {
    "cost": cost,
    "open": open_window,
    "windows": windows,
    "fault": fault,
    "fork": fork,
    "overlap": overlap,
}


def main() -> None:
    _, path, task, arguments = sys.argv
    adapter = load_adapter(path)
    try:
        result = TASKS[task](adapter, **json.loads(arguments))
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    print(f"\nRESULT {json.dumps(result)}", flush=True)
    # Some meters print, write or wait at exit: none of it is asked about here.
    for pid in family()[1:]:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
