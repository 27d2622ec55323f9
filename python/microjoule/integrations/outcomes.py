"""What an HTTP status says of how a request went."""

from __future__ import annotations

__all__ = ["outcome_of"]


def outcome_of(status: int) -> str | None:
    """``rejected`` for 429 and 503, ``failed`` for the others from 500 on; else None.

    A 4xx is an answer like any other: the server did what it was asked for.
    """
    if status in (429, 503):
        return "rejected"
    return "failed" if status >= 500 else None
