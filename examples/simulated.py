"""Runs a command on a machine whose energy counters are simulated.

    python examples/simulated.py -- uj run -- python examples/train_and_serve.py

A machine without meters shows so what a measured run looks like. The joules are those of a made-up
load (a square wave of 40 and 160 W on the package, 6 W in the memory), whatever the command does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from sim.bed import PowercapBed, Zone
from sim.loads import Constant, Square


def main() -> int:
    """Mounts the counters, runs the command, and gives its exit status."""
    command = sys.argv[1:]
    if command[:1] == ["--"]:
        del command[0]
    if not command:
        print("usage: simulated.py -- CMD …", file=sys.stderr)
        return 2
    zones = [
        Zone("package-0", load=Square(40, 160, period_s=0.037)),
        Zone("dram", load=Constant(6), parent="package-0"),
    ]
    with PowercapBed(zones=zones) as bed:
        print("SIMULATED sensors: the joules below are those of no real machine.", flush=True)
        try:
            running = subprocess.Popen(command, env={**os.environ, **bed.environ})
        except OSError as error:
            print(f"cannot run {command[0]!r}: {error.strerror}", file=sys.stderr)
            return 127
        # Ctrl-C is the command's; what is mounted here goes away when it has ended.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        status = running.wait()
    print("(simulated sensors: the joules above are those of no real machine)")
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
