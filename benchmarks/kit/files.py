"""Four sensors as plain files on tmpfs: reading them costs a sampler the least."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kit.native import BENCHMARKS, compiled
from sim.loads import Constant
from sim.plain import PlainTree
from sim.zones import Zone

UPDATE_NS = 1_000_000
STEP_UJ = 100_000  # every update: 100 W
START_UJ = 100_000_000_000  # where native/advance.c starts
_KEYS = ("package-0", "dram-0", "package-1", "dram-1")


def four_files() -> PlainTree:
    """Two packages with their memories."""
    load = Constant(100)  # nobody asks: what the files say is written by `counting`
    start = {"start_uj": START_UJ}
    return PlainTree(
        [
            Zone("package-0", load, **start),
            Zone("dram", load, parent="package-0", key="dram-0", **start),
            Zone("package-1", load, **start),
            Zone("dram", load, parent="package-1", key="dram-1", **start),
        ]
    )


@contextmanager
def counting(tree: PlainTree, folder: Path, keys: Sequence[str] = _KEYS) -> Iterator[None]:
    """Another process lets the counters count, a thousand times a second."""
    sources = [BENCHMARKS / "native" / "advance.c"]
    program = compiled(folder, "advance", sources, "-O2")
    paths = [tree.path(key) for key in keys]
    with subprocess.Popen([program, str(UPDATE_NS), str(STEP_UJ), *paths]) as process:
        try:
            time.sleep(0.1)
            yield
            if process.poll() is not None:
                raise RuntimeError(f"the counters stopped: status {process.returncode}")
        finally:
            process.kill()
