"""What processors and accelerators are designed to draw, by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import NamedTuple

from microjoule import hardware
from microjoule.estimate import _tables

# Where nobody names a part: Green Algorithms' "Any".
ANY_CORE_W = 12.0
ANY_GPU_W = 200.0

# What a design power says of the power drawn (k = 1, relative); docs/uncertainty.md.
CORE_UNCERTAINTY_REL = 0.4
GPU_UNCERTAINTY_REL = 0.3
UNSEEN_GPU_UNCERTAINTY_REL = 0.4
ANY_UNCERTAINTY_REL = 0.6

# Words of a card's name that do not tell it from another.
_NOISE = frozenset(["nvidia", "amd", "google", "intel", "gpu", "tesla", "geforce", "instinct"])


class Part(NamedTuple):
    """A processor or an accelerator.

    Attributes:
        model: its name in the table.
        watts: thermal design power of a core, or of a whole accelerator, W.
        source: title, publisher and year.
        from_memory: True where nobody has looked it up in a source.
    """

    model: str
    watts: float
    source: str
    from_memory: bool = False


def cpu_core(name: str) -> Part:
    """Return what a core of a processor is designed to draw.

    Green Algorithms' own table comes first, so that its figures come out; then vendors' lists.

    Raises:
        ValueError: no table has it; the sentence names those that are near.
    """
    key = hardware.normalise(name)
    for row in _tables.rows("ga_cpus.csv"):
        if hardware.normalise(row["model"]) == key:
            watts = float(row["tdp_w"]) / float(row["cores"])
            return Part(row["model"], watts, _tables.source(row["source"]))
    part = hardware.find_part(name)
    if part is not None and part.cores:
        return Part(part.model, part.tdp_w / part.cores, hardware.source_of(part.source))
    if part is not None:
        raise ValueError(
            f"the table has {part.model} at {part.tdp_w:g} W and not how many cores it has: "
            "pass the watts of a core"
        )
    near = _near(key, [hardware.normalise(r["model"]) for r in _tables.rows("ga_cpus.csv")])
    raise ValueError(f"unknown processor {name!r}{near}; or pass the watts of a core")


def accelerator(name: str) -> Part:
    """Return what an accelerator is designed to draw: Green Algorithms' figure, else the table's.

    Raises:
        ValueError: no table has it, or several answer to the name.
    """
    return _card(name, ("ga_gpus.csv", "accelerators.csv"))


def card(name: str) -> Part:
    """Return an accelerator of the larger table, which tells forms of one chip apart.

    Raises:
        ValueError: as `accelerator`.
    """
    return _card(name, ("accelerators.csv",))


def peak_flop_per_s(model: str) -> tuple[float, str] | None:
    """Return the dense half-precision peak of an accelerator, FLOP/s, and its source."""
    for row in _tables.rows("peaks.csv"):
        if row["model"] == model:
            return float(row["flop_per_s"]), _tables.source(row["source"])
    return None


def _card(name: str, tables: Iterable[str]) -> Part:
    wanted = _words(name)
    rows = [row for table in tables for row in _tables.rows(table)]
    # A name in full is that of the first table which has it; "H100" is of several cards.
    found = [row for row in rows if _words(row["model"]) == wanted][:1]
    found = found or [row for row in rows if wanted and wanted <= _words(row["model"])]
    if len({row["tdp_w"] for row in found}) > 1:
        names = ", ".join(dict.fromkeys(f"{row['model']} ({row['tdp_w']} W)" for row in found))
        raise ValueError(f"{name!r} may be {names}: name one, or pass its watts")
    if not found:
        near = _near(name, [row["model"] for row in rows])
        raise ValueError(f"unknown accelerator {name!r}{near}; or pass its watts")
    row = found[0]
    memory = row.get("certainty") == "M"
    return Part(row["model"], float(row["tdp_w"]), _tables.source(row["source"]), memory)


def _words(name: str) -> frozenset[str]:
    """The words of a name: "80 GB" and "80GB" are one, and so are "SXM4" and "SXM"."""
    text = re.sub(r"(\d)\s+gb\b", r"\1gb", name.casefold().replace("-", " "))
    return frozenset(text.split()) - _NOISE


def _near(word: str, known: Iterable[str]) -> str:
    spelling = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), list(spelling), n=3, cutoff=0.5)
    return f": nearest {', '.join(spelling[n] for n in near)}" if near else ""
