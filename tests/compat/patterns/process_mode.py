"""This process alone, beside the whole machine."""

import json
import time

from codecarbon import OfflineEmissionsTracker

same, close, holds, ours = {}, {}, {}, {}
GIVEN = {
    "country_iso_code": "FRA",
    "output_methods": [],
    "log_level": "critical",
    "measure_power_secs": 0.5,
}


def burn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


modes = {}
for mode in ("machine", "process"):
    with OfflineEmissionsTracker(tracking_mode=mode, **GIVEN) as tracker:
        burn(1.5)
    modes[mode] = tracker.final_emissions_data
    same[f"mode {mode}"] = modes[mode].tracking_mode
holds["the process is billed for something"] = modes["process"].cpu_energy > 0
ours["the process's share is no more than the machine's energy"] = (
    modes["process"].energy_consumed <= modes["machine"].energy_consumed * 1.3
)
refused = False
try:
    OfflineEmissionsTracker(tracking_mode="gpu", **GIVEN)
except Exception:
    refused = True
ours["another mode is refused with a sentence (original: logs, and is half built)"] = refused
print(json.dumps({"same": same, "close": close, "holds": holds, "ours": ours}))
