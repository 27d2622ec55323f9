"""What this machine is: CPU model and TDP, cores, memory. For the sensors that only estimate.

Where no meter can be read, power comes from a model, and the model needs a thermal design power.
TDP is what a cooler is designed for, not a limit (turbo draws more, a power cap less); the figures
here are good to 40 %, and to 60 % where the part is not in the table.

Nothing here raises on a strange machine: what cannot be read is assumed, and the note says so.
"""

from __future__ import annotations

import os

from microjoule.config import Frozen

__all__ = [
    "DRAM_SOURCE",
    "DRAM_UNCERTAINTY_REL",
    "DRAM_W_PER_GB",
    "WATTS_PER_CORE",
    "CpuModel",
    "CpuPart",
    "cpu_model",
    "dram_model_w",
    "find_part",
    "installed_memory_gb",
    "normalise",
    "source_of",
]

WATTS_PER_CORE = 8.75
"""Median TDP per core of the table, W; quartiles 6.1 and 16.3."""

DRAM_W_PER_GB = 0.375
"""Power of installed memory, W per GB: 3 W for a module of 8 GB."""

DRAM_UNCERTAINTY_REL = 0.6
"""Relative standard uncertainty (k = 1) of it: models in use differ by 1 to 10 times."""

DRAM_SOURCE = "dram_375"
"""Key of its source in ``hardware_data/sources.csv``."""

_TDP_KNOWN = 0.4  # load model with a known TDP, fitted on eight RAPL profiles (k = 1)
_TDP_GUESSED = 0.6  # quartile spread of watts per core
_DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hardware_data")
# The first holds what vendors say and wins over the second, whose upstream rights are unclear and
# without which everything works.
_TABLES = ("cpu_tdp.csv", "cpu_tdp_compiled.csv")


class CpuModel(Frozen):
    """The processors of a machine and the power that they are designed for.

    Attributes:
        name: as ``/proc/cpuinfo`` has it; empty where it has none.
        matched: the name in the table, None if the part is not in it.
        tdp_w: for the whole machine, W: sockets times the part's TDP; in a virtual machine the
            share of its virtual CPUs.
        tdp_full_w: TDP of all sockets, or in a virtual machine of one whole part, W; None where
            the part is not in the table and the machine is virtual.
        tdp_uncertainty_rel: relative standard uncertainty (k = 1): 0.4, or 0.6 where guessed.
        source: key in ``hardware_data/sources.csv``.
        licence: licence of the source.
        year: year of the source; None where undated.
        logical_cpus: threads that are online.
        sockets: packages, as seen from here.
        virtual: True in a virtual machine.
        note: how the figure came about, one plain sentence.
    """

    __slots__ = (
        "name",
        "matched",
        "tdp_w",
        "tdp_full_w",
        "tdp_uncertainty_rel",
        "source",
        "licence",
        "year",
        "logical_cpus",
        "sockets",
        "virtual",
        "note",
    )
    name: str
    matched: str | None
    tdp_w: float
    tdp_full_w: float | None
    tdp_uncertainty_rel: float
    source: str
    licence: str
    year: int | None
    logical_cpus: int
    sockets: int
    virtual: bool
    note: str

    def __init__(
        self,
        *,
        name: str,
        matched: str | None,
        tdp_w: float,
        tdp_full_w: float | None,
        tdp_uncertainty_rel: float,
        source: str,
        licence: str,
        year: int | None,
        logical_cpus: int,
        sockets: int,
        virtual: bool,
        note: str,
    ) -> None:
        self._fill(
            name=name,
            matched=matched,
            tdp_w=tdp_w,
            tdp_full_w=tdp_full_w,
            tdp_uncertainty_rel=tdp_uncertainty_rel,
            source=source,
            licence=licence,
            year=year,
            logical_cpus=logical_cpus,
            sockets=sockets,
            virtual=virtual,
            note=note,
        )


