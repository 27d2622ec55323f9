"""`allow_multiple_runs=False`: one tracker at a time on this machine, for whoever asks for it.

The lock is the kernel's (`flock`): it goes with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import weakref

__all__ = ["LOCKFILE", "Lock"]

LOCKFILE = os.path.join(tempfile.gettempdir(), ".codecarbon.lock")

_held: weakref.WeakSet[Lock] = weakref.WeakSet()


class Lock:
    """Held from `acquire` to `release`, or to the end of the process.

    Args:
        path: the lock file; it stays where it is and blocks nobody.
    """

    def __init__(self, path: str = LOCKFILE) -> None:
        self.lockfile_path = path
        self._file = -1

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            FileExistsError: another tracker, here or in another process, has it.
            OSError: the lock file cannot be opened.
        """
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
