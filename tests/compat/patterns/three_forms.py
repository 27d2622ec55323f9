"""The object, the block and the decorator, as every talk shows them."""

import csv
import dataclasses
import json
import time

from codecarbon import EmissionsTracker, OfflineEmissionsTracker, track_emissions

GIVEN = {
    "force_ram_power": 20,
    "force_carbon_intensity_g_co2e_kwh": 100,
    "log_level": "error",
    "measure_power_secs": 0.2,
}
same, close, holds = {}, {}, {}


def kinds(row):
    # Without a sample in a busy second the original's mean is a plain 0.
    means = {"cpu_utilization_percent", "ram_utilization_percent", "ram_used_gb"}
    return {
        name: type(float(value) if name in means else value).__name__ for name, value in row.items()
    }


# The object.
tracker = OfflineEmissionsTracker(country_iso_code="FRA", project_name="object", **GIVEN)
same["start"] = tracker.start()
time.sleep(1)
kg = tracker.stop()
data = tracker.final_emissions_data
same["kind of stop"] = type(kg).__name__
holds["final_emissions is what stop gave"] = tracker.final_emissions == kg
holds["a second stop gives the same"] = tracker.stop() == kg

# The block.
with OfflineEmissionsTracker(country_iso_code="DEU", project_name="block", **GIVEN) as block:
    time.sleep(0.5)
holds["the block stopped"] = block.final_emissions > 0


# The decorator.
@track_emissions(project_name="decorator", offline=True, country_iso_code="USA", **GIVEN)
def work():
    """Works."""
    time.sleep(0.5)
    return 42


same["value"] = work()
same["doc"] = work.__doc__

with open("emissions.csv", newline="") as file:
    rows = list(csv.DictReader(file))
same["columns"] = list(rows[0])
same["projects"] = [row["project_name"] for row in rows]
same["countries"] = [(row["country_name"], row["country_iso_code"]) for row in rows]
same["fields"] = [field.name for field in dataclasses.fields(data)]
names = ("os", "python_version", "tracking_mode", "on_cloud", "pue", "wue", "cpu_count")
for name in (*names, "codecarbon_version", "gpu_count", "experiment_id", "longitude", "latitude"):
    same[f"column {name}"] = [row[name] for row in rows]
skipped = ("gpu_utilization_percent", "longitude", "latitude", "region", "gpu_model")
cloud = ("cloud_provider", "cloud_region")
same["kinds"] = {
    name: kind
    for name, kind in kinds(data.values).items()
    if name not in skipped and name not in cloud
}
same["json"] = list(json.loads(data.toJSON()))
close["durations"] = sum(float(row["duration"]) for row in rows)
close["ram energy"] = sum(float(row["ram_energy"]) for row in rows)
close["ram power"] = float(rows[0]["ram_power"])
close["ram_total_size"] = float(rows[0]["ram_total_size"])
for row in rows:
    parts = sum(float(row[f"{part}_energy"]) for part in ("cpu", "gpu", "ram"))
    holds["energy is the sum"] = abs(float(row["energy_consumed"]) - parts) < 1e-12
    factor = float(row["emissions"]) / float(row["energy_consumed"])
    holds["emissions by the factor given"] = abs(factor - 0.1) < 1e-6
    rate = float(row["emissions"]) / float(row["duration"])
    holds["rate"] = abs(float(row["emissions_rate"]) / rate - 1) < 1e-6
same["online argument refused"] = False
try:
    EmissionsTracker(no_such_argument=1)
except TypeError:
    same["online argument refused"] = True
print(json.dumps({"same": same, "close": close, "holds": holds, "ours": {}}))
