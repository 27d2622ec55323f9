"""The simulated sensors themselves: what a plain reader of the mounted files sees."""

from __future__ import annotations

import errno
import itertools
import os
import struct
import time

import numpy as np
import pytest

from sim.bed import (
    BedFactory,
    Energy,
    Hwmon,
    Msr,
    Power,
    PowercapBed,
    Proc,
    Register,
    Zone,
)
from sim.loads import NS, Constant, Llm, Load, Sine, Square, Steps, Telegraph
from simulated.reading import Reader, assert_shows_truth, energy_file

pytestmark = pytest.mark.bed

LOADS = {
    "constant": Constant(80),
    "sine": Sine(100, 60, period_s=0.013),
    "square": Square(40, 160, period_s=0.037),
    "telegraph": Telegraph(30, 150, low_s=0.02, high_s=0.01, table_s=60.0),
    "llm": Llm(),
    "llm, drawn": Llm(seed=7),
    "steps": Steps([(0.01, 10), (0.02, 200), (0.05, 0)]),
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS.keys())
def test_counter_is_the_quantised_closed_form_at_the_last_update(
    bed_factory: BedFactory, load: Load
) -> None:
    bed = bed_factory([Zone("package-0", load)])
    held = Reader(energy_file(bed, "package-0"))
    assert_shows_truth(bed["package-0"], held)
    held.close()


def test_new_values_appear_at_the_update_times_and_only_there(
    bed: PowercapBed, reader: Reader
) -> None:
    zone = bed["package-0"]
    samples = []
    end_ns = time.monotonic_ns() + NS // 5
    while time.monotonic_ns() < end_ns:
        samples.append(reader.value())
    changes = 0
    for (before_ns, old, _), (_, new, after_ns) in itertools.pairwise(samples):
        updates = zone.update_times(before_ns, after_ns)
        if old != new:
            changes += 1
            assert len(updates) > 0
    assert changes > 20
    first_ns, last_ns = samples[0][0], samples[-1][2]
    assert np.abs(np.diff(zone.update_times(first_ns, last_ns)) - 1e6).max() <= 40_000


def test_without_a_period_every_read_is_an_update(bed_factory: BedFactory) -> None:
    bed = bed_factory([Zone("package-0", Constant(1000), update_s=0, jitter_s=0, unit_uj=1)])
    held = Reader(energy_file(bed, "package-0"))
    values = [held.value()[1] for _ in range(100)]
    held.close()
    assert len(set(values)) == 100


def test_lost_updates_never_appear(bed_factory: BedFactory) -> None:
    bed = bed_factory([Zone("package-0", Constant(100), lost=0.4)])
    zone = bed["package-0"]
    held = Reader(energy_file(bed, "package-0"))
    assert_shows_truth(zone, held)
    held.close()
    start_ns = bed.epoch_ns + NS
    assert 540 < len(zone.update_times(start_ns, start_ns + NS)) < 660


def test_wrap_of_the_true_range(bed_factory: BedFactory) -> None:
    limit_uj = 262_143_328_850
    start_uj = limit_uj - 200_000_000  # 200 J before the wrap, for which 500 W take 0.4 s
    bed = bed_factory([Zone("package-0", Constant(500), start_uj=start_uj)])
    zone = bed["package-0"]
    held = Reader(energy_file(bed, "package-0"))
    values: list[int] = []
    while not values or values[-1] >= start_uj:
        before_ns, value, after_ns = held.value()
        values.append(value)
        if zone.counter_uj(before_ns) <= zone.counter_uj(after_ns):
            assert zone.counter_uj(before_ns) <= value <= zone.counter_uj(after_ns)
    held.close()
    assert start_uj <= max(values) <= limit_uj
    drawn_j = zone.energy_j(bed.epoch_ns, before_ns)
    assert (value + limit_uj - start_uj) * 1e-6 == pytest.approx(drawn_j, abs=1.0)


