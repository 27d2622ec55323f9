"""The cache on disk: whole records, for their owner only, never too many."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from microjoule.carbon.providers import _cache
from microjoule.carbon.providers._cache import Cache


def test_where_it_is() -> None:
    assert _cache.folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == "/c/microjoule/providers"
    assert _cache.folder({"XDG_CACHE_HOME": "c", "HOME": "/h"}) == "/h/.cache/microjoule/providers"
    assert _cache.folder({"HOME": "/h"}) == "/h/.cache/microjoule/providers"
    assert _cache.folder({"HOME": "h"}) is None
    assert _cache.folder({}) is None


def test_records_come_back_under_their_key(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "c"))
    assert cache.read("a") is None
    cache.write({"x": 1.5}, "a", "b")
    cache.write({"x": 2}, "a", "c")
    assert cache.read("a", "b") == {"x": 1.5, "schema": 1}
    assert cache.read("a", "c") == {"x": 2, "schema": 1}
    assert cache.read("a") is None
    assert cache.read("ab") is None
    for file in (tmp_path / "c").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_record_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(str(tmp_path))
    cache.write({"x": 1}, "a")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    cache.write({"x": 2}, "a")
    monkeypatch.undo()
    assert cache.read("a") == {"x": 1, "schema": 1}
    assert len(list(tmp_path.iterdir())) == 1  # no half-written file is left behind


def test_a_folder_in_the_place_of_a_record(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    cache.write({"x": 1}, "a")
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    assert cache.read("a") is None
    cache.write({"x": 1}, "a")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_older_half_goes_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cache, "_MOST_FILES", 10)
    cache = Cache(str(tmp_path))
    for n in range(10):
        cache.write({"x": n}, str(n))
        (newest,) = (path for path in tmp_path.iterdir() if path.stat().st_mtime > 1e9)
        os.utime(newest, (n, n))
    cache.write({"x": 10}, "10")
    kept = [n for n in range(11) if cache.read(str(n)) is not None]
    assert kept == [5, 6, 7, 8, 9, 10]


def test_nowhere() -> None:
    cache = Cache(None)
    cache.write({"x": 1}, "a")
    assert cache.read("a") is None
