"""A worker in the environment of its meter, which finds the simulated zones below /sys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from meters import HERE, Meter


class WorkerError(RuntimeError):
    """A worker that said no result."""


class Worker:
    """One task of a meter, in a process and a mount namespace of its own."""

    def __init__(self, meter: Meter, sysfs: Path, task: str, limit_s: float, **given: Any) -> None:
        """Starts it; after ``limit_s`` it is ended."""
        self._home = tempfile.TemporaryDirectory(prefix="microjoule-peer-", dir="/tmp")
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        if not meter.requirement and "PYTHONPATH" in os.environ:
            kept["PYTHONPATH"] = os.environ["PYTHONPATH"]  # where this interpreter's is
        self._process = subprocess.Popen(
            [
                *(sys.executable, HERE / "namespace.py", sysfs),
                *(meter.python, HERE / "worker.py", meter.adapter_path, task, json.dumps(given)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._home.name,
            env={**kept, "HOME": self._home.name},
        )
        self._late = False
        self._timer = threading.Timer(limit_s, self._end)
        self._timer.start()

    def step(self) -> str | None:
        """Waits for its next step; None: it has a result, or has ended."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("STEP "):
                return line.split()[1]
            if line.startswith("RESULT "):
                self._result = json.loads(line.removeprefix("RESULT "))
                return None
        return None

    def go_on(self) -> None:
        """Answers a step."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """Its result.

        Raises:
            WorkerError: It failed, hung, or said nothing.
        """
        if not hasattr(self, "_result"):
            self.step()
        if self._late:
            raise WorkerError("hangs")
        if not hasattr(self, "_result"):
            raise WorkerError(f"ended with status {self._process.wait()}")
        if isinstance(self._result, dict) and "error" in self._result:
            raise WorkerError(self._result["error"])
        return self._result

    def _end(self) -> None:
        self._late = True
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        self._home.cleanup()


def ask(meter: Meter, sysfs: Path, task: str, limit_s: float, **given: Any) -> Any:
    """The result of a task that needs nobody beside it."""
    with Worker(meter, sysfs, task, limit_s, **given) as worker:
        return worker.result()
