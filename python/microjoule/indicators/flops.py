"""`flops`: the operations of a model, counted by the tool that its framework needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from microjoule.indicators.kinds import is_jax_array, is_tensor, kind_of
from microjoule.indicators.operations import Operations

_TOOLS = ("torch", "fvcore")


def flops(model: Any, x: Any = None, *, backward: bool = False, tool: str = "torch") -> Operations:
    """Count the operations of a model.

    Fitted scikit-learn estimators are counted by formula: what a plain implementation of
    ``predict`` does. Models of torch are run once, without changing them, those of JAX are
    compiled, and the graph of an ONNX file is read, not run.

    Args:
        model: a fitted estimator of scikit-learn, a module or function of torch, a model of Keras,
            a function of JAX, an ONNX model or the path of one.
        x: an input. scikit-learn: samples, shape (n, features); without them the count is that of
            one sample. torch, JAX: a tensor, a tuple of arguments or a dict of them by name.
            ONNX: a shape, or shapes by input name, where the file leaves them open. Keras: an
            input, or a shape with the batch first.
        backward: torch only: count the gradients of the parameters as well.
        tool: torch only: ``"torch"`` or, where it is installed, ``"fvcore"``.

    Returns:
        The count with its convention, scope and tool.

    Raises:
        ValueError: the model is of no kind that can be counted, an input is missing, or nothing
            was counted.
    """
    if tool not in _TOOLS:
        raise ValueError(f"tool is {tool!r}: pass one of {', '.join(_TOOLS)}")
    kind = kind_of(model)
    if kind == "sklearn":
        from microjoule.indicators.flops_sklearn import count_sklearn

        _forward_only(backward, "an estimator of scikit-learn")
        return count_sklearn(model, x)
    if kind == "onnx":
        from microjoule.indicators.flops_onnx import count_onnx

        _forward_only(backward, "an ONNX graph")
        return count_onnx(model, x)
    if kind == "torch" or (not kind and is_tensor(x)):
        from microjoule.indicators import flops_torch

        if x is None:
            raise ValueError("a model of torch is counted while it runs: pass an input as x")
        return flops_torch.count(model, x, backward=backward, tool=tool)
    if kind == "keras":
        from microjoule.indicators.flops_keras import count_keras

        _forward_only(backward, "a model of Keras")
        return count_keras(model, x)
    if kind == "jax" or is_jax_array(x):
        from microjoule.indicators.flops_jax import count_jax

        _forward_only(backward, "a function of JAX (pass its gradient function instead)")
        if x is None:
            raise ValueError("a function of JAX is compiled for its input: pass one as x")
        return count_jax(model, x)
    raise ValueError(_unknown(model))


def _forward_only(backward: bool, what: str) -> None:
    if backward:
        raise ValueError(f"backward is counted for torch only, not for {what}")


def _unknown(model: object) -> str:
    hint = ""
    if isinstance(model, str | bytes):
        hint = " (a model file is never unpickled: load it yourself)"
    elif isinstance(model, Mapping):
        hint = " (a state dict has weights, but not the order in which they are used)"
    return (
        f"a {type(model).__name__} cannot be counted{hint}: pass a fitted estimator of "
        "scikit-learn, a model of torch or Keras with an input, a function of JAX with an input, "
        "or an ONNX file"
    )