class _Cpuinfo:
    """What ``/proc/cpuinfo`` tells."""

    __slots__ = ("cores", "logical_cpus", "name", "smt", "sockets", "virtual")

    def __init__(self, procfs: str, sysfs: str) -> None:
        self.name = ""
        self.virtual = False
        self.logical_cpus = 0
        packages: set[str] = set()
        cores: set[tuple[str, str]] = set()
        package = fallback = ""
        siblings = cpu_cores = 0
        for line in _read(os.path.join(procfs, "cpuinfo")).split("\n"):
            key, _, value = line.partition(":")
            key, value = key.strip(), value.strip()
            if key == "processor" and value.isdigit():
                self.logical_cpus += 1
                package = ""
            elif key in ("model name", "cpu") and value and not self.name:
                self.name = value
            elif key == "Model":  # Raspberry Pi and other boards
                fallback = value
            elif key == "physical id":
                package = value
                packages.add(value)
            elif key == "core id":
                cores.add((package, value))
            elif key == "siblings" and value.isdigit():
                siblings = int(value)
            elif key == "cpu cores" and value.isdigit():
                cpu_cores = int(value)
            elif key == "flags" and not self.virtual:
                self.virtual = f" {value} ".find(" hypervisor ") >= 0
        self.name = self.name or fallback
        self.logical_cpus = self.logical_cpus or os.cpu_count() or 1
        if not packages:
            packages = _packages(sysfs)
        self.sockets = max(1, len(packages))
        self.smt = cpu_cores > 0 and siblings >= 2 * cpu_cores
        # ARM and others name no cores: there a logical CPU is one.
        self.cores = len(cores) or self.logical_cpus


class CpuPart:
    """One row of the TDP table.

    Attributes:
        key, model: its normalised name, and the one that the source has.
        cores, threads: 0 where the source does not say.
        tdp_w: thermal design power, W.
        source, licence: key in ``hardware_data/sources.csv``, and licence.
    """

    __slots__ = ("cores", "key", "licence", "model", "source", "tdp_w", "threads")
    cores: int
    key: str
    licence: str
    model: str
    source: str
    tdp_w: float
    threads: int

    def __init__(self, line: str) -> None:
        self.key, self.model, cores, threads, tdp_w, self.source, self.licence = line.split(",")
        self.cores = int(cores) if cores else 0
        self.threads = int(threads) if threads else 0
        self.tdp_w = float(tdp_w)


def cpu_model(procfs: str = "/proc", sysfs: str = "/sys") -> CpuModel:
    """Return the CPU model of this machine and its TDP.

    The name in ``/proc/cpuinfo`` is looked up exactly, then as the same part with or without
    marketing words behind it, never by likeness. Not found: 8.75 W a core.

    Args:
        procfs: where procfs is mounted.
        sysfs: where sysfs is mounted (sockets of machines whose cpuinfo names none).
    """
    info = _Cpuinfo(procfs, sysfs)
    part = _look_up(normalise(info.name))
    if part is None:
        return _guessed(info)
    count = info.logical_cpus
    if info.virtual:
        threads, how = _threads_of(part, info.smt)
        if threads:
            tdp_w = part.tdp_w * count / threads
            tdp_full_w = part.tdp_w
            note = (
                f"virtual machine: TDP of {part.model}, {part.tdp_w:g} W, "
                f"times {count} virtual CPUs of its {threads} threads{how}"
            )
        else:
            tdp_w = count * WATTS_PER_CORE / 2
            return _model(
                info,
                part,
                tdp_w,
                part.tdp_w,
                _TDP_GUESSED,
                f"virtual machine: the table has no core count for {part.model}, so "
                f"{WATTS_PER_CORE / 2:g} W for each of {count} virtual CPUs",
            )
    else:
        tdp_w = tdp_full_w = part.tdp_w * info.sockets
        sockets = f" times {info.sockets} sockets" if info.sockets > 1 else ""
        note = f"TDP of {part.model}, {part.tdp_w:g} W{sockets}"
    return _model(info, part, tdp_w, tdp_full_w, _TDP_KNOWN, note)


def find_part(name: str) -> CpuPart | None:
    """Return the row of a processor by its name, exactly or with other words behind it.

    Args:
        name: as a kernel or a vendor's list has it.
    """
    return _look_up(normalise(name))


def source_of(key: str) -> str:
    """Return title, publisher and year of a source by its key; the key where it is unknown."""
    import csv  # late: what a meter needs are licence and year, for which a line is cut

    for row in csv.reader(_read(os.path.join(_DATA, "sources.csv")).splitlines()):
        if row and row[0] == key:
            return ", ".join(part for part in row[1:4] if part)
    return key


