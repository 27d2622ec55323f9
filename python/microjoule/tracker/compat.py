"""Names of CodeCarbon's inside that a few programs import; thin, and nothing of ours needs them."""

from __future__ import annotations

import platform
from typing import Any

__all__ = ["CPU", "ApiClient", "is_linux_os", "is_rapl_available"]


def is_linux_os() -> bool:
    """Whether this is Linux."""
    return platform.system().lower() == "linux"


def is_rapl_available() -> bool:
    """Whether the processors' energy can be read here."""
    from microjoule.sensors import sensors

    return any(s.kind == "cpu" and s.readable and not s.estimated for s in sensors())


class CPU:
    """What a tracker's ``_hardware`` holds for the processors there."""

    def __init__(self, output_dir: str = ".", mode: str = "", model: str = "", tdp: Any = None):
        self._output_dir, self._mode, self._model, self._tdp = output_dir, mode, model, tdp

    def get_model(self) -> str:
        """The processor's name."""
        return self._model


class ApiClient:
    """Sends nothing: a tracker posts only where an ``api_endpoint`` was given to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        from microjoule.tracker.log import logger

        logger.warning("ApiClient sends nothing here: give the tracker an api_endpoint instead")
