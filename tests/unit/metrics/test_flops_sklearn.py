"""Formulas for scikit-learn against plain implementations that count, and predict the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import cluster, ensemble, linear_model, neighbors, neural_network, svm
from sklearn import tree as decision
from sklearn.datasets import load_iris, make_blobs
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from microjoule import metrics
from microjoule.indicators.operations import Count
from unit.metrics import naive

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS, KINDS = load_iris(return_X_y=True)
TWO, SIDES = make_blobs(60, 3, centers=2, random_state=1)
LENGTHS = IRIS @ np.array([0.5, -1.0, 2.0, 0.3]) + np.sin(IRIS[:, 0])
SAMPLES = 20

CLASSIFIERS = [
    (linear_model.LogisticRegression(), naive.linear),
    (linear_model.SGDClassifier(random_state=1), naive.linear),
    (linear_model.RidgeClassifier(), naive.linear),
    (svm.LinearSVC(random_state=1), naive.linear),
    (neural_network.MLPClassifier((5, 4), max_iter=50, random_state=1), naive.mlp),
    (neural_network.MLPClassifier((5,), activation="tanh", random_state=1, max_iter=9), naive.mlp),
    (
        neural_network.MLPClassifier((5,), activation="logistic", random_state=1, max_iter=9),
        naive.mlp,
    ),
    (neighbors.KNeighborsClassifier(5, algorithm="brute"), naive.neighbours),
    (neighbors.KNeighborsClassifier(3, p=1, algorithm="brute"), naive.neighbours),
    (svm.SVC(kernel="linear"), naive.support_vectors),
    (svm.SVC(), naive.support_vectors),
    (svm.SVC(kernel="poly", coef0=1.0), naive.support_vectors),
    (svm.SVC(kernel="sigmoid"), naive.support_vectors),
    (svm.NuSVC(), naive.support_vectors),
    (decision.DecisionTreeClassifier(random_state=1), naive.tree),
    (ensemble.RandomForestClassifier(6, random_state=1), naive.forest),
    (ensemble.ExtraTreesClassifier(6, random_state=1), naive.forest),
    (ensemble.GradientBoostingClassifier(n_estimators=4, random_state=1), naive.boosting),
]
REGRESSORS = [
    (linear_model.LinearRegression(), naive.linear),
    (linear_model.Lasso(0.01), naive.linear),
    (linear_model.SGDRegressor(random_state=1), naive.linear),
    (neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=1), naive.mlp),
    (neighbors.KNeighborsRegressor(4, algorithm="brute"), naive.neighbours),
    (svm.SVR(), naive.support_vectors),
    (decision.DecisionTreeRegressor(max_depth=4), naive.tree),
    (ensemble.RandomForestRegressor(5, random_state=1), naive.forest),
    (ensemble.GradientBoostingRegressor(n_estimators=5, random_state=1), naive.boosting),
]
WITHOUT_LABELS = [
    (cluster.KMeans(4, n_init=1, random_state=1), naive.clusters),
    (svm.OneClassSVM(), naive.support_vectors),
]
CASES = [
    *[(m, f, IRIS, KINDS) for m, f in CLASSIFIERS],
    *[(m, f, TWO, SIDES) for m, f in CLASSIFIERS],
    *[(m, f, IRIS, LENGTHS) for m, f in REGRESSORS],
    *[(m, f, IRIS, None) for m, f in WITHOUT_LABELS],
]


TREES = (naive.tree, naive.forest, naive.boosting)


def counted(model: Any, plain: Any, x: Any) -> tuple[Count, list[Any]]:
    """What a plain implementation did for these samples, and what it predicts."""
    tally = naive.Tally()
    # Trees compare in single precision.
    rows = x.astype(np.float32).astype(float) if plain in TREES else x
    predicted = [plain(tally, model, row) for row in rows.tolist()]
    return tally.count, predicted


def found_by(model: Any, x: Any) -> Count:
    found = metrics.flops(model, x)
    assert found.macs is not None
    assert found.flop == 2 * found.macs + found.other
    return Count(found.macs, found.other, found.functions, found.comparisons)


def named(value: object) -> str | None:
    return getattr(value, "__name__", None) or type(value).__name__


@pytest.mark.parametrize(("model", "plain", "x", "y"), CASES, ids=named)
def test_as_a_plain_implementation(model: Any, plain: Any, x: Any, y: Any) -> None:
    model.fit(x, y)
    # Off the training's own grid, on which distances tie.
    rows = x[:SAMPLES] + np.linspace(0.001, 0.017, x.shape[1])
    count, predicted = counted(model, plain, rows)
    assert found_by(model, rows) == count
    if y is not None and y.dtype.kind == "f":
        assert predicted == pytest.approx(model.predict(rows).tolist(), rel=1e-6)
    else:
        assert predicted == model.predict(rows).tolist()


@pytest.mark.parametrize(
    "weighted", [neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor]
)
def test_neighbours_by_distance(weighted: Any) -> None:
    y = KINDS if weighted is neighbors.KNeighborsClassifier else LENGTHS
    model = weighted(3, weights="distance", algorithm="brute").fit(IRIS, y)
    rows = IRIS[:SAMPLES] + 0.013
    count, predicted = counted(model, naive.neighbours, rows)
    assert found_by(model, rows) == count
    assert predicted == pytest.approx(model.predict(rows).tolist())


@pytest.mark.parametrize(
    "model",
    [
        ensemble.HistGradientBoostingClassifier(max_iter=3),
        ensemble.HistGradientBoostingRegressor(max_iter=3),
    ],
)
def test_histogram_boosting_is_the_mean_over_the_training(model: Any) -> None:
    y = KINDS if hasattr(model, "predict_proba") else LENGTHS
    model.fit(IRIS, y)
    count, predicted = counted(model, naive.histogram_boosting, IRIS)
    assert found_by(model, IRIS) == pytest.approx(count)
    assert predicted == pytest.approx(model.predict(IRIS).tolist())
    assert metrics.flops(model).obtained == "estimated"


def test_one_sample_where_none_is_given() -> None:
    model = linear_model.LogisticRegression().fit(IRIS, KINDS)
    found = metrics.flops(model)
    assert (found.flop, found.macs, found.comparisons) == (24, 12, 2)
    assert (found.per, found.samples, found.scope, found.obtained) == (
        "sample",
        None,
        "forward",
        "measured",
    )
    assert "MAC) = 2 FLOP" in found.convention
    assert "scikit-learn" in found.tool
    assert metrics.flops(model, IRIS[:8]).flop == 8 * 24
    assert metrics.flops(model, IRIS[:8]).samples == 8


def test_the_perceptron_of_the_reference() -> None:
    x = np.zeros((4, 784))
    model = neural_network.MLPClassifier((128,), max_iter=1).fit(np.tile(x, (3, 1)), range(12))
    assert metrics.flops(model).macs == 784 * 128 + 128 * 12


def test_trees_are_counted_in_comparisons() -> None:
    model = decision.DecisionTreeClassifier(random_state=1).fit(IRIS, KINDS)
    each = metrics.flops(model)
    all_of_them = metrics.flops(model, IRIS)
    assert each.flop == 0
    assert each.headline == "comparisons"
    assert each.value.unit == "comparison"
    assert each.obtained == "estimated"
    assert "pass x" in each.note
    assert all_of_them.obtained == "measured"
    assert all_of_them.comparisons == pytest.approx(each.comparisons * len(IRIS))


def test_a_tree_of_neighbours_is_an_estimate() -> None:
    model = neighbors.KNeighborsClassifier(algorithm="kd_tree").fit(IRIS, KINDS)
    found = metrics.flops(model)
    assert found.obtained == "estimated"
    assert "kd_tree looks at fewer" in found.note


def test_steps_of_a_pipeline_add_up() -> None:
    steps = [StandardScaler(), PCA(2), svm.SVC()]
    model = make_pipeline(*steps).fit(IRIS, KINDS)
    features, kept = 4, 2
    alone = found_by(steps[2], None)
    assert found_by(model, None) == alone.plus(
        Count(macs=features * kept, other=2 * features + features)
    )
    trees = make_pipeline(MinMaxScaler(), decision.DecisionTreeClassifier()).fit(IRIS, KINDS)
    walked = metrics.flops(trees[1], trees[0].transform(IRIS))
    found = metrics.flops(trees, IRIS)
    assert found.comparisons == walked.comparisons
    assert found.macs == 4 * len(IRIS)
    assert found.headline == "comparisons"


def test_a_search_is_its_best() -> None:
    search = GridSearchCV(linear_model.RidgeClassifier(), {"alpha": [0.1, 1]}).fit(IRIS, KINDS)
    assert found_by(search, None) == found_by(search.best_estimator_, None)


def test_boosting_that_starts_with_a_model() -> None:
    model = ensemble.GradientBoostingRegressor(
        n_estimators=2, init=linear_model.LinearRegression()
    ).fit(IRIS, LENGTHS)
    assert metrics.flops(model, IRIS[:1]).macs == 2 + 4


@pytest.mark.parametrize(
    ("model", "x", "sentence"),
    [
        (svm.SVC(), None, "this SVC is not fitted: call fit"),
        (GaussianNB().fit(IRIS, KINDS), None, "no formula for GaussianNB; there are those of lin"),
        (linear_model.Ridge().fit(IRIS, KINDS), IRIS[0], r"pass samples of shape \(n, features\)"),
        (svm.SVC(kernel=lambda a, b: a @ b.T).fit(IRIS, KINDS), None, "no formula for the kernel"),
        (
            neighbors.KNeighborsClassifier(metric="chebyshev").fit(IRIS, KINDS),
            None,
            "the metrics are euclidean and manhattan",
        ),
        ("model.pkl", None, "a model file is never unpickled"),
        ({"weight": 1}, None, "a state dict has weights"),
        (print, None, "a builtin_function_or_method cannot be counted"),
    ],
)
def test_what_is_refused(model: Any, x: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        metrics.flops(model, x)


def test_backward_is_of_torch() -> None:
    with pytest.raises(ValueError, match="backward is counted for torch only"):
        metrics.flops(linear_model.LinearRegression().fit(IRIS, LENGTHS), backward=True)
    with pytest.raises(ValueError, match="pass one of torch, fvcore"):
        metrics.flops(None, tool="thop")


def test_it_is_a_value() -> None:
    found = metrics.flops(linear_model.LinearRegression().fit(IRIS, LENGTHS))
    assert (found.value.value, found.value.unit, found.value.direction) == (8, "FLOP", "lower")
    assert found.value.category == "resources"
    assert found.to_dict()["value"] == 8
    assert metrics.model_flop_utilisation(found.value, 1, 1, 16).value == 0.5
    with pytest.raises(AttributeError, match="frozen"):
        found.flop = 1
    with pytest.raises(ValueError, match="obtained is 'guessed'"):
        metrics.Operations(1, 1, obtained="guessed")
