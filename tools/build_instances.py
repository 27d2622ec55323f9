"""Builds the tables of cloud machines from Cloud Carbon Footprint's packages.

    python tools/build_instances.py           fetch the packages with npm, write the tables
    python tools/build_instances.py FOLDER    the same from packages unpacked in FOLDER
    python tools/build_instances.py --check   write nothing; exit 1 if a table would change

The packages `@cloud-carbon-footprint/aws` 0.15.0 and `/azure` 1.8.0 (Apache-2.0, see NOTICE) hold
the machines as object literals of a few numbers, which are read here without running them. There is
no such package for Google: its families are facts in `tools/facts/gcp_families.csv`. Where the
repository has gone on since a package, `tools/facts/ccf_newer.csv` says so. The regions' carbon
intensities come from the same packages.

What is repaired on the way is printed, row by row.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "tools" / "facts"
DATA = ROOT / "python" / "microjoule" / "estimate" / "ccf" / "data"
PACKAGES = {"aws": "0.15.0", "azure": "1.8.0"}
FILES = (
    "AWSInstanceTypes.js",
    "VirtualMachineTypes.js",
    "AwsFootprintEstimationConstants.js",
    "AzureFootprintEstimationConstants.js",
    "AzureRegions.js",
)
COLUMNS = (
    "name",
    "family",
    "vcpus",
    "memory_gb",
    "microarchitectures",
    "gpu",
    "gpus",
    "family_vcpus",
    "family_memory_gb",
    "embodied_kg",
    "baseline",
)
# What the literals name by a constant of the package `core` 1.0.0.
PROCESSORS = {
    "AWS_GRAVITON": "Graviton",
    "AWS_GRAVITON_2": "Graviton2",
    "AWS_GRAVITON_3": "Graviton3",
    "ICELAKE": "Ice Lake",
    "NVIDIA_A10G": "NVIDIA A10G",
    "NVIDIA_K520": "NVIDIA K520",
    "NVIDIA_T4": "NVIDIA T4",
    "NVIDIA_TESLA_A100": "NVIDIA Tesla A100",
    "NVIDIA_TESLA_K80": "NVIDIA Tesla K80",
    "NVIDIA_TESLA_M60": "NVIDIA Tesla M60",
    "NVIDIA_TESLA_P40": "NVIDIA Tesla P40",
    "NVIDIA_TESLA_P100": "NVIDIA Tesla P100",
    "NVIDIA_TESLA_V100": "NVIDIA Tesla V100",
    "AMD_RADEON_PRO_V520": "AMD Radeon Pro V520",
    "XILINX_ALVEO_U250": "Xilinx Alveo U250",
    "UNKNOWN": "",
    **{f"AMD_EPYC_{n}_GEN": f"EPYC {n.lower()} Gen" for n in ("1ST", "2ND", "3RD")},
}
GROUPS = {
    "cascadeLakeSkylake": "Cascade Lake+Skylake",
    "broadwellHaswell": "Haswell+Broadwell",
    "broadwellSkylake": "Broadwell+Skylake",
    "broadwelCascadeLake": "Broadwell+Cascade Lake",
    "cascadeLakeSkylakeBroadwellHaswell": "Cascade Lake+Skylake+Broadwell+Haswell",
    "cascadeLakeSkylakeBroadwell": "Cascade Lake+Skylake+Broadwell",
    "cascadeLakeHaswell": "Haswell+Cascade Lake",
}
BASE_KG, BASE_GB = 1000.0, 16.0
# 533 kg for 384 GB; Azure's and Google's tables were computed with the rounded 1.387.
DRAM_KG, DRAM_KG_ROUNDED = 533 / 384, 1.387

Row = dict[str, Any]


# -- the literals ------------------------------------------------------------------------------


def literal(source: str, name: str) -> Any:
    """The value of ``exports.NAME = {…};`` in a file of the packages."""
    text = source[source.index(f"exports.{name} = {{") :]
    pattern = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*|-?\d+(?:\.\d+)?|[{}\[\],:;]"""
    tokens = re.findall(pattern, text[text.index("{") :])
    value, _ = _parsed(tokens, 0)
    return value


def _parsed(tokens: list[str], at: int) -> tuple[Any, int]:
    token = tokens[at]
    if token == "{":
        mapping: dict[str, Any] = {}
        at += 1
        while tokens[at] != "}":
            key = tokens[at].strip("'\"").replace("\\t", "").strip()
            mapping[key], at = _parsed(tokens, at + 2)
            at += tokens[at] == ","
        return mapping, at + 1
    if token == "[":
        items: list[Any] = []
        at += 1
        while tokens[at] != "]":
            item, at = _parsed(tokens, at)
            items.append(item)
            at += tokens[at] == ","
        return items, at + 1
    if token[0].isdigit() or token[0] == "-":
        return float(token), at + 1
    return token.strip("'\""), at + 1


