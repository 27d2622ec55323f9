"""The real CodeCarbon, to compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.original import NoOriginalError, original_python


@pytest.fixture(scope="session")
def original() -> Path:
    """The Python of an environment with CodeCarbon."""
    try:
        return original_python()
    except NoOriginalError as error:
        pytest.skip(f"CodeCarbon cannot be installed: {error}")
