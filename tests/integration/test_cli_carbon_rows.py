"""What the founding talk asks of carbon, row by row: what is typed, and what is printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

UJ = [sys.executable, "-m", "microjoule"]


def uj(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "MICROJOULE_COUNTRY": "NO", **environ}
    return subprocess.run(
        [*UJ, *arguments], env=env, check=False, capture_output=True, text=True, timeout=60
    )


def printed(*arguments: str, **environ: str) -> str:
    done = uj(*arguments, **environ)
    assert done.returncode == 0, done.stderr
    return " ".join((done.stdout or done.stderr).split())


def document(*arguments: str, **environ: str) -> dict[str, Any]:
    done = uj(*arguments, **environ)
    assert done.returncode == 0, done.stderr
    fields: dict[str, Any] = json.loads(done.stdout or done.stderr)
    assert fields["schema"] == 1
    return fields


def refused(*arguments: str) -> str:
    done = uj(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


# -- row 1: a comparison never without its source --------------------------------------------------


def test_row_1_equivalents_name_their_source_and_year() -> None:
    out = printed("run", "--equivalents", "--", sys.executable, "-c", "pass")
    found = re.search(
        r"gCO2e ≈ [\d.e-]+ .?m by passenger car, EU \(175 g/km, Reference values v3, Green "
        r"Algorithms, undated\)",
        out,
    )
    assert found, out
    assert out.count("≈") == 2  # at most two
    # 0.31 g are 1.77 m by car
    out = printed("estimate", "co2", "--kwh", "0.00031", "--intensity", "1000", "--equivalents")
    assert "310.0 mgCO2e ≈ 1.771 m by passenger car, EU (175 g/km" in out


def test_row_1_other_comparisons_by_name() -> None:
    out = printed("run", "--equivalents=led_hour,train_km", "--", "true")
    assert "hour of a 9 W LED lamp (9 Wh, A 9 W lamp burning for an hour: a definition" in out
    assert "by train (41 g/km" in out
    like = document("run", "--json", "--equivalents", "--", "true")["equivalents"]
    assert (like[0]["key"], like[0]["year"]) == ("car_km_eu", "undated")
    assert "nothing to compare with is called 'elephants'" in refused(
        "run", "--equivalents=elephants", "--", "true"
    )


# -- row 19: how much of it is high-carbon ---------------------------------------------------------


def test_row_19_the_mix_of_a_country() -> None:
    out = printed("intensity", "--mix", "NO")
    assert "hydro 88.5 %" in out
    assert "high-carbon 1.46 % (coal, oil and gas, 2023)" in out
    assert "Our World in Data" in out
    assert "CC BY 4.0" in out
    mix = document("intensity", "--mix", "PL", "--json")["mix"]
    assert sum(mix["shares"].values()) == pytest.approx(1)
    assert mix["high_carbon"] == pytest.approx(
        sum(mix["shares"][s] for s in ("coal", "oil", "gas"))
    )


def test_row_19_unknown_where_absent() -> None:
    assert "high-carbon unknown: the table has countries only" in printed(
        "intensity", "--mix", "US-CA"
    )
    assert document("intensity", "--mix", "US-CA", "--json")["mix"]["high_carbon"] == "unknown"


# -- row 32: joules and kilowatt-hours -------------------------------------------------------------


def test_row_32_joules_and_kwh() -> None:
    out = printed("run", "--", "true")
    assert re.search(r"energy [\d.]+ .?J ± [\d.]+ .?J \(k=1\), [\d.]+e-\d\d kWh", out), out
    measured = document("run", "--json", "--", "true")["measurement"]
    assert measured["energy_kwh"] == measured["energy_j"] / 3.6e6


# -- row 33: grams with the factor's year, licence, location or market -----------------------------


def test_row_33_the_grams_say_what_they_stand_on() -> None:
    out = printed("run", "--", "true")
    assert (
        "30.7 g/kWh, Norway 2024 (owid_ember_ct, CC BY 4.0; lifecycle, production, average, "
        "location)" in out
    )
    fields = document("run", "--json", "--", "true")
    where = fields["footprint"]["intensity"]
    keys = ("source", "year", "licence", "accounting", "edition", "rung", "uncertainty_rel")
    assert all(where[key] for key in keys)
    assert fields["measurement"]["co2e_g"] == pytest.approx(fields["footprint"]["co2e_g"])


# -- row 34: intensity as a ratio ------------------------------------------------------------------


def test_row_34_the_figure_its_source_year_and_spread() -> None:
    out = printed("intensity", "NO")
    assert out.startswith("Norway (NO), 2024 intensity 30.7 g/kWh, 22 to 43 (k=1)")
    assert "kind lifecycle, production, average, location" in out
    assert "(owid_ember_ct), CC BY 4.0" in out
    assert "tables edition 20" in out
    assert "30.7460 g/kWh" in printed("intensity", "Norway", "--precision", "6")
    found = document("intensity", "NO", "--json")
    assert found["intensity"]["g_per_kwh"] == 30.746
    low, high = found["interval_g_per_kwh"]
    assert low < 30.746 < high
    assert found["high_carbon"] == pytest.approx(0.01458, abs=1e-4)


@pytest.mark.parametrize("what", ["token", "request", "item"])
def test_row_34_per_token_request_or_item(what: str) -> None:
    out = printed("intensity", "NO", "--per", what, "--joules", "3.6")
    assert f"per {what} 30.7 µgCO2e, 22 µg to 43 µg (k=1), at 3.6 J each" in out
    found = document("intensity", "NO", "--per", what, "--joules", "3.6", "--json")
    assert found[f"g_per_{what}"] == pytest.approx(30.746e-6)


def test_row_34_cloud_regions_lists_and_bad_input() -> None:
    assert "aws:eu-north-1 (Stockholm) publishes no figure: that of SE stands in" in printed(
        "intensity", "aws:eu-north-1"
    )
    assert "SE country Sweden" in printed("intensity", "--list", "swed")
    everything = document("intensity", "--list", "--json")["places"]
    assert len(everything) > 400
    assert "nearest: Norway (NO)" in refused("intensity", "Norwya")
    assert "--per token needs the energy of one token" in refused(
        "intensity", "NO", "--per", "token"
    )
    negative = refused("intensity", "NO", "--per", "token", "--joules=-1")
    assert "--joules is -1: pass the joules of one token, 0 or more" in negative
    assert "say of what" in refused("intensity", "NO", "--joules", "1")
    assert "no place has 'xyzzy'" in refused("intensity", "--list", "xyzzy")
    assert "there is 'lifecycle, production" in refused("intensity", "NO", "--scope", "direct")
    assert "a guess" in printed("intensity", MICROJOULE_COUNTRY="", TZ="UTC")


# -- row 37: it depends on the source --------------------------------------------------------------


def test_row_37_the_same_run_at_three_intensities() -> None:
    done = uj("run", "--what-if", "NO,PL,US", "--", sys.executable, "-c", "pass")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    at = next(i for i, line in enumerate(lines) if line.split()[:2] == ["what", "if"])
    assert lines[at].split() == ["what", "if", "g/kWh", "year", "carbon", "(k=1)", "kind"]
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == ["Norway", "Poland", "United"]
    assert all("lifecycle, production, average, location" in x for x in lines[at + 1 : at + 4])
    assert len(lines) == at + 4  # one kind: nothing to warn of
    out = " ".join(done.stderr.split())
    assert re.search(r"carbon [\d.]+ .?gCO2e, [\d.]+ .?g to [\d.]+ .?g \(k=1\)", out)
    assert re.search(r"quality (measured|mixed|estimated)", out)


def test_row_37_kinds_that_differ_are_said_and_one_figure_recomputes_all() -> None:
    out = printed("run", "--what-if", "US-CA,DE", "--", "true")
    assert "direct, production, average, location" in out
    assert "not to be added or ranked" in out
    assert "(--intensity G)" in out
    out = printed("run", "--what-if", "330", "--", "true", MICROJOULE_COUNTRY="", TZ="UTC")
    assert re.search(r"World \(a guess\) 473 2024 .* lifecycle", out), out
    assert re.search(r"given 330 - .* not said Figures of different kinds", out), out
    found = document("run", "--json", "--what-if", "NO,PL,330", "--", "true")
    energy_kwh = found["footprint"]["facility_energy_j"] / 3.6e6
    grams = [row["co2e_g"] / energy_kwh for row in found["what_if"]]
    assert grams == pytest.approx([614.982, 330], rel=1e-3)  # Norway is the run itself


def test_row_37_an_unknown_place_is_said_before_anything_starts(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert "nearest: Poland (PL)" in refused("run", "--what-if", "NO,PLX", "--", "touch", str(mark))
    assert "unknown place" in refused("run", "--country", "Atlantis", "--", "touch", str(mark))
    assert "names no place" in refused("run", "--what-if", ",", "--", "touch", str(mark))
    assert not mark.exists()


# -- row 38: the table of large models -------------------------------------------------------------


def test_row_38_gopher_and_bloom() -> None:
    out = printed("estimate", "co2", "--mwh", "1066", "--intensity", "330", "--pue", "1.08")
    assert "without PUE 351.8 tCO2e carbon 379.9 tCO2e" in out
    assert "estimated: the energy was given" in out
    bloom = ("--mwh", "433.196", "--intensity", "57", "--pue", "1.2", "--precision", "3")
    out = printed("estimate", "co2", *bloom)
    assert "without PUE 24.7 tCO2e carbon 29.6 tCO2e" in out
    found = document("estimate", "co2", *bloom, "--json")
    assert found["footprint"]["co2e_g"] == pytest.approx(433.196e3 * 57 * 1.2)
    assert found["co2e_without_pue_g"] == pytest.approx(433.196e3 * 57)


def test_row_38_which_rows_close_and_why_others_do_not() -> None:
    out = printed("estimate", "co2", "--reported")
    assert re.search(r"Gopher 1066 330 1.08 352 t 351.8 t 379.9 t yes", out)
    assert re.search(r"BLOOM-176B 433.196 57 1.2 24.7 t 24.7 t 29.6 t yes", out)
    assert "GPT-3: the energy already has the PUE in it" in out
    assert "OPT-175B: energy times intensity is 74.84 t, the table says 70 t" in out
    assert len(document("estimate", "co2", "--reported", "--json")["models"]) == 20


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kwh", "-1", "--intensity", "1"], "--kwh is -1: pass an energy of 0 kWh or more"),
        (["--kwh", "1", "--pue", "0.9"], "pue is 0.9: pass a PUE of 1 or more"),
        (["--kwh", "1", "--pue", "acme"], "pue is 'acme'"),
        (["--kwh", "1", "--intensity", "-3"], "-3"),
        (["--kwh", "1", "--wue", "-1"], "wue_site is -1"),
        (["--kwh", "1", "--losses", "0.7"], "losses is 0.7"),
        (["--kwh", "1", "--intensity", "NO"], "neither a number of g/kWh nor a CSV file"),
        (["--kwh", "1", "--kwh", "x"], "invalid float value"),
        (["--intensity", "3"], "one of the arguments --mwh --kwh --joules --reported is required"),
    ],
)
def test_bad_input_of_estimates_is_one_sentence(arguments: list[str], sentence: str) -> None:
    assert sentence in refused("estimate", "co2", *arguments)


def test_ways_of_estimating() -> None:
    assert "unknown way 'co3'" in refused("estimate", "co3")
    assert "uj estimate co2" in printed("estimate", "--help")


# -- beside the rows: factors, water, price, series ------------------------------------------------


def test_every_factor_is_a_line_of_its_own() -> None:
    out = printed(
        "estimate", "co2", "--kwh", "10", "--country", "US", "--pue", "aws", "--wue", "aws",
        "--wue-source", "3.14", "--losses", "0.06", "--price", "0.31", "--currency", "USD",
        "--host-factor", "1.1", "--at-wall",
    )  # fmt: skip
    assert "PUE 1.14, AWS 2025" in out
    assert "losses 6 % of the electricity, on its way" in out
    assert re.search(r"water 40\.70 l ± 28 l \(k=1\): on site 1\.320 l, at source 39\.38 l", out)
    assert "cost 3.887 USD at 0.3100 USD/kWh" in out
    assert "the host factor 1.1 counts them twice" in out


def test_what_was_made_is_a_line_of_its_own() -> None:
    made = ("--embodied", "server-bloom,8*gpu-bloom", "--share", "1/8", "--json")
    found = document("run", *made, "--", "sleep", "0.1")
    duration_s = found["measurement"]["duration_s"]
    lived_s = 6 * 365 * 86_400  # the table's lifetime of these
    f = found["footprint"]
    assert f["embodied_g"] == pytest.approx((2500 + 8 * 150) * 1e3 / 8 * duration_s / lived_s)
    assert f["embodied_uncertainty_g"] == pytest.approx(f["embodied_g"])  # proxies: 100 %
    assert f["total_g"] == pytest.approx(f["operational_g"] + f["embodied_g"])
    assert [e["share"] for e in f["embodied"]] == [0.125, 0.125]
    assert f["embodied"][0]["time_share"] == pytest.approx(duration_s / lived_s)
    out = printed("run", *made[:-1], "--", "true")
    assert re.search(r"embodied [\d.]+ .?gCO2e ± [\d.]+ .?g \(k=1\) of 2500 kg, HPE Apollo", out), (
        out
    )
    assert "of 1200 kg, 8 x A100 (BLOOM proxy) (bloom): share of time" in out
    assert "lifetime of 6 years, share of resources 0.125" in out
    # kg of one's own, and the lifetime that is taken where nobody says one
    out = printed("run", "--embodied", "1200", "--", "true")
    assert re.search(r"of 1200 kg, given: share of time [\d.e-]+ of a lifetime of 4 years", out), (
        out
    )
    own = document("run", "--embodied=1200", "--lifetime=8", "--json", "--", "true")["footprint"]
    assert own["embodied"][0]["lifetime_years"] == 8
    assert document("run", "--json", "--", "true")["footprint"]["embodied_g"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--embodied", "toaster"], "no embodied carbon of 'toaster' in the table: pass kg, or"),
        (["--embodied=-5"], "embodied carbon is -5.0: pass kg of CO2e, 0 or more"),
        (["--embodied=,"], "--embodied names nothing"),
        (["--embodied", "x*gpu-ccf"], "--embodied: 'x' is no number"),
        (["--embodied", "0*gpu-ccf"], "count is 0: pass how many of it"),
        (["--embodied", "5", "--lifetime", "0"], "lifetime_years is 0"),
        (["--embodied", "5", "--share", "1/0"], "--share: '1/0' is no number, such as 0.125 or"),
        (["--embodied", "5", "--share", "2"], "share is 2.0: pass a share above 0, at most 1"),
        (["--share", "0.5"], "--lifetime and --share are of what was made: say what"),
    ],
)
def test_what_was_made_is_checked_before_anything_starts(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    said = " ".join(refused("run", *arguments, "--", "touch", str(mark)).split())
    assert sentence in said
    assert not mark.exists()


def hours(path: Path, first: datetime, values: list[float], name: str = "g_per_kwh") -> str:
    rows = [f"{(first + timedelta(hours=i)).isoformat()},{v}" for i, v in enumerate(values)]
    path.write_text(f"start,{name}\n" + "\n".join(rows) + "\n")
    return str(path)


def test_a_run_with_a_series(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    series = hours(tmp_path / "grid.csv", now - timedelta(hours=1), [111, 111, 111, 111])
    found = document("run", "--json", "--intensity", series, "--", "true")
    where = found["footprint"]["intensity"]
    assert (where["g_per_kwh"], where["rung"], where["name"]) == (
        pytest.approx(111),
        "series",
        series,
    )
    prices = hours(tmp_path / "prices.csv", now - timedelta(hours=1), [2, 2, 2, 2], "price")
    bill = document("run", "--json", "--price", prices, "--currency", "NOK", "--", "true")["cost"]
    assert (bill["per_kwh"], bill["currency"]) == (pytest.approx(2), "NOK")


def test_a_run_over_the_border_of_two_slots(tmp_path: Path) -> None:
    """Slots of a tenth of a second, 0 and 1000 g/kWh in turn: near their mean, and no doubt."""
    begin = time.time()
    rows = []
    for i in range(600):
        a, b = (datetime.fromtimestamp(begin + 0.1 * k, UTC).isoformat() for k in (i, i + 1))
        rows.append(f"{a},{b},{1000 * (i % 2)}")
    path = tmp_path / "fast.csv"
    path.write_text("start,end,g_per_kwh\n" + "\n".join(rows) + "\n")
    found = document("run", "--json", "--intensity", str(path), "--", "sleep", "1")
    where = found["footprint"]["intensity"]
    assert 300 < where["g_per_kwh"] < 700
    assert set(where["uncertainty_parts"]) == {"reporting"}


def test_a_series_that_does_not_cover_the_run_leaves_it_to_the_place(tmp_path: Path) -> None:
    old = hours(tmp_path / "old.csv", datetime(2020, 1, 1, tzinfo=UTC), [500, 500])
    out = printed("run", "--intensity", old, "--country", "PL", "--", "true")
    assert "the series does not cover this time: 615 g/kWh of Poland (country) stands in" in out


def test_the_joules_stay_where_the_settings_break_while_a_command_runs(tmp_path: Path) -> None:
    file = tmp_path / "microjoule" / "config.toml"
    file.parent.mkdir()
    script = f"echo nonsense > {file}; exit 7"
    done = uj(
        "run", "--", "sh", "-c", script, XDG_CONFIG_HOME=str(tmp_path), MICROJOULE_OFFLINE="0"
    )
    assert done.returncode == 7
    assert re.search(r"energy [\d.]+ .?J ± [\d.]+ .?J", done.stderr)
    assert "the carbon of it could not be told: " in done.stderr
    assert "Traceback" not in done.stderr
    # Without the network everything was looked up before.
    old = hours(tmp_path / "old.csv", datetime(2020, 1, 1, tzinfo=UTC), [500, 500])
    file.unlink()
    out = uj("run", "--intensity", old, "--", "sh", "-c", script, XDG_CONFIG_HOME=str(tmp_path))
    assert "30.75 g/kWh of Norway (country) stands in" in " ".join(out.stderr.split())


def test_an_unknown_place_of_the_settings_is_said_before_a_run_with_a_series(
    tmp_path: Path,
) -> None:
    old = hours(tmp_path / "old.csv", datetime(2020, 1, 1, tzinfo=UTC), [500, 500])
    mark = tmp_path / "mark"
    done = uj("run", "--intensity", old, "--", "touch", str(mark), MICROJOULE_COUNTRY="Atlantis")
    assert (done.returncode, "MICROJOULE_COUNTRY: unknown place" in done.stderr) == (2, True)
    assert not mark.exists()


def test_a_bad_series_is_said_before_anything_starts(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    bad = tmp_path / "bad.csv"
    bad.write_text("start,g_per_kwh\n2026-01-01T00:00Z,5\n2026-01-01T00:00Z,6\n")
    said = refused("run", "--intensity", str(bad), "--", "touch", str(mark))
    assert "line 3: starts at the same instant as line 2" in " ".join(said.split())
    assert "cannot read" in refused("run", "--intensity", "gone.csv", "--", "touch", str(mark))
    assert "cannot read" in refused("run", "--price", "gone.csv", "--", "touch", str(mark))
    assert not mark.exists()
