"""One thread that calls trackers at their `measure_power_secs`, however many there are."""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable

__all__ = ["Ticker", "ticker"]


class Ticker:
    """Calls methods at their periods; the thread lives while there is something to call."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._condition = threading.Condition()
        self._due: dict[int, tuple[float, float, weakref.WeakMethod[Callable[[], None]]]] = {}
        self._thread: threading.Thread | None = None
        self._until = 0.0

    def add(self, method: Callable[[], None], period_s: float) -> int:
        """Calls a bound method every so many seconds, from now on; returns a number for it."""
        key = id(method.__self__)  # type: ignore[attr-defined]
        with self._condition:
            at = time.monotonic() + period_s
            first = all(at < due for due, _, _ in self._due.values())
            self._due[key] = (at, period_s, weakref.WeakMethod(method))
            self._wake(first and at < self._until)
        return key

    def remove(self, key: int) -> None:
        """Calls it no longer; without such a number nothing happens."""
        with self._condition:
            # Not woken for it: when its time comes the thread finds that nothing is due, and ends.
            self._due.pop(key, None)

    def revive(self) -> None:
        """Starts the thread again after it was stopped for a fork."""
        if self._thread is None and self._due:
            with self._condition:
                self._wake(notify=False)

    def pause(self) -> None:
        """Ends the thread; what is due stays."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        with self._condition:
            self._thread = None
            self._condition.notify()
        thread.join(1.0)

    def _wake(self, notify: bool) -> None:
        """Starts the thread where there is none; a sleeping one is woken only for something new."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="microjoule-tick", daemon=True)
            self._thread.start()
        elif notify:
            self._condition.notify()

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._condition:
                if self._thread is not me or not self._due:
                    if self._thread is me:
                        self._thread = None
                    return
                key, (at, period_s, method) = min(self._due.items(), key=lambda item: item[1][0])
                now = time.monotonic()
                if at > now:
                    self._until = at
                    self._condition.wait(at - now)
                    continue
                # Missed calls are not made up for: a suspended machine would see a burst of them.
                self._due[key] = (max(at + period_s, now), period_s, method)
            call = method()
            if call is None:
                self.remove(key)
            else:
                call()


ticker = Ticker()

os.register_at_fork(after_in_child=ticker._forget)
if sys.version_info >= (3, 12):
    # A fork beside a thread is warned of there; the thread comes back with the next call.
    os.register_at_fork(before=ticker.pause)
