"""The lines of a long file, with word of how far it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

_STEP = 1 << 18


class Lines:
    """The lines of a file; who waits is told how far it is."""

    def __init__(self, path: str, progress: Callable[[int, int], None] | None) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  (closed by __exit__)
        self._path = path
        self._progress = progress

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        size = os.fstat(self._file.fileno()).st_size
        done = told = 0
        for number, raw in enumerate(self._file, 1):
            done += len(raw)
            if self._progress is not None and done - told >= _STEP:
                told = done
                self._progress(done, size)
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError:
                raise ValueError(f"{self._path}, line {number} is no text in UTF-8") from None
