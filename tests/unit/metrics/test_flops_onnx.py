"""Operations of ONNX graphs: every formula against its sum by hand, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microjoule import metrics

onnx = pytest.importorskip("onnx")
helper = onnx.helper
FLOAT = 1
OPSETS = [helper.make_opsetid(*each) for each in (("", 17), ("ai.onnx.ml", 3), ("somebody", 1))]


def weight(name: str, *shape: int) -> Any:
    return onnx.numpy_helper.from_array(np.ones(shape, dtype=np.float32), name)


def graph(nodes: list[Any], inputs: dict[str, Any], weights: list[Any]) -> Any:
    values = [helper.make_tensor_value_info(n, FLOAT, shape) for n, shape in inputs.items()]
    outputs = [helper.make_tensor_value_info(nodes[-1].output[0], FLOAT, None)]
    made = helper.make_graph(nodes, "g", values, outputs, weights)
    return helper.make_model(made, opset_imports=OPSETS)


def one(
    kind: str, inputs: dict[str, Any], weights: list[Any], outputs: int = 1, **rest: Any
) -> Any:
    names = [*inputs, *(w.name for w in weights)]
    node = helper.make_node(kind, names, [f"y{i}" for i in range(outputs)], **rest)
    return graph([node], inputs, weights)


def convolution(batch: Any = 1) -> Any:
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["y"], transB=1),
    ]
    weights = [weight("k", 16, 3, 3, 3), weight("w", 10, 16 * 32 * 32)]
    return graph(nodes, {"x": [batch, 3, 32, 32]}, weights)


def test_the_convolution_of_the_reference(tmp_path: Path) -> None:
    found = metrics.flops(convolution())
    assert (found.macs, found.flop, found.obtained) == (606_208, 1_212_416, "measured")
    assert found.scope == "forward"
    path = tmp_path / "model.onnx"
    onnx.save(convolution(), path)
    assert metrics.flops(path) == metrics.flops(str(path)) == found


def test_open_dimensions() -> None:
    assert metrics.flops(convolution("batch")).macs == 606_208
    for x in ((8, 3, 32, 32), {"x": (8, 3, 32, 32)}, {"x": np.zeros((8, 3, 32, 32))}):
        assert metrics.flops(convolution("batch"), x).macs == 8 * 606_208


@pytest.mark.parametrize(
    ("model", "macs"),
    [
        (one("MatMul", {"x": [5, 7, 11]}, [weight("w", 11, 13)]), 5 * 7 * 11 * 13),
        (one("Gemm", {"x": [11, 5]}, [weight("w", 11, 13)], transA=1), 5 * 11 * 13),
        (
            one("Conv", {"x": [2, 6, 9]}, [weight("w", 4, 3, 5)], group=2),
            2 * 4 * (9 - 5 + 1) * 3 * 5,
        ),
        (one("ConvTranspose", {"x": [2, 6, 9, 9]}, [weight("w", 6, 4, 3, 3)]), 2 * 6 * 81 * 4 * 9),
        (
            one("LSTM", {"x": [5, 2, 7]}, [weight("w", 1, 44, 7), weight("r", 1, 44, 11)], 1),
            5 * 2 * 4 * 11 * (7 + 11),
        ),
        (
            one("GRU", {"x": [5, 2, 7]}, [weight("w", 1, 33, 7), weight("r", 1, 33, 11)], 1),
            5 * 2 * 3 * 11 * (7 + 11),
        ),
        (
            one("Einsum", {"a": [2, 5, 7], "b": [2, 7, 3]}, [], equation="bij, bjk -> bik"),
            2 * 5 * 7 * 3,
        ),
    ],
)
def test_formulas(model: Any, macs: int) -> None:
    assert metrics.flops(model).macs == macs


def test_linear_models_of_the_other_domain() -> None:
    node = helper.make_node(
        "LinearRegressor", ["x"], ["y"], domain="ai.onnx.ml", coefficients=[1.0] * 12, targets=3
    )
    values = [helper.make_tensor_value_info("x", FLOAT, [6, 4])]
    outputs = [helper.make_tensor_value_info("y", FLOAT, [6, 3])]
    made = helper.make_model(helper.make_graph([node], "g", values, outputs), opset_imports=OPSETS)
    assert metrics.flops(made).macs == 6 * 12


def test_what_cannot_be_counted_is_named() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Fused", ["m"], ["f"], domain="somebody"),
        helper.make_node("MatMul", ["f", "v"], ["y"]),
    ]
    model = graph(nodes, {"x": [2, 3]}, [weight("w", 3, 4), weight("v", 4, 5)])
    found = metrics.flops(model)
    assert found.macs == 2 * 3 * 4
    assert found.uncounted == ("MatMul (shape unknown)", "somebody.Fused")
    assert found.obtained == "mixed"


@pytest.mark.parametrize(
    ("model", "x", "sentence"),
    [
        (convolution(), (1, 3, 32), "has 4 dimensions: pass as many"),
        (convolution(), (1, 4, 32, 32), "is 3, not 4"),
        (convolution(), {"z": (1, 3, 32, 32)}, "no input 'z': there are x"),
        (one("MatMul", {"x": ["n", "t", 3]}, [weight("w", 3, 4)]), None, "dimension 1 open"),
        (one("Einsum", {"a": [2, 5], "b": [5, 3]}, [], equation="ij,jk->ik"), (2, 5), "by name"),
        (one("Own", {"x": [2, 5]}, [], domain="undeclared"), None, "do not fit together"),
        (one("Relu", {"x": [3]}, []), None, "no matrix product or convolution to count$"),
        (one("Det", {"x": [3, 3]}, []), None, "Det cannot be counted"),
        ("/there/is/none.onnx", None, "none.onnx: No such file"),
    ],
)
def test_what_is_refused(model: Any, x: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        metrics.flops(model, x)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    for content in (b"", b"\x80\x04K\x01.", b"not a graph at all", bytes(range(256))):
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no ONNX file, or has no graph"):
            metrics.flops(path)