def installed_memory_gb(procfs: str = "/proc") -> float | None:
    """Return the memory of this machine in GB of 2**30 bytes, as modules are sold.

    It is what the kernel manages (``MemTotal``), a little below what is plugged in.

    Args:
        procfs: where procfs is mounted.

    Returns:
        None where ``meminfo`` cannot be read.
    """
    for line in _read(os.path.join(procfs, "meminfo")).split("\n"):
        if line.startswith("MemTotal:"):
            words = line.split()
            if len(words) > 1 and words[1].isdigit():
                return int(words[1]) / 1048576
    return None


def dram_model_w(gb: float) -> float:
    """Return the power of installed memory in watts: 0.375 W per GB, uncertain by 60 % (k = 1).

    Args:
        gb: installed memory, GB.

    Raises:
        ValueError: the size is negative or no number.
    """
    if not 0 <= gb < float("inf"):
        raise ValueError(f"gb is {gb!r}: pass the installed memory in GB, 0 or more")
    return gb * DRAM_W_PER_GB


# --- names ---------------------------------------------------------------------------------------

# Words that say nothing about the part.
_NOISE = frozenset(
    [
        "intel",
        "amd",
        "cpu",
        "processor",
        "apu",
        "genuine",
        "x-series",
        "series",
        "edition",
        "extreme",
        "compute",
        "dual-core",
        "triple-core",
        "quad-core",
        "six-core",
        "eight-core",
    ]
)
# Whatever stands behind these is decoration: a graphics unit, a cooler, a clock.
_CUT = frozenset(["@", "with", "w/", "radeon", "wraith", "includes", "model", "rev"])


def normalise(name: str) -> str:
    """Return a CPU name as the key of the table: the part and nothing else.

    ``Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz`` gives ``xeon gold 6148``;
    ``AMD EPYC 7763 64-Core Processor`` gives ``epyc 7763``.

    Args:
        name: as a kernel or a vendor's list has it.
    """
    text = name.lower().replace("\u200b", " ")
    for mark in ("(r)", "(tm)", "(c)", "®", "™"):
        text = text.replace(f"{mark}-", "-").replace(mark, " ")
    text = _without_brackets(text).replace("+", " ", 1).replace(",", " , ")
    words: list[str] = []
    for word in text.split():
        if word in _CUT or (word == "," and words):
            break
        is_core_count = word.endswith("-core") and word[:-5].isdigit()
        is_clock = word.endswith(("ghz", "mhz"))
        if word not in _NOISE and word != "," and not is_core_count and not is_clock:
            words.append(word)
    # "11th Gen Intel Core ...": the generation is in the number already.
    if len(words) > 2 and words[1] == "gen" and words[0][:-2].isdigit():
        del words[:2]
    # "Xeon E5-2620 0": the stepping-like zero of Sandy Bridge.
    if len(words) > 2 and words[-1] == "0":
        words.pop()
    # "A10-7850K R7": the graphics unit without its brand.
    if len(words) > 1 and len(words[-1]) == 2 and words[-1][0] == "r" and words[-1][1].isdigit():
        words.pop()
    return " ".join(_first_core_i(words))


def _without_brackets(text: str) -> str:
    """Drop ``(9M Cache, up to 4.00 GHz)`` and its like, closed or not."""
    head, bracket, rest = text.partition("(")
    if not bracket:
        return text
    return f"{head} {_without_brackets(rest.partition(')')[2])}"


def _first_core_i(words: list[str]) -> list[str]:
    """Turn "core i5 m 520" and "core i7 920", as old kernels have it, into "core i5-520m"."""
    if len(words) in (3, 4) and words[0] == "core" and words[1] in ("i3", "i5", "i7"):
        number, letters = words[-1], words[2] if len(words) == 4 else ""
        if len(number) == 3 and number.isdigit() and letters in ("", "m", "um", "lm", "qm", "x"):
            return ["core", f"{words[1]}-{number}{letters}"]
    return words


# --- the table -----------------------------------------------------------------------------------


def _look_up(key: str) -> CpuPart | None:
    # "epyc", "xeon", "epyc-rome": what hypervisors call a part they do not name.
    if not any(c.isdigit() for c in key):
        return None
    for name in _TABLES:
        try:
            with open(os.path.join(_DATA, name), encoding="utf-8") as file:
                table = file.read()
        except OSError:
            continue
        part = _exact(table, key) or _by_family(table, key)
        if part is not None:
            return part
    return None


