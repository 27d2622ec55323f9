"""Which framework a model is of, told without importing any."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

# By framework: the modules below which the base classes of its models live.
_HOMES: Final = {
    "keras": ("keras", "tf_keras"),
    "torch": ("torch.nn",),
    "jax": ("jax", "jaxlib"),
    "onnx": ("onnx",),
    "sklearn": ("sklearn",),
}


def kind_of(model: Any) -> str:
    """Return the framework, ``"number"`` for a number, or nothing where it is unknown.

    Args:
        model: a model, the path of an ONNX file, or a number of parameters.
    """
    if isinstance(model, int | float) and not isinstance(model, bool):
        return "number"
    if isinstance(model, str | os.PathLike):
        return "onnx" if os.fspath(model).casefold().endswith(".onnx") else ""
    homes = [base.__module__ for base in type(model).__mro__]
    for kind, modules in _HOMES.items():
        if any(home == m or home.startswith(f"{m}.") for home in homes for m in modules):
            return kind
    return ""


def bases(model: object) -> set[str]:
    """The names of a model's classes, its own and those it inherits from."""
    return {base.__name__ for base in type(model).__mro__}


def is_tensor(x: object) -> bool:
    """Whether it is a tensor of torch, or a collection that holds one."""
    return _holds(x, "torch", "Tensor")


def is_jax_array(x: object) -> bool:
    """Whether it is an array of JAX, or a collection that holds one."""
    return _holds(x, "jax", "Array")


def _holds(x: object, module: str, kind: str) -> bool:
    framework = sys.modules.get(module)
    if framework is None:
        return False
    inside = x.values() if isinstance(x, dict) else x if isinstance(x, tuple | list) else (x,)
    return any(isinstance(one, getattr(framework, kind)) for one in inside)


def called_with(x: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that an input stands for: a mapping by name, a tuple by place, else one."""
    if isinstance(x, dict):
        return (), {str(name): value for name, value in x.items()}
    return (tuple(x) if isinstance(x, tuple) else (x,)), {}
