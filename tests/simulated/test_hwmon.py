"""Counters and gauges of hwmon chips on the bed, against the closed form."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import pytest

import microjoule as uj
from sim.bed import BedFactory, Energy, Hwmon, Power, Zone
from sim.loads import Constant, Load, Sine, Square
from simulated.windows import MeterOn, measured


@pytest.fixture
def meter_on(meter_on: MeterOn) -> MeterOn:
    """Starts a meter that looks at hwmon alone, unless it is told where."""
    return lambda bed, *sources: meter_on(bed, *(sources or ("hwmon",)))


SQUARE = Square(40, 160, period_s=0.037)
SINE = Sine(150, 80, period_s=1.3)
MILLIVOLTS = 5000


def errors(
    meter: uj.Meter, truth: Callable[[int, int], float], sensor_id: str, length_s: float, count: int
) -> list[float]:
    """The relative error of each of some windows."""
    found = []
    for _ in range(count):
        m = measured(meter, length_s)
        truth_j = truth(*m._stamps())
        found.append(abs(m.by_sensor[sensor_id] - truth_j) / truth_j)
        time.sleep(0.013)
    return found


def near(m: uj.Measurement, got_j: float, truth_j: float) -> bool:
    """Whether a figure is within 2 %, or within five standard uncertainties on a busy machine."""
    parts = m.uncertainty_parts
    return abs(got_j - truth_j) <= max(
        0.02 * truth_j, 5 * math.hypot(parts["timing"], parts["quantisation"])
    )


def sensor(meter: uj.Meter, sensor_id: str) -> uj.Sensor:
    (found,) = [s for s in meter.sensors() if s.id == sensor_id]
    return found


def gpu_counter(load: Load, update_s: float) -> Energy:
    return Energy(
        load, unit_uj=61.035, update_s=update_s, jitter_s=update_s / 50, start_uj=7 * 10**9
    )


def grace(label: str, load: Load, socket: int = 0) -> dict[str, str | Energy | Power]:
    """An ACPI meter where Linux has it: its attributes are those of the device."""
    return {
        "device/power1_average": Power(load, window_s=0.05, update_s=0.05),
        "device/power1_average_interval": "50\n",
        "device/power1_oem_info": f"{label} Power Socket {socket}\n",
    }


def rail(number: int, label: str, load: Load) -> dict[str, str | Energy | Power]:
    """A rail of 5 V; the load is that of its current, in kiloamperes."""
    return {
        f"in{number}_label": f"{label}\n",
        f"in{number}_input": f"{MILLIVOLTS}\n",
        f"curr{number}_input": Power(load, window_s=0.01, update_s=0.01),
    }


def current(watts: float) -> float:
    """What the bed has to be told: it writes millionths, and the chip milliamperes."""
    return watts * 1e3 / (MILLIVOLTS * 1e-3) * 1e-6


@pytest.mark.parametrize("update_s", [0.001, 0.01, 0.1])
def test_a_card_counts_at_its_own_pace(
    bed_factory: BedFactory, meter_on: MeterOn, update_s: float
) -> None:
    load = Square(40, 160, period_s=37 * update_s)
    bed = bed_factory(hwmon=[Hwmon("i915", {"energy1_input": gpu_counter(load, update_s)})])
    meter = meter_on(bed)
    time.sleep(8 * update_s + 0.1)
    found = errors(
        meter, bed.sensor("hwmon0/energy1_input").energy_j, "intelgpu0", 30 * update_s + 0.1, 5
    )
    assert statistics.median(found) <= 0.01
    gpu = sensor(meter, "intelgpu0")
    assert (gpu.kind, gpu.counted) == ("gpu", True)
    assert gpu.update_period_s == pytest.approx(update_s, rel=0.05)


def test_the_parts_of_a_card_are_not_added(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    card, package, tile = (gpu_counter(Constant(w), 0.001) for w in (200, 150, 70))
    bed = bed_factory(
        hwmon=[
            Hwmon("nvme", {"temp1_input": "40000\n"}),
            Hwmon(
                "xe",
                {
                    "energy1_input": card,
                    "energy1_label": "card\n",
                    "energy2_input": package,
                    "energy2_label": "pkg\n",
                },
            ),
            Hwmon("i915_gt0", {"energy1_input": tile}),
        ]
    )
    meter = meter_on(bed)
    time.sleep(0.05)
    m = measured(meter, 0.2)
    assert set(m.by_sensor) == {"intelgpu0"}
    assert near(m, m.energy_j, 200 * m.duration_s)
    assert sensor(meter, "intelgpu0.pkg").reason == "part of intelgpu0: not read"
    assert "part of the card" in sensor(meter, "hwmon2.energy1").reason


def test_amd_energy_counts_sockets(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    def counter(load: Load) -> Energy:
        return Energy(load, unit_uj=15.259, update_s=0.001, jitter_s=2e-5)

    bed = bed_factory(
        hwmon=[
            Hwmon(
                "amd_energy",
                {
                    "energy1_input": counter(Constant(3)),
                    "energy1_label": "Ecore000\n",
                    "energy2_input": counter(SQUARE),
                    "energy2_label": "Esocket0\n",
                    "energy3_input": counter(Constant(90)),
                    "energy3_label": "Esocket1\n",
                },
            )
        ]
    )
    meter = meter_on(bed)
    time.sleep(0.01)
    socket = bed.sensor("hwmon0/energy2_input")
    assert statistics.median(errors(meter, socket.energy_j, "cpu0.package", 0.1, 5)) <= 0.005
    m = measured(meter, 0.1)
    assert m.energy_j == m.by_sensor["cpu0.package"] + m.by_sensor["cpu1.package"]
    assert bed.sensor("hwmon0/energy1_input").reads() == 0


def test_a_package_is_counted_once(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(
        [Zone("package-0", Constant(50))],
        hwmon=[
            Hwmon(
                "amd_energy",
                {
                    "energy1_input": gpu_counter(Constant(50), 0.001),
                    "energy1_label": "Esocket0\n",
                },
            ),
            Hwmon("amdgpu", {"power1_average": Power(Constant(120))}),
        ],
    )
    meter = meter_on(bed, "hwmon", "powercap")
    m = measured(meter, 0.5)
    assert near(m, m.by_kind["cpu"], 50 * m.duration_s)
    assert near(m, m.by_kind["gpu"], 120 * m.duration_s)
    reasons = [s.reason for s in meter.sensors() if not s.readable]
    assert reasons == ["cpu0.package is read through powercap"]


@pytest.mark.parametrize("length_s", [0.3, 2.0])
def test_grace_by_the_trapezoid(
    bed_factory: BedFactory, meter_on: MeterOn, length_s: float
) -> None:
    bed = bed_factory(
        hwmon=[
            Hwmon("power_meter", grace("Module", Constant(500))),
            Hwmon("power_meter", grace("Grace", SINE)),
            Hwmon("power_meter", grace("CPU", Constant(60))),
            Hwmon("power_meter", grace("SysIO", Constant(20))),
        ]
    )
    meter = meter_on(bed)
    truth = bed.sensor("hwmon1/device/power1_average").energy_j
    found = errors(meter, truth, "cpu0.package", length_s, 3)
    assert statistics.median(found) <= 0.02
    m = measured(meter, 0.3)
    assert m.energy_j == m.by_sensor["cpu0.package"]
    assert near(m, m.by_sensor["cpu0.core"], 60 * m.duration_s)
    assert near(m, m.by_sensor["hwmon0.Module_Power_Socket_0"], 500 * m.duration_s)
    assert m.quality == "measured"


def test_amdgpu_by_the_moment(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(hwmon=[Hwmon("amdgpu", {"power1_input": Power(SINE, update_s=0.001)})])
    meter = meter_on(bed)
    truth = bed.sensor("hwmon0/power1_input").energy_j
    assert statistics.median(errors(meter, truth, "amdgpu0", 1.0, 3)) <= 0.02


def test_a_card_that_sleeps_draws_nothing(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(hwmon=[Hwmon("amdgpu", {"power1_average": Power(Constant(50))})])
    meter = meter_on(bed)
    bed.sensor("hwmon0/power1_average").fail("EPERM")
    time.sleep(0.3)
    m = measured(meter, 0.3)
    assert m.settled
    assert m.by_sensor["amdgpu0"] <= 50 * 0.15  # the tail of the mean before


def test_the_rails_of_a_jetson(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    load = Square(current(8), current(16), period_s=0.8)
    bed = bed_factory(
        hwmon=[
            Hwmon(
                "ina3221",
                {
                    **rail(1, "VDD_GPU_SOC", load),
                    **rail(2, "VDD_CPU_CV", Constant(current(6))),
                    **rail(3, "VIN_SYS_5V0", Constant(current(4))),
                    "in7_label": "sum of shunt voltages\n",
                    "in7_input": "12\n",
                    "curr7_input": "9999\n",
                },
            ),
            Hwmon("ina3221", rail(2, "VDDQ_VDD2_1V8AO", Constant(current(1)))),
        ]
    )
    meter = meter_on(bed)
    m = measured(meter, 2.0)
    gpu_j = bed.sensor("hwmon0/curr1_input").energy_j(*m._stamps()) * MILLIVOLTS
    assert near(m, m.by_sensor["hwmon0.VDD_GPU_SOC"], gpu_j)
    assert near(m, m.by_kind["cpu"], 6 * m.duration_s)
    assert near(m, m.energy_j, gpu_j + 10 * m.duration_s)
    assert near(m, m.by_sensor["hwmon1.VDDQ_VDD2_1V8AO"], m.duration_s)


def test_the_input_of_a_module_is_counted_alone(
    bed_factory: BedFactory, meter_on: MeterOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory(
        hwmon=[
            Hwmon(
                "ina3221",
                {
                    **rail(1, "VDD_IN", Constant(current(10))),
                    **rail(2, "VDD_CPU_GPU_CV", Constant(current(5))),
                    **rail(3, "VDD_SOC", Constant(current(2))),
                },
            )
        ]
    )
    # With the default sources: a whole machine that is measured needs no model.
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    with uj.Meter() as meter:
        m = measured(meter, 0.5)
        assert m.quality == "measured"
        assert m.energy_j == m.by_sensor["hwmon0.VDD_IN"]
        assert near(m, m.energy_j, 10 * m.duration_s)


def test_time_in_which_nobody_asked_is_a_gap(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(hwmon=[Hwmon("amdgpu", {"power1_input": Power(Constant(200))})])
    meter = meter_on(bed)
    measured(meter, 0.3)
    before = meter.books()
    time.sleep(5.5)
    m = measured(meter, 0.3)
    books = meter.books()
    assert near(m, m.energy_j, 200 * m.duration_s)
    assert books.gap_s - before.gap_s >= 5
    assert books.total_j - before.total_j <= 200 * 0.8
    assert math.isclose(books.total_j, books.attributed_j + books.unattributed_j, rel_tol=1e-9)


def test_a_chip_that_comes_back_goes_on(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(hwmon=[Hwmon("i915", {"energy1_input": gpu_counter(Constant(80), 0.001)})])
    gpu = bed.sensor("hwmon0/energy1_input")
    meter = meter_on(bed)
    measured(meter, 0.1)
    gpu.vanish()
    m = measured(meter, 0.1)
    assert "intelgpu0" in m.reason
    gpu.restore()
    time.sleep(0.6)
    m = measured(meter, 0.2)
    assert near(m, m.energy_j, 80 * m.duration_s)