def _exact(table: str, key: str) -> CpuPart | None:
    at = table.find(f"\n{key},")
    return None if at < 0 else CpuPart(_line(table, at + 1))


def _by_family(table: str, key: str) -> CpuPart | None:
    """Return the same part under a name with more or fewer words behind it.

    Only whole words of letters may differ: "v4", "se" and digits make another part.
    """
    words = key.split()
    while len(words) > 1 and _is_decoration(words[-1]):
        words.pop()
        if _names_a_part(words):
            part = _exact(table, " ".join(words))
            if part is not None:
                return part
    if not _names_a_part(key.split()):
        return None
    found: CpuPart | None = None
    at = table.find(f"\n{key} ")
    while at >= 0:
        part = CpuPart(_line(table, at + 1))
        if all(_is_decoration(word) for word in part.key[len(key) :].split()):
            if found is not None and found.tdp_w != part.tdp_w:
                return None  # two parts answer to the name
            found = found or part
        at = table.find(f"\n{key} ", at + 1)
    return found


def _is_decoration(word: str) -> bool:
    return len(word) > 3 and word.isalpha()


def _names_a_part(words: list[str]) -> bool:
    return any(sum(c.isdigit() for c in word) >= 3 for word in words)


def _line(table: str, start: int) -> str:
    end = table.find("\n", start)
    return table[start : end if end >= 0 else None]


def _threads_of(part: CpuPart, smt: bool) -> tuple[int, str]:
    """Return the threads of a whole part and, where assumed, in which way."""
    if part.threads:
        return part.threads, ""
    if not part.cores:
        return 0, ""
    # Intel's list has no thread counts. Servers that are let out run two threads a core.
    if smt or part.key.startswith(("xeon", "epyc")):
        return part.cores * 2, " (two a core assumed)"
    return part.cores, " (one a core assumed)"


# --- results -------------------------------------------------------------------------------------


def _guessed(info: _Cpuinfo) -> CpuModel:
    named = f"the table has no part {info.name!r}" if info.name else "the kernel names no part"
    if info.virtual:
        tdp_w = info.logical_cpus * WATTS_PER_CORE / 2
        note = (
            f"virtual machine: {named}, so {WATTS_PER_CORE / 2:g} W "
            f"for each of {info.logical_cpus} virtual CPUs (half a core)"
        )
        return _model(info, None, tdp_w, None, _TDP_GUESSED, note)
    tdp_w = info.cores * WATTS_PER_CORE
    note = f"{named}, so {WATTS_PER_CORE:g} W for each of {info.cores} cores"
    return _model(info, None, tdp_w, tdp_w, _TDP_GUESSED, note)


def _model(
    info: _Cpuinfo,
    part: CpuPart | None,
    tdp_w: float,
    tdp_full_w: float | None,
    uncertainty_rel: float,
    note: str,
) -> CpuModel:
    # A figure that rests on watts per core has that as its source, whatever the part is called.
    known = part if part is not None and uncertainty_rel == _TDP_KNOWN else None
    source = known.source if known is not None else "cores_median"
    licence, year = _source(source)
    return CpuModel(
        name=info.name,
        matched=part.model if part is not None else None,
        tdp_w=tdp_w,
        tdp_full_w=tdp_full_w,
        tdp_uncertainty_rel=uncertainty_rel,
        source=source,
        licence=known.licence if known is not None else licence,
        year=year,
        logical_cpus=info.logical_cpus,
        sockets=info.sockets,
        virtual=info.virtual,
        note=note,
    )


def _source(key: str) -> tuple[str, int | None]:
    """Return licence and year of a source."""
    for line in _read(os.path.join(_DATA, "sources.csv")).split("\n"):
        if line.startswith(f"{key},"):
            # Licence and year stand last and hold no comma.
            _, year, licence = line.rsplit(",", 2)
            return licence, int(year) if year else None
    return "", None


def _packages(sysfs: str) -> set[str]:
    """Return the packages that sysfs tells of."""
    base = os.path.join(sysfs, "devices/system/cpu")
    try:
        names = os.listdir(base)
    except OSError:
        return set()
    found = set()
    for name in names:
        if name.startswith("cpu") and name[3:].isdigit():
            package = _read(os.path.join(base, name, "topology/physical_package_id")).strip()
            if package.isdigit():  # -1: the firmware does not say
                found.add(package)
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
