"""Which zones of powercap become which sensors, and which of them add up."""

from __future__ import annotations

import time

import pytest

import microjoule as uj
from sim.bed import BedFactory, PowercapBed, Zone
from sim.loads import Constant


def measured(bed: PowercapBed, monkeypatch: pytest.MonkeyPatch) -> tuple[uj.Measurement, uj.Meter]:
    """A window of 50 ms over the bed, and the meter that it was measured with."""
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    with uj.Meter() as meter:
        for _ in range(50):
            with meter.measure() as m:
                time.sleep(0.05)
            assert m.wait(5)
            if all(sensor.update_period_s or not sensor.readable for sensor in meter.sensors()):
                break  # it has learnt how often the counters are updated
    return m, meter


def sensor(meter: uj.Meter, sensor_id: str) -> uj.Sensor:
    return next(s for s in meter.sensors() if s.id == sensor_id)


def test_a_package_is_known_by_its_name_and_not_by_its_index(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory(
        [
            Zone("package-1", Constant(200), index=0),
            Zone("package-0", Constant(50), index=1),
            Zone("dram", Constant(9), parent="package-1"),
        ]
    )
    m, _ = measured(bed, monkeypatch)
    assert set(m.by_sensor) == {"cpu0.package", "cpu1.package", "cpu1.dram"}
    assert m.by_sensor["cpu1.package"] == pytest.approx(200 * m.duration_s, rel=0.1)
    assert m.by_sensor["cpu0.package"] == pytest.approx(50 * m.duration_s, rel=0.1)
    assert m.by_sensor["cpu1.dram"] == pytest.approx(9 * m.duration_s, rel=0.1)


def test_a_further_die_has_an_id_of_its_own(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory(
        [Zone("package-0-die-0", Constant(50)), Zone("package-0-die-1", Constant(60))]
    )
    m, _ = measured(bed, monkeypatch)
    assert set(m.by_sensor) == {"cpu0.package", "cpu0.die1.package"}
    assert m.energy_j == pytest.approx(110 * m.duration_s, rel=0.1)


@pytest.mark.parametrize("layout", ["linked", "flat"])
def test_core_and_uncore_are_shown_and_not_added(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    bed = bed_factory(
        [
            Zone("package-0", Constant(100)),
            Zone("core", Constant(60), parent="package-0"),
            Zone("uncore", Constant(20), parent="package-0"),
            Zone("dram", Constant(10), parent="package-0"),
        ],
        layout=layout,
    )
    m, meter = measured(bed, monkeypatch)
    assert set(m.by_sensor) == {"cpu0.package", "cpu0.core", "cpu0.uncore", "cpu0.dram"}
    assert m.by_sensor["cpu0.core"] == pytest.approx(60 * m.duration_s, rel=0.1)
    assert m.energy_j == m.by_sensor["cpu0.package"] + m.by_sensor["cpu0.dram"]
    assert [s.id for s in meter.sensors() if s.counted] == ["cpu0.package", "cpu0.dram"]
    assert "cpu0.package" in sensor(meter, "cpu0.core").reason


def test_psys_is_not_added_beside_a_package(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory([Zone("psys", Constant(300)), Zone("package-0", Constant(100))])
    m, meter = measured(bed, monkeypatch)
    assert m.by_sensor["psys"] == pytest.approx(300 * m.duration_s, rel=0.1)
    assert m.energy_j == m.by_sensor["cpu0.package"]
    assert not sensor(meter, "psys").counted


def test_psys_counts_where_it_stands_alone(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory([Zone("psys", Constant(300))])
    m, _ = measured(bed, monkeypatch)
    assert m.energy_j == m.by_sensor["psys"]
    assert m.by_kind == {"psys": m.energy_j}
    assert m.quality == "measured"


def test_the_memory_mapped_twin_is_refused(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory(
        [
            Zone("package-0", Constant(100), control_type="intel-rapl-mmio", key="twin"),
            Zone("package-0", Constant(100)),
        ]
    )
    m, meter = measured(bed, monkeypatch)
    assert m.energy_j == pytest.approx(100 * m.duration_s, rel=0.1)
    twin = next(s for s in meter.sensors() if not s.readable)
    assert "intel-rapl-mmio" in twin.reason
    assert not twin.counted


def test_the_memory_mapped_zone_counts_where_it_stands_alone(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory([Zone("package-0", Constant(100), control_type="intel-rapl-mmio")])
    m, _ = measured(bed, monkeypatch)
    assert m.energy_j == pytest.approx(100 * m.duration_s, rel=0.1)


def test_a_sensor_says_what_it_is(bed: PowercapBed, monkeypatch: pytest.MonkeyPatch) -> None:
    _, meter = measured(bed, monkeypatch)
    package = sensor(meter, "cpu0.package")
    assert (package.kind, package.source) == ("cpu", "powercap")
    assert (package.counted, package.estimated, package.readable) == (True, False, True)
    assert package.unit_j == pytest.approx(61e-6, rel=0.01)
    assert package.update_period_s == pytest.approx(1e-3, rel=0.1)
    assert "intel-rapl:0" in package.method


def test_sensors_are_told_without_a_meter(
    bed: PowercapBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    found = uj.sensors()
    assert [s.id for s in found] == ["cpu0.package", "cpu0.dram"]
    assert all(s.update_period_s == 0 for s in found)
