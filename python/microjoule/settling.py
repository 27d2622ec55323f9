"""Telling somebody of each request that has settled, from a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from microjoule.request import Request

__all__ = ["Drain"]

# A sensor that hangs keeps its requests for so long, and then they are told as they are.
_PATIENCE_S = 5.0


class Drain:
    """Requests that have ended go in; each is handed to a callback once it has settled.

    In the order in which they ended. Whoever puts one in pays an append; the thread starts with the
    first one, and again in a forked child.
    """

    def __init__(self, callback: Callable[[Request], object]) -> None:
        """Nothing runs yet."""
        self._callback = callback
        self._waiting: deque[Request] = deque()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing = False

    def put(self, request: Request) -> None:
        """Takes a request in."""
        self._waiting.append(request)
        if self._thread is None or not self._thread.is_alive():
            self._start()
        if not self._wake.is_set():
            self._wake.set()

    def close(self, timeout_s: float = 2 * _PATIENCE_S) -> None:
        """Hands over what is left, and ends the thread."""
        self._closing = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _start(self) -> None:
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="microjoule-settled", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            while self._waiting:
                self._tell(self._waiting.popleft())
            if self._closing:
                return
            self._wake.wait()
            self._wake.clear()

    def _tell(self, request: Request) -> None:
        try:
            request.wait(_PATIENCE_S)
            self._callback(request)
        except Exception:
            import logging

            logging.getLogger("microjoule").exception("a callback of on_settled() failed")
