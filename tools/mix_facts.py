"""Converts codecarbon's energy mix into tools/facts/generation_mix.csv.

    pip download --no-deps codecarbon
    python tools/mix_facts.py codecarbon-3.3.2-py3-none-any.whl

The wheel (MIT) carries figures of Our World in Data, from Ember and the Energy Institute
(CC BY 4.0): TWh by source, country and year. Only the figures are taken, in our own columns. Its
bioenergy is called biofuel; its "other renewable" without bioenergy is geothermal, waves, tides.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import zipfile
from pathlib import Path

FACTS = Path(__file__).resolve().parent / "facts"
MEMBER = "codecarbon/data/private_infra/global_energy_mix.json"
COLUMNS = {
    "coal": "coal_TWh",
    "oil": "oil_TWh",
    "gas": "gas_TWh",
    "nuclear": "nuclear_TWh",
    "hydro": "hydroelectricity_TWh",
    "wind": "wind_TWh",
    "solar": "solar_TWh",
    "bioenergy": "biofuel_TWh",
    "other": "other_renewable_exc_biofuel_TWh",
    "total": "total_TWh",
}


def convert(mix: dict[str, dict[str, object]], iso2: dict[str, str]) -> str:
    """Return the mix as CSV text; a place without an alpha-2 code stays out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["iso2", "iso3", "name", "year", *(f"{c}_twh" for c in COLUMNS), "source"])
    for iso3, row in sorted(mix.items()):
        if iso3 not in iso2:
            print(f"left out: {iso3} {row['country_name']}")
            continue
        # The total is a sum of floats in the original: 514.1099999999999.
        twh = [f"{float(str(row[name])):.6g}" for name in COLUMNS.values()]
        writer.writerow([iso2[iso3], iso3, row["country_name"], row["year"], *twh, "owid_mix_cc"])
    return out.getvalue()


def main() -> None:
    """Read the wheel, write the facts."""
    parser = argparse.ArgumentParser(description="Convert codecarbon's energy mix into facts.")
    parser.add_argument("wheel", type=Path)
    with zipfile.ZipFile(parser.parse_args().wheel) as wheel:
        mix = json.loads(wheel.read(MEMBER))
    with (FACTS / "grid_intensity_country.csv").open(encoding="utf-8", newline="") as file:
        iso2 = {row["iso3"]: row["iso2"] for row in csv.DictReader(file)}
    (FACTS / "generation_mix.csv").write_text(convert(mix, iso2), encoding="utf-8")


if __name__ == "__main__":
    main()
