"""What all benchmarks share: a clean environment, and the book into which each puts its figures.

A benchmark prints its figure, the bar and whether it holds. It fails only where it could not
measure, never because a figure missed its bar: on a busy machine that would say nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # before kit: importlib mode adds no paths

from kit.campaign import Campaign
from kit.figures import Book, book_key
from kit.files import four_files

from sim.bed import probe
from sim.plain import PlainTree


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", metavar="FILE", help="also write the figures, as Markdown")
    parser.addoption(
        "--share",
        type=float,
        default=1.0,
        help="share of the windows, pairs and seconds to spend (0.1: a quick look)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("python_files", "bench_*.py")
    file = config.getoption("--figures")
    config.stash[book_key] = Book(file=Path(file) if file else None)


@pytest.fixture
def book(request: pytest.FixtureRequest) -> Book:
    """Where figures go."""
    return request.config.stash[book_key]


@pytest.fixture(scope="session")
def share(pytestconfig: pytest.Config) -> float:
    """The share of the full effort, from the command line."""
    return float(pytestconfig.getoption("--share"))


@pytest.fixture(scope="session")
def campaign(share: float) -> Campaign:
    """The windows that accuracy and uncertainty are told from."""
    return Campaign(share)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """No setting of whoever runs the benchmarks reaches them, neither variables nor files."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("MICROJOULE_"):
                patch.delenv(name)
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield patch


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlainTree]:
    """Four sensors as files on tmpfs."""
    with four_files() as tree:
        for name, value in tree.environ.items():
            monkeypatch.setenv(name, value)
        yield tree


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The bed is not for sharing with what loads the machine: it comes first, in file order."""
    items.sort(key=lambda item: item.get_closest_marker("bed") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("bed") is not None:
        reason = probe()
        if reason is not None:
            pytest.skip(f"no simulated sensors: {reason}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    book = config.stash[book_key]
    if not book.figures:
        return
    terminalreporter.section("figures")
    terminalreporter.write_line(str(book))
