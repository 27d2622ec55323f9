"""What a meter makes of sensors that misbehave: right, wrong by so much, or an exception."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from meters import Meter
from process import Worker, WorkerError, ask

from sim.bed import PowercapBed, Sensor, Zone
from sim.loads import Constant
from sim.zones import RAPL_RANGE_UJ

WATTS = 100.0
RIGHT = 0.05  # relative: enough to tell what a fault did
RIGHT_J = 0.3  # and the least: three updates of the counter
LIMIT_S = 60.0
READY_S = 15.0  # what the slowest of them needs on a busy machine before its first window
ENDS_S = (0.005, 0.01, 0.02, 0.05, 0.5, 1.5)

Act = Callable[[Sensor, str], None]


def verdict(bed: PowercapBed, found: dict[str, Any]) -> str:
    """One window in a word or two."""
    if "raises" in found:
        return f"raises {found['raises']}"
    if math.isnan(found["joules"]):
        return "no figure"
    truth_j = bed.energy_j(found["t0"], found["t1"], "package-0")
    error_j = found["joules"] - truth_j
    told = ", and says so" if found["caveat"] else ""
    if abs(error_j) <= max(RIGHT * truth_j, RIGHT_J):
        return f"right{told}"
    return f"wrong by {error_j:+.3g} J of {truth_j:.3g}{told}"


def worst(verdicts: list[str]) -> str:
    """The worst of several tries, and how many were not right."""
    bad = [one for one in verdicts if not one.startswith("right")]
    if not bad:
        return verdicts[0]
    raised = [one for one in bad if one.startswith("raises")]
    head = (raised or sorted(bad, key=len))[-1]
    return head if len(bad) == len(verdicts) else f"{head} ({len(bad)} of {len(verdicts)})"


def windows(meter: Meter, start_uj: int, act: Act) -> list[str]:
    """The verdicts on a window in which ``act`` does something, and on the one after it."""
    with PowercapBed([Zone("package-0", Constant(WATTS), start_uj=start_uj)]) as bed:
        zone = bed["package-0"]
        with Worker(meter, bed.root, "fault", LIMIT_S) as worker:
            try:
                while (step := worker.step()) is not None:
                    act(zone, step)
                    worker.go_on()
                return [verdict(bed, found) for found in worker.result()]
            except WorkerError as error:
                return [f"{error}"]


def wrap(meter: Meter) -> str:
    """The counter wraps, and the window ends 5 ms to 1.5 s after that."""

    def after(seconds: float) -> Act:
        def act(zone: Sensor, step: str) -> None:
            if step == "begin":
                left_uj = RAPL_RANGE_UJ - zone.counter_uj(time.monotonic_ns())
                if left_uj > RAPL_RANGE_UJ // 2:
                    raise WorkerError("not ready in time")
                time.sleep(max(0.0, left_uj * 1e-6 / WATTS - 0.5))
            elif step == "opened":
                while zone.counter_uj(time.monotonic_ns()) > RAPL_RANGE_UJ // 2:
                    time.sleep(0.001)
                time.sleep(seconds)

        return act

    start_uj = RAPL_RANGE_UJ - round(READY_S * WATTS * 1e6)
    with ThreadPoolExecutor(len(ENDS_S)) as pool:
        tries = [pool.submit(windows, meter, start_uj, after(seconds)) for seconds in ENDS_S]
        return worst([one.result()[0] for one in tries])


def eio(meter: Meter) -> str:
    """Reads fail for a tenth of a second: when the window begins, in it, or when it ends."""

    def at(place: str) -> Act:
        def act(zone: Sensor, step: str) -> None:
            if step == "begin" and place == "begin":
                zone.fail("EIO", seconds=0.1)
            elif step == "opened":
                time.sleep(0.4)
                if place != "begin":
                    zone.fail("EIO", seconds=0.1)
                if place == "middle":
                    time.sleep(0.4)
            elif step == "ended":
                time.sleep(0.2)

        return act

    return worst([windows(meter, 10**9, at(place))[0] for place in ("begin", "middle", "end")])


def vanish(meter: Meter) -> str:
    """The zone goes in the middle of a window, and is there again for the next one."""

    def act(zone: Sensor, step: str) -> None:
        if step == "opened":
            time.sleep(0.3)
            zone.vanish()
            time.sleep(0.3)
        elif step == "ended":
            zone.restore()
            time.sleep(0.6)

    found = windows(meter, 10**9, act)
    return found[0] if len(found) < 2 else f"{found[0]}; then {found[1]}"


def eacces(meter: Meter) -> str:
    """The counter may not be read, as since Linux 5.10 by whoever is not root."""
    with PowercapBed([Zone("package-0", Constant(WATTS))]) as bed:
        bed["package-0"].fail("EACCES")
        with Worker(meter, bed.root, "fault", LIMIT_S) as worker:
            while worker.step() is not None:
                time.sleep(0.3)
                worker.go_on()
            try:
                return verdict(bed, worker.result()[0])
            except WorkerError as error:
                return f"{error}"


def fork(meter: Meter) -> str:
    """The process forks in a window: the parent's, and one of the child's own."""
    with PowercapBed([Zone("package-0", Constant(WATTS))]) as bed:
        try:
            found = [verdict(bed, one) for one in ask(meter, bed.root, "fork", LIMIT_S)]
        except WorkerError as error:
            return f"{error}"
    if all(one == "right" for one in found):
        return "right"
    return f"parent {found[0]}, child {found[-1]}"


def overlap(meter: Meter) -> str:
    """A hundred windows at once, ended in the order in which they began."""
    with PowercapBed([Zone("package-0", Constant(WATTS))]) as bed:

        def found(nested: bool) -> str:
            try:
                rows = ask(meter, bed.root, "overlap", LIMIT_S, count=100, nested=nested)
            except WorkerError as error:
                return f"{error}"
            return worst([verdict(bed, row) for row in rows])

        mixed = found(nested=False)
        if mixed != "right" and found(nested=True) == "right":
            return f"{mixed}; right if nested"
        return mixed


FAULTS: dict[str, Callable[[Meter], str]] = {
    "wrap": wrap,
    "EIO for 0.1 s": eio,
    "zone vanishes": vanish,
    "EACCES": eacces,
    "fork": fork,
    "100 overlapping": overlap,
}
