"""Environment, two files, and the order among them."""

import json
import os
from pathlib import Path

Path("~/.codecarbon.config").expanduser().write_text(
    "[codecarbon]\nproject_name = home\nexperiment_name = home\npue = 1.1\nforce_ram_power = 7\n"
)
Path(".codecarbon.config").write_text(
    "[codecarbon]\nexperiment_name = local\npue = 1.2\nsave_to_file = False\n"
    "country_iso_code = SWE\n"
)
os.environ["codecarbon_pue"] = "1.5"  # noqa: SIM112 (any letter case)
os.environ["CODECARBON_LOG_LEVEL"] = "critical"
os.environ["CODECARBON_MEASURE_POWER_SECS"] = "2"
os.environ["CODECARBON_GPU_IDS"] = "0, 1"

from codecarbon import OfflineEmissionsTracker  # noqa: E402
from codecarbon.core.config import (  # noqa: E402
    clean_env_key,
    get_hierarchical_config,
    parse_env_config,
    parse_gpu_ids,
)

same, close, holds, ours = {}, {}, {}, {}
tracker = OfflineEmissionsTracker(force_carbon_intensity_g_co2e_kwh=100)
conf = tracker._conf
for name in ("project_name", "experiment_name", "pue", "measure_power_secs", "save_to_file"):
    same[name] = conf[name]
tracker.start()
tracker.stop()
data = tracker.final_emissions_data
same["country"] = (data.country_name, data.country_iso_code)
same["pue in the row"] = data.pue
close["ram power after pue"] = data.ram_power
same["files"] = sorted(os.listdir("."))
outside = get_hierarchical_config()
same["outside"] = dict(sorted(outside.items()))
same["environment"] = dict(sorted(parse_env_config()["codecarbon"].items()))
same["clean"] = clean_env_key("CODECARBON_PROJECT_NAME")
same["ids"] = parse_gpu_ids("0,1")
explicit = OfflineEmissionsTracker(project_name="argument", country_iso_code="FRA")
same["argument wins"] = explicit._conf["project_name"]
print(json.dumps({"same": same, "close": close, "holds": holds, "ours": ours}))
