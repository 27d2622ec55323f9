"""Builds the shipped tables from a folder of fact tables, and shows what that changes.

    python tools/build_tables.py                    write the tables, print the difference
    python tools/build_tables.py --check            print the difference only; exit 1 if any
    python tools/build_tables.py SRC_DIR            the same from another folder of facts

The facts are in tools/facts, whose README.md says what is in them and has the line ``Compiled
YYYY-MM-DD`` (or pass --edition).

Only sources that may be redistributed go into the package: `OPEN` lists them, with the reason in
NOTICE. The tables in `BY_HAND` are kept by hand and not touched here.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))

from microjoule.hardware import normalise  # noqa: E402  (needs the path above)

CARBON = ROOT / "python" / "microjoule" / "carbon" / "data"
HARDWARE = ROOT / "python" / "microjoule" / "hardware_data"
ESTIMATE = ROOT / "python" / "microjoule" / "estimate" / "data"
FACTS = ROOT / "tools" / "facts"
BY_HAND = ("territories.csv", "aliases.csv", "region_aliases.csv")

Row = dict[str, str]
Tables = dict[Path, str]

# Open licences, and single facts that no licence covers. iea_2019 (not open) stays out, and so does
# what is only known through a table without an open licence (gsf_rtc, boavizta_db, ecologits).
OPEN = {
    "grid": {"owid_ember_ct", "owid_ember_cc", "ember_co2js", "egrid2023_cc"},
    "region": {"egrid2023_cc", "egrid2023_sub", "mee_2025_47_cc", "entsoe_cc", "ga_ci", "nga2024"},
    "zone": {"tzdata"},
    "cloud": {"gcp_region_carbon", "aws_regions", "azure_regions"},
    "mix": {"owid_mix_cc"},
    # In this order a row wins over another of the same name.
    "cpu": ("intel_ark_cc", "amd_spec_cc", "ga_tdp"),
    "cpu_compiled": ("cpu_power_cc",),
    "pue.csv": {
        "aws_sustain",
        "ms_efficiency",
        "google_dc",
        "meta_sustain",
        "equinix",
        "bloom",
        "ga_pue",
        "ccf_app",
        "impact_gpus",
        "codecarbon",
    },
    "wue.csv": {"aws_sustain", "ms_efficiency", "meta_sustain", "lbnl"},
    "embodied.csv": {
        "ccf_coef",
        "bloom",
        "r740_lca",
        "hf_co2",
        "chien2023",
        "nvidia_pcf",
        "ecodiag",
    },
    "equivalents.csv": {"ga_ref", "codecarbon_viz", "carbontracker_eq", "epa_eq", "led_9w"},
    "lifecycle_factors.csv": {"ipcc_ar5", "codecarbon_sources", "uk_ci_api"},
    "reported_models.csv": {
        "bloom_table",
        "bloom",
        "llama1",
        "llama2_card",
        "llama3_card",
        "llama31_card",
        "llama32_card",
        "llama4_card",
        "olmo_env",
    },
    "ga_cpus.csv": {"ga_tdp"},
    "ga_gpus.csv": {"ga_tdp"},
    "accelerators.csv": {"impact_gpus", "ga_tdp", "datasheet"},
    "peaks.csv": {"impact_gpus", "lockwood_h100", "itkb_h200"},
    "eras.csv": {"sevilla2022"},
    "training_compute.csv": {"epoch2024"},
}
# Tables that ship as they are: their rows need no conversion, only an open source.
AS_THEY_ARE = (
    "pue.csv",
    "wue.csv",
    "embodied.csv",
    "equivalents.csv",
    "lifecycle_factors.csv",
    "reported_models.csv",
)
FOR_ESTIMATES = (
    "ga_cpus.csv",
    "ga_gpus.csv",
    "accelerators.csv",
    "peaks.csv",
    "eras.csv",
    "training_compute.csv",
)
# Whether transmission and distribution losses are in a source's figures; what is not listed is
# unknown. Green Algorithms says so of its two rows for Hong Kong only.
LOSSES = {
    "owid_ember_ct": "no",
    "owid_ember_cc": "no",
    "ember_co2js": "no",
    "egrid2023_cc": "no",
    "egrid2023_sub": "no",
    "entsoe_cc": "no",
    "nga2024": "no",
}
UNCLEAR = "MIT (compiled file); upstream rights unclear"

# Sources of ours, for rows and constants that no table of facts holds.
OWN_SOURCES: list[list[str]] = [
    [
        "iso3166",
        "Country codes and common English names",
        "ISO 3166-1; names typed in",
        "2026",
        "facts",
    ],
    [
        "cores_median",
        "Median watts per core of the shipped TDP table",
        "microjoule",
        "2026",
        "Apache-2.0",
    ],
    ["led_9w", "A 9 W lamp burning for an hour: a definition", "microjoule", "2026", "Apache-2.0"],
    [
        "dram_375",
        "3 W for 8 GB of memory, the older model of CodeCarbon",
        "mlco2/codecarbon",
        "2026",
        "MIT",
    ],
]

# tzdata's backward links follow merged zones, and a few land in another country.
ZONE_FIXES = {
    "Iceland": "IS",
    "Africa/Timbuktu": "ML",
    "Africa/Asmera": "ER",
    "America/Coral_Harbour": "CA",
    "America/Virgin": "VI",
    "Atlantic/Jan_Mayen": "SJ",
    "Pacific/Ponape": "FM",
    "Pacific/Truk": "FM",
    "Pacific/Yap": "FM",
    "Pacific/Johnston": "UM",
}
# Abbreviations of an offset: links to one city out of many countries. They tell nothing.
ZONES_WITHOUT_PLACE = {"CET", "MET", "EET", "WET", "EST", "MST", "HST"}

SPELLING = {"Rasberry Pi 4": "Raspberry Pi 4"}


def read(source: Path) -> list[Row]:
    """Read a table of facts. Namibia's code is NA: an empty cell is the only missing value."""
    with source.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def render(header: str, rows: list[list[str]]) -> str:
    """Write rows as CSV text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return out.getvalue()


def countries(facts: list[Row], regions: list[Row]) -> str:
    """All usable years of each country; the preferred row of a country stands first."""
    rows = []
    for fact in facts:
        usable = fact["source"] in OPEN["grid"] and float(fact["g_per_kwh"]) > 0
        if not usable:
            continue
        rows.append(
            [
                fact["iso2"] or "WORLD",
                fact["iso3"],
                fact["name"],
                fact["year"],
                fact["g_per_kwh"],
                fact["scope"],
                fact["basis"],
                fact["preferred"],
                LOSSES.get(fact["source"], ""),
                fact["source"],
            ]
        )
    for fact in regions:  # EPA's own national mean, direct, beside Ember's life-cycle one
        if fact["region"] == "US" and fact["source"] in OPEN["grid"]:
            us = ["US", "USA", "United States", fact["year"], fact["g_per_kwh"]]
            losses = LOSSES.get(fact["source"], "")
            rows.append([*us, fact["scope"], fact["basis"], "0", losses, fact["source"]])
    rows.sort(key=lambda row: (row[0], row[7] != "1", -int(row[3]), row[9]))
    header = "iso2,iso3,name,year,g_per_kwh,scope,basis,preferred,losses,source"
    return render(header, rows)


def regions(facts: list[Row]) -> str:
    """States, provinces, bidding zones and grids; what the scope column cannot say is a note."""
    rows = []
    for fact in facts:
        if fact["source"] not in OPEN["region"] or fact["region"] == fact["iso2"]:
            continue
        scope, note, losses = fact["scope"], "", LOSSES.get(fact["source"], "")
        if scope == "direct CO2 only":
            scope, note = "direct", "CO2 only, without CH4 and N2O"
        elif scope == "direct (scope 2)":
            scope, note = "direct", ""
        elif scope == "generation and T&D":
            scope, losses = "unknown", "yes"
            note = "includes transmission and distribution losses"
        if fact["source"] == "entsoe_cc":
            note = "derived from the zone's generation mix; a lower bound"
        if fact["source"] == "nga2024":
            note = "read second-hand"
        rows.append(
            [
                fact["region"],
                fact["iso2"],
                fact["name"],
                fact["year"],
                fact["g_per_kwh"],
                scope,
                fact["basis"],
                losses,
                fact["source"],
                note,
            ]
        )
    rows.sort(key=lambda row: row[0])
    return render("region,iso2,name,year,g_per_kwh,scope,basis,losses,source,note", rows)


def cloud(google: list[Row], places: list[Row]) -> str:
    """Google's own figures, newest year first; of the others the grid that a region hangs on."""
    rows = [
        [
            f"gcp:{fact['region']}",
            fact["iso2"],
            fact["city"],
            "",
            fact["year"],
            fact["g_per_kwh"],
            "direct",
            "unknown",
            fact["cfe_fraction"],
            "",
            fact["source"],
        ]
        for fact in google
        if fact["source"] in OPEN["cloud"]
    ]
    for fact in places:
        if fact["source"] in OPEN["cloud"]:
            key = f"{fact['provider']}:{fact['region']}"
            cells = [key, fact["iso2"], fact["city"], fact["place"], "undated"]
            rows.append([*cells, "", "", "", "", "", fact["source"]])
    rows.sort(key=lambda row: (row[0], row[4] == "undated", -int(row[4].replace("undated", "0"))))
    header = "region,iso2,city,place,year,g_per_kwh,scope,basis,cfe_fraction,losses,source"
    return render(header, rows)


