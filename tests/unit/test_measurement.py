"""`Measurement`: every figure of a window, open or ended."""

from __future__ import annotations

import datetime
import gc
import json
import pickle
import time
from collections.abc import Iterator

import pytest

import microjoule as uj

FIGURES = {
    "label",
    "stage",
    "started_at",
    "duration_s",
    "cpu_s",
    "gpu_s",
    "energy_j",
    "energy_kwh",
    "by_sensor",
    "by_kind",
    "power_w",
    "peak_power_w",
    "uncertainty_j",
    "uncertainty_parts",
    "bounds_j",
    "quality",
    "reason",
    "scope",
    "co2e_g",
    "overhead_cpu_s",
    "settled",
}


@pytest.fixture
def meter(modelled: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[uj.Meter]:
    monkeypatch.setenv("MICROJOULE_INTENSITY", "300")
    with uj.Meter() as meter:
        yield meter


@pytest.fixture
def m(meter: uj.Meter) -> uj.Measurement:
    with meter.measure("train", stage="train") as m:
        time.sleep(0.01)
    assert m.wait(5)
    return m


def test_it_has_every_figure(m: uj.Measurement) -> None:
    for name in FIGURES:
        assert hasattr(m, name)


def test_to_dict_is_ready_for_json(m: uj.Measurement) -> None:
    figures = m.to_dict()
    assert set(figures) == FIGURES | {"schema"}
    assert figures["schema"] == 1
    again = json.loads(json.dumps(figures, allow_nan=False))
    assert set(again) == set(figures)
    assert again["energy_j"] == m.energy_j
    assert again["label"] == "train"
    assert again["stage"] == "construction/training"
    assert again["settled"] is True


def test_started_at_is_a_time_with_its_offset(meter: uj.Meter) -> None:
    before = datetime.datetime.now(datetime.UTC)
    with meter.measure() as m:
        after = datetime.datetime.now(datetime.UTC)
    started = datetime.datetime.fromisoformat(m.started_at)
    assert started.tzinfo is not None
    slack = datetime.timedelta(milliseconds=50)
    assert before - slack <= started <= after + slack


def test_duration_is_that_of_the_block(meter: uj.Meter) -> None:
    outer_ns = time.monotonic_ns()
    with meter.measure() as m:
        inner_ns = time.monotonic_ns()
        time.sleep(0.01)
        inner_ns = time.monotonic_ns() - inner_ns
    outer_ns = time.monotonic_ns() - outer_ns
    assert inner_ns * 1e-9 <= m.duration_s <= outer_ns * 1e-9


def test_repr(meter: uj.Meter, m: uj.Measurement) -> None:
    assert repr(m).startswith("<Measurement 'train': ")
    assert " J ± " in repr(m)
    assert "estimated" in repr(m)
    with meter.measure() as other:
        assert repr(other) == "<Measurement: not settled yet>"


def test_carbon_says_where_it_comes_from(m: uj.Measurement) -> None:
    assert m.co2e_g == pytest.approx(m.energy_kwh * 300)
    assert m.carbon.intensity.rung == "given"
    assert "MICROJOULE_INTENSITY" in m.carbon.intensity.note
    assert m.carbon.co2e_g == m.co2e_g


def test_figures_while_it_is_open(meter: uj.Meter) -> None:
    with meter.measure() as m:
        time.sleep(0.01)
        first_s, first_j = m.duration_s, m.energy_j
        assert first_s >= 0.01
        assert first_j >= 0
        time.sleep(0.12)
        assert m.duration_s > first_s
        assert m.energy_j > 0
        assert m.power_w > 0
        assert not m.settled
        assert not m.wait(0.01)
        assert "Not settled" in m.reason
        assert m.to_dict()["settled"] is False
        assert m.quality == "estimated"
    assert m.wait(5)
    assert m.settled
    assert "Not settled" not in m.reason


def test_figures_do_not_change_once_settled(m: uj.Measurement) -> None:
    first = m.to_dict()
    time.sleep(0.06)
    assert m.to_dict() == first


def test_wait(meter: uj.Meter) -> None:
    with meter.measure() as m:
        pass
    assert m.wait(0) in (True, False)
    assert m.wait(5)
    assert m.wait()
    assert m.wait(0)
    assert m.wait(float("inf"))


@pytest.mark.parametrize("bad", [-1, float("nan"), "x", None])
def test_a_timeout_that_is_none(meter: uj.Meter, bad: object) -> None:
    m = meter.end(meter.begin())
    with pytest.raises(ValueError, match="timeout"):
        m.wait(bad)  # type: ignore[arg-type]


def test_reading_a_figure_waits_for_it(meter: uj.Meter) -> None:
    m = meter.end(meter.begin())
    assert m.energy_j >= 0
    assert m.settled


def test_figures_of_nothing(m: uj.Measurement) -> None:
    assert m.gpu_s is None
    assert m.bounds_j is None
    assert m.cpu_s >= 0
    assert m.overhead_cpu_s >= 0


def test_it_is_not_made_by_hand() -> None:
    with pytest.raises(ValueError, match="not made by hand"):
        _ = uj.Measurement().energy_j
    with pytest.raises(ValueError, match="not made by hand"):
        uj.Measurement().wait()


def test_it_has_no_other_attributes(m: uj.Measurement) -> None:
    with pytest.raises(AttributeError):
        m.energy_j = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        m.enrgy_j = 3  # type: ignore[attr-defined]


def test_it_stays_in_its_process(m: uj.Measurement) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(m)


def test_what_nobody_reads_is_given_back(meter: uj.Meter) -> None:
    for _ in range(3000):
        meter.end(meter.begin())
    windows = [meter.end(meter.begin()) for _ in range(2000)]
    assert windows[-1].wait(5)
    assert all(w.energy_j >= 0 for w in windows[::100])
    del windows
    gc.collect()
    assert meter.end(meter.begin()).energy_j >= 0


def test_an_open_window_that_is_dropped(meter: uj.Meter) -> None:
    for _ in range(10):
        meter.measure().__enter__()
    gc.collect()
    with meter.measure() as m:
        pass
    assert m.wait(5)


def test_books_are_frozen(meter: uj.Meter) -> None:
    books = meter.books()
    with pytest.raises(AttributeError, match="frozen"):
        books.total_j = 0
    assert set(books.to_dict()) == {
        "total_j",
        "attributed_j",
        "unattributed_j",
        "gap_s",
        "by_sensor",
        "attributed_by_sensor",
        "idle_w",
    }
    assert json.loads(json.dumps(books.to_dict())) == books.to_dict()
