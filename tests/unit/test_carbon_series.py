"""Series: what a slot is, what is refused, and ∫P·CI dt against the closed form."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microjoule.carbon import Series, intensity

HOUR = 3600
NS = 1_000_000_000
DAY = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
NORWAY = intensity("NO")


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "series.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def slots_of(series: Series, start: str, hours: float = 48) -> list[tuple[str, str, float]]:
    """The slots from an instant on, as ISO 8601 in UTC."""
    begin = round(datetime.fromisoformat(start).timestamp() * NS)
    found = series._slots.within(begin, begin + round(hours * HOUR * NS))
    return [
        (*(datetime.fromtimestamp(t / NS, UTC).strftime("%m-%dT%H:%M") for t in (a, b)), value)
        for a, b, value in found
    ]


class TestSlots:
    def test_a_row_is_labelled_by_its_start_and_is_utc(self, tmp_path):
        text = "start,g_per_kwh\n2026-03-02T00:00,100\n2026-03-02T01:00,200\n"
        series = Series.from_csv(written(tmp_path, text))
        assert slots_of(series, "2026-03-02T00:00+00:00") == [
            ("03-02T00:00", "03-02T01:00", 100),
            ("03-02T01:00", "03-02T02:00", 200),  # the last one is as long as the others
        ]

    def test_an_offset_is_taken_into_account(self, tmp_path):
        text = "start,g_per_kwh\n2026-03-02T00:00+01:00,100\n2026-03-02T00:30+01:00,200\n"
        series = Series.from_csv(written(tmp_path, text))
        assert slots_of(series, "2026-03-01T00:00+00:00") == [
            ("03-01T23:00", "03-01T23:30", 100),
            ("03-01T23:30", "03-02T00:00", 200),
        ]

    def test_the_hour_that_daylight_saving_repeats_and_the_one_it_skips(self, tmp_path):
        autumn = """start,g_per_kwh
2026-10-25T01:00+02:00,1
2026-10-25T02:00+02:00,2
2026-10-25T02:00+01:00,3
2026-10-25T03:00+01:00,4
"""
        series = Series.from_csv(written(tmp_path, autumn))
        values = [value for _, _, value in slots_of(series, "2026-10-24T00:00+00:00")]
        assert values == [1, 2, 3, 4]
        assert slots_of(series, "2026-10-24T00:00+00:00")[2][0] == "10-25T01:00"
        spring = """start,g_per_kwh
2026-03-29T01:00+01:00,1
2026-03-29T03:00+02:00,2
2026-03-29T04:00+02:00,3
"""
        series = Series.from_csv(written(tmp_path, spring))
        assert [slot[:2] for slot in slots_of(series, "2026-03-29T00:00+00:00")] == [
            ("03-29T00:00", "03-29T01:00"),
            ("03-29T01:00", "03-29T02:00"),
            ("03-29T02:00", "03-29T03:00"),
        ]

    def test_local_time_without_its_offset_in_that_hour_is_refused(self, tmp_path):
        text = """start,g_per_kwh
2026-10-25T01:00,1
2026-10-25T02:00,2
2026-10-25T02:00,3
"""
        with pytest.raises(ValueError, match=r"line 4: starts at the same instant as line 3.*UTC"):
            Series.from_csv(written(tmp_path, text))

    def test_gaps_are_known(self, tmp_path):
        text = """start,g_per_kwh
2026-03-02T00:00Z,1
2026-03-02T01:00Z,
2026-03-02T02:00Z,3
2026-03-02T05:00Z,6
"""
        series = Series.from_csv(written(tmp_path, text))
        assert slots_of(series, "2026-03-02T00:00+00:00") == [
            ("03-02T00:00", "03-02T01:00", 1),
            ("03-02T02:00", "03-02T03:00", 3),
            ("03-02T05:00", "03-02T06:00", 6),
        ]

    def test_with_ends_the_slots_may_be_of_any_length(self, tmp_path):
        text = """from,to,carbonIntensity
