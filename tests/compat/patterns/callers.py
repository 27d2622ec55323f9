"""What programs of other people call: transformers, optimum-benchmark, Lightning, Ray, MLflow …"""

import dataclasses
import importlib.util
import json
import logging
import time

same, close, holds, ours = {}, {}, {}, {}
QUIET = {"log_level": "critical", "output_methods": [], "force_ram_power": 20}

# transformers: is it there?
same["found"] = importlib.util.find_spec("codecarbon") is not None
import codecarbon  # noqa: E402

same["its output is there"] = importlib.util.find_spec("codecarbon.output") is not None
same["names"] = sorted(codecarbon.__all__)
same["version"] = codecarbon.__version__
same["app"] = codecarbon.__app_name__
from codecarbon.core.units import Energy, Power, Time, Water  # noqa: E402
from codecarbon.external.logger import logger, set_logger_format, set_logger_level  # noqa: E402
from codecarbon.lock import LOCKFILE, Lock  # noqa: E402, F401
from codecarbon.output_methods.boamps import BoAmpsOutput, BoAmpsTask  # noqa: E402, F401
from codecarbon.output_methods.file import FileOutput  # noqa: E402, F401

same["logger"] = (logger.name, logger.propagate)
set_logger_level("error")
same["level"] = logger.level
set_logger_format("mine")
same["units"] = (
    (Energy(1) + Energy(2)).kWh,
    (Energy.from_energy(kWh=4) - Energy(1)).kWh,
    (Energy(2) * 3).kWh,
    Power.from_watts(1500).W,
    Power(2.0).W,
    Time.from_seconds(7200).hours,
    Water(3).litres,
    (Energy(6) / 2).kWh,
)

# optimum-benchmark.
tracker = codecarbon.OfflineEmissionsTracker(
    country_iso_code="FRA", tracking_mode="process", gpu_ids=[0], measure_power_secs=1, **QUIET
)
tracker.start()
time.sleep(0.5)
tracker.stop()
total = tracker._total_energy.kWh
parts = [getattr(tracker, f"_total_{part}_energy").kWh for part in ("cpu", "gpu", "ram")]
holds["private totals add up"] = abs(total - sum(parts)) < 1e-12
holds["and are the row's"] = abs(total - tracker.final_emissions_data.energy_consumed) < 1e-12

# Lightning: a task per stage, written by asdict; level as a number.
tracker = codecarbon.OfflineEmissionsTracker(
    country_iso_code="FRA", **{**QUIET, "log_level": logging.CRITICAL}
)
for stage in ("fit", "test"):
    tracker.start_task(stage)
    time.sleep(0.2)
    same[f"asdict of {stage}"] = list(dataclasses.asdict(tracker.stop_task(stage)))
tracker.stop()
ours["the row can be had after stop (original: TypeError)"] = False
try:
    kept = tracker._prepare_emissions_data().values
    ours["the row can be had after stop (original: TypeError)"] = bool(kept)
except TypeError:
    pass

# Ray: a tracker a trial, many at once, each named after its trial.
trials = {}
for trial in ("a", "b"):
    trials[trial] = codecarbon.OfflineEmissionsTracker(country_iso_code="FRA", **QUIET)
    trials[trial].run_id = trial
    trials[trial].start()
time.sleep(0.1)
for trial, tracker in trials.items():
    tracker.stop()
    same[f"trial {trial}"] = tracker.final_emissions_data.run_id

# Wrappers that feel their way.
tracker = codecarbon.OfflineEmissionsTracker(country_iso_code="FRA", **QUIET)
same["before stop"] = getattr(tracker, "final_emissions_data", None)
same["nothing to stop"] = tracker.stop() or 0.0
same["has"] = [hasattr(tracker, name) for name in ("_total_energy", "_conf", "_scheduler")]
same["flush before start"] = tracker.flush()
refused = False
try:
    codecarbon.OfflineEmissionsTracker(country_iso_code="FRA", no_such=1)
except TypeError:
    refused = True
ours["an unknown argument is refused (original: swallowed)"] = refused

# A web service: a tracker a request.
tracker = codecarbon.OfflineEmissionsTracker(country_iso_code="FRA", **QUIET)
tracker.start()
time.sleep(0.2)
tracker.stop()
holds["energy of a request"] = tracker.final_emissions_data.energy_consumed > 0
print(json.dumps({"same": same, "close": close, "holds": holds, "ours": ours}))
