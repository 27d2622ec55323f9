"""Meters: tokens, the shared one, closing, and arguments that make no sense."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import microjoule as uj
from microjoule import meter as shared_meter
from sim.loads import Constant
from sim.plain import PlainTree
from sim.zones import Zone

pytestmark = pytest.mark.usefixtures("modelled")


# -- tokens -----------------------------------------------------------------------------------


def test_begin_and_end(meter: uj.Meter) -> None:
    token = meter.begin("train")
    assert isinstance(token, int)
    m = meter.end(token)
    assert isinstance(m, uj.Measurement)
    assert m.label == "train"
    assert m.duration_s > 0
    assert meter.end(meter.begin()).label is None


def test_overlapping_windows_in_any_order(meter: uj.Meter) -> None:
    tokens = [meter.begin(str(number)) for number in range(10)]
    assert len(set(tokens)) == 10
    for number in (3, 0, 9, 1, 8, 2, 4, 7, 5, 6):
        assert meter.end(tokens[number]).label == str(number)


def test_a_token_is_never_used_twice(meter: uj.Meter) -> None:
    seen = set()
    for _ in range(5000):
        token = meter.begin()
        meter.end(token)
        seen.add(token)
    assert len(seen) == 5000


def test_a_label_does_not_go_to_the_next_window(meter: uj.Meter) -> None:
    meter.end(meter.begin("first"))
    other = meter.begin("other")
    assert [meter.end(meter.begin()).label for _ in range(100)] == [None] * 100
    assert meter.end(other).label == "other"


def test_laps_keep_the_label(meter: uj.Meter) -> None:
    token = meter.begin("epoch")
    laps = [meter.lap(token), meter.lap(token), meter.end(token)]
    assert [lap.label for lap in laps] == ["epoch"] * 3
    assert laps[0]._stamps()[1] == laps[1]._stamps()[0]


@pytest.mark.parametrize("bad", [None, "x", b"1", -1, 2**70, 1.5, (), 12345, 0, True])
def test_what_is_no_token(meter: uj.Meter, bad: object) -> None:
    own = meter.begin()
    with pytest.raises(ValueError, match="token"):
        meter.end(bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="token"):
        meter.lap(bad)  # type: ignore[arg-type]
    assert meter.end(own).wait(5)  # nothing is lost


def test_a_window_ends_once(meter: uj.Meter) -> None:
    token = meter.begin()
    meter.end(token)
    for _ in range(2):
        with pytest.raises(ValueError, match="ended already"):
            meter.end(token)
        with pytest.raises(ValueError, match="ended already"):
            meter.lap(token)


@pytest.mark.parametrize("bad", [3, b"x", ["x"]])
def test_a_label_that_is_none(meter: uj.Meter, bad: object) -> None:
    with pytest.raises(ValueError, match="label"):
        meter.begin(bad)  # type: ignore[arg-type]


def test_a_token_may_cross_threads(meter: uj.Meter) -> None:
    tokens = []
    thread = threading.Thread(target=lambda: tokens.append(meter.begin("elsewhere")))
    thread.start()
    thread.join()
    assert meter.end(tokens[0]).label == "elsewhere"


# -- the shared meter -------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_shared")
class TestShared:
    def test_it_is_one_meter_for_all_who_ask(self) -> None:
        first, second = shared_meter(), uj.meter()
        assert first is second
        assert first.running
        second.close()
        assert first.running
        first.close()
        assert not first.running

    def test_after_the_last_has_closed_it_there_is_a_new_one(self) -> None:
        first = uj.meter()
        first.close()
        second = uj.meter()
        assert second is not first
        assert second.running
        second.close()

    def test_it_closes_at_the_end_of_a_block(self) -> None:
        with uj.meter() as meter, uj.meter():
            assert meter.end(meter.begin()).wait(5)
        assert not meter.running

    def test_the_functions_measure_with_it(self) -> None:
        token = uj.begin("a")
        lap = uj.lap(token)
        m = uj.end(token)
        assert (lap.label, m.label) == ("a", "a")
        meter = uj.meter()
        assert uj.end(meter.begin("b")).label == "b"
        with uj.measure("c") as m:
            pass
        assert m.label == "c"
        meter.close()
        assert meter.running  # the functions go on using it
        assert uj.end(uj.begin()).wait(5)

    @pytest.mark.parametrize("bad", [None, "x", -1, 2**70, 12345])
    def test_what_is_no_token_of_its(self, bad: object) -> None:
        own = uj.begin()
        with pytest.raises(ValueError, match="token"):
            uj.end(bad)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="token"):
            uj.lap(bad)  # type: ignore[arg-type]
        assert uj.end(own).wait(5)

    def test_a_bad_token_starts_nothing(self) -> None:
        before = len(list(Path("/proc/self/task").iterdir()))
        for bad in (None, 12345):
            with pytest.raises(ValueError, match="token"):
                uj.end(bad)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="token"):
                uj.lap(bad)  # type: ignore[arg-type]
        assert len(list(Path("/proc/self/task").iterdir())) == before

    def test_an_open_window_keeps_it_in_use(self) -> None:
        meter = uj.meter()
        token = uj.begin("mine")
        meter.close()
        assert uj.end(token).label == "mine"

    def test_a_token_of_its_predecessor_ends_nobody_s_window(self) -> None:
        meter = uj.meter()
        old = meter.begin("old")
        meter.close()
        new = uj.begin("new")
        with pytest.raises(ValueError, match="token"):
            uj.end(old)
        assert uj.end(new).label == "new"

    def test_sensors_are_those_of_the_running_one(self) -> None:
        assert [s.id for s in uj.sensors()] == ["model.cpu", "model.dram"]
        with uj.meter() as meter:
            assert uj.sensors() == meter.sensors()


# -- closing ----------------------------------------------------------------------------------


def test_a_closed_meter_says_so(meter: uj.Meter) -> None:
    meter.close()
    assert not meter.running
    with pytest.raises(ValueError, match="closed"):
        meter.begin()
    with pytest.raises(ValueError, match="closed"):
        meter.measure().__enter__()
    with pytest.raises(ValueError, match="closed"), uj.measure(meter=meter):
        pass


def test_closing_twice(meter: uj.Meter) -> None:
    meter.close()
    meter.close()


def test_what_was_open_can_still_be_ended(meter: uj.Meter) -> None:
    token = meter.begin("late")
    with meter.measure("block") as m:
        meter.close()
    late = meter.end(token)
    assert late.label == "late"
    for window in (m, late):
        assert window.wait(5)
        assert window.energy_j >= 0


def test_what_was_ended_is_read_after_closing() -> None:
    with uj.Meter() as meter, meter.measure() as m:
        pass
    assert m.wait(5)
    assert m.energy_j >= 0
    assert meter.books().total_j >= 0
    assert [s.id for s in meter.sensors()] == ["model.cpu", "model.dram"]


def test_a_result_outlives_its_meter() -> None:
    meter = uj.Meter()
    m = meter.end(meter.begin())
    del meter
    assert m.energy_j >= 0
    assert m.by_sensor.keys() == {"model.cpu", "model.dram"}


def test_meters_do_not_share_windows(meter: uj.Meter) -> None:
    with uj.Meter() as other:
        token, others = meter.begin("a"), other.begin("b")
        with pytest.raises(ValueError, match="token"):
            other.end(token)
        assert (meter.end(token).label, other.end(others).label) == ("a", "b")


# -- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0, 0.0, -1, -0.001, float("nan"), float("inf"), "x", True])
def test_a_period_that_is_none(bad: object) -> None:
    with pytest.raises(ValueError, match="period in seconds"):
        uj.Meter(period_s=bad)  # type: ignore[arg-type]


def test_a_source_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="did you mean powercap"):
        uj.Meter(sources=["powercab"])
    with pytest.raises(ValueError, match="powercap, perf"):
        uj.Meter(sources=["thermometer"])
    with pytest.raises(ValueError, match="at least one name"):
        uj.Meter(sources=[])
    with pytest.raises(ValueError, match="pass names out of"):
        uj.Meter(sources=[3])  # type: ignore[list-item]


@pytest.mark.usefixtures("nothing_shared")
def test_a_source_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"powercap can be read here.*name others"):
        uj.Meter(sources=["powercap"])
    monkeypatch.setenv("MICROJOULE_SOURCES", "powercap")
    for refused in (uj.Meter, uj.sensors):
        with pytest.raises(ValueError, match="uj doctor"):
            refused()


def test_a_pace_that_is_not_known() -> None:
    with pytest.raises(ValueError, match=r"'events'.*'fixed'"):
        uj.Meter(pace="quick")


@pytest.mark.parametrize("bad", [0, -0.1, 1.5, float("nan"), "x", None])
def test_an_overhead_limit_that_is_none(bad: object) -> None:
    with pytest.raises(ValueError, match="share of one core"):
        uj.Meter(overhead_limit=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("pace", ["events", "fixed"])
@pytest.mark.parametrize("period_s", [1e-12, 1e12])
def test_periods_beyond_reason_are_kept_within_it(pace: str, period_s: float) -> None:
    with uj.Meter(period_s=period_s, pace=pace) as meter:
        assert meter.end(meter.begin()).wait(5)


@pytest.mark.parametrize(
    ("variable", "bad"),
    [("PERIOD", "0"), ("PERIOD", "often"), ("PACE", "slow"), ("SOURCES", "rapl,none")],
)
def test_settings_that_make_no_sense(
    monkeypatch: pytest.MonkeyPatch, variable: str, bad: str
) -> None:
    monkeypatch.setenv(f"MICROJOULE_{variable}", bad)
    with pytest.raises(ValueError, match=f"MICROJOULE_{variable} is"):
        uj.Meter()


def test_settings_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROJOULE_SOURCES", "model")
    monkeypatch.setenv("MICROJOULE_PERIOD", "0.01")
    monkeypatch.setenv("MICROJOULE_PACE", "fixed")
    with uj.Meter() as meter:
        assert {s.source for s in meter.sensors()} == {"model"}


def test_a_meter_beside_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with PlainTree([Zone("package-0", Constant(100))]) as tree:
        monkeypatch.setenv("MICROJOULE_SYSFS", str(tree.root))
        with uj.Meter() as meter:
            # An estimate is not mixed with a measurement unasked.
            assert [s.id for s in meter.sensors()] == ["cpu0.package"]


def test_a_machine_that_shows_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MICROJOULE_PROCFS", str(tmp_path))
    with uj.Meter() as meter:
        with meter.measure() as m:
            pass
        assert meter.sensors() == []
    assert m.by_sensor == {}
    assert m.bounds_j is None
    assert m.reason != ""  # what is missing is missing, not zero
    assert m.quality != "measured"


def test_nothing_is_left_of_a_meter_that_could_not_start() -> None:
    before = threading.active_count(), len(list(Path("/proc/self/task").iterdir()))
    for _ in range(5):
        with pytest.raises(ValueError):
            uj.Meter(sources=["powercap"])
    assert (threading.active_count(), len(list(Path("/proc/self/task").iterdir()))) == before


def test_stats(meter: uj.Meter) -> None:
    assert meter.end(meter.begin()).wait(5)
    stats = meter.stats()
    assert stats.reads > 0
    assert stats.failed_reads == 0
    assert stats.cpu_ns > 0
