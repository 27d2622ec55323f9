"""What all tests share: a clean environment, and the simulated sensors.

A test that uses ``bed`` or ``bed_factory``, or is marked ``bed``, needs the simulated sensors.
Where they cannot be had it is skipped with the reason; with MICROJOULE_REQUIRE_BED set, as CI has
it, a skipped one fails: a machine without a bed has not tested microjoule.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Generator, Iterator

import pytest

from sim.bed import BedFactory, PowercapBed, Zone, probe
from sim.loads import Constant, Square

REQUIRE_BED = bool(os.environ.get("MICROJOULE_REQUIRE_BED"))


@pytest.fixture
def bed_factory() -> Iterator[BedFactory]:
    """Mounts a bed that lasts until the end of the test; the arguments are `PowercapBed`'s."""
    with contextlib.ExitStack() as stack:
        yield lambda *sensors, **more: stack.enter_context(PowercapBed(*sensors, **more))


@pytest.fixture
def bed(bed_factory: BedFactory) -> PowercapBed:
    """One package under a 37 ms square load of 40 and 160 W, with 5 W of memory beside it."""
    return bed_factory(
        [
            Zone("package-0", Square(40, 160, period_s=0.037)),
            Zone("dram", Constant(5), parent="package-0"),
        ]
    )


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, user_folders: dict[str, str]) -> None:
    """No setting of whoever runs the tests reaches them, neither variables nor files."""
    for name in list(os.environ):
        if name.startswith("MICROJOULE_"):
            monkeypatch.delenv(name)
    for name, folder in user_folders.items():
        monkeypatch.setenv(name, folder)


@pytest.fixture(scope="session")
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Empty folders in place of the user's own."""
    names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    return {name: str(tmp_path_factory.mktemp(name.lower())) for name in names}


@pytest.fixture
def nothing_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has not measured yet: no meter of another test, on sensors now gone."""
    from microjoule.meter import __dict__ as names

    for name in ("_shared", "_kept"):
        monkeypatch.setitem(names, name, None)
    yield
    if names["_shared"] is not None:
        names["_shared"]._native.close()


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the trackers say, as `LEVEL text`."""
    from microjoule.tracker.log import logger

    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.levelname} {record.getMessage()}")

    handler = Keep()
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No socket can be opened and no name looked up; what tries is in the list."""
    tried: list[str] = []

    def guard(name: str) -> Callable[..., object]:
        def refuse(*_: object, **__: object) -> object:
            tried.append(name)
            raise OSError("this test opens no socket")

        return refuse

    for name in ("socket", "socketpair", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, guard(name))
    return tried


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the bed is marked so."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "bed_factory" in fixtures and item.get_closest_marker("bed") is None:
            item.add_marker(pytest.mark.bed)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs the bed where there is none."""
    if item.get_closest_marker("bed") is not None:
        reason = probe()
        if reason is not None:
            pytest.skip(f"no simulated sensors: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where the bed is required, a skipped test of its has failed."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if REQUIRE_BED and skipped and item.get_closest_marker("bed") is not None:
        report.outcome = "failed"
        report.longrepr = f"skipped, but MICROJOULE_REQUIRE_BED is set: {report.longreprtext}"
    return report
