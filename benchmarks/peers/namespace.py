"""Runs a command for which the powercap zones of a simulated sysfs are this machine's.

    python namespace.py SYSFS COMMAND [ARGUMENT …]

Meters look below /sys/class/powercap, a place that cannot be created in the kernel's sysfs. The
command therefore gets a mount namespace of its own, in which /sys is a tmpfs that holds the
kernel's directories (bind mounts) and, in the two places where powercap lives, SYSFS's. Nothing of
it is seen outside, and it ends with the command. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PLACES = ("class/powercap", "devices/virtual/powercap")

_libc = ctypes.CDLL(None, use_errno=True)


def enter(sysfs: str) -> None:
    """Moves this process to the namespace.

    Raises:
        OSError: The kernel refuses (no root, or a container without CAP_SYS_ADMIN).
    """
    _check(_libc.unshare(CLONE_NEWNS), "a mount namespace of one's own (root is needed)")
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    sources = {place: Path(sysfs, place) for place in PLACES}
    # What the new /sys is to hold is kept open: its paths are hidden once /sys is covered.
    kernel = os.open("/sys", os.O_PATH | os.O_DIRECTORY)
    kept = {place: os.open(path, os.O_PATH | os.O_DIRECTORY) for place, path in sources.items()}
    _mount("tmpfs", "/sys", "tmpfs", 0)
    _fill(Path(f"/proc/self/fd/{kernel}"), Path("/sys"), "")
    for place, descriptor in kept.items():
        target = Path("/sys", place)
        target.mkdir()
        _mount(f"/proc/self/fd/{descriptor}", str(target), None, MS_BIND | MS_REC)
        os.close(descriptor)
    os.close(kernel)


def _fill(kernel: Path, target: Path, inside: str) -> None:
    """Puts the kernel's entries of a directory into the new one, but for those on PLACES' way."""
    for entry in sorted(os.listdir(kernel)):
        place = f"{inside}{entry}"
        source, goal = kernel / entry, target / entry
        if place in PLACES:
            continue
        if source.is_symlink():
            goal.symlink_to(os.readlink(source))
        elif not source.is_dir():
            goal.touch()
            _mount(str(source), str(goal), None, MS_BIND)
        else:
            goal.mkdir()
            if any(one.startswith(f"{place}/") for one in PLACES):
                _fill(source, goal, f"{place}/")
            else:
                _mount(str(source), str(goal), None, MS_BIND | MS_REC)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    arguments = [text.encode() if text is not None else None for text in (source, target, kind)]
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), None), f"mounting at {target}")


def _check(status: int, what: str) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    enter(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
