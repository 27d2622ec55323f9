"""Size of Keras models."""

from __future__ import annotations

import math
from typing import Any

from microjoule.indicators.size import Size


def size_keras(model: Any) -> Size:
    """Return the size of a model that has been built."""
    import numpy as np

    if not model.built:
        raise ValueError("this model of Keras is not built: call it, or give it an Input, before")
    weights = list(model.weights)
    dtypes: dict[str, int] = {}
    memory = 0
    for w in weights:
        size = math.prod(w.shape)
        name = str(w.dtype)
        dtypes[name] = dtypes.get(name, 0) + size
        # numpy does not know bfloat16, which has two bytes.
        memory += size * (2 if name == "bfloat16" else np.dtype(name).itemsize)
    return Size(
        sum(math.prod(w.shape) for w in weights),
        trainable=sum(math.prod(w.shape) for w in model.trainable_weights),
        nonzero=sum(int(np.count_nonzero(np.asarray(w.numpy()))) for w in weights),
        memory_bytes=memory,
        dtypes=dtypes,
        note="on disk: save it, and pass the file",
    )