def test_many_wraps_of_a_short_range_lose_nothing(bed_factory: BedFactory) -> None:
    limit_uj = 1_000_000
    bed = bed_factory([Zone("package-0", Constant(200), max_range_uj=limit_uj)])
    held = Reader(energy_file(bed, "package-0"))
    modulus_j = limit_uj * 2**32 / (2**32 - 1) * 1e-6
    turns = 0
    while turns < 20:
        before_ns, value, after_ns = held.value()
        assert 0 <= value <= limit_uj
        if after_ns - before_ns > 2_000_000:
            continue  # held up for so long that the number of turns is not known
        least_j, most_j = (
            bed["package-0"].energy_j(bed.epoch_ns, t_ns) for t_ns in (before_ns, after_ns)
        )
        turns = int((most_j - value * 1e-6) // modulus_j)
        assert least_j - 0.21 <= turns * modulus_j + value * 1e-6 <= most_j  # an update is 0.2 J
    held.close()


@pytest.mark.parametrize("layout", ["linked", "flat"])
def test_layout_is_the_kernels(bed_factory: BedFactory, layout: str) -> None:
    bed = bed_factory(
        [
            Zone("package-0", Constant(50), constraints={"long_term": 85, "short_term": 120}),
            Zone("core", Constant(30), parent="package-0"),
            Zone("dram", Constant(5), parent="package-0", unit_uj=15.3),
            Zone("psys", Constant(90), index=3),
            Zone("package-0", Constant(50), control_type="intel-rapl-mmio"),
        ],
        layout=layout,
    )
    powercap = bed.root / "class/powercap"
    assert {path.name for path in powercap.iterdir()} == {
        "intel-rapl",
        "intel-rapl:0",
        "intel-rapl:0:0",
        "intel-rapl:0:1",
        "intel-rapl:3",
        "intel-rapl-mmio",
        "intel-rapl-mmio:0",
    }
    package = powercap / "intel-rapl:0"
    assert package.is_symlink() == (layout == "linked")
    assert (package / "name").read_text() == "package-0\n"
    assert (package / "max_energy_range_uj").read_text() == "262143328850\n"
    assert (package / "enabled").read_text() == "1\n"
    assert (package / "constraint_1_name").read_text() == "short_term\n"
    assert (package / "constraint_1_power_limit_uw").read_text() == "120000000\n"
    assert (powercap / "intel-rapl:0:1/name").read_text() == "dram\n"
    assert (powercap / "intel-rapl:3/name").read_text() == "psys\n"
    assert os.stat(package / "energy_uj").st_mode & 0o777 == 0o400
    assert set(bed.reads()) == {"package-0", "core", "dram", "psys", "intel-rapl-mmio/package-0"}


def test_hwmon_counters_and_gauges(bed_factory: BedFactory) -> None:
    load = Square(100, 300, period_s=0.02)
    bed = bed_factory(
        [],
        hwmon=[
            Hwmon(
                "acpi_power_meter",
                {
                    "power1_average": Power(load, window_s=0.05, update_s=0.05),
                    "power1_oem_info": "Module Power Socket 0\n",
                },
            ),
            Hwmon("xe", {"energy1_input": Energy(load), "energy1_label": "pkg\n"}, index=4),
        ],
    )
    hwmon = bed.root / "class/hwmon"
    assert (hwmon / "hwmon0/name").read_text() == "acpi_power_meter\n"
    assert (hwmon / "hwmon0/power1_oem_info").read_text() == "Module Power Socket 0\n"
    assert (hwmon / "hwmon4/energy1_label").read_text() == "pkg\n"
    time.sleep(0.12)
    watts = int((hwmon / "hwmon0/power1_average").read_text()) * 1e-6
    source = bed.sensor("hwmon0/power1_average").publisher
    at_ns = source.last_update(time.monotonic_ns())
    assert watts == pytest.approx(
        (source.energy_j(at_ns) - source.energy_j(at_ns - NS // 20)) / 0.05, abs=1e-5
    )
    counter = bed.sensor("hwmon4/energy1_input")
    before_ns = time.monotonic_ns()
    value = int((hwmon / "hwmon4/energy1_input").read_text())
    assert counter.counter_uj(before_ns) <= value <= counter.counter_uj(time.monotonic_ns())
    counter.vanish()
    assert [folder.name for folder in hwmon.iterdir()] == ["hwmon0"]
    counter.restore()
    assert (hwmon / "hwmon4/name").read_text() == "xe\n"


def test_an_msr_is_read_at_the_address_of_the_register(bed_factory: BedFactory) -> None:
    register = Register(Constant(100), esu=16, start_units=2**32 - 1000)
    units = 0x000A_1003
    bed = bed_factory(
        [],
        msr=[
            Msr(cpu, {0xC001_0299: units, 0xC001_029B: register, 0x611: register}) for cpu in (0, 1)
        ],
    )
    descriptors = [os.open(bed.mount / f"dev/cpu/{cpu}/msr", os.O_RDONLY) for cpu in (0, 1)]
    first = descriptors[0]
    assert struct.unpack("Q", os.pread(first, 8, 0xC001_0299)) == (units,)
    time.sleep(0.01)
    source = bed.sensor("msr0/0xc001029b")
    for descriptor in descriptors:
        before_ns = time.monotonic_ns()
        (value,) = struct.unpack("Q", os.pread(descriptor, 8, 0xC001_029B))
        low, high = source.register_value(before_ns), source.register_value(time.monotonic_ns())
        assert low <= value <= high or low > high  # it wraps once, soon after the start
    with pytest.raises(OSError) as caught:
        os.pread(first, 8, 0x612)
    assert caught.value.errno == errno.EIO
    with pytest.raises(OSError):
        os.pread(first, 4, 0x611)
    source.fail("EIO", reads=1)
    with pytest.raises(OSError):
        os.pread(first, 8, 0x611)
    assert len(os.pread(first, 8, 0x611)) == 8
    source.vanish()
    assert [folder.name for folder in (bed.mount / "dev/cpu").iterdir()] == ["1"]
    for descriptor in descriptors:
        os.close(descriptor)


def test_proc_stat_follows_the_load_in_processors(bed_factory: BedFactory) -> None:
    bed = bed_factory([], proc=Proc(Constant(1.5), cpus=2, files={"cpuinfo": "model name: x\n"}))
    stat = bed.mount / "proc/stat"
    assert (bed.mount / "proc/cpuinfo").read_text() == "model name: x\n"
    time.sleep(0.2)
    before_ns = time.monotonic_ns()
    lines = [line.split() for line in stat.read_text().splitlines()]
    after_ns = time.monotonic_ns()
    assert [line[0] for line in lines[:3]] == ["cpu", "cpu0", "cpu1"]
    elapsed = [(t - bed.epoch_ns) / NS for t in (before_ns, after_ns)]
    busy, idle = int(lines[0][1]), int(lines[0][4])
    assert int(elapsed[0] * 150) <= busy <= elapsed[1] * 150
    assert int(elapsed[0] * 200) <= busy + idle <= elapsed[1] * 200


def test_further_files(bed_factory: BedFactory) -> None:
    bed = bed_factory([], files={"bus/event_source/devices/power/type": "1\n"})
    assert (bed.root / "bus/event_source/devices/power/type").read_text() == "1\n"
