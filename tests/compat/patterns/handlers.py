"""An output of one's own, live output and the logger."""

import json
import logging
import time

from codecarbon import OfflineEmissionsTracker
from codecarbon.output import BaseOutput, EmissionsData, LoggerOutput

same, close, holds, ours = {}, {}, {}, {}
GIVEN = {
    "country_iso_code": "POL",
    "force_ram_power": 20,
    "force_carbon_intensity_g_co2e_kwh": 100,
    "log_level": "critical",
    "output_methods": [],
}


class Mine(BaseOutput):
    def __init__(self):
        self.calls = []

    def out(self, total: EmissionsData, delta: EmissionsData):
        self.calls.append(("out", total.ram_energy, delta.ram_energy))

    def live_out(self, total, delta):
        self.calls.append(("live_out", total.ram_energy, delta.ram_energy))

    def task_out(self, data, experiment_name):
        self.calls.append(("task_out", len(data), experiment_name))

    def exit(self):
        self.calls.append(("exit",))


mine = Mine()
tracker = OfflineEmissionsTracker(output_handlers=[mine], **GIVEN)
tracker.start()
time.sleep(0.5)
tracker.flush()
time.sleep(0.5)
tracker.stop()
same["calls"] = [call[0] for call in mine.calls]
(_, first, first_delta), (_, last, last_delta) = mine.calls[:2]
close["first"], close["first delta"] = first, first_delta
close["last"], close["last delta"] = last, last_delta
holds["deltas add up"] = abs(first_delta + last_delta - last) < 1e-9

# A flush hands on the tasks that have ended, again and again.
tasks = Mine()
tracker = OfflineEmissionsTracker(output_handlers=[tasks], **GIVEN)
tracker.start()
for name in ("a", "b"):
    tracker.start_task(name)
    tracker.stop_task(name)
    tracker.flush()
tracker.stop()
same["calls with tasks"] = [(call[0], call[1]) for call in tasks.calls if call[0] == "task_out"]

live = Mine()
tracker = OfflineEmissionsTracker(
    output_handlers=[live], measure_power_secs=0.25, api_call_interval=2, **GIVEN
)
tracker.start()
time.sleep(2)
tracker.stop()
close["live calls"] = sum(call[0] == "live_out" for call in live.calls) + 4
same["last calls"] = [call[0] for call in live.calls[-2:]]


class Keep(logging.Handler):
    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        self.kept.append(json.loads(record.getMessage()))


keep = Keep()
own = logging.getLogger("own")
own.setLevel(logging.INFO)
own.propagate = False
own.addHandler(keep)
logger = LoggerOutput(own, logging.INFO)
with OfflineEmissionsTracker(logging_logger=logger, **{**GIVEN, "output_methods": ["logger"]}):
    time.sleep(0.1)
same["fields in the log"] = list(keep.kept[0])


class Broken(BaseOutput):
    def out(self, total, delta):
        raise RuntimeError("no")


tracker = OfflineEmissionsTracker(output_handlers=[Broken()], **GIVEN)
tracker.start()
ours["a broken output costs no number (original: stop() gives None)"] = tracker.stop() is not None
given = [Mine()]
OfflineEmissionsTracker(output_handlers=given, **{**GIVEN, "output_methods": ["csv"]})
ours["the list stays the caller's (original: it grows)"] = len(given) == 1
print(json.dumps({"same": same, "close": close, "holds": holds, "ours": ours}))
