"""What every output answers, and the names of the built-in ones."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from microjoule.tracker.data import EmissionsData, TaskEmissionsData

__all__ = ["BaseOutput", "OutputMethod", "methods_of"]


class OutputMethod(StrEnum):
    """The built-in outputs, by the words that `output_methods` takes."""

    CSV = "csv"
    API = "api"
    LOGGER = "logger"
    PROMETHEUS = "prometheus"
    LOGFIRE = "logfire"
    BOAMPS = "boamps"


class BaseOutput:
    """An output of one's own overrides what it needs; the rest does nothing.

    Whatever these raise is logged, and neither the program nor the other outputs notice.
    """

    def out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """Called at each flush and at the stop.

        Args:
            total: running totals since the start.
            delta: what came since the last `out` or `live_out`, or since a task began or ended.
        """

    def live_out(self, total: EmissionsData, delta: EmissionsData) -> None:
        """The same, every ``api_call_interval`` measurements."""

    def task_out(self, data: list[TaskEmissionsData], experiment_name: str) -> None:
        """Called after `out` where there were tasks, with a row for each."""

    def exit(self) -> None:
        """Called once, at the stop."""


def methods_of(what: str | Iterable[str | OutputMethod]) -> list[OutputMethod]:
    """Takes a comma list or an iterable of words apart.

    Raises:
        ValueError: a word is none of them.
    """
    words = what.split(",") if isinstance(what, str) else list(what)
    methods: list[OutputMethod] = []
    for word in words:
        text = word.value if isinstance(word, OutputMethod) else str(word).strip().lower()
        if not text:
            continue
        try:
            method = OutputMethod(text)
        except ValueError:
            known = ", ".join(m.value for m in OutputMethod)
            raise ValueError(
                f"Unknown output method {word!r}: pass any of {known}, or OutputMethod.CSV and "
                "its siblings"
            ) from None
        if method not in methods:
            methods.append(method)
    return methods
