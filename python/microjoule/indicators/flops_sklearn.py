"""Operations of fitted scikit-learn estimators: what a plain implementation of `predict` does.

Sums start at the intercept, so that n products take n MACs. What changes no label is left out: the
softmax of an output, the root of a distance that is only compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from microjoule.indicators import trees
from microjoule.indicators.kinds import bases
from microjoule.indicators.operations import ARITHMETIC, Count, Operations


class Part(NamedTuple):
    """What one estimator needs for the samples that were given.

    Attributes:
        does: its operations.
        note: how far they are an estimate; nothing where they are exact.
        by_comparing: whether it decides by comparing, as trees do.
    """

    does: Count
    note: str = ""
    by_comparing: bool = False


def count_sklearn(model: Any, x: Any) -> Operations:
    """Count a fitted estimator: for the samples of ``x``, or for one sample."""
    import sklearn

    samples = None if x is None else _rows(x)
    found = _part(model, x, 1 if samples is None else samples)
    return Operations(
        2 * found.does.macs + found.does.other,
        found.does.macs,
        other=found.does.other,
        functions=found.does.functions,
        comparisons=found.does.comparisons,
        headline="comparisons" if found.by_comparing else "flop",
        convention=ARITHMETIC,
        per="sample" if x is None else "call",
        samples=samples,
        tool=f"formula for {type(model).__name__} of scikit-learn {sklearn.__version__}",
        obtained="estimated" if found.note else "measured",
        note=found.note,
    )


def _rows(x: Any) -> int:
    shape = getattr(x, "shape", None)
    if shape is None:
        import numpy as np

        shape = np.asarray(x).shape
    if len(shape) != 2 or shape[0] < 1:
        raise ValueError(f"x has the shape {tuple(shape)}: pass samples of shape (n, features)")
    return int(shape[0])


def _part(model: Any, x: Any, n: int) -> Part:
    names = bases(model)
    for base, count in _COUNTERS.items():
        if base in names:
            _check_fitted(model)
            return count(model, x, n)
    known = ", ".join(_SPOKEN)
    raise ValueError(f"there is no formula for {type(model).__name__}; there are those of {known}")


def _check_fitted(model: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError:
        raise ValueError(
            f"this {type(model).__name__} is not fitted: call fit before counting"
        ) from None


def _choice(model: Any) -> int:
    """Comparisons that turn scores into a label; none for a regressor."""
    if "OutlierMixin" in bases(model):
        return 1
    classes = getattr(model, "classes_", None)
    return 0 if classes is None else max(len(classes) - 1, 1)


def _linear(model: Any, x: Any, n: int) -> Part:
    return Part(Count(macs=model.coef_.size, comparisons=_choice(model)).times(n))


def _mlp(model: Any, x: Any, n: int) -> Part:
    hidden = sum(weights.shape[1] for weights in model.coefs_[:-1])
    activation = {
        "relu": Count(comparisons=hidden),
        "tanh": Count(functions=hidden),
        "logistic": Count(functions=hidden),
        "identity": Count(),
    }[model.activation]
    outputs = model.n_outputs_
    last = {
        "identity": Count(),
        "softmax": Count(comparisons=outputs - 1),
        "logistic": Count(comparisons=outputs),
        "exp": Count(functions=outputs),
    }[model.out_activation_]
    products = Count(macs=sum(weights.size for weights in model.coefs_))
    return Part(products.plus(activation).plus(last).times(n))


def _neighbours(model: Any, x: Any, n: int) -> Part:
    stored, features = model._fit_X.shape
    k = model.n_neighbors
    distance = {
        "euclidean": Count(macs=features, other=features),
        "sqeuclidean": Count(macs=features, other=features),
        "manhattan": Count(other=2 * features, functions=features),
    }.get(model.effective_metric_)
    if distance is None:
        raise ValueError(
            f"there is no formula for neighbours by {model.effective_metric_!r}: the metrics are "
            "euclidean and manhattan"
        )
    # The k nearest by k passes, each over what the ones before have left.
    count = distance.times(stored).plus(Count(comparisons=k * (stored - 1) - k * (k - 1) // 2))
    count = count.plus(_vote(model, k))
    exact = model._fit_method == "brute"
    note = "" if exact else f"as if all were compared: a {model._fit_method} looks at fewer"
    return Part(count.times(n), note)


def _vote(model: Any, k: int) -> Count:
    classifies = hasattr(model, "classes_")
    outputs = 1 if model._y.ndim == 1 else model._y.shape[1]
    if classifies and outputs > 1:
        raise ValueError("there is no formula for neighbours of several outputs")
    if model.weights == "uniform":
        # Votes are counted in integers.
        if classifies:
            return Count(comparisons=_choice(model))
        return Count(other=(k + 1) * outputs)
    if model.weights != "distance":
        raise ValueError("there is no formula for weights that are a function")
    weights = Count(other=2 * k, functions=k)
    if classifies:
        return weights.plus(Count(comparisons=_choice(model)))
    return weights.plus(Count(macs=k * outputs, other=outputs))


def _support_vectors(model: Any, x: Any, n: int) -> Part:
    vectors, features = model.support_vectors_.shape
    kernel = {
        "linear": Count(macs=features),
        "rbf": Count(macs=features, other=features + 1, functions=1),
        "poly": Count(macs=features + 1, functions=1),
        "sigmoid": Count(macs=features + 1, functions=1),
    }.get(model.kernel)
    if kernel is None:
        raise ValueError(
            f"there is no formula for the kernel {model.kernel!r}: the kernels are linear, rbf, "
            "poly and sigmoid"
        )
    count = kernel.times(vectors).plus(Count(macs=model.dual_coef_.size))
    classes = len(getattr(model, "classes_", ()))
    # One against one: a sign for each pair, then the class with most votes.
    labels = classes * (classes - 1) // 2 + classes - 1 if classes > 2 else _choice(model)
    return Part(count.plus(Count(comparisons=labels)).times(n))


def _clusters(model: Any, x: Any, n: int) -> Part:
    clusters, features = model.cluster_centers_.shape
    distances = Count(macs=features, other=features).times(clusters)
    return Part(distances.plus(Count(comparisons=clusters - 1)).times(n))


def _tree(model: Any, x: Any, n: int) -> Part:
    label = Count(comparisons=_labels(model)).times(n)
    return _by_comparing(x, trees.walked([model], x).plus(label))


def _forest(model: Any, x: Any, n: int) -> Part:
    first = model.estimators_[0].tree_
    values = int(first.n_outputs) * int(first.max_n_classes)
    # The leaves' values are added up and divided by the number of trees.
    mean = Count(other=values * (len(model.estimators_) + 1), comparisons=_labels(model))
    return _by_comparing(x, trees.walked(model.estimators_, x).plus(mean.times(n)))


def _labels(model: Any) -> int:
    classes = getattr(model, "n_classes_", None)
    if classes is None:
        return 0
    return sum(int(c) - 1 for c in (classes if getattr(model, "n_outputs_", 1) > 1 else [classes]))


def _boosting(model: Any, x: Any, n: int) -> Part:
    label = Count(macs=model.estimators_.size, comparisons=_choice(model)).times(n)
    walked = trees.walked(list(model.estimators_.ravel()), x)
    found = _by_comparing(x, walked.plus(label))
    if isinstance(model.init_, str) or "Dummy" in type(model.init_).__name__:
        return found
    begun = _part(model.init_, x, n)
    return Part(found.does.plus(begun.does), found.note or begun.note, True)


def _histogram_boosting(model: Any, x: Any, n: int) -> Part:
    grown = [tree for each in model._predictors for tree in each]
    count = Count(
        other=len(grown), comparisons=trees.mean_depth_by_count(grown) + _choice(model)
    ).times(n)
    note = "the depth that training samples reached, in the mean"
    return Part(count, note, True)


def _by_comparing(x: Any, count: Count) -> Part:
    return Part(count, trees.EXPECTED if x is None else "", True)


def _searched(model: Any, x: Any, n: int) -> Part:
    return _part(model.best_estimator_, x, n)


def _pipeline(model: Any, x: Any, n: int) -> Part:
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    parts: list[Part] = []
    for place, step in enumerate(steps):
        parts.append(_part(step, x, n))
        if x is not None and place < len(steps) - 1:
            x = step.transform(x)
    count = Count()
    for part in parts:
        count = count.plus(part.does)
    note = next((part.note for part in parts if part.note), "")
    return Part(count, note, bool(parts) and parts[-1].by_comparing)


def _standard_scaler(model: Any, x: Any, n: int) -> Part:
    each = int(model.with_mean) + int(model.with_std)
    return Part(Count(other=each * model.n_features_in_).times(n))


def _min_max_scaler(model: Any, x: Any, n: int) -> Part:
    features = model.n_features_in_
    return Part(Count(macs=features, comparisons=2 * features * model.clip).times(n))


def _components(model: Any, x: Any, n: int) -> Part:
    kept, features = model.components_.shape
    whitened = kept if model.whiten else 0
    return Part(Count(macs=kept * features, other=features + whitened).times(n))


# By the class they inherit from; the first that fits counts.
_COUNTERS: Final[dict[str, Callable[[Any, Any, int], Part]]] = {
    "Pipeline": _pipeline,
    "BaseSearchCV": _searched,
    "BaseMultilayerPerceptron": _mlp,
    "BaseLibSVM": _support_vectors,
    "LinearClassifierMixin": _linear,
    "LinearModel": _linear,
    "LinearSVR": _linear,
    "BaseSGD": _linear,
    "KNeighborsMixin": _neighbours,
    "KMeans": _clusters,
    "MiniBatchKMeans": _clusters,
    "BaseDecisionTree": _tree,
    "ForestClassifier": _forest,
    "ForestRegressor": _forest,
    "BaseGradientBoosting": _boosting,
    "BaseHistGradientBoosting": _histogram_boosting,
    "StandardScaler": _standard_scaler,
    "MinMaxScaler": _min_max_scaler,
    "PCA": _components,
}
_SPOKEN: Final = (
    "linear models",
    "multilayer perceptrons",
    "nearest neighbours",
    "support vector machines",
    "k-means",
    "decision trees",
    "random forests",
    "gradient boosting",
    "StandardScaler",
    "MinMaxScaler",
    "PCA",
    "pipelines and searches of these",
)
