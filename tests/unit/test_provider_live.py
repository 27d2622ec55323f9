"""Down the providers to the first that answers, with providers that answer as they are told."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microjoule import carbon
from microjoule.carbon.providers import (
    ElectricityMaps,
    Kind,
    NoZoneError,
    Provider,
    ProviderError,
    Reading,
    Slot,
    UKCarbon,
    WattTime,
)
from microjoule.carbon.providers._protocol import figure, holding, in_order, instant

ONLINE = {"MICROJOULE_OFFLINE": "0"}
AVERAGE = Kind("lifecycle", "consumption", "average", "location")
MARGINAL = Kind("direct", "consumption", "marginal", "location")
MARKET = Kind("direct", "production", "average", "market")


class Told:
    """A provider of one's own: the protocol needs no base class, and no httpx."""

    licence = "CC0"
    includes_losses = True

    def __init__(
        self,
        name: str,
        *slots: tuple[float, float, float],
        kinds: tuple[Kind, ...] = (AVERAGE,),
        fails: str = "",
        knows: tuple[str, ...] = (),
    ) -> None:
        self.name = self.title = name
        self.kinds = kinds
        self.asked: list[tuple[object, ...]] = []
        self._slots = tuple(Slot(*slot) for slot in slots)
        self._fails = fails
        self._knows = knows

    def _reading(self, where: str, kind: Kind) -> Reading:
        if self._knows and where not in self._knows:
            raise NoZoneError(f"has no zone for {where}")
        if self._fails:
            raise ProviderError(self._fails)
        return Reading(self._slots, where, kind)

    def latest(self, where: str, at: float, kind: Kind) -> Reading:
        self.asked.append((where, at, kind))
        return self._reading(where, kind)

    def history(self, where: str, start: float, end: float, kind: Kind) -> Reading:
        self.asked.append((where, start, end, kind))
        return self._reading(where, kind)


def test_the_first_that_answers_and_why_the_others_did_not() -> None:
    first, second = Told("A", fails="is out"), Told("B", (0, 3600, 12))
    third = Told("C", (0, 3600, 99))
    chosen: list[Provider] = [first, second, third]
    found = carbon.live("NO", providers=chosen, environ=ONLINE)
    assert (found.g_per_kwh, found.source, found.note) == (12, "B", "A is out")
    assert found.includes_losses is True
    assert third.asked == []


def test_none_answers_and_the_table_stands_in_as_it_is() -> None:
    table = carbon.intensity("NO")
    found = carbon.live("NO", providers=[Told("A", fails="is out")], environ=ONLINE)
    assert found.note == "A is out"
    assert {**found.to_dict(), "note": ""} == {**table.to_dict(), "note": ""}
    assert carbon.live("NO", providers=[], environ=ONLINE) == table


def test_the_kind_asked_for_is_the_kind_given() -> None:
    provider = Told("A", (0, 3600, 12), kinds=(MARGINAL, AVERAGE, MARKET))

    def kind(**axes: str) -> str:
        return carbon.live("NO", providers=[provider], environ=ONLINE, **axes).kind  # type: ignore[arg-type]

    assert kind() == ", ".join(AVERAGE)  # the marginal one is never a default, though it is first
    assert kind(method="marginal") == ", ".join(MARGINAL)
    assert kind(accounting="market-based") == ", ".join(MARKET)
    # No provider has it, and the table has: the table.
    found = carbon.live("NO", basis="production", providers=[Told("B")], environ=ONLINE)
    assert (found.rung, found.note) == ("country", "B has no figures of this kind")
    # Neither has it.
    with pytest.raises(ValueError, match=r"no residual figure for Norway.*\(A has no figures of"):
        kind(accounting="residual")
    with pytest.raises(ValueError, match="method is 'mean': pass 'average' or 'marginal'"):
        kind(method="mean")


def test_a_cloud_region_is_asked_for_by_name_then_by_its_grid() -> None:
    by_name, by_grid = Told("A", (0, 1, 12)), Told("B", (0, 1, 13), knows=("SE",))
    found = carbon.live("aws:eu-north-1", providers=[by_name], environ=ONLINE)
    assert (found.place, found.g_per_kwh) == ("aws:eu-north-1", 12)
    found = carbon.live("aws:eu-north-1", providers=[by_grid], environ=ONLINE)
    assert [asked[0] for asked in by_grid.asked] == ["aws:eu-north-1", "SE"]
    assert found.g_per_kwh == 13
    nobody = Told("C", knows=("XX",))
    found = carbon.live("aws:eu-north-1", providers=[nobody], environ=ONLINE)
    assert found.note.endswith("C has no zone for SE")


