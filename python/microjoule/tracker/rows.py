"""Fills a row: joules at the sensors become kWh after PUE, and names stand beside them."""

from __future__ import annotations

import functools
import os
import time

from microjoule.tracker.data import EmissionsData
from microjoule.tracker.hardware import Hardware
from microjoule.tracker.ledger import JOULES_PER_KWH, Components
from microjoule.tracker.place import Place
from microjoule.tracker.usage import Means

__all__ = ["VERSION", "row"]

VERSION = "3.3.2"
"""The version of CodeCarbon whose surface this is."""


def row(
    energy_j: Components,
    kg: float,
    duration_s: float,
    moment: float,
    *,
    project_name: str,
    run_id: str,
    experiment_id: str,
    place: Place,
    hardware: Hardware,
    tracking_mode: str,
    means: Means | None,
    pue: float,
    wue: float,
) -> EmissionsData:
    """Fills a row.

    Args:
        energy_j: processors, GPUs and memory at the sensors, J.
        kg: what they weigh, kg of CO2 equivalent, before PUE.
        duration_s: seconds.
        moment: of the write, seconds since 1970.
        project_name: a column.
        run_id: a column.
        experiment_id: a column.
        place: where.
        hardware: on what.
        tracking_mode: a column.
        means: utilisations; None: 0.
        pue: multiplies power, energy and emissions of every component, as CodeCarbon does.
        wue: litres per kWh after PUE. WUE is defined per kWh of IT energy (ISO/IEC 30134-9);
            CodeCarbon multiplies it by PUE, and so does this row. `microjoule.carbon` does not.
    """
    means = means or Means()
    cpu, gpu, ram = (joules / JOULES_PER_KWH * pue for joules in energy_j)
    consumed = cpu + gpu + ram
    emissions = kg * pue
    per_s = JOULES_PER_KWH / duration_s if duration_s > 0 else 0.0
    return EmissionsData(
        timestamp=time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(moment)),
        project_name=project_name,
        run_id=run_id,
        experiment_id=experiment_id,
        duration=duration_s,
        emissions=emissions,
        emissions_rate=emissions / duration_s if duration_s > 0 else 0.0,
        cpu_power=cpu * per_s,
        gpu_power=gpu * per_s,
        ram_power=ram * per_s,
        cpu_energy=cpu,
        gpu_energy=gpu,
        ram_energy=ram,
        energy_consumed=consumed,
        water_consumed=wue * consumed,
        country_name=place.country_name,
        country_iso_code=place.country_iso_code,
        region=place.region,
        cloud_provider=place.cloud_provider,
        cloud_region=place.cloud_region,
        os=_platform(),
        python_version=_python(),
        codecarbon_version=VERSION,
        cpu_count=hardware.cpu_count,
        cpu_model=hardware.cpu_model,
        gpu_count=hardware.gpu_count,
        gpu_model=hardware.gpu_model,
        longitude=None,
        latitude=None,
        ram_total_size=hardware.ram_total_size,
        tracking_mode=tracking_mode,
        cpu_utilization_percent=means.cpu_percent,
        gpu_utilization_percent=means.gpu_percent,
        ram_utilization_percent=means.ram_percent,
        ram_used_gb=means.ram_used_gb,
        on_cloud=place.on_cloud,
        pue=pue,
        wue=wue,
    )


@functools.cache
def _platform() -> str:
    # As platform.platform() says it, which starts `uname -p` for a part that it leaves out.
    import platform

    system = os.uname()
    library, version = (os.confstr("CS_GNU_LIBC_VERSION") or " ").split(" ", 1)
    if not library:
        library, version = platform.libc_ver()
    with_library = f"-with-{library}{version}" if library else ""
    return f"{system.sysname}-{system.release}-{system.machine}{with_library}"


@functools.cache
def _python() -> str:
    import platform

    return platform.python_version()
