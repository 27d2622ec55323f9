"""One tracker in a process of its own: CodeCarbon's or ours, asked for one figure.

python tracked.py (codecarbon|microjoule) (cold|warm|tasks|idle SECONDS MEASURE_POWER_SECS)

Runs with either's Python and needs nothing else; prints JSON. Times are in seconds, memory in MiB.
"""

from __future__ import annotations

import sys
import time

# Nothing else is imported before the figures are taken: it would count as already there.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

GIVEN: dict[str, Any] = {"country_iso_code": "FRA", "log_level": "error"}
ROUNDS = 25
FIRST = 5  # rounds that are not counted
BETWEEN_S = 0.1
PAIRS = 500


def kind(name: str) -> Any:
    """The tracker's class."""
    if name == "codecarbon":
        from codecarbon import OfflineEmissionsTracker
    else:
        from microjoule import OfflineEmissionsTracker
    return OfflineEmissionsTracker


def resident_mib() -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def cold(name: str) -> dict[str, float]:
    before = resident_mib()
    start = time.perf_counter()
    tracker = kind(name)(**GIVEN)
    tracker.start()
    end = time.perf_counter()
    time.sleep(1.0)
    running = resident_mib()
    tracker.stop()
    return {"start_s": end - start, "resident_mib": running - before}


def warm(name: str) -> dict[str, float]:
    tracker_of = kind(name)
    found: dict[str, list[float]] = {"constructor": [], "start": [], "stop": []}
    for _ in range(ROUNDS):
        took, tracker = seconds(lambda: tracker_of(**GIVEN))
        found["constructor"].append(took)
        found["start"].append(seconds(tracker.start)[0])
        time.sleep(BETWEEN_S)
        found["stop"].append(seconds(tracker.stop)[0])
    return {what: median(took[FIRST:]) for what, took in found.items()}


def tasks(name: str) -> dict[str, float]:
    tracker = kind(name)(**GIVEN, output_methods=[])
    tracker.start()
    found = []
    for i in range(PAIRS):
        start = time.perf_counter()
        tracker.start_task(str(i))
        tracker.stop_task(str(i))
        found.append(time.perf_counter() - start)
    tracker.stop()
    return {"pair": median(found)}


def idle(name: str, length_s: float, measure_power_secs: float) -> dict[str, float]:
    tracker = kind(name)(**GIVEN, output_methods=[], measure_power_secs=measure_power_secs)
    tracker.start()
    start = time.process_time()
    time.sleep(length_s)
    used = time.process_time() - start
    tracker.stop()
    return {"cpu_s": used}


if __name__ == "__main__":
    questions: dict[str, Callable[..., dict[str, float]]] = {
        "cold": cold,
        "warm": warm,
        "tasks": tasks,
        "idle": idle,
    }
    figures = questions[sys.argv[2]](sys.argv[1], *map(float, sys.argv[3:]))
    import json

    print(json.dumps(figures))
