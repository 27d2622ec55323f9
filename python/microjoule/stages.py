"""The nine stages of a model's life, and the other names that people use for them."""

from __future__ import annotations

__all__ = ["STAGES", "canonical"]

STAGES = (
    "data_collection",
    "data_cleaning",
    "analysis",
    "preprocessing",
    "construction",
    "experimentation",
    "deployment",
    "inference",
    "update",
)

_ALIASES = {
    "train": "construction/training",
    "training": "construction/training",
    "fit": "construction/training",
    "evaluate": "construction/evaluation",
    "evaluation": "construction/evaluation",
    "test": "construction/evaluation",
    "select": "construction/selection",
    "selection": "construction/selection",
    "serve": "inference",
    "predict": "inference",
    "transform": "preprocessing/transform",
    "structure": "preprocessing/structure",
    "clean": "data_cleaning",
    "cleaning": "data_cleaning",
}


def canonical(stage: object) -> str | None:
    """The canonical name of a stage.

    An unknown name is kept as it is: it stands outside the nine, and is shown.

    Raises:
        ValueError: The name is empty or no text.
    """
    if stage is None:
        return None
    if not isinstance(stage, str) or not stage.strip():
        raise ValueError(f'stage is {stage!r}: pass a name like "construction/training"')
    name = stage.strip()
    return _ALIASES.get(name.lower(), name.lower() if name.lower() in STAGES else name)