2026-02-01T00:00Z,2026-03-01T00:00Z,10
2026-03-01T00:00Z,2026-04-01T00:00Z,20
"""
        series = Series.from_csv(written(tmp_path, text))
        assert slots_of(series, "2026-02-28T23:00+00:00", 2) == [
            ("02-01T00:00", "03-01T00:00", 10),
            ("03-01T00:00", "04-01T00:00", 20),
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "2026-03-02T00:00Z,7\n2026-03-02T01:00Z,7\n",
            "2026-03-02T00:00Z,2026-03-02T02:00Z,7\n",
            "\ufeffstart,g_per_kwh\r\n2026-03-02T00:00Z,7\r\n\r\n2026-03-02T01:00Z,7\r\n",
            "Datetime (UTC),Zone,Carbon intensity gCO₂eq/kWh (direct)\n"
            "2026-03-02 00:00:00,NO,7\n2026-03-02 01:00:00,NO,7\n",
            'start,who,g_per_kwh\n"2026-03-02T00:00Z","a, b",7\n2026-03-02T01:00Z,c,7\n',
        ],
    )
    def test_shapes_of_files(self, tmp_path, text):
        series = Series.from_csv(written(tmp_path, text))
        assert {value for _, _, value in slots_of(series, "2026-03-02T00:30+00:00", 1)} == {7}

    def test_borders_are_those_still_to_come(self):
        series = Series.from_slots([(0, 10, 1), (10, 20, 2), (30, 40, 3)])
        assert series.borders_ns(5 * NS, 100) == [10 * NS, 20 * NS, 30 * NS, 40 * NS]
        assert series.borders_ns(10 * NS, 2) == [20 * NS, 30 * NS]
        assert series.borders_ns(40 * NS, 2) == []


HEAD = "start,g_per_kwh\n"
ROW = "2026-03-02T00:00Z,1\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD + ROW + ROW, r"line 3: starts at the same instant as line 2"),
        (HEAD + "2026-03-02T01:00Z,1\n" + ROW, r"line 3: earlier than line 2; sort"),
        (
            "start,end,g_per_kwh\n2026-03-02T00:00Z,2026-03-02T02:00Z,1\n"
            "2026-03-02T01:00Z,2026-03-02T03:00Z,1\n",
            r"line 3: overlaps line 2",
        ),
        (
            "start,end,g_per_kwh\n2026-03-02T01:00Z,2026-03-02T00:00Z,1\n",
            r"line 2: the slot ends before it starts",
        ),
        (HEAD + ROW + "2026-03-02T01:00Z,-3\n", r"line 3: -3 is below 0; pass grams"),
        (HEAD + ROW + "2026-03-02T01:00Z,clean\n", r"line 3: 'clean' is no number; pass grams"),
        (HEAD + ROW + "2026-03-02T01:00Z,nan\n", r"line 3: 'nan' is no number"),
        (HEAD + ROW + "2026-03-02T01:00Z,inf\n", r"line 3: 'inf' is no number"),
        (HEAD + "02/03/2026 00:00,1\n", r"line 2: '02/03/2026 00:00' is no time; write ISO 8601"),
        (HEAD + "2026-03-02T00:00 CET,1\n", r"line 2: .* is no time; .* with an offset"),
        (HEAD + "1772409600,1\n", r"line 2: '1772409600' is no time"),
        (HEAD + ROW + "2026-03-02T01:00,1\n", r"line 3: times with and without an offset"),
        (
            HEAD + ROW + "2026-03-02T09:00+05:30,1\n",
            r"line 3: another time zone than in line 2; give all times in UTC",
        ),
        (HEAD + ROW + "2026-03-02T01:00Z,1,2\n", r"line 3: 3 cells instead of 2"),
        (HEAD + ROW, r"one row does not tell how long its slot is; add a column end"),
        (
            HEAD + ROW + "2026-03-02T01:00Z,1\n2026-03-02T02:30Z,1\n",
            r"line 4: slots of different length \(1:30:00 after steps of 1:00:00\)",
        ),
        ("when,how much\n1,2\n", r"the columns are when, how much; pass one each of start"),
        ("start,g_per_kwh,intensity\n", r"the columns are .*; pass one each of"),
        (HEAD, r"has no rows: pass a CSV file with the columns start"),
        ("", r"has no rows"),
        (HEAD + "2026-03-02T00:00Z,\n2026-03-02T01:00Z,\n", r"there is no slot in it"),
        ("start,end,g_per_kwh\n2026-03-02T01:00Z,,1\n", r"line 2: no end"),
    ],
)
def test_what_is_refused_and_in_which_line(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        Series.from_csv(written(tmp_path, text))
    assert "\n" not in str(refusal.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read .*nowhere.csv: No such file"):
        Series.from_csv(str(tmp_path / "nowhere.csv"))
    with pytest.raises(ValueError, match=r"cannot read .*: Is a directory"):
        Series.from_csv(str(tmp_path))
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01" * 10)
    with pytest.raises(ValueError, match=r"is no CSV file in UTF-8"):
        Series.from_csv(str(binary))


@pytest.mark.parametrize(
    ("slots", "sentence"),
    [
        ([], "there is no slot in it"),
        ([(0, 10, -1)], "mine, slot 1: -1 is below 0"),
        ([(0, 10, math.nan)], "slot 1: nan is below 0 or no number"),
        ([(0, 10, "5")], "slot 1: '5' is no number"),
        ([(0, 10)], r"slot 1: \(0, 10\) is no slot"),
        ([(0, 10, 1), (5, 15, 1)], "slot 2: overlaps slot 1"),
        ([(10, 20, 1), (0, 5, 1)], "slot 2: earlier than slot 1"),
        ([(0, 10, 1), (0, 10, 1)], "slot 2: starts at the same instant as slot 1"),
        ([(10, 10, 1)], "slot 1: the slot ends before it starts"),
        ([(0, math.inf, 1)], "slot 1: .* is no slot"),
    ],
)
def test_slots_that_are_refused(slots, sentence):
    with pytest.raises(ValueError, match=sentence):
        Series.from_slots(slots, name="mine")


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="scope is 'clean': pass 'direct' or 'lifecycle'"):
        Series.from_slots([(0, 1, 1)], scope="clean")
    with pytest.raises(ValueError, match="uncertainty_rel is -1"):
        Series.from_slots([(0, 1, 1)], uncertainty_rel=-1)
    with pytest.raises(ValueError, match="step_s is 0"):
        Series.from_callable(lambda t: 1.0, step_s=0)
    with pytest.raises(ValueError, match="is no function"):
        Series.from_callable(7)  # type: ignore[arg-type]


def hourly(values: Sequence[float], start: int = DAY) -> Series:
    return Series.from_slots(
        [(start + i * HOUR, start + (i + 1) * HOUR, value) for i, value in enumerate(values)],
        name="hourly",
    )


class TestMean:
    def test_constant_power_over_two_hours_of_three(self):
        series = hourly([100, 200, 400])
        times = [(DAY + HOUR // 2) * NS, (DAY + 2 * HOUR) * NS]
        mean = series.mean(times, [0, 5400])
        assert mean.g_per_kwh == pytest.approx((100 * 0.5 + 200) / 1.5, rel=1e-12)
        assert (mean.rung, mean.place, mean.name, mean.note) == ("series", "series", "hourly", "")

    def test_a_day_of_sinusoidal_load_against_the_closed_form(self):
        """E is exact at its anchors, as it is where the slot borders are events."""
        omega = 2 * math.pi / (5 * HOUR)

        def energy(t: float) -> float:
            return 150 * t + 90 / omega * (1 - math.cos(omega * t))

        values = [30 + 17 * (hour % 7) for hour in range(25)]
        start = 1234.567
        instants = sorted({start, *range(HOUR, 24 * HOUR, HOUR), 24 * HOUR - 77.25})
        times = [DAY * NS + round(t * NS) for t in instants]
        mean = hourly(values).mean(times, [energy(t) for t in instants])
        edges = [start, *range(HOUR, 24 * HOUR, HOUR), 24 * HOUR - 77.25]
        truth = math.fsum(
            values[i] * (energy(b) - energy(a))
            for i, (a, b) in enumerate(itertools.pairwise(edges))
        )
        total = energy(edges[-1]) - energy(edges[0])
        assert mean.g_per_kwh * total == pytest.approx(truth, rel=1e-9)
        assert dict(mean.uncertainty_parts) == {"reporting": 0.05}

    def test_a_day_of_trace_takes_no_20_ms(self):
        """Two searches a slot: what it costs hardly depends on the length of the trace."""

        class Counted(list):
            asked = 0

            def __getitem__(self, i):
                Counted.asked += 1
                return super().__getitem__(i)

        times = Counted(DAY * NS + i * 1_318_359_375 for i in range(65_536))  # 24 h
        energy = [0.13 * i for i in range(65_536)]
        mean = hourly(range(1, 25)).mean(times, energy)
        assert mean.g_per_kwh == pytest.approx(12.5, rel=1e-4)
        assert Counted.asked < 24 * 2 * 25
        best = min(_timed(lambda: hourly(range(1, 25)).mean(times, energy)) for _ in range(5))
        print(f"a day of trace: {1e3 * best:.3f} ms")

    def test_one_trace_against_another_reading_of_it(self):
        """A border between two anchors: linear in between, and the doubt is stated."""
        series = hourly([100, 300])
        times = [(DAY + 3000) * NS, (DAY + 4200) * NS]
        mean = series.mean(times, [0, 1200])
        assert mean.g_per_kwh == pytest.approx(200)
        parts = dict(mean.uncertainty_parts)
        assert parts["power between borders"] == pytest.approx(200 * 1200 / 12**0.5 / (200 * 1200))
        exact = series.mean([times[0], (DAY + HOUR) * NS, times[1]], [0, 900, 1200])
        assert exact.g_per_kwh == pytest.approx((900 * 100 + 300 * 300) / 1200)
        assert "power between borders" not in dict(exact.uncertainty_parts)

    def test_only_the_uncovered_share_falls_to_the_next_rung(self):
        series = hourly([500])
        times = [(DAY - HOUR) * NS, DAY * NS, (DAY + HOUR) * NS]
        mean = series.mean(times, [0, 1000, 4000], fallback=NORWAY)
        assert mean.g_per_kwh == pytest.approx((1000 * NORWAY.g_per_kwh + 3000 * 500) / 4000)
        assert mean.note == (
            "75 % of the energy met 500 g/kWh of the series; no slot covers the rest: "
            "30.75 g/kWh of Norway (country) stands in"
        )
        assert mean.scope == "mixed"
        share = 3000 * 500 / (3000 * 500 + 1000 * NORWAY.g_per_kwh)
        parts = dict(mean.uncertainty_parts)
        assert parts["country"] == pytest.approx((1 - share) * NORWAY.uncertainty_rel)
        assert parts["reporting"] == pytest.approx(share * 0.05)

    def test_a_gap_inside(self):
        series = Series.from_slots(
            [(DAY, DAY + 10, 100), (DAY + 30, DAY + 40, 200)],
            scope="lifecycle", basis="production", method="average", accounting="location",
        )  # fmt: skip
        times = [(DAY + t) * NS for t in (5, 10, 30, 35)]
        mean = series.mean(times, [0, 1, 3, 4], fallback=NORWAY)
        assert mean.g_per_kwh == pytest.approx((100 + 2 * NORWAY.g_per_kwh + 200) / 4)
        assert mean.kind == NORWAY.kind

    def test_a_run_outside_the_series_stands_on_the_next_rung(self, monkeypatch):
        monkeypatch.setenv("MICROJOULE_COUNTRY", "NO")
        mean = hourly([500]).mean([(DAY - 10) * NS, (DAY - 5) * NS], [0, 1])
        assert mean.g_per_kwh == NORWAY.g_per_kwh
        assert mean.note.startswith("the series does not cover this time: 30.75 g/kWh of Norway")

    def test_no_energy_and_no_time(self):
        series = hourly([100, 300])
        times = [(DAY + 1800) * NS, (DAY + 5400) * NS]
        assert series.mean(times, [7, 7]).g_per_kwh == pytest.approx(200)  # by time
        assert series.mean([times[1]] * 2, [0, 0]).g_per_kwh == 300
        outside = series.mean([0, 0], [0, 0], fallback=NORWAY)
        assert outside.g_per_kwh == NORWAY.g_per_kwh

    def test_a_course_is_two_lists_of_one_length(self):
        with pytest.raises(ValueError, match="a course has two instants or more"):
            hourly([1]).mean([DAY * NS], [0])
        with pytest.raises(ValueError, match="a course has two instants or more"):
            hourly([1]).mean([DAY * NS, DAY * NS + 1], [0])

    @settings(max_examples=100, deadline=None)
    @given(
        cuts=st.lists(st.integers(1, 10_000), min_size=1, max_size=12, unique=True),
        anchors=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 500)), max_size=12),
        values=st.lists(st.integers(0, 1000), min_size=13, max_size=13),
    )
    def test_against_the_sum_over_every_second(self, cuts, anchors, values):
        edges = [0, *sorted(cuts)]
        series = Series.from_slots(
            [(a, b, values[i]) for i, (a, b) in enumerate(itertools.pairwise(edges))]
        )
        steps = dict(anchors) | {0: 0, 10_000: 100}
        instants = sorted(steps)
        energy, course = 0.0, []
        for t in instants:
            energy += steps[t] if t else 0
            course.append(energy)
        mean = series.mean([t * NS for t in instants], course, fallback=NORWAY)
        grams = 0.0
        marks = sorted({*instants, *edges})
        for a, b in itertools.pairwise(marks):
            i = max(k for k, t in enumerate(instants) if t <= a)
            power = (course[i + 1] - course[i]) / (instants[i + 1] - instants[i])
            inside = [
                v for v, lo, hi in zip(values, edges, edges[1:], strict=False) if lo <= a < hi
            ]
            grams += power * (b - a) * (inside[0] if inside else NORWAY.g_per_kwh)
        assert mean.g_per_kwh * energy == pytest.approx(grams, rel=1e-9, abs=1e-9)


class TestCallable:
    def test_it_is_asked_for_the_start_of_each_slot_once(self):
        asked = []

        def grid(t):
            asked.append(t)
            return 100.0 if t < DAY + 300 else 200.0

        series = Series.from_callable(grid, step_s=300)
        times = [(DAY + 150) * NS, (DAY + 450) * NS]
        assert series.mean(times, [0, 1]).g_per_kwh == pytest.approx(150)
        assert series.mean(times, [0, 1]).name == "grid"
        assert asked == [DAY, DAY + 300]
        assert series.borders_ns(DAY * NS + 1, 2) == [(DAY + 300) * NS, (DAY + 600) * NS]

    @pytest.mark.parametrize(
        ("answer", "why"),
        [(None, ""), (-5.0, "is below 0"), ("x", "'x' is no number"), (math.nan, "nan is below 0")],
    )
    def test_no_answer_and_a_bad_one_are_gaps(self, answer, why):
        series = Series.from_callable(lambda t: answer)
        mean = series.mean([DAY * NS, (DAY + 9) * NS], [0, 1], fallback=NORWAY)
        assert mean.g_per_kwh == NORWAY.g_per_kwh
        assert "does not cover this time" in mean.note
        assert why in mean.note

    def test_what_it_raises_is_a_gap_with_its_reason(self):
        def broken(t):
            raise RuntimeError("no network")

        mean = Series.from_callable(broken).mean([DAY * NS, (DAY + 9) * NS], [0, 1], NORWAY)
        assert re.search(r"does not cover this time \(RuntimeError: no network\)", mean.note)


def _timed(work) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def test_the_epoch_is_kept_to_the_nanosecond(tmp_path):
    moment = datetime(2026, 3, 2, 0, 0, 0, 123456, tzinfo=UTC)
    text = f"{moment.isoformat()},{(moment + timedelta(seconds=1)).isoformat()},5\n"
    series = Series.from_csv(written(tmp_path, text))
    begin, end, _ = series._slots.within(DAY * NS, (DAY + 10) * NS)[0]
    assert (begin, end) == (DAY * NS + 123_456_000, DAY * NS + 1_123_456_000)
