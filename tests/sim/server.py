"""The simfs server as a process: built on demand, mounted, told what to do, cleared away."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_HERE = Path(__file__).resolve().parent
_BUILD = _HERE.parent.parent / "build" / "sim"
_COMPILE = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-ffp-contract=off")
_MOUNT_TYPE = "fuse.microjoule-sim"
_PREFIX = "microjoule-sim-"
_START_LIMIT_S = 10.0


class BedUnavailableError(RuntimeError):
    """The simulated sensors cannot be had on this machine; the text says why."""


def build() -> Path:
    """The server's binary, compiled unless these very sources were compiled before.

    Raises:
        BedUnavailableError: without a compiler or without libfuse 3.
    """
    sources = sorted([_HERE / "simfs.cpp", *(_HERE / "simfs").glob("*.cpp")])
    headers = sorted((_HERE / "simfs").glob("*.h"))
    return compiled("simfs", sources, headers, _fuse_flags)


def compiled(
    name: str,
    sources: Sequence[Path],
    headers: Sequence[Path],
    more: Callable[[], Sequence[str]],
) -> Path:
    """A binary of these sources, kept by what is in them; ``more`` gives the last flags.

    Raises:
        BedUnavailableError: where it cannot be compiled.
    """
    digest = hashlib.sha256(repr(_COMPILE).encode())
    for path in (*sources, *headers):
        digest.update(path.read_bytes())
    binary = _BUILD / f"{name}-{digest.hexdigest()[:16]}"
    if binary.exists():
        return binary

    wanted = os.environ.get("CXX")
    compiler = shlex.split(wanted) if wanted else ["g++"] if shutil.which("g++") else ["clang++"]
    if shutil.which(compiler[0]) is None:
        raise BedUnavailableError(f"there is no C++ compiler {compiler[0]}")
    flags = more()
    try:
        _BUILD.mkdir(parents=True, exist_ok=True)
        workplace = tempfile.TemporaryDirectory(dir=_BUILD)
    except OSError as error:
        raise BedUnavailableError(f"nothing can be built in {_BUILD}: {error}") from error
    with workplace as folder:
        made = Path(folder) / name
        command = [*compiler, *_COMPILE, *map(str, sources), "-o", str(made), *flags]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise BedUnavailableError(f"{name} does not compile:\n{result.stderr}")
        made.replace(binary)
    return binary


def _fuse_flags() -> list[str]:
    if shutil.which("pkg-config") is None:
        raise BedUnavailableError("there is no pkg-config to find libfuse 3 with")
    result = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise BedUnavailableError("libfuse 3 is not installed (Debian: libfuse3-dev)")
    return shlex.split(result.stdout)


@functools.cache
def probe() -> str | None:
    """Why the simulated sensors cannot be had here, found by trying; None where they can."""
    if not Path("/dev/fuse").exists():
        return "there is no /dev/fuse"
    try:
        with SimServer(""):
            return None
    except BedUnavailableError as error:
        return str(error)


def stale_mounts() -> list[Path]:
    """Mount points of ours whose server has died."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        source, mountpoint, kind, *_ = line.split(" ")
        if kind != _MOUNT_TYPE or _is_server(source.removeprefix(_PREFIX)):
            continue
        path = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mountpoint)
        # No such process may also mean one in another container; but a dead one does not answer.
        try:
            os.stat(path)
        except OSError:
            found.append(Path(path))
    return found


def _is_server(pid: str) -> bool:
    try:
        return b"/simfs-" in Path("/proc", pid, "cmdline").read_bytes()  # empty for a zombie
    except OSError:
        return False


def remove_leftovers() -> None:
    """Unmount and delete what earlier runs have left behind when they were killed."""
    for mountpoint in stale_mounts():
        _unmount(mountpoint)
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            _delete(folder)


def _unmount(mountpoint: Path) -> None:
    tool = ["fusermount3", "-u", "-z"] if shutil.which("fusermount3") else ["umount", "-l"]
    subprocess.run([*tool, str(mountpoint)], capture_output=True, check=False)


def _delete(folder: Path) -> None:
    """Delete a server's folder, but nothing through a mount that is still there."""
    with contextlib.suppress(FileNotFoundError):
        try:
            (folder / "mount").rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        shutil.rmtree(folder, ignore_errors=True)


class SimServer:
    """A running server and its mount. Ends with `close`, with the block, or with this process."""

    def __init__(self, config: str) -> None:
        """Build, start and wait until the mount answers.

        Raises:
            BedUnavailableError: where the server cannot be built or mounted, with the reason.
        """
        binary = build()
        remove_leftovers()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._folder.chmod(0o755)
        self.mount = self._folder / "mount"
        self.mount.mkdir()
        (self._folder / "config").write_text(config)
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(binary), str(self._folder / "config"), str(self.mount), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which then end the server
            )
        self._control: int | None = None
        self._finalizer = weakref.finalize(self, _end, os.getpid(), self._process, self._folder)
        try:
            self._wait_until_mounted()
            self._control = os.open(self.mount / ".control", os.O_WRONLY)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def control(self, command: str) -> None:
        """Have one command obeyed (see ``simfs/world.cpp``); it is in force on return.

        Raises:
            ValueError: with the server's own words where it does not understand.
        """
        if self._control is None:
            raise ValueError("the simulated sensors are closed")
        try:
            os.write(self._control, command.encode("latin-1"))
        except OSError as error:
            complaint = (self.mount / ".control").read_text()
            raise ValueError(f"simfs: {complaint or error} (in '{command}')") from None

    def reads(self) -> dict[str, int]:
        """How often each file has been read, by its path below the mount."""
        counts = {}
        for line in (self.mount / ".stats").read_text().splitlines():
            reads, _opens, path = line.split(" ", 2)
            counts[path] = int(reads)
        return counts

    def close(self) -> None:
        """Unmount, end the process and delete its folder. Any number of times."""
        if self._control is not None:
            with contextlib.suppress(OSError):  # a dead server cannot be told of the close
                os.close(self._control)
            self._control = None
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_until_mounted(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while not (self.mount / ".stats").exists():
            if self._process.poll() is not None:
                log = (self._folder / "log").read_text().strip()
                raise BedUnavailableError(f"the mount was refused: {log}")
            if time.monotonic() > deadline:
                raise BedUnavailableError(f"no mount after {_START_LIMIT_S:.0f} s")
            time.sleep(0.001)


def _end(owner: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    if os.getpid() != owner:
        return  # a forked child: the server is its parent's
    process.terminate()
    try:
        process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        _unmount(folder / "mount")
    _delete(folder)
