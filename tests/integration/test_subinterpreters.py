"""Other interpreters of the process: microjoule works in the main one and says so in the others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sim.bed import PowercapBed

CODE = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import microjoule as uj

if {before}:
    uj.begin()
other = interpreters.create()
interpreters.run_string(other, '''
import microjoule as uj
for _ in range(2):
    try:
        uj.begin()
    except ImportError as error:
        print(error)
''')
with uj.measure() as m:
    interpreters.run_string(other, "sum(range(1000))")
assert m.wait(5) and m.quality == "measured"
interpreters.destroy(other)
assert uj.end(uj.begin()).wait(5)
"""


@pytest.mark.parametrize("before", [True, False])
def test_another_interpreter_is_told_in_one_sentence(bed: PowercapBed, before: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", "-c", CODE.format(before=before)],
        env={**os.environ, **bed.environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == second
    assert "interpreter" in first