def mixes(facts: list[Row]) -> str:
    """TWh by source of a country and year."""
    rows = [list(fact.values()) for fact in facts if fact["source"] in OPEN["mix"]]
    return render(",".join(facts[0]), sorted(rows))


def as_it_is(name: str, facts: list[Row]) -> str:
    """A table whose rows need no conversion, less those whose source is not open."""
    rows = [list(fact.values()) for fact in facts if fact["source"] in OPEN[name]]
    return render(",".join(facts[0]), rows)


def timezones(facts: list[Row]) -> str:
    """One country a zone."""
    rows = [
        [fact["tz"], ZONE_FIXES.get(fact["tz"], fact["iso2"]), fact["source"]]
        for fact in facts
        if fact["source"] in OPEN["zone"] and fact["tz"] not in ZONES_WITHOUT_PLACE
    ]
    return render("tz,iso2,source", sorted(rows))


def cpus(facts: list[Row], sources: list[Row]) -> tuple[str, str]:
    """Two tables: what vendors and Green Algorithms say, and what was compiled by others.

    The key is the normalised name. Where rows of one rank share a key and differ, the part is
    ambiguous: the larger TDP stays, since a model that reads high is the safer error.
    """
    licences = {source["key"]: source["licence"] for source in sources}
    licences["cpu_power_cc"] = UNCLEAR
    ranks = (*OPEN["cpu"], *OPEN["cpu_compiled"])
    best: dict[str, tuple[int, float, list[str]]] = {}
    for fact in facts:
        if fact["source"] not in ranks:
            continue
        model = re.sub(r"\s+", " ", fact["model"].replace("\u200b", "")).strip()
        model = SPELLING.get(model, model)
        key = normalise(model)
        # Nobody says whose part a bare number ("6308") is, and "ARMv8" is every ARM there is.
        if "," in key or not any(c.isalpha() for c in key) or key.startswith("armv"):
            continue
        tdp_w = float(fact["tdp_w"])
        rank = ranks.index(fact["source"])
        old = best.get(key)
        if old is not None and (old[0], -old[1]) <= (rank, -tdp_w):
            continue
        row = [key, model.replace(",", ""), fact["cores"], fact["threads"], fact["tdp_w"]]
        best[key] = (rank, tdp_w, [*row, fact["source"], licences[fact["source"]]])
    header = "key,model,cores,threads,tdp_w,source,licence"
    rows = [row for _, _, row in best.values()]
    primary = sorted(row for row in rows if row[5] in OPEN["cpu"])
    compiled = sorted(row for row in rows if row[5] not in OPEN["cpu"])
    return render(header, primary), render(header, compiled)


