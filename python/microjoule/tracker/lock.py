"""`allow_multiple_runs=False`: one tracker at a time on this machine, for whoever asks for it.

The lock is the kernel's (`flock`): it goes with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import weakref

__all__ = ["LOCKFILE", "Lock"]

LOCKFILE: str

_NAME = ".codecarbon.lock"

_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _lockfile() -> str:
    import tempfile  # late: few trackers ask for a lock

    return os.path.join(tempfile.gettempdir(), _NAME)


def __getattr__(name: str) -> str:
    if name == "LOCKFILE":
        return _lockfile()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Lock:
    """Held from `acquire` to `release`, or to the end of the process.

    Args:
        path: the lock file; None: `LOCKFILE`. It stays where it is and blocks nobody.
    """

    def __init__(self, path: str | None = None) -> None:
        self.lockfile_path = path or _lockfile()
        self._file = -1

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            FileExistsError: another tracker, here or in another process, has it.
            OSError: the lock file cannot be opened.
        """
        if self._file >= 0:
            return
        file = os.open(self.lockfile_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise FileExistsError(
                "another tracker with allow_multiple_runs=False runs on this machine"
            ) from None
        self._file = file
        _held.add(self)

    def release(self) -> None:
        """Gives the lock back; without one nothing happens."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.release()


def _let_go() -> None:
    """In a forked child: the lock is the parent's, and must not outlive it here."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_let_go)
