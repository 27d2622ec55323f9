"""Sensors that fail: nothing is raised, nothing invented, and what is missing is told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

import microjoule as uj
from sim.bed import BedFactory, PowercapBed, Proc, Sensor, Zone
from sim.loads import Constant, Square
from simulated.windows import sampling_j

PACKAGE_W = 100.0


@pytest.fixture
def bed(bed_factory: BedFactory) -> PowercapBed:
    """Two packages, of which one may fail."""
    return bed_factory(
        [
            # Far from zero: after a reset it must not be taken for one that went on.
            Zone("package-0", Constant(PACKAGE_W), start_uj=100_000_000_000),
            Zone("package-1", Square(40, 160, period_s=0.037)),
        ]
    )


@pytest.fixture
def zone(bed: PowercapBed) -> Sensor:
    """The one that fails."""
    return bed["package-0"]


@pytest.fixture
def meter(bed: PowercapBed, monkeypatch: pytest.MonkeyPatch) -> Iterator[uj.Meter]:
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    with uj.Meter() as meter:
        for _ in range(50):
            if all(sensor.update_period_s for sensor in meter.sensors()):
                break  # it has learnt how often the counters are updated
            with meter.measure():
                time.sleep(0.01)
        time.sleep(0.05)
        yield meter


def truth_j(bed: PowercapBed, m: uj.Measurement, key: str = "package-0") -> float:
    return bed.energy_j(*m._stamps(), key)


def uncovered_s(m: uj.Measurement, sensor_id: str) -> float:
    """The time for which the reason says that the sensor could not be read."""
    found = re.search(rf"{re.escape(sensor_id)} could not be read for ([0-9.e-]+) s", m.reason)
    assert found is not None, m.reason
    return float(found[1])


def assert_right(bed: PowercapBed, m: uj.Measurement, sensor_id: str, key: str) -> None:
    truth = truth_j(bed, m, key)
    assert abs(m.by_sensor[sensor_id] - truth) <= max(0.02 * truth, 5 * sampling_j(m))


def assert_the_other_is_unharmed(bed: PowercapBed, m: uj.Measurement) -> None:
    assert_right(bed, m, "cpu1.package", "package-1")


def test_an_error_in_the_middle_loses_nothing(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    with meter.measure() as m:
        time.sleep(0.05)
        zone.fail("EIO", seconds=0.1)
        time.sleep(0.3)
    assert m.wait(5)
    assert_right(bed, m, "cpu0.package", "package-0")
    assert_the_other_is_unharmed(bed, m)
    assert m.quality == "measured"


def test_an_error_at_the_end_is_waited_for(bed: PowercapBed, zone: Sensor, meter: uj.Meter) -> None:
    with meter.measure() as m:
        time.sleep(0.1)
        zone.fail("EIO", seconds=0.15)
    assert not m.settled
    assert m.wait(5)
    assert_right(bed, m, "cpu0.package", "package-0")
    assert_the_other_is_unharmed(bed, m)


@pytest.mark.parametrize(
    "text",
    ["garbage\n", "", "-5\n", "12 34\n", "0x10\n", "1" * 31 + "\n", "9" * 40, "\x00\xff"],
    ids=["garbage", "empty", "negative", "two", "hex", "huge", "longer", "bytes"],
)
def test_what_is_no_number_is_not_taken_for_one(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter, text: str
) -> None:
    with meter.measure() as m:
        zone.say(text, seconds=0.1)
        time.sleep(0.2)
    assert m.wait(5)
    assert_right(bed, m, "cpu0.package", "package-0")
    assert m.quality == "measured"
    assert_the_other_is_unharmed(bed, m)


def test_an_error_that_stays_degrades_the_result(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    with meter.measure() as m:
        time.sleep(0.1)
        zone.fail("EIO")
        time.sleep(0.1)
    assert m.wait(5)
    assert m.quality == "mixed"
    assert "cpu0.package" in m.reason
    assert "cpu1.package could not" not in m.reason
    assert 0 <= m.by_sensor["cpu0.package"] <= truth_j(bed, m) * 1.02
    assert m.bounds_j is None
    assert_the_other_is_unharmed(bed, m)


def test_refused_while_measuring(bed: PowercapBed, zone: Sensor, meter: uj.Meter) -> None:
    with meter.measure() as m:
        time.sleep(0.1)
        zone.fail("EACCES")
        time.sleep(0.1)
    assert m.wait(5)
    assert m.quality == "mixed"
    assert "cpu0.package" in m.reason
    assert_the_other_is_unharmed(bed, m)


def test_a_vanished_zone_leaves_what_it_had_counted(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    # when it vanishes in the middle of a window
    with meter.measure() as m:
        time.sleep(0.3)
        before_ns = time.monotonic_ns()
        zone.vanish()
        time.sleep(0.3)
    assert m.wait(5)
    # then its energy up to the last read before is there, and the rest is said to be missing
    uncovered = uncovered_s(m, "cpu0.package")
    assert uncovered * 1e9 >= 0.98 * (m._stamps()[1] - before_ns)
    covered_j = PACKAGE_W * (m.duration_s - uncovered)
    assert m.by_sensor["cpu0.package"] == pytest.approx(covered_j, abs=0.02 * truth_j(bed, m))
    assert m.by_sensor["cpu0.package"] > 0
    assert m.quality == "mixed"
    assert m.bounds_j is None
    assert "missing" in m.reason
    assert_the_other_is_unharmed(bed, m)
    # and the next window has nothing of it
    with meter.measure() as later:
        time.sleep(0.05)
    assert later.wait(5)
    assert later.by_sensor["cpu0.package"] == pytest.approx(0, abs=1e-9)
    assert uncovered_s(later, "cpu0.package") == pytest.approx(later.duration_s, rel=0.01)
    assert meter.books().gap_s >= uncovered


def test_a_zone_that_returns_in_the_middle_loses_nothing(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    with meter.measure() as m:
        time.sleep(0.1)
        zone.vanish()
        time.sleep(0.4)
        zone.restore()
        time.sleep(0.5)
    assert m.wait(5)
    assert_right(bed, m, "cpu0.package", "package-0")
    assert_the_other_is_unharmed(bed, m)


def test_a_zone_that_has_returned_measures_as_before(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    with meter.measure() as gone:
        zone.vanish()
        time.sleep(0.1)
    assert gone.wait(5)
    zone.restore()
    time.sleep(0.4)  # it is looked for four times a second
    with meter.measure() as m:
        time.sleep(0.1)
    assert m.wait(5)
    assert_right(bed, m, "cpu0.package", "package-0")
    assert m.quality == "measured"


def test_a_frozen_counter_is_made_up_for(bed: PowercapBed, zone: Sensor, meter: uj.Meter) -> None:
    with meter.measure() as m:
        time.sleep(0.05)
        zone.freeze(seconds=0.1)
        time.sleep(0.25)
    assert m.wait(5)
    assert_right(bed, m, "cpu0.package", "package-0")


def test_a_counter_frozen_for_good_does_not_hold_up_the_result(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    with meter.measure() as m:
        time.sleep(0.1)
        zone.freeze()
        time.sleep(0.1)
    assert m.wait(5)
    assert m.settled
    assert 0 <= m.by_sensor["cpu0.package"] <= truth_j(bed, m) * 1.02
    assert_the_other_is_unharmed(bed, m)


def test_a_reset_is_told(bed: PowercapBed, zone: Sensor, meter: uj.Meter) -> None:
    with meter.measure() as m:
        time.sleep(0.1)
        zone.reset()
        time.sleep(0.4)
    assert m.wait(5)
    assert m.quality == "mixed"
    assert "cpu0.package" in m.reason
    assert "reset" in m.reason
    assert m.bounds_j is None
    assert 0 <= m.by_sensor["cpu0.package"] <= truth_j(bed, m) * 1.02
    assert_the_other_is_unharmed(bed, m)


def test_a_reset_right_before_the_end_is_told(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    with meter.measure() as m:
        time.sleep(0.1)
        zone.reset()
        time.sleep(0.05)
    assert m.wait(5)
    assert m.quality == "mixed"
    assert "reset" in m.reason


def test_refused_from_the_start(bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    # given counters that only root may read
    bed = bed_factory([Zone("package-0", Constant(100))], proc=Proc(Constant(1.0)))
    bed["package-0"].fail("EACCES")
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    # when something is measured
    with uj.Meter() as meter:
        with meter.measure() as m:
            time.sleep(0.1)
        assert m.wait(5)
        listed = meter.sensors()
    # then a model stands in, and it is said why
    assert m.quality == "estimated"
    assert "estimate" in m.reason
    assert m.energy_j > 0
    refused = [s for s in listed if not s.readable]
    assert [s.id for s in refused] == ["cpu0.package"]
    assert "energy_uj" in refused[0].reason
    assert "Permission denied" in refused[0].reason
    assert not refused[0].counted
    assert {s.source for s in listed if s.readable} == {"model"}


def test_refused_at_the_first_read(
    bed_factory: BedFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = bed_factory([Zone("package-0", Constant(100))], proc=Proc(Constant(1.0)))
    bed["package-0"].fail("EPERM")
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    assert [s.reason for s in uj.sensors() if s.source == "powercap"] != [""]
    with uj.Meter() as meter:
        assert all(s.estimated for s in meter.sensors() if s.readable)


def test_named_sources_that_are_refused_are_an_error(
    bed: PowercapBed, zone: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.fail("EACCES")
    bed["package-1"].fail("EACCES")
    for name, value in bed.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MICROJOULE_SOURCES", "powercap")
    with pytest.raises(ValueError, match="Permission denied"):
        uj.Meter()


def test_a_slow_sensor_holds_nobody_up(bed: PowercapBed, zone: Sensor, meter: uj.Meter) -> None:
    # given a sensor whose reads take a while
    zone.delay(0.4, reads=2)
    # when many windows begin and end
    tokens = [meter.begin() for _ in range(50)]
    with meter.measure() as m:
        pass
    windows = [meter.end(token) for token in tokens]
    # then all of it was over before the first of them could be answered
    assert not any(w.settled for w in (m, *windows))
    assert all(w.wait(5) for w in (m, *windows))


def test_a_slow_sensor_is_still_right(bed: PowercapBed, zone: Sensor, meter: uj.Meter) -> None:
    with meter.measure() as m:
        zone.delay(0.05, reads=2)
        time.sleep(0.3)
    assert m.wait(5)
    error_j = abs(m.energy_j - truth_j(bed, m) - truth_j(bed, m, "package-1"))
    assert error_j <= max(0.02 * m.energy_j, 5 * sampling_j(m))


@pytest.mark.parametrize("delay_s", [0.03, 0.08, 0.3])
@pytest.mark.parametrize("length_s", [0.02, 0.15])
def test_a_slow_read_at_the_end_takes_nothing_in_from_after_it(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter, delay_s: float, length_s: float
) -> None:
    with meter.measure() as m:
        time.sleep(length_s)
        zone.delay(delay_s, reads=1)
    assert m.wait(5)
    assert_right(bed, m, "cpu0.package", "package-0")
    assert m.bounds_j is not None
    low_j, high_j = m.bounds_j
    truth = truth_j(bed, m) + truth_j(bed, m, "package-1")
    assert low_j - 1e-3 <= truth <= high_j + 1e-3


def test_figures_of_a_stuck_sensor_come_after_a_second_marked_so(
    bed: PowercapBed, zone: Sensor, meter: uj.Meter
) -> None:
    zone.delay(2.0, reads=1)
    with meter.measure() as m:
        time.sleep(0.1)
    assert m.energy_j >= 0
    assert not m.settled
    assert "Not settled" in m.reason
    assert m.to_dict()["settled"] is False
    assert m.wait(10)
    assert m.energy_j == pytest.approx(
        truth_j(bed, m) + truth_j(bed, m, "package-1"), rel=0.05, abs=5 * sampling_j(m)
    )
