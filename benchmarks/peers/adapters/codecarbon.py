"""CodeCarbon: tasks of one tracker, offline and without a file."""

import math

NOTE = "tasks of one tracker, one at a time; a task begun while another is open is ignored"


def load() -> None:
    global OfflineEmissionsTracker
    from codecarbon import OfflineEmissionsTracker


def ready() -> None:
    global tracker
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", save_to_file=False, log_level="critical", force_ram_power=0
    )


def begin():
    tracker.start_task()
    return tracker._active_task


def end(name):
    return tracker.stop_task(name)


def joules(data) -> float:
    return data.cpu_energy * 3.6e6 if data is not None else math.nan
