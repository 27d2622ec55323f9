"""The drop-in tracker beside CodeCarbon: fresh processes by turns, on the same machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from kit.figures import Book
from kit.files import counting, four_files
from kit.statistics import Median, median_interval

import microjoule.tracker
from compat.original import VERSION, NoOriginalError, original_python
from sim.bed import PowercapBed, Zone
from sim.loads import Square

WORKER = Path(__file__).parent / "kit" / "tracked.py"
ROOT = Path(__file__).parents[1]
ROUNDS = 15
IDLE_S = 60.0
IDLE_ROUNDS = 6
TRUTH_S = 60.0
WHO = ("codecarbon", "microjoule")


class Two:
    """Asks both of them, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = {"codecarbon": str(original_python()), "microjoule": sys.executable}
        # Both have bytecode: ours is where it is looked for after the first process.
        self.environ = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            "HOME": str(folder),
            "PYTHONPATH": str(Path(microjoule.tracker.__file__).parents[2]),
        }
        for who in WHO:
            self.ask(who, "cold")

    def begin(self, who: str, *question: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self._python[who], "-P", str(WORKER), who, *question],  # no neighbours of the worker
            cwd=self._folder,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, who: str, *question: str) -> dict[str, float]:
        return answer(self.begin(who, *question))

    def by_turns(self, rounds: int, *question: str) -> dict[str, dict[str, Median]]:
        """Medians of each figure, by who and by name."""
        found: dict[str, dict[str, list[float]]] = {who: defaultdict(list) for who in WHO}
        for _ in range(rounds):
            for who in WHO:
                for name, value in self.ask(who, *question).items():
                    found[who][name].append(value)
        return {
            who: {name: median_interval(values) for name, values in figures.items()}
            for who, figures in found.items()
        }


def answer(process: subprocess.Popen[str]) -> dict[str, float]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    figures: dict[str, float] = json.loads(out.splitlines()[-1])
    return figures


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Two:
    try:
        return Two(tmp_path_factory.mktemp("two"))
    except NoOriginalError as error:
        pytest.skip(f"CodeCarbon cannot be installed: {error}")


def beside(
    book: Book, what: str, theirs: Median, ours: Median, bar: float, unit: str, scale: float
) -> None:
    """Puts down how many times less ours takes."""
    shown = [Median(*(scale * v for v in median)) for median in (theirs, ours)]
    ratio = theirs.value / ours.value
    book.add(
        what,
        f"{ratio:.3g} x less ({shown[1]} {unit}; CodeCarbon {shown[0]} {unit})",
        f"≥ {bar:g} x less",
        ratio >= bar,
    )


def test_cold_start_and_memory(two: Two, book: Book, share: float) -> None:
    found = two.by_turns(max(6, round(ROUNDS * share)), "cold")
    theirs, ours = found["codecarbon"], found["microjoule"]
    what = "cold: import, constructor and start()"
    beside(book, what, theirs["start_s"], ours["start_s"], 20, "ms", 1e3)
    what = "resident memory that a running tracker adds"
    beside(book, what, theirs["resident_mib"], ours["resident_mib"], 10, "MiB", 1)


def test_warm(two: Two, book: Book, share: float) -> None:
    found = two.by_turns(max(6, round(ROUNDS * share)), "warm")
    for what in ("constructor", "start", "stop"):
        theirs, ours = found["codecarbon"][what], found["microjoule"][what]
        beside(book, f"warm: {what}", theirs, ours, 10, "µs", 1e6)


def test_tasks(two: Two, book: Book, share: float) -> None:
    found = two.by_turns(max(6, round(ROUNDS * share)), "tasks")
    ours = found["microjoule"]["pair"]
    note = f"CodeCarbon {found['codecarbon']['pair'].value * 1e6:.0f} µs"
    book.at_most("a pair of start_task and stop_task", ours.value * 1e6, 20, "µs", note)


def test_cpu_while_nothing_happens(two: Two, book: Book, share: float, tmp_path: Path) -> None:
    """All of them sleep at the same time, so that they meet the same noise."""
    length_s = IDLE_S * share
    with four_files() as tree, counting(tree, tmp_path):
        running = {
            (who, period, meter): [
                two.begin(who, "idle", str(length_s), period, **environ)
                for _ in range(max(6, round(IDLE_ROUNDS * share)))
            ]
            for who, period, meter, environ in (
                ("codecarbon", "15", "model", {}),
                ("codecarbon", "1", "model", {}),
                ("microjoule", "15", "model", {}),
                ("microjoule", "15", "four counters", tree.environ),
            )
        }
        cpu = {
            key: median_interval([100 * answer(p)["cpu_s"] / length_s for p in processes])
            for key, processes in running.items()
        }
    for period, bar in (("15", 2), ("1", 5)):
        for meter in ("model", "four counters"):
            what = f"CPU of an idle tracker ({meter}) over {length_s:.0f} s beside {period} s there"
            theirs = cpu["codecarbon", period, "model"]
            beside(book, what, theirs, cpu["microjoule", "15", meter], bar, "%", 1)


@pytest.mark.bed
def test_energy_against_the_truth(
    book: Book, share: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    zones = [Zone("package-0", Square(40, 160, period_s=0.037))]
    with PowercapBed(zones) as bed:
        for name, value in bed.environ.items():
            monkeypatch.setenv(name, value)
        tracker = microjoule.tracker.OfflineEmissionsTracker(
            country_iso_code="FRA", force_ram_power=0, log_level="error"
        )
        tracker.start()
        time.sleep(TRUTH_S * share)
        tracker.stop()
        assert tracker.measurement is not None
        assert tracker.final_emissions_data is not None
        truth_j = bed.energy_j(*tracker.measurement._stamps(), "package-0")
        error = tracker.final_emissions_data.cpu_energy * 3.6e6 / truth_j - 1
    what = f"cpu_energy of {TRUTH_S * share:.0f} s against the truth, square load"
    book.at_most(what, 100 * abs(error), 0.02, "%")


def test_footprint(book: Book, tmp_path: Path) -> None:
    """What `pip install .` brings into an empty environment."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--target"]
    subprocess.run([*pip, str(tmp_path / "site"), "--no-build-isolation", str(ROOT)], check=True)
    site = tmp_path / "site"
    names = sorted(p.name.split("-")[0] for p in site.glob("*.dist-info"))
    beside_numpy = [name for name in names if name != "numpy"]
    size = sum(
        p.stat().st_size
        for p in site.rglob("*")
        if p.is_file() and not p.relative_to(site).parts[0].startswith("numpy")
    )
    note = ", ".join(beside_numpy)
    book.at_most("distributions beside numpy", len(beside_numpy), 2, "", note)
    book.at_most("installed size beside numpy, without bytecode", size / 2**20, 8, "MiB")
    try:
        packages = next(original_python().parents[1].glob("lib/python*/site-packages"))
    except NoOriginalError:
        return
    theirs = sum(
        p.stat().st_size for p in packages.rglob("*") if p.is_file() and p.suffix != ".pyc"
    )
    count = len(list(packages.glob("*.dist-info")))
    book.add(f"CodeCarbon {VERSION}, pip and all", f"{count}, {theirs / 2**20:.0f} MiB")
