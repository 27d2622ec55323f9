"""Plain implementations of `predict` on numbers that count what is done with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from microjoule.indicators.operations import Count

Row = Sequence[float]


class Tally:
    """Does arithmetic and counts it."""

    def __init__(self) -> None:
        self.macs = self.other = self.functions = self.comparisons = 0

    @property
    def count(self) -> Count:
        return Count(self.macs, self.other, self.functions, self.comparisons)

    def mac(self, total: float, a: float, b: float) -> float:
        self.macs += 1
        return total + a * b

    def do(self, result: float) -> float:
        """An addition, subtraction, multiplication or division."""
        self.other += 1
        return result

    def call(self, result: float) -> float:
        """An exponential, a root or the like."""
        self.functions += 1
        return result

    def less(self, a: float, b: float) -> bool:
        self.comparisons += 1
        return a < b

    def dot(self, a: Row, b: Row, start: float = 0.0) -> float:
        for x, y in zip(a, b, strict=True):
            start = self.mac(start, x, y)
        return start

    def squared_distance(self, a: Row, b: Row) -> float:
        total = 0.0
        for x, y in zip(a, b, strict=True):
            step = self.do(x - y)
            total = self.mac(total, step, step)
        return total

    def manhattan(self, a: Row, b: Row) -> float:
        total = 0.0
        for x, y in zip(a, b, strict=True):
            total = self.do(total + self.call(abs(self.do(x - y))))
        return total

    def largest(self, values: Row) -> int:
        best = 0
        for place in range(1, len(values)):
            if self.less(values[best], values[place]):
                best = place
        return best

    def positive(self, score: float) -> int:
        return int(self.less(0.0, score))


def scores(tally: Tally, model: Any, row: Row) -> list[float]:
    weights = model.coef_.reshape(-1, len(row))
    starts = [float(b) for b in _flat(model.intercept_, len(weights))]
    return [tally.dot(w, row, b) for w, b in zip(weights.tolist(), starts, strict=True)]


def _flat(value: Any, n: int) -> list[float]:
    return [float(value)] * n if getattr(value, "ndim", 0) == 0 else value.ravel().tolist()


def label(tally: Tally, model: Any, values: Row) -> Any:
    place = tally.largest(values) if len(values) > 1 else tally.positive(values[0])
    return model.classes_[place]


def linear(tally: Tally, model: Any, row: Row) -> Any:
    found = scores(tally, model, row)
    return label(tally, model, found) if hasattr(model, "classes_") else found[0]


def mlp(tally: Tally, model: Any, row: Row) -> Any:
    last = len(model.coefs_) - 1
    for layer, (weights, starts) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        row = [tally.dot(w, row, float(b)) for w, b in zip(weights.T.tolist(), starts, strict=True)]
        if layer == last:
            break
        if model.activation == "relu":
            row = [0.0 if tally.less(z, 0.0) else z for z in row]
        elif model.activation == "tanh":
            row = [tally.call(math.tanh(z)) for z in row]
        elif model.activation == "logistic":
            row = [tally.call(1 / (1 + math.exp(-z))) for z in row]
    return label(tally, model, row) if hasattr(model, "classes_") else row[0]


def neighbours(tally: Tally, model: Any, row: Row) -> Any:
    manhattan = model.effective_metric_ == "manhattan"
    measure = tally.manhattan if manhattan else tally.squared_distance
    left = [(measure(stored, row), place) for place, stored in enumerate(model._fit_X.tolist())]
    nearest: list[tuple[float, int]] = []
    for _ in range(model.n_neighbors):
        best = 0
        for at in range(1, len(left)):
            if tally.less(left[at][0], left[best][0]):
                best = at
        nearest.append(left.pop(best))
    weights = [1.0] * len(nearest)
    if model.weights == "distance":
        weights = [tally.do(1 / tally.call(math.sqrt(d))) for d, _ in nearest]
    if hasattr(model, "classes_"):
        votes = [0.0] * len(model.classes_)
        for weight, (_, place) in zip(weights, nearest, strict=True):
            chosen = model._y[place]
            votes[chosen] += weight  # a vote that weighs one is counted in integers
            if model.weights == "distance":
                tally.do(votes[chosen])
        return model.classes_[tally.largest(votes)]
    total = weight_of_all = 0.0
    for weight, (_, place) in zip(weights, nearest, strict=True):
        value = float(model._y[place])
        if model.weights == "distance":
            total = tally.mac(total, weight, value)
            weight_of_all = tally.do(weight_of_all + weight)
        else:
            total = tally.do(total + value)
    return tally.do(total / (weight_of_all or len(nearest)))


def support_vectors(tally: Tally, model: Any, row: Row) -> Any:
    values = [_kernel(tally, model, v, row) for v in model.support_vectors_.tolist()]
    starts = model.intercept_.tolist()
    if not hasattr(model, "classes_"):
        found = tally.dot(model.dual_coef_[0].tolist(), values, starts[0])
        if type(model).__name__ == "OneClassSVM":
            return 1 if tally.positive(found) else -1
        return found
    classes = len(model.classes_)
    if classes == 2:
        return label(tally, model, [tally.dot(model.dual_coef_[0].tolist(), values, starts[0])])
    ends = [0, *model.n_support_.cumsum().tolist()]
    votes = [0.0] * classes
    pair = 0
    for i in range(classes):
        for j in range(i + 1, classes):
            total = starts[pair]
            for k in range(ends[i], ends[i + 1]):
                total = tally.mac(total, model.dual_coef_[j - 1, k], values[k])
            for k in range(ends[j], ends[j + 1]):
                total = tally.mac(total, model.dual_coef_[i, k], values[k])
            votes[i if tally.positive(total) else j] += 1
            pair += 1
    return model.classes_[tally.largest(votes)]


def _kernel(tally: Tally, model: Any, vector: Row, row: Row) -> float:
    if model.kernel == "linear":
        return tally.dot(vector, row)
    if model.kernel == "rbf":
        scaled = tally.do(-model._gamma * tally.squared_distance(vector, row))
        return tally.call(math.exp(scaled))
    inside = tally.mac(model.coef0, model._gamma, tally.dot(vector, row))
    if model.kernel == "poly":
        return tally.call(inside**model.degree)
    return tally.call(math.tanh(inside))


def clusters(tally: Tally, model: Any, row: Row) -> Any:
    far = [-tally.squared_distance(c, row) for c in model.cluster_centers_.tolist()]
    return tally.largest(far)


def leaf(tally: Tally, tree: Any, row: Row) -> Any:
    node = 0
    while tree.children_left[node] != -1:
        right = tally.less(float(tree.threshold[node]), row[tree.feature[node]])
        node = (tree.children_right if right else tree.children_left)[node]
    return tree.value[node]


def tree(tally: Tally, model: Any, row: Row) -> Any:
    values = leaf(tally, model.tree_, row)[0].tolist()
    if hasattr(model, "classes_"):
        return model.classes_[tally.largest(values)]
    return values[0]


def forest(tally: Tally, model: Any, row: Row) -> Any:
    sums: list[float] | None = None
    for each in model.estimators_:
        values = leaf(tally, each.tree_, row)[0].tolist()
        sums = [tally.do(s + v) for s, v in zip(sums or [0.0] * len(values), values, strict=True)]
    means = [tally.do(s / len(model.estimators_)) for s in sums or []]
    if hasattr(model, "classes_"):
        return model.classes_[tally.largest(means)]
    return means[0]


def boosting(tally: Tally, model: Any, row: Row) -> Any:
    # The start is a constant that the model keeps.
    import numpy as np

    raw = model._raw_predict_init(np.asarray([row], dtype=np.float32))[0].tolist()
    for stage in model.estimators_:
        for k, each in enumerate(stage):
            value = float(leaf(tally, each.tree_, row)[0][0])
            raw[k] = tally.mac(raw[k], model.learning_rate, value)
    if hasattr(model, "classes_"):
        return label(tally, model, raw)
    return raw[0]


def histogram_boosting(tally: Tally, model: Any, row: Row) -> Any:
    raw = model._baseline_prediction.ravel().tolist()
    for stage in model._predictors:
        for k, each in enumerate(stage):
            node = each.nodes[0]
            while not node["is_leaf"]:
                right = tally.less(float(node["num_threshold"]), row[node["feature_idx"]])
                node = each.nodes[node["right"] if right else node["left"]]
            raw[k] = tally.do(raw[k] + float(node["value"]))
    if hasattr(model, "classes_"):
        return label(tally, model, raw)
    return raw[0]
