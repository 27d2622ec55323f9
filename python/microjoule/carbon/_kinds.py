"""Four axes say what kind of figure an intensity is; figures of different kinds have no sum."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["AXES", "NOT_IN_TABLES", "checked_axes", "kind_of", "require_same_kind", "same_kind"]

AXES = {
    "scope": ("direct", "lifecycle"),
    "basis": ("production", "consumption"),
    "method": ("average", "marginal"),
    "accounting": ("location", "market", "residual"),
}
"""What each axis may be. ``"unknown"`` is what nobody said, and cannot be asked for."""

NOT_IN_TABLES = (
    "marginal, market-based and residual-mix intensities come only from you "
    "(a figure or a time series) or from a live provider"
)

_SPELLINGS = {
    "life-cycle": "lifecycle",
    "life cycle": "lifecycle",
    "location-based": "location",
    "market-based": "market",
    "residual mix": "residual",
    "residual-mix": "residual",
}


def checked_axes(**asked: str | None) -> dict[str, str]:
    """Return the axes that were asked for, in our spelling.

    Args:
        asked: axis to value; None: not asked for.

    Raises:
        ValueError: a value that the axis does not have.
    """
    axes: dict[str, str] = {}
    for axis, value in asked.items():
        if value is None:
            continue
        word = value.strip().lower() if isinstance(value, str) else value
        word = _SPELLINGS.get(word, word) if isinstance(word, str) else word
        if word not in AXES[axis]:
            choices = " or ".join(repr(choice) for choice in AXES[axis])
            raise ValueError(f"{axis} is {value!r}: pass {choices}")
        axes[axis] = word
    return axes


def kind_of(item: object) -> str:
    """Return the kind of an intensity, or of the intensity that something was computed with."""
    kind = getattr(getattr(item, "intensity", item), "kind", None)
    if not isinstance(kind, str):
        raise ValueError(f"{item!r} has no kind: pass intensities or footprints")
    return kind


def same_kind(a: object, b: object) -> bool:
    """Whether two intensities, or footprints, may be added and compared.

    Two figures of which an axis is unknown count as one kind if all is equally unknown: nobody
    said that they differ. An unknown axis beside a known one is a difference.
    """
    return kind_of(a) == kind_of(b)


def require_same_kind(items: Iterable[object]) -> str | None:
    """Return the one kind of some intensities or footprints, None if there are none.

    Raises:
        ValueError: two of them differ; the sentence names both and what to do.
    """
    first: object = None
    kind: str | None = None
    for item in items:
        this = kind_of(item)
        if kind is None:
            first, kind = item, this
        elif this != kind:
            raise ValueError(
                f"figures of different kinds have no sum: {_place(first)} is {kind}, "
                f"{_place(item)} is {this}; compute all with one intensity (--intensity), "
                "or show them side by side with their kind"
            )
    return kind


def _place(item: object) -> str:
    return str(getattr(getattr(item, "intensity", item), "place", "one"))
