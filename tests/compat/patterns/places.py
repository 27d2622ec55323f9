"""Countries, regions and clouds: names and codes, and where the factors differ."""

import json
import logging
import math

from codecarbon import OfflineEmissionsTracker

logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
same, close, holds, ours = {}, {}, {}, {}


def row(**place):
    tracker = OfflineEmissionsTracker(
        output_methods=[], log_level="critical", force_ram_power=100, **place
    )
    tracker.start()
    tracker.stop()
    data = tracker.final_emissions_data
    return data, data.emissions / data.energy_consumed * 1000


for code in ("FRA", "DEU", "NOR", "POL", "IND", "CHN"):
    data, factor = row(country_iso_code=code)
    same[code] = (data.country_name, data.country_iso_code, data.on_cloud)
    # The tables differ by year and publisher; a factor of two would be another country.
    close[f"order of magnitude of {code}"] = 10 + math.log(factor)
data, _ = row(country_iso_code="USA", region="california")
same["california"] = (data.country_name, data.country_iso_code, data.region)
data, factor = row(country_iso_code="XYZ")
same["unknown"] = (data.country_name or "", data.country_iso_code)
close["unknown is the world"] = factor
data, factor = row()
same["none"] = (data.country_name or "", data.country_iso_code or "")
close["none is the world"] = factor
data, factor = row(country_iso_code="CAN", region="quebec")
same["quebec"] = data.region
data, _ = row(cloud_provider="gcp", cloud_region="us-east1")
same["cloud"] = (data.cloud_provider, data.cloud_region, data.on_cloud)
data, _ = row(cloud_provider="gcp", cloud_region="europe-west9")
ours["a region is text (original: a float nan)"] = isinstance(data.region, str)
data, _ = row(country_iso_code="US")
ours["alpha-2 is taken (original: unknown)"] = data.country_iso_code == "USA"
data, _ = row(country_iso_code="usa")
ours["a small code has its name (original: empty)"] = str(data.country_name).startswith(
    "United States"
)
print(json.dumps({"same": same, "close": close, "holds": holds, "ours": ours}))