def test_instants() -> None:
    provider = Told("A", (0, 1, 12))
    day = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    for at in (day, day.timestamp()):
        carbon.live("NO", at=at, providers=[provider], environ=ONLINE)
        assert provider.asked[-1] == ("NO", 1782900000.0, AVERAGE)
    carbon.live("NO", providers=[provider], environ=ONLINE)
    assert provider.asked[-1][1] == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize(
    "at", [datetime(2026, 1, 1), "now", True, float("nan"), float("inf"), -1, 1e12, 10**400]
)
def test_what_is_no_instant_is_an_error(at: object) -> None:
    with pytest.raises(ValueError, match=r"^at is no instant: pass an aware datetime, or unix"):
        carbon.live("NO", at=at, providers=[], environ=ONLINE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^end is no instant"):
        carbon.live_series("NO", 0, at, providers=[], environ=ONLINE)  # type: ignore[arg-type]


def test_places_and_orders_that_are_wrong_are_errors_before_anybody_is_asked() -> None:
    provider = Told("A", (0, 1, 12))
    with pytest.raises(ValueError, match=r"unknown place 'Norwai'.*Norway"):
        carbon.live("Norwai", providers=[provider], environ=ONLINE)
    with pytest.raises(ValueError, match="300 is no place"):
        carbon.live(300, providers=[provider], environ=ONLINE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="start is not before end"):
        carbon.live_series("NO", 5, 5, providers=[provider], environ=ONLINE)
    assert provider.asked == []


def test_where_nobody_names_a_place_the_settings_do() -> None:
    provider = Told("A", (0, 1, 12))
    environ = {**ONLINE, "MICROJOULE_REGION": "US-CA"}
    assert carbon.live(providers=[provider], environ=environ).place == "US-CA"
    guessed = carbon.live(providers=[provider], environ={**ONLINE, "TZ": "Europe/Oslo"})
    assert (guessed.place, guessed.guess) == ("NO", True)
    assert ("time zone", 0.1) in guessed.uncertainty_parts


def test_a_series_has_plain_slots_and_their_mean() -> None:
    provider = Told("A", (0, 1800, 10), (1800, 3600, 20), (7200, 14400, 30))
    start, end = datetime(1970, 1, 1, tzinfo=UTC), 14400
    found = carbon.live_series("NO", start, end, providers=[provider], environ=ONLINE)
    assert provider.asked == [("NO", 0.0, 14400.0, AVERAGE)]
    assert found.slots == ((0, 1800, 10), (1800, 3600, 20), (7200, 14400, 30))
    assert [type(slot) for slot in found.slots] == [tuple] * 3
    assert found.intensity.g_per_kwh == pytest.approx((10 + 20 + 4 * 30) / 6)
    assert found.intensity.rung == "provider"


def test_a_series_is_ready_for_a_footprint() -> None:
    provider = Told("A", (0, 1800, 10), (1800, 3600, 20))
    series = carbon.live_series("NO", 0, 3600, providers=[provider], environ=ONLINE).series()
    assert isinstance(series, carbon.Series)
    assert (series.name, series.includes_losses) == ("A", True)
    assert (series.scope, series.basis, series.method, series.accounting) == AVERAGE
    assert series.uncertainty_rel == pytest.approx(0.05)
    nothing = carbon.live_series("NO", 0, 1, providers=[Told("A", fails="is out")], environ=ONLINE)
    with pytest.raises(ValueError, match=r"no live series \(A is out\): pass a figure or a CSV"):
        nothing.series()


def test_a_series_that_nobody_has_is_empty_and_says_why() -> None:
    found = carbon.live_series("NO", 0, 1, providers=[Told("A", fails="is out")], environ=ONLINE)
    assert found.slots == ()
    assert (found.intensity.rung, found.intensity.note) == ("country", "A is out")


@pytest.mark.parametrize("nothing", ["", "  ", None, 5, "two\nlines"])
def test_a_provider_without_its_key_is_an_error_at_once(nothing: Any) -> None:
    with pytest.raises(ValueError, match="pass it, or set MICROJOULE_ELECTRICITYMAPS_TOKEN"):
        ElectricityMaps(nothing)
    with pytest.raises(ValueError, match="pass it, or set MICROJOULE_WATTTIME_USER"):
        WattTime(nothing, "hush")
    with pytest.raises(ValueError, match="pass it, or set MICROJOULE_WATTTIME_PASSWORD"):
        WattTime("me", nothing)


@pytest.mark.parametrize("budget_s", [0, -1, 61, float("nan"), True, "6"])
def test_a_budget_is_a_time(budget_s: Any) -> None:
    with pytest.raises(ValueError, match="pass seconds above 0, at most 60"):
        UKCarbon(budget_s=budget_s)


# -- the hours of a window ------------------------------------------------------------------------

NS = 10**9


def test_a_window_meets_the_hours_it_was_in() -> None:
    provider = Told("A", (0, 1800, 10), (1800, 3600, 20))
    series = carbon.Series.from_live("NO", providers=[provider], environ=ONLINE)
    assert provider.asked == []  # not before figures are read
    assert series.borders_ns(0, 2) == [1800 * NS, 3600 * NS]
    met = series.mean([0, 1800 * NS, 3600 * NS], [0.0, 1.0, 3.0])
    assert met.g_per_kwh == pytest.approx((1 * 10 + 2 * 20) / 3)
    assert (met.rung, met.place, met.source, met.note) == ("provider", "NO", "A", "")
    assert met.kind == ", ".join(AVERAGE)
    assert dict(met.uncertainty_parts) == {"reporting": 0.05}
    assert provider.asked == [("NO", 0.0, 3600.0, AVERAGE)]


def test_the_part_that_no_hour_covers_meets_the_newest_figure_or_the_callers() -> None:
    provider = Told("A", (0, 1800, 10))
    series = carbon.Series.from_live("NO", providers=[provider], environ=ONLINE)
    course = ([0, 1800 * NS, 3600 * NS], [0.0, 1.0, 4.0])
    met = series.mean(*course)
    assert met.g_per_kwh == pytest.approx(10)  # of the provider's newest
    assert "25 % of the energy met 10 g/kWh of A; no slot covers the rest" in met.note
    met = series.mean(*course, carbon.intensity(100))
    assert met.g_per_kwh == pytest.approx((10 + 3 * 100) / 4)
    assert met.basis == "mixed"


def test_an_instant_is_a_window_too() -> None:
    series = carbon.Series.from_live("NO", providers=[Told("A", (0, 9, 10))], environ=ONLINE)
    assert series.mean([NS, NS], [0.0, 0.0]).g_per_kwh == 10


def test_a_window_of_which_nobody_knows_anything_has_the_table_and_the_reason() -> None:
    course = ([0, 3600 * NS], [0.0, 1.0])
    out = carbon.Series.from_live("NO", providers=[Told("A", fails="is out")], environ=ONLINE)
    assert (out.mean(*course).rung, out.mean(*course).note) == ("country", "A is out")
    offline = carbon.Series.from_live("NO", providers=[Told("A", (0, 3600, 10))], environ={})
    assert (
        offline.mean(*course).note == "no provider was asked: set MICROJOULE_OFFLINE=0 to allow it"
    )
    with pytest.raises(ValueError, match="unknown place 'Norwai'"):
        carbon.Series.from_live("Norwai")
    with pytest.raises(ValueError, match="scope is 'all': pass 'direct' or 'lifecycle'"):
        carbon.Series.from_live("NO", scope="all")


def test_what_holds_here_is_a_series_where_providers_may_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MICROJOULE_COUNTRY", "NO")
    assert carbon.here() == carbon.intensity("NO")
    assert carbon.here("PL") == carbon.intensity("PL")
    monkeypatch.setenv("MICROJOULE_OFFLINE", "0")
    assert isinstance(carbon.here(), carbon.Series)
    monkeypatch.setenv("MICROJOULE_INTENSITY", "12")
    assert carbon.here().g_per_kwh == 12  # type: ignore[union-attr]
    assert isinstance(carbon.here("PL"), carbon.Series)  # an argument wins over a setting


# -- what an answer is made of --------------------------------------------------------------------

spans = st.tuples(st.integers(0, 50), st.integers(-1, 9), st.floats(0, 100))


@given(st.lists(spans, max_size=8))
def test_slots_are_in_order_or_refused(raw: list[tuple[int, int, float]]) -> None:
    slots = [Slot(start, start + length, g) for start, length, g in raw]
    try:
        ordered = in_order(slots)
    except ProviderError:
        last = {slot.start_s: slot for slot in slots}.values()
        overlap = any(a.start_s < b.start_s < a.end_s for a in last for b in last)
        assert not slots or overlap or any(slot.end_s <= slot.start_s for slot in last)
        return
    assert set(ordered) <= set(slots)
    assert {slot.start_s for slot in ordered} == {slot.start_s for slot in slots}
    for slot, after in itertools.pairwise(ordered):
        assert slot.start_s < slot.end_s <= after.start_s


def test_the_slot_of_an_instant_begins_with_it() -> None:
    slots = (Slot(0, 10, 1), Slot(10, 20, 2), Slot(30, 40, 3))
    assert [holding(slots, at, 100).g_per_kwh for at in (0, 9.9, 10, 20, 29, 30, 140)] == [
        1, 1, 2, 2, 2, 3, 3,
    ]  # fmt: skip
    for at in (-1, 141):
        with pytest.raises(ProviderError, match="no figure for that time"):
            holding(slots, at, 100)


@given(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.lists(st.integers())))
def test_a_figure_is_possible_or_refused(raw: object) -> None:
    possible = isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw <= 3000
    if raw is None or possible:
        assert figure(raw) == raw
    else:
        with pytest.raises(ProviderError, match=r"^gave "):
            figure(raw)


@given(st.one_of(st.none(), st.text(), st.integers(), st.datetimes().map(datetime.isoformat)))
def test_a_time_without_its_offset_is_refused(raw: object) -> None:
    try:
        instant(raw)
    except ProviderError:
        return
    assert isinstance(raw, str)
    assert raw.rstrip("0123456789.:").endswith(("+", "-")) or raw.endswith("Z")


def test_times() -> None:
    assert instant("2018-01-20T12:00Z") == 1516449600
    assert instant("2018-01-20T12:00:00.000Z") == instant("2018-01-20T13:00:00+01:00")
