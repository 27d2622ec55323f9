"""Size of ONNX models."""

from __future__ import annotations

import math
import os
from typing import Any

from microjoule.indicators.flops_onnx import load
from microjoule.indicators.size import Size


def size_onnx(model: Any) -> Size:
    """Return the size of a graph's weights; those that stand in other files are not opened."""
    loaded = load(model)
    import onnx

    total = nonzero = memory = 0
    outside = False
    dtypes: dict[str, int] = {}
    for tensor in loaded.graph.initializer:
        size = math.prod(tensor.dims)
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        total += size
        memory += size * kind.itemsize
        dtypes[str(kind)] = dtypes.get(str(kind), 0) + size
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            outside = True
        else:
            nonzero += int((onnx.numpy_helper.to_array(tensor) != 0).sum())
    if total == 0:
        raise ValueError("the graph holds no weights: pass the number of parameters")
    on_disk = loaded.ByteSize() if loaded is model else os.stat(model).st_size
    return Size(
        total,
        nonzero=None if outside else nonzero,
        memory_bytes=memory,
        disk_bytes=None if outside else on_disk,
        dtypes=dtypes,
        note="weights stand in other files: pass their folder as file" if outside else "",
    )