def processors(value: Any) -> str:
    """Micro-architectures by our names, joined by a plus."""
    if value is None:
        return ""
    if isinstance(value, str):
        return GROUPS[value.rpartition(".")[2]]
    return "+".join(filter(None, (_processor(item) for item in value)))


def _processor(constant: str) -> str:
    name = constant.rpartition(".")[2]
    return PROCESSORS.get(name, name.replace("_", " ").title())


# -- machines ----------------------------------------------------------------------------------


def aws(source: str) -> Iterator[Row]:
    """Machines of AWS, with those of Redshift; kg are in the package as tonnes."""
    kinds = {
        key.casefold(): value
        for key, value in literal(source, "INSTANCE_TYPE_COMPUTE_PROCESSOR_MAPPING").items()
    }
    gpus = literal(source, "GPU_INSTANCES_TYPES")
    cards = literal(source, "INSTANCE_TYPE_GPU_PROCESSOR_MAPPING")
    baselines = literal(source, "BURSTABLE_INSTANCE_BASELINE_UTILIZATION")
    families = {
        **literal(source, "EC2_INSTANCE_TYPES"),
        **literal(source, "INSTANCE_FAMILY_TO_INSTANCE_TYPE_MAPPING"),
        **literal(source, "REDSHIFT_INSTANCE_TYPES"),
    }
    for family, sizes in families.items():
        for size, (vcpus, memory, *tonnes) in sizes.items():
            name = f"{family}.{size.strip()}"
            yield {
                "name": name,
                "family": family,
                "vcpus": vcpus,
                "memory_gb": memory,
                "microarchitectures": processors(kinds.get(name)),
                "gpu": processors(cards.get(name)),
                "gpus": gpus.get(name, 0.0),
                "embodied_kg": 1e3 * tonnes[0] if tonnes else None,
                "baseline": baselines.get(name),
            }


def azure(source: str) -> Iterator[Row]:
    """Machines of Azure, with those of which some cores are switched off."""
    kinds = {
        key.casefold(): value
        for key, value in literal(source, "INSTANCE_TYPE_COMPUTE_PROCESSOR_MAPPING").items()
    }
    gpus = literal(source, "GPU_VIRTUAL_MACHINE_TYPES")
    cards = literal(source, "GPU_VIRTUAL_MACHINE_TYPE_PROCESSOR_MAPPING")
    for family, sizes in literal(source, "VIRTUAL_MACHINE_TYPE_SERIES_MAPPING").items():
        for name, (vcpus, memory, *tonnes) in sizes.items():
            yield {
                "name": name,
                "family": family.replace("–", "-"),
                "vcpus": vcpus,
                "memory_gb": memory,
                "microarchitectures": processors(kinds.get(name.casefold())),
                "gpu": processors(cards.get(name)),
                "gpus": gpus.get(name, 0.0),
                "embodied_kg": 1e3 * tonnes[0] if tonnes else None,
                "baseline": None,
            }
    constrained = literal(source, "VIRTUAL_MACHINE_TYPE_CONSTRAINED_VCPU_CAPABLE_MAPPING")
    for name, (vcpus, memory, whole, *tonnes) in constrained.items():
        yield {
            "name": name,
            "family": f"constrained {name}",
            "vcpus": vcpus,
            "memory_gb": memory,
            "microarchitectures": processors(kinds.get(name.casefold())),
            "gpu": processors(cards.get(name)),
            "gpus": gpus.get(name, 0.0),
            "family_vcpus": whole,
            "embodied_kg": 1e3 * tonnes[0] if tonnes else None,
            "baseline": None,
        }


def gcp() -> Iterator[Row]:
    """Machines of Google from its families: a name says how many vCPUs there are."""
    for fact in csv.DictReader((FACTS / "gcp_families.csv").read_text().splitlines()):
        for size in fact["sizes"].split():
            vcpus, _, gpus = size.partition("/")
            suffix = f"{gpus}g" if gpus else vcpus
            yield {
                "name": f"{fact['family']}-{suffix}" if suffix.strip("g") else fact["family"],
                "family": fact["family"],
                "vcpus": float(vcpus),
                "memory_gb": round(float(fact["gb_per_vcpu"]) * float(vcpus), 3),
                "microarchitectures": fact["microarchitectures"],
                "gpu": fact["gpu"] if gpus else "",
                "gpus": float(gpus or 0),
                "embodied_kg": 1e3 * float(fact["embodied_t"]),
                "baseline": None,
            }


# -- repairs -----------------------------------------------------------------------------------


def finished(rows: Iterator[Row]) -> list[Row]:
    """Every machine once, with its family's largest, and what is impossible put right."""
    unique: dict[str, Row] = {}
    for row in rows:
        key = row["name"].casefold()
        if key not in unique:
            unique[key] = row
    for row in unique.values():
        if row["memory_gb"] > 300 * row["vcpus"]:
            _say(row, "memory_gb", row["memory_gb"] / 1e3, "was MB")
    for row in unique.values():
        same = [r for r in unique.values() if r["family"] == row["family"]]
        row.setdefault("family_vcpus", max(r["vcpus"] for r in same))
        row["family_memory_gb"] = max(r["memory_gb"] for r in same)
    for row in unique.values():
        _embodied(row)
    return sorted(unique.values(), key=lambda row: (row["family"], row["vcpus"], row["name"]))


