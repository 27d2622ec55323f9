"""The meters that are compared, each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "peers"
# What every environment has, and no meter brings.
_BARE = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


@dataclass(frozen=True)
class Meter:
    """A meter and what pip is to install for it; no requirement: this very interpreter's."""

    name: str
    requirement: str
    adapter: str

    @property
    def folder(self) -> Path:
        """Where its environment is kept."""
        return CACHE / self.adapter

    @property
    def python(self) -> str:
        """The interpreter that has it."""
        return str(self.folder / "bin" / "python") if self.requirement else sys.executable

    @property
    def adapter_path(self) -> Path:
        """Its adapter."""
        return HERE / "adapters" / f"{self.adapter}.py"

    def install(self) -> None:
        """Makes the environment, unless it is there with this very version.

        Raises:
            RuntimeError: pip could not; the reason is its last line.
        """
        stamp = self.folder / "requirement"
        built = self.requirement == str(ROOT)
        if not self.requirement or (
            not built and stamp.exists() and stamp.read_text() == self.requirement
        ):
            return
        if not stamp.exists():
            venv.create(self.folder, clear=True, with_pip=True)
        # The working tree may have changed under the same version number.
        again = ["--force-reinstall", "--no-deps"] if built and stamp.exists() else []
        pip = [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *again, self.requirement], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().rpartition("\n")[2] or "pip failed")
        stamp.write_text(self.requirement)

    @property
    def distribution(self) -> str:
        """The name of its package."""
        return "microjoule" if self.adapter == "microjoule" else self.requirement.partition("==")[0]

    @property
    def version(self) -> str:
        """The version that is installed."""
        code = f"from importlib.metadata import version; print(version({self.distribution!r}))"
        done = subprocess.run([self.python, "-c", code], capture_output=True, text=True)
        return done.stdout.strip() or "of the working tree"

    def sizes_mb(self) -> tuple[float, float] | None:
        """Megabytes (10^6 bytes) of its own package, and with all that it depends on."""
        if not self.requirement:
            return None
        (packages,) = self.folder.glob("lib/python*/site-packages")
        total = 0
        for top in packages.iterdir():
            if not top.name.startswith(_BARE):
                files = top.rglob("*") if top.is_dir() else [top]
                total += sum(os.lstat(file).st_size for file in files if file.is_file())
        (info,) = [
            found
            for found in distributions(path=[str(packages)])
            if found.name == self.distribution
        ]
        own = sum(os.lstat(file.locate()).st_size for file in info.files or [])
        return own / 1e6, total / 1e6


METERS = (
    Meter("microjoule", str(ROOT), "microjoule"),
    Meter("pyRAPL", "pyRAPL==0.2.3.1", "pyrapl"),
    Meter("pyJoules", "pyJoules==0.5.1", "pyjoules"),
    Meter("Zeus", "zeus==0.16.0", "zeus"),
    Meter("CodeCarbon", "codecarbon==3.3.2", "codecarbon"),
    Meter("CodeGreen", "codegreen==0.4.9", "codegreen"),
    Meter("joule-profiler", "joule-profiler==0.0.1", "joule_profiler"),
)
