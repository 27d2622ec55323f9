"""Two processes that append to one file, which another tool has begun."""

import csv
import json
import multiprocessing
import time
from pathlib import Path

from codecarbon import OfflineEmissionsTracker

same, close, holds, ours = {}, {}, {}, {}
GIVEN = {"country_iso_code": "FRA", "log_level": "critical", "force_ram_power": 20}


def work(name):
    with OfflineEmissionsTracker(project_name=name, **GIVEN):
        time.sleep(0.3)


if __name__ == "__main__":
    Path("emissions.csv").write_text("a,b\n1,2\n")
    work("first")
    same["kept aside"] = Path("emissions.csv.bak").read_text()
    workers = [
        multiprocessing.get_context("fork").Process(target=work, args=(name,)) for name in "xy"
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with open("emissions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    same["projects"] = sorted(row["project_name"] for row in rows)
    holds["whole rows"] = all(None not in row and None not in row.values() for row in rows)
    tracker = OfflineEmissionsTracker(on_csv_write="update", **GIVEN)
    tracker.start()
    tracker.flush()
    tracker.flush()
    tracker.stop()
    with open("emissions.csv", newline="") as file:
        same["rows after an update"] = len(list(csv.DictReader(file)))
    print(json.dumps({"same": same, "close": close, "holds": holds, "ours": ours}))
