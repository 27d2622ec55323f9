"""What middlewares have in common: which requests they measure, and under which label."""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from typing import Any

from microjoule.meter import Meter
from microjoule.requesting import request

__all__ = ["Middleware"]


class Middleware:
    """Base of those that give each request of an application its energy.

    Args:
        app: The application.
        skip: Paths that are not measured, as the server names them.
        label: Makes the label from what the server says of a request; None: method and path.
        meter: A meter of one's own; None: the process-wide one, which starts with the first request
            (of each worker, where a server forks).
    """

    def __init__(
        self,
        app: Any,
        *,
        skip: Collection[str] = (),
        label: Callable[[Any], str] | None = None,
        meter: Meter | None = None,
    ) -> None:
        """Nothing is measured yet.

        Raises:
            ValueError: ``skip`` is one path and no collection of them.
        """
        if isinstance(skip, str):
            raise ValueError(f"skip is {skip!r}: pass the paths as a list, like [{skip!r}]")
        self.app = app
        self._skip = frozenset(skip)
        self._label = label or self._method_and_path
        self._meter = meter

    def _block(self, told: MutableMapping[str, Any]) -> request:
        """A block around one request, which has not begun."""
        return request(self._label(told), meter=self._meter)

    @staticmethod
    def _method_and_path(told: MutableMapping[str, Any]) -> str:
        raise NotImplementedError
