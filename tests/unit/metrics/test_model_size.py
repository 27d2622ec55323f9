"""Sizes of models: parameters, bytes, nodes and vectors, each against a count by other means."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import cluster, ensemble, linear_model, neighbors, neural_network, svm
from sklearn import tree as decision
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from microjoule import metrics

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS, KINDS = load_iris(return_X_y=True)


def test_a_plain_number() -> None:
    found = metrics.model_size(175e9)
    assert (found.parameters, found.active, found.obtained) == (175_000_000_000,) * 2 + ("given",)
    assert (found.trainable, found.memory_bytes, found.disk_bytes) == (None, None, None)
    assert metrics.model_size(46.7e9, active=12.9e9).active == 12_900_000_000
    assert found.value.unit == "parameter"
    assert found.value.category == "resources"


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (linear_model.LogisticRegression(), 3 * 4 + 3),
        (linear_model.LinearRegression(), 4 + 1),
        (neural_network.MLPClassifier((5,), max_iter=5), 4 * 5 + 5 + 5 * 3 + 3),
        (cluster.KMeans(6, n_init=1), 6 * 4),
        (neighbors.KNeighborsClassifier(), 150 * 4),
        (GaussianNB(), 3 * 4 + 3 * 4 + 3),
        (make_pipeline(StandardScaler(), linear_model.Ridge()), 4 + 4 + 4 + 1),
        (GridSearchCV(linear_model.RidgeClassifier(), {"alpha": [1.0]}), 3 * 4 + 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_parameters(model: Any, parameters: int) -> None:
    found = metrics.model_size(model.fit(IRIS, KINDS))
    assert found.parameters == found.trainable == found.active == parameters
    assert found.disk_bytes == len(pickle.dumps(model, protocol=pickle.HIGHEST_PROTOCOL))
    assert found.memory_bytes is not None
    assert found.memory_bytes >= 8 * parameters - 8
    assert sum(found.dtypes.values()) == parameters
    assert found.trees is None


def test_what_is_zero() -> None:
    model = linear_model.Lasso(0.2).fit(IRIS, KINDS)
    found = metrics.model_size(model)
    assert found.nonzero == np.count_nonzero(model.coef_) + 1 < found.parameters


def test_memory_counts_an_array_once() -> None:
    model = linear_model.LinearRegression().fit(IRIS, KINDS)
    alone = metrics.model_size(model).memory_bytes
    model.again_ = model.coef_[:2]
    assert metrics.model_size(model).memory_bytes == alone


def test_vectors() -> None:
    model = svm.SVC().fit(IRIS, KINDS)
    found = metrics.model_size(model)
    vectors = int(model.n_support_.sum())
    assert found.vectors == vectors
    assert found.parameters == vectors * 4 + 2 * vectors + 3
    assert metrics.model_size(neighbors.KNeighborsClassifier().fit(IRIS, KINDS)).vectors == 150


@pytest.mark.parametrize(
    "model",
    [
        decision.DecisionTreeClassifier(random_state=1),
        ensemble.RandomForestClassifier(7, random_state=1),
        ensemble.GradientBoostingClassifier(n_estimators=3, random_state=1),
    ],
)
def test_trees(model: Any) -> None:
    model.fit(IRIS, KINDS)
    inside = [model] if hasattr(model, "tree_") else list(np.ravel(model.estimators_))
    found = metrics.model_size(model)
    assert found.trees == len(inside)
    assert found.nodes == sum(t.tree_.node_count for t in inside)
    assert found.leaves == sum(t.get_n_leaves() for t in inside)
    assert found.depth == max(t.get_depth() for t in inside)
    values = inside[0].tree_.max_n_classes if not hasattr(model, "init_") else 1
    assert found.parameters == 2 * (found.nodes - found.leaves) + found.leaves * values
    assert found.memory_bytes is not None
    assert found.memory_bytes >= sum(t.tree_.node_count * 64 for t in inside)


def test_trees_of_histograms() -> None:
    model = ensemble.HistGradientBoostingClassifier(max_iter=4).fit(IRIS, KINDS)
    found = metrics.model_size(model)
    assert found.trees == 4 * 3
    assert found.leaves == sum(t.get_n_leaf_nodes() for each in model._predictors for t in each)
    assert found.depth == max(t.get_max_depth() for each in model._predictors for t in each)


def test_on_disk(tmp_path: Path) -> None:
    model = linear_model.LinearRegression().fit(IRIS, KINDS)
    (tmp_path / "folder").mkdir()
    (tmp_path / "model.bin").write_bytes(b"x" * 1234)
    (tmp_path / "folder" / "part").write_bytes(b"x" * 66)
    assert metrics.model_size(model, file=tmp_path / "model.bin").disk_bytes == 1234
    assert metrics.model_size(1e6, file=tmp_path).disk_bytes == 1300
    with pytest.raises(ValueError, match="none: No such file"):
        metrics.model_size(1e6, file=tmp_path / "none")


def test_onnx(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    weights = np.array([[1, 0, 2], [0, 3, 4]], dtype=np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 2])],
        [onnx.helper.make_tensor_value_info("y", 1, [1, 3])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = onnx.helper.make_model(graph)
    onnx.save(model, tmp_path / "model.onnx")
    for given in (model, tmp_path / "model.onnx"):
        found = metrics.model_size(given)
        assert (found.parameters, found.nonzero, found.memory_bytes) == (6, 4, 24)
        assert found.dtypes == {"float32": 6}
        assert found.disk_bytes == (tmp_path / "model.onnx").stat().st_size
    onnx.save(model, tmp_path / "a.onnx", save_as_external_data=True, size_threshold=0)
    apart = metrics.model_size(tmp_path / "a.onnx")
    assert (apart.parameters, apart.nonzero, apart.disk_bytes) == (6, None, None)
    assert "pass their folder" in apart.note


@pytest.mark.parametrize(
    ("model", "named", "sentence"),
    [
        (0, {}, "parameters is 0: pass how many"),
        (float("nan"), {}, "pass how many there are"),
        (1.5, {}, "pass how many there are"),
        (100, {"active": 200}, "active is 200: pass parameters, above 0 and at most the 100"),
        (svm.SVC(), {}, "this SVC holds nothing learnt"),
        ("model.pt", {}, "the size of a str cannot be told"),
        (object(), {}, "the size of a object cannot be told"),
    ],
)
def test_what_is_refused(model: Any, named: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        metrics.model_size(model, **named)


def test_it_is_frozen_and_ready_for_json() -> None:
    found = metrics.model_size(7e9)
    assert found.to_dict()["parameters"] == 7_000_000_000
    assert hash(found) == hash(metrics.model_size(7e9))
    with pytest.raises(AttributeError, match="frozen"):
        found.parameters = 1
