"""A laptop's battery on the bed: what it gives away, and what it cannot tell."""

from __future__ import annotations

import time

import pytest

import microjoule as uj
from sim.bed import BedFactory, Hwmon, Power, Supply, Zone
from sim.loads import Constant, Load, Square
from simulated.windows import MeterOn, measured


def pack(name: str, load: Load, status: str = "Discharging") -> Supply:
    return Supply(
        name,
        {
            "type": "Battery\n",
            "status": f"{status}\n",
            "power_now": Power(load, window_s=1.0, update_s=1.0),
        },
    )


def test_a_laptop_without_other_meters(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(supplies=[pack("BAT0", Constant(18)), pack("BAT1", Constant(4))])
    time.sleep(1.1)  # a mean over a second
    meter = meter_on(bed)
    m = measured(meter, 1.5)
    # The whole machine is measured: no model beside it.
    assert m.quality == "measured"
    assert set(m.by_sensor) == {"battery0"}
    assert m.energy_j == pytest.approx(22 * m.duration_s, rel=0.02)
    assert "coarse" in m.reason


def test_power_that_changes_is_followed(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(supplies=[pack("BAT0", Square(10, 30, period_s=4.0))])
    time.sleep(1.1)
    m = measured(meter_on(bed, "battery"), 6.0)
    truth_j = bed.sensor("BAT0/power_now").energy_j(*m._stamps())
    # What the firmware's mean lags behind is known to nobody: half a second at each end.
    assert m.energy_j == pytest.approx(truth_j, rel=0.12)
    assert abs(m.energy_j - truth_j) <= 3 * m.uncertainty_j


def test_no_battery_beside_another_meter(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory([Zone("package-0", Constant(12))], supplies=[pack("BAT0", Constant(18))])
    meter = meter_on(bed)
    assert {s.id for s in meter.sensors()} == {"cpu0.package"}
    named = meter_on(bed, "powercap", "battery")
    (battery,) = [s for s in named.sensors() if s.id == "battery0"]
    assert (battery.readable, battery.counted) == (True, False)


def test_a_card_that_is_measured_leaves_the_processor_to_a_model(
    bed_factory: BedFactory, meter_on: MeterOn
) -> None:
    bed = bed_factory(
        hwmon=[Hwmon("amdgpu", {"power1_average": Power(Constant(40))})],
        supplies=[pack("BAT0", Constant(90))],
    )
    counted = {s.id for s in meter_on(bed).sensors() if s.counted}
    assert "amdgpu0" in counted
    assert "model.cpu" in counted
    assert "battery0" not in counted


def test_refused_on_mains(bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    bed = bed_factory(supplies=[pack("BAT0", Constant(18), "Charging")])
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    (battery,) = [s for s in uj.sensors() if s.id == "battery0"]
    assert not battery.readable
    assert "charges" in battery.reason
    with pytest.raises(ValueError, match="charges"):
        uj.Meter(sources=["battery"])


def test_the_mains_come_back_meanwhile(bed_factory: BedFactory, meter_on: MeterOn) -> None:
    bed = bed_factory(supplies=[pack("BAT0", Constant(18))])
    time.sleep(1.1)
    meter = meter_on(bed, "battery")
    battery = bed.sensor("BAT0/power_now")
    assert measured(meter, 0.5).quality == "measured"
    battery.say("Charging\n", file="status")
    time.sleep(0.3)
    m = measured(meter, 1.0)
    assert m.quality == "mixed"
    assert "battery0" in m.reason
    battery.restore()
    time.sleep(1.0)
    before = meter.books()
    m = measured(meter, 1.5)
    assert m.energy_j <= 18 * m.duration_s * 1.02
    assert meter.books().total_j - before.total_j <= 18 * 3.5
