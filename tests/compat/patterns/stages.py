"""d2m's way: a decorator per stage, tasks around fit, one CSV grouped by project afterwards."""

import csv
import json
import time
from collections import Counter

from codecarbon import OfflineEmissionsTracker, track_emissions

GIVEN = {
    "country_iso_code": "NOR",
    "force_ram_power": 20,
    "force_carbon_intensity_g_co2e_kwh": 100,
    "log_level": "error",
}
same, close, holds, ours = {}, {}, {}, {}


@track_emissions(project_name="clean", offline=True, **GIVEN)
def clean(data):
    time.sleep(0.2)
    return [x for x in data if x]


@track_emissions(project_name="train", offline=True, **GIVEN)
def train(data):
    time.sleep(0.3)
    return sum(data)


same["result"] = train(clean([0, 1, 2])) + train([1])

tracker = OfflineEmissionsTracker(project_name="models", experiment_name="grid", **GIVEN)
table = []
for model in ("linear", "forest", "linear"):
    tracker.start_task(f"{model}.fit")
    time.sleep(0.3)
    table.append(tracker.stop_task().values)
same["columns of a task"] = list(table[0])
same["tasks"] = len(tracker._tasks)
same["active"] = tracker._active_task
same["first names"] = list(tracker._tasks)[:2]
holds["a name used again is made unique"] = list(tracker._tasks)[2].startswith("linear.fit_")
close["task duration"] = sum(row["duration"] for row in table)
close["task ram energy"] = sum(row["ram_energy"] for row in table)
kg = tracker.stop()
holds["a number"] = kg > 0
run = tracker.final_emissions_data

with open("emissions.csv", newline="") as file:
    rows = list(csv.DictReader(file))
same["rows by project"] = Counter(row["project_name"] for row in rows)
with open(f"emissions_grid_{tracker.run_id}.csv", newline="") as file:
    tasks = list(csv.DictReader(file))
same["rows of tasks"] = len(tasks)
same["first column of tasks"] = next(iter(tasks[0]))
names = [row["task_name"] for row in tasks]
same["names of tasks"] = names[:2]
again = "a task that is stopped again gives what it had (original: zeros, or raises)"
try:
    ours[again] = tracker.stop_task("forest.fit").duration >= 0.3
except TypeError:
    ours[again] = False
ours["the run's duration is the run's (original: since the last task began)"] = run.duration >= 0.9
ours["all columns, also the empty ones (original drops them)"] = {"region", "longitude"} <= set(
    tasks[0]
)
print(json.dumps({"same": same, "close": close, "holds": holds, "ours": ours}))
