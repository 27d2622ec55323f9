"""Operations of a Keras model, counted by what stands behind it: torch or JAX."""

from __future__ import annotations

from typing import Any

from microjoule.indicators.operations import Operations


def count_keras(model: Any, x: Any) -> Operations:
    """Count one forward call.

    Args:
        model: a model of Keras 3.
        x: an input, its shape with the batch first, or None for one sample where the model knows
            its shape.
    """
    import keras

    behind = keras.backend.backend()
    if behind not in ("torch", "jax"):
        raise ValueError(
            f"Keras runs on {behind} here: set KERAS_BACKEND to torch or jax to count its models"
        )
    if x is None:
        x = _one_sample(model)
    if isinstance(x, tuple) and all(isinstance(n, int) for n in x):
        x = keras.ops.zeros(x)
    else:
        x = keras.ops.convert_to_tensor(x)
    if behind == "torch":
        from microjoule.indicators import flops_torch

        return flops_torch.count(model, x, backward=False, tool="torch")
    from microjoule.indicators.flops_jax import count_jax

    return count_jax(lambda given: model(given, training=False), x)


def _one_sample(model: Any) -> tuple[int, ...]:
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or any(not isinstance(n, int) for n in shape[1:]):
        raise ValueError("this model does not tell the shape of its one input: pass x")
    return (1, *shape[1:])