def newer(rows: Iterator[Row], provider: str) -> Iterator[Row]:
    """The rows with what the repository says of their families since the package."""
    facts = csv.DictReader((FACTS / "ccf_newer.csv").read_text().splitlines())
    known = {f["family"]: f["microarchitectures"] for f in facts if f["provider"] == provider}
    for row in rows:
        row["microarchitectures"] = known.get(row["family"], row["microarchitectures"])
        yield row


def _embodied(row: Row) -> None:
    kg, gb = row["embodied_kg"], row["family_memory_gb"]
    dram = max(gb - BASE_GB, 0.0)
    if kg is None:
        return
    if row["name"].startswith("u-"):
        # There the figure of the largest family stands for all, or 1.1 t for terabytes of memory.
        _say(row, "embodied_kg", BASE_KG + DRAM_KG * dram, "its own memory")
        return
    extras = kg - BASE_KG - DRAM_KG_ROUNDED * dram
    near = 25 * round(extras / 25)
    if extras > -1 and abs(extras - near) < 0.11:
        row["embodied_kg"] = BASE_KG + DRAM_KG * dram + near


def _say(row: Row, column: str, value: float, why: str) -> None:
    print(f"{row['name']}: {column} {row[column]:g} -> {value:g} ({why})")
    row[column] = value


# -- regions -----------------------------------------------------------------------------------


def regions(domain: dict[str, str], names: str) -> list[tuple[str, str, str]]:
    """Provider, region and g/kWh, or the NERC region whose figure an edition gives."""
    found = []
    for key, value in _factors(domain["aws"], r"AWS_REGIONS\.(\w+)"):
        found.append(("aws", key.lower().replace("_", "-"), value))
    spelt = literal(names, "AZURE_REGIONS")
    for key, value in _factors(domain["azure"], r"AZURE_REGIONS\.(\w+)\.name"):
        if key in spelt:
            found.append(("azure", spelt[key]["name"].casefold(), value))
    return sorted(set(found) - {r for r in found if r[1] == "unknown"})


def _factors(source: str, name: str) -> Iterator[tuple[str, str]]:
    pattern = rf"\[\w+\.{name}\]: (?:\w+\.US_NERC_REGIONS_EMISSIONS_FACTORS\.(\w+)|([\d.]+))"
    for key, nerc, tonnes in re.findall(pattern, source):
        yield key, nerc or f"{1e6 * float(tonnes):.10g}"


# -- files -------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    """The rows as CSV; an empty cell is unknown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_cell(row[column]) for column in COLUMNS)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def unpacked(folder: Path | None) -> dict[str, str]:
    """The files of the packages that are read, by name."""
    if folder is not None:
        return {name: _text(next(folder.rglob(f"dist/**/{name}"), None), name) for name in FILES}
    with tempfile.TemporaryDirectory() as there:
        names = [f"@cloud-carbon-footprint/{p}@{version}" for p, version in PACKAGES.items()]
        subprocess.run(["npm", "pack", "--silent", *names], cwd=there, check=True)
        for archive in Path(there).glob("*.tgz"):
            target = Path(there) / archive.stem
            target.mkdir()
            subprocess.run(["tar", "xzf", archive, "-C", target], check=True)
        return unpacked(Path(there))


def _text(file: Path | None, name: str) -> str:
    if file is None:
        raise SystemExit(f"{name} is not there: pass the folder where the packages are unpacked")
    return file.read_text()


def main() -> int:
    """Writes the tables, or checks them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    files = unpacked(args.folder)
    rows = {
        "aws": newer(aws(files["AWSInstanceTypes.js"]), "aws"),
        "azure": newer(azure(files["VirtualMachineTypes.js"]), "azure"),
        "gcp": gcp(),
    }
    tables = {f"{provider}.csv": table(finished(found)) for provider, found in rows.items()}
    domain = {p: files[f"{p.title()}FootprintEstimationConstants.js"] for p in PACKAGES}
    places = regions(domain, files["AzureRegions.js"])
    lines = ["provider,region,g_per_kwh", *(",".join(place) for place in places)]
    tables["regions.csv"] = "\n".join([*lines, ""])
    changed = [name for name, text in tables.items() if _differs(DATA / name, text)]
    for name, text in tables.items():
        print(f"{name}: {text.count(chr(10)) - 1} rows, {len(text) / 1e3:.0f} kB")
        if name in changed and not args.check:
            (DATA / name).write_text(text)
    return 1 if changed and args.check else 0


def _differs(file: Path, text: str) -> bool:
    return not file.exists() or file.read_text() != text


if __name__ == "__main__":
    sys.exit(main())
