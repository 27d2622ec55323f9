"""The carbon intensity of now, asked beside the program: nobody waits for a provider."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from microjoule.carbon import Intensity
from microjoule.tracker.log import logger

__all__ = ["Live"]

# Providers publish hourly or half-hourly, and keep what they said for as long.
_FRESH_S = 900.0


class Live:
    """What a live provider said last, asked anew by a thread when it has grown old.

    Args:
        ask: asks; may take its time, and may raise ValueError.
        stand_in: what holds until there is an answer.
    """

    def __init__(self, ask: Callable[[], Intensity], stand_in: Intensity) -> None:
        self._ask = ask
        self._known = stand_in
        self._asked_s = -_FRESH_S
        self.thread: threading.Thread | None = None

    def now(self) -> Intensity:
        """What is known; never waits."""
        now = time.monotonic()
        if now - self._asked_s >= _FRESH_S:
            self._asked_s = now
            self.thread = threading.Thread(target=self._look, name="microjoule-live", daemon=True)
            self.thread.start()
        return self._known

    def _look(self) -> None:
        try:
            self._known = self._ask()
        except (ValueError, OSError) as error:
            logger.warning("The live carbon intensity was not to be had: %s", error)
            return
        if self._known.rung not in ("provider", "given"):
            logger.warning("The tables stand in for a live intensity: %s", self._known.note)
