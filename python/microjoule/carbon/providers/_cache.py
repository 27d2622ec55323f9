"""Answers of the providers on disk: an hour is asked for once, and a rerun offline is exact."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping

_SCHEMA = 1
_MOST_BYTES = 4 << 20
_MOST_FILES = 1024


def folder(environ: Mapping[str, str] | None = None, home: str | None = None) -> str | None:
    """Return where answers are kept, by the XDG base directory specification; None: nowhere.

    Args:
        environ: the whole environment; None: the process's.
        home: the user's home; None: from the environment.
    """
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # a relative path there is to be ignored
        home = environ.get("HOME", "") if home is None else home
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".cache")
    return os.path.join(base, "microjoule", "providers")


class Cache:
    """Small JSON records under hashed names, readable by their owner only.

    It never raises: what cannot be read or written is not there. The parts of a key are hashed, so
    that neither place nor token can be read off a file's name.

    Args:
        path: the folder; None: nothing is kept.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path

    def read(self, *key: str) -> dict[str, object] | None:
        """Return a record; None where there is none or it is broken."""
        if self._path is None:
            return None
        try:
            with open(self._file(key), "rb") as file:
                record = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        if isinstance(record, dict) and record.get("schema") == _SCHEMA:
            return record
        return None

    def write(self, record: Mapping[str, object], *key: str) -> None:
        """Put a record in place of the one before it, whole or not at all."""
        if self._path is None:
            return
        try:
            os.makedirs(self._path, mode=0o700, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._path)  # mode 0600
        except OSError:
            return
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump({**record, "schema": _SCHEMA}, file, allow_nan=False)
            os.replace(temporary, self._file(key))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        self._prune(self._path)

    def _file(self, key: tuple[str, ...]) -> str:
        assert self._path is not None
        name = hashlib.sha256("\0".join(key).encode()).hexdigest()
        return os.path.join(self._path, f"{name}.json")

    def _prune(self, path: str) -> None:
        """Remove the older half once there are too many."""
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            files = [(entry.stat().st_mtime, entry.path) for entry in entries]
            if len(files) > _MOST_FILES:
                for _, old in sorted(files)[: len(files) // 2]:
                    with contextlib.suppress(OSError):
                        os.unlink(old)
