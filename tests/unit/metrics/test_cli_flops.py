"""`uj flops`: of a module's object and of an ONNX file; what is imported, and what is refused."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Uj = Callable[..., Any]
ZOO = """\
print("a module that talks")
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

x, y = load_iris(return_X_y=True)
linear = LogisticRegression(max_iter=500).fit(x, y)
plain = [1, 2]

def tree():
    return DecisionTreeClassifier(random_state=1).fit(x, y), x[:10]

def broken():
    raise RuntimeError("no data here")

class cage:
    linear = linear
"""


@pytest.fixture
def zoo(uj: Uj, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uj]:
    """The command, in a folder with a module of models."""
    (tmp_path / "zoo_of_models.py").write_text(ZOO, encoding="utf-8")
    (tmp_path / "empty_zoo.py").write_text("import there_is_no_such_module\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    yield uj
    sys.modules.pop("zoo_of_models", None)


def test_an_estimator(zoo: Uj) -> None:
    said = zoo("flops", "zoo_of_models:linear")
    assert said.status == 0
    assert "24 FLOP per sample, forward" in said.out
    assert "MAC) = 2 FLOP" in said.out
    assert "15 trainable, 15 non-zero, 15 active" in said.out
    assert "resource indicator: no hardware effect" in said.out
    assert "imports zoo_of_models, whose code runs here" in said.err
    assert "talks" in said.err
    assert "talks" not in said.out


def test_in_json(zoo: Uj) -> None:
    fields = zoo("flops", "zoo_of_models:cage.linear", "--json").fields
    assert fields["schema"] == 1
    assert fields["operations"]["macs"] == 12
    assert fields["operations"]["category"] == "resources"
    assert fields["operations"]["scope"] == "forward"
    assert fields["size"]["parameters"] == 15


def test_a_function_that_makes_a_model_and_its_input(zoo: Uj) -> None:
    said = zoo("flops", "zoo_of_models:tree")
    assert said.status == 0
    assert "comparisons per call" in said.out
    assert "nodes" in said.out
    assert "MACs" not in said.out


def test_an_onnx_file(uj: Uj, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, ["n", 1000])],
        [onnx.helper.make_tensor_value_info("y", 1, ["n", 500])],
        [onnx.helper.make_tensor("w", 1, [1000, 500], [0.5] * 500_000)],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx")
    said = uj("flops", "model.onnx")
    assert "1 000 000 FLOP per call" in said.out
    assert "imports" not in said.err
    assert uj("flops", "model.onnx", "--input", "8,1000", "--json").fields["operations"][
        "macs"
    ] == (8 * 500_000)
    assert uj("flops", "model.onnx", "--input", "x=4,1000").status == 0
    assert "no input 'z'" in uj("flops", "model.onnx", "--input", "z=4,1000").err


def test_a_pickle_is_never_opened(uj: Uj, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return (tmp_path / "sprung").touch, ()

    for name in ("model.pkl", "model.pt", "model.joblib", "model.onnx", "model"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
        said = uj("flops", name)
        assert said.status == 2
        assert "never unpickled" in said.err or "is no ONNX file" in said.err
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("zoo_of_models",), "names no object: pass MODULE:OBJECT"),
        (("zoo_of_models:lion",), "zoo_of_models has no 'lion'"),
        (("zoo_of_models:cage",), "is a class: pass an instance"),
        (("zoo_of_models:broken",), "broken() failed: RuntimeError: no data here"),
        (("zoo_of_models:plain",), "a list cannot be counted"),
        (("there_is_no_such_module:x",), "importing there_is_no_such_module failed"),
        (("empty_zoo:x",), "importing empty_zoo failed: ModuleNotFoundError"),
        (("zoo_of_models:linear", "--input", "1,4"), "needs no --input"),
        (("zoo_of_models:linear", "--input", "1xfour"), "is no shape: pass 1,3,224,224"),
        (("zoo_of_models:linear", "--backward"), "backward is counted for torch only"),
        (("zoo_of_models:linear", "--tool", "thop"), "pass one of torch, fvcore"),
        (("zoo_of_models:linear", "--deep"), "unknown option --deep"),
    ],
)
def test_what_is_refused(zoo: Uj, arguments: tuple[str, ...], sentence: str) -> None:
    said = zoo("flops", *arguments)
    assert said.status == 2
    assert sentence in said.err
    assert "Traceback" not in said.err
