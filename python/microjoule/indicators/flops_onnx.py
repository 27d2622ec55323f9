"""Operations of an ONNX graph: read from the shapes of its nodes, nothing is run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from microjoule.indicators.operations import PRODUCTS, Operations

Shape = tuple[int, ...]
_OWN: Final = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training")
# Arithmetic of ONNX's own that has no formula here.
_HEAVY: Final = (
    *("If", "Loop", "Scan", "Attention", "DFT", "STFT", "Det", "DeformConv"),
    *("SVMClassifier", "SVMRegressor"),
    *("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"),
)


def count_onnx(model: Any, x: Any) -> Operations:
    """Count one call of a graph.

    Args:
        model: a model of the package onnx, or the path of a file.
        x: the shape of its one input, or shapes (or arrays) by input name, where the file leaves
            dimensions open.
    """
    onnx = _package()
    loaded = load(model)
    if loaded.functions:
        loaded = onnx.inliner.inline_local_functions(loaded)
    shapes = _shapes(onnx, loaded, x)
    macs = 0
    uncounted: set[str] = set()
    for node in loaded.graph.node:
        kind = node.op_type if node.domain in _OWN else f"{node.domain}.{node.op_type}"
        formula = _FORMULAS.get(kind)
        if formula is None:
            if kind in _HEAVY or node.domain not in _OWN:
                uncounted.add(kind)
            continue
        try:
            macs += formula(node, shapes)
        except KeyError:
            uncounted.add(f"{kind} (shape unknown)")
    if macs == 0:
        told = f": {', '.join(sorted(uncounted))} cannot be counted" if uncounted else ""
        raise ValueError(f"the graph has no matrix product or convolution to count{told}")
    return Operations(
        2 * macs,
        macs,
        convention=PRODUCTS,
        tool=f"shapes of onnx {onnx.__version__}",
        uncounted=tuple(sorted(uncounted)),
        obtained="mixed" if uncounted else "measured",
    )


def load(model: Any) -> Any:
    """Return the model itself: what was given, or what the file of that path holds.

    Raises:
        ValueError: the file is missing or no ONNX file.
    """
    if not isinstance(model, str) and not hasattr(model, "__fspath__"):
        return model
    onnx = _package()
    try:
        found = onnx.load(model, load_external_data=False)
    except OSError as error:
        raise ValueError(f"{model}: {error.strerror}") from None
    except Exception:
        found = None
    # An empty message parses too.
    if found is None or not found.graph.node:
        raise ValueError(f"{model} is no ONNX file, or has no graph")
    return found


def _package() -> Any:
    try:
        import onnx
        import onnx.inliner
        import onnx.shape_inference
    except ImportError:
        raise ValueError("reading ONNX needs the package onnx: pip install onnx") from None
    return onnx


def _shapes(onnx: Any, model: Any, x: Any) -> dict[str, Shape]:
    """The shape of every value that has one, once the inputs have theirs."""
    closed = onnx.ModelProto()
    closed.CopyFrom(model)
    constants = {tensor.name for tensor in closed.graph.initializer}
    inputs = [i for i in closed.graph.input if i.name not in constants]
    given = _given(x, [i.name for i in inputs])
    for one in inputs:
        _close(one, given.get(one.name))
    # What was inferred for open dimensions must not stand in the way.
    del closed.graph.value_info[:]
    for one in closed.graph.output:
        one.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(closed, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        told = str(error).splitlines()[0]
        raise ValueError(f"the shapes of the graph do not fit together: {told}") from None
    found = {t.name: tuple(t.dims) for t in inferred.graph.initializer}
    values = (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output)
    for value in values:
        dims = value.type.tensor_type.shape.dim
        known = value.type.tensor_type.HasField("shape")
        if known and all(d.HasField("dim_value") for d in dims):
            found[value.name] = tuple(d.dim_value for d in dims)
    return found


def _given(x: Any, names: list[str]) -> Mapping[str, Shape]:
    if x is None:
        return {}
    if not isinstance(x, Mapping):
        if len(names) != 1:
            raise ValueError(f"the graph has the inputs {', '.join(names)}: pass shapes by name")
        x = {names[0]: x}
    unknown = [name for name in x if name not in names]
    if unknown:
        raise ValueError(f"the graph has no input {unknown[0]!r}: there are {', '.join(names)}")
    return {name: tuple(int(n) for n in getattr(v, "shape", v)) for name, v in x.items()}


def _close(value: Any, shape: Shape | None) -> None:
    """Give an input its shape; an open first dimension, the batch, is one where none is given."""
    dims = value.type.tensor_type.shape.dim
    if shape is not None:
        if len(shape) != len(dims) or min(shape, default=1) < 1:
            raise ValueError(
                f"input {value.name!r} has {len(dims)} dimensions: pass as many, each 1 or more, "
                f"not {shape}"
            )
        for dim, size in zip(dims, shape, strict=True):
            if dim.HasField("dim_value") and dim.dim_value != size:
                raise ValueError(f"input {value.name!r} is {dim.dim_value}, not {size}, there")
            dim.dim_value = size
        return
    for place, dim in enumerate(dims):
        if not dim.HasField("dim_value"):
            if place:
                raise ValueError(
                    f"input {value.name!r} leaves dimension {place} open: pass its shape as x"
                )
            dim.dim_value = 1


# -- multiply-accumulates of a node -----------------------------------------------------------


def _attribute(node: Any, name: str, default: int) -> int:
    return next((int(a.i) for a in node.attribute if a.name == name), default)


def _convolution(weights: int) -> Callable[[Any, dict[str, Shape]], int]:
    """Every output element takes the channels of its group times the kernel."""

    def count(node: Any, shapes: dict[str, Shape]) -> int:
        return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[weights]][1:])

    return count


def _transposed(node: Any, shapes: dict[str, Shape]) -> int:
    """Every input element goes into the channels of its group times the kernel."""
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _product(node: Any, shapes: dict[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _gemm(node: Any, shapes: dict[str, Shape]) -> int:
    inner = shapes[node.input[0]][0 if _attribute(node, "transA", 0) else 1]
    return math.prod(shapes[node.output[0]]) * inner


def _recurrent(gates: int) -> Callable[[Any, dict[str, Shape]], int]:
    """Each gate multiplies the input and the state, at every step, in every direction."""

    def count(node: Any, shapes: dict[str, Shape]) -> int:
        steps, batch, features = shapes[node.input[0]]
        directions, rows, _ = shapes[node.input[1]]
        return steps * batch * directions * rows * (features + rows // gates)

    return count


def _einsum(node: Any, shapes: dict[str, Shape]) -> int:
    """A product over all its indices; of more than two factors the order is unknown."""
    text = next(a.s.decode() for a in node.attribute if a.name == "equation")
    terms = text.replace(" ", "").partition("->")[0].split(",")
    if len(terms) != 2 or "." in text:
        raise KeyError(text)
    sizes: dict[str, int] = {}
    for term, name in zip(terms, node.input, strict=True):
        sizes.update(zip(term, shapes[name], strict=True))
    return math.prod(sizes.values())


def _linear(node: Any, shapes: dict[str, Shape]) -> int:
    coefficients = next(len(a.floats) for a in node.attribute if a.name == "coefficients")
    rows = shapes[node.input[0]]
    return (rows[0] if len(rows) > 1 else 1) * coefficients


_FORMULAS: Final[dict[str, Callable[[Any, dict[str, Shape]], int]]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed,
    "MatMul": _product,
    "MatMulInteger": _product,
    "QLinearMatMul": _product,
    "Gemm": _gemm,
    "Einsum": _einsum,
    "RNN": _recurrent(1),
    "GRU": _recurrent(3),
    "LSTM": _recurrent(4),
    "LinearClassifier": _linear,
    "LinearRegressor": _linear,
}