def used(tables: list[str]) -> set[str]:
    """Source keys that some tables name."""
    return {row["source"] for table in tables for row in csv.DictReader(io.StringIO(table))}


def source_table(facts: list[Row], keys: set[str]) -> str:
    """Title, publisher, year and licence of the sources used."""
    rows = []
    for fact in facts:
        if fact["key"] in keys:
            licence = UNCLEAR if fact["key"] == "cpu_power_cc" else fact["licence"]
            rows.append([fact["key"], fact["title"], fact["publisher"], fact["year"], licence])
    rows += [own for own in OWN_SOURCES if own[0] in keys]
    missing = keys - {row[0] for row in rows}
    if missing:
        raise SystemExit(f"sources.csv lacks {', '.join(sorted(missing))}")
    return render("key,title,publisher,year,licence", sorted(rows))


def noted(table: str, facts: list[Row]) -> str:
    """The sources with what there is to say of a licence, for those who read the table."""
    notes = {fact["key"]: fact["licence_note"] for fact in facts}
    header, *rows = csv.reader(io.StringIO(table))
    columns = ",".join([*header, "licence_note"])
    return render(columns, [[*row, notes.get(row[0], "")] for row in rows])


def edition_of(folder: Path) -> str:
    """Date on which the facts were compiled, from their README."""
    readme = folder / "README.md"
    found = None
    if readme.exists():
        found = re.search(r"Compiled (\d{4}-\d\d-\d\d)", readme.read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit(f"{readme} does not say 'Compiled YYYY-MM-DD': pass --edition")
    return found.group(1)


def build(folder: Path, edition: str) -> Tables:
    """Return every shipped table as text, by path."""
    sources = read(folder / "sources.csv")
    region_facts = read(folder / "grid_intensity_region.csv")
    carbon = {
        CARBON / "countries.csv": countries(
            read(folder / "grid_intensity_country.csv"), region_facts
        ),
        CARBON / "regions.csv": regions(region_facts),
        CARBON / "timezones.csv": timezones(read(folder / "timezone_country.csv")),
        CARBON / "cloud_regions.csv": cloud(
            read(folder / "cloud_google.csv"), read(folder / "cloud_places.csv")
        ),
        CARBON / "mix.csv": mixes(read(folder / "generation_mix.csv")),
        **{CARBON / name: as_it_is(name, read(folder / name)) for name in AS_THEY_ARE},
    }
    estimate = {ESTIMATE / name: as_it_is(name, read(folder / name)) for name in FOR_ESTIMATES}
    by_hand = [(CARBON / name).read_text("utf-8") for name in BY_HAND]
    primary, compiled = cpus(read(folder / "cpu_tdp.csv"), sources)
    return {
        **carbon,
        CARBON / "sources.csv": noted(
            source_table(sources, used([*carbon.values(), *by_hand])), sources
        ),
        **estimate,
        ESTIMATE / "sources.csv": source_table(sources, used([*estimate.values()]) | {"ga_ref"}),
        CARBON / "edition.txt": edition + "\n",
        HARDWARE / "cpu_tdp.csv": primary,
        HARDWARE / "cpu_tdp_compiled.csv": compiled,
        HARDWARE / "sources.csv": source_table(
            sources, used([primary, compiled]) | {"cores_median", "dram_375"}
        ),
    }


def main() -> int:
    """Build, show, and unless asked only to check, write."""
    parser = argparse.ArgumentParser(description="Build the shipped tables from tables of facts.")
    parser.add_argument("folder", type=Path, metavar="SRC_DIR", nargs="?", default=FACTS)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if different")
    parser.add_argument("--edition", help="date of the facts, YYYY-MM-DD; default: their README")
    options = parser.parse_args()
    tables = build(options.folder, options.edition or edition_of(options.folder))
    different = False
    for path, new in tables.items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        name = str(path.relative_to(ROOT))
        lines = list(
            difflib.unified_diff(
                old.splitlines(), new.splitlines(), f"a/{name}", f"b/{name}", "", "", 0, ""
            )
        )
        added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
        removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
        print(f"{name}: {len(new.splitlines()) - 1} rows, +{added} -{removed}")
        different = different or old != new
        # A new table is not a difference anybody wants to read.
        for line in lines[:200] if old else []:
            print(line)
        if not options.check and old != new:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(new, encoding="utf-8")
    return 1 if options.check and different else 0


if __name__ == "__main__":
    raise SystemExit(main())
