"""Size of fitted scikit-learn estimators."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any, Final

from microjoule.indicators.kinds import bases
from microjoule.indicators.size import Size

# What a fitted estimator has learnt, by the attributes that hold it; the first that is there.
_LEARNT: Final = (
    ("support_vectors_", "dual_coef_", "intercept_"),
    ("coefs_", "intercepts_"),
    ("coef_", "intercept_"),
    ("cluster_centers_",),
    ("components_", "mean_"),
    ("mean_", "scale_"),
    ("min_", "scale_"),
    ("theta_", "var_", "class_prior_"),
    ("_fit_X",),
)


def size_sklearn(model: Any) -> Size:
    """Return the size of a fitted estimator, its parts and steps included."""
    import sys

    import numpy as np

    arrays = [array for part in _parts(model) for array in _learnt(part)]
    grown = [tree for part in _parts(model) for tree in _trees(part)]
    if not arrays and not grown:
        raise ValueError(
            f"this {type(model).__name__} holds nothing learnt that is known here: fit it, or pass "
            "its number of parameters"
        )
    splits = sum(tree.splits for tree in grown)
    values = sum(tree.values for tree in grown)
    zero_leaves = sum(tree.zeros for tree in grown)
    total = sum(array.size for array in arrays) + 2 * splits + values
    nonzero = sum(int(np.count_nonzero(a)) for a in arrays) + 2 * splits + values - zero_leaves
    dtypes: dict[str, int] = {}
    for array in arrays:
        dtypes[str(array.dtype)] = dtypes.get(str(array.dtype), 0) + int(array.size)
    stored = [len(a) for part in _parts(model) for a in _stored(part)]
    written = _Counter()
    pickle.dump(model, written, protocol=pickle.HIGHEST_PROTOCOL)
    held = {id(base): base.nbytes for base in map(_base, _arrays(model, set()))}
    return Size(
        total,
        trainable=total,
        nonzero=nonzero,
        memory_bytes=sum(held.values()) + sum(tree.nbytes for tree in grown),
        disk_bytes=written.size,
        dtypes=dtypes,
        trees=len(grown) or None,
        nodes=sum(tree.splits + tree.leaves for tree in grown) or None,
        leaves=sum(tree.leaves for tree in grown) or None,
        depth=max((tree.depth for tree in grown), default=None),
        vectors=sum(stored) or None,
        note=f"on disk: as pickled by Python {sys.version_info.major}.{sys.version_info.minor}",
    )


def _parts(model: Any) -> Iterator[Any]:
    """The estimator itself, or the steps of a pipeline, or what a search has found best."""
    names = bases(model)
    if "Pipeline" in names:
        for _, step in model.steps:
            if step is not None and step != "passthrough":
                yield from _parts(step)
    elif "BaseSearchCV" in names and hasattr(model, "best_estimator_"):
        yield from _parts(model.best_estimator_)
    else:
        yield model


def _learnt(model: Any) -> list[Any]:
    import numpy as np

    for names in _LEARNT:
        if getattr(model, names[0], None) is None:
            continue
        held = [getattr(model, name, None) for name in names]
        lists = [h if isinstance(h, list) else [h] for h in held if h is not None]
        dense = [getattr(a, "data", a) if hasattr(a, "nnz") else a for each in lists for a in each]
        return [np.asarray(a) for a in dense]
    return []


def _stored(model: Any) -> list[Any]:
    """The samples that a model keeps to compare with."""
    for name in ("support_vectors_", "_fit_X"):
        if getattr(model, name, None) is not None:
            vectors = getattr(model, name)
            return [vectors] if not hasattr(vectors, "nnz") else [range(vectors.shape[0])]
    return []


class _Tree:
    """What one tree has."""

    def __init__(
        self, splits: int, leaves: int, values: int, zeros: int, depth: int, nbytes: int
    ) -> None:
        self.splits = splits
        self.leaves = leaves
        self.values = values
        self.zeros = zeros
        self.depth = depth
        self.nbytes = nbytes


def _trees(model: Any) -> Iterator[_Tree]:
    if hasattr(model, "tree_"):
        yield _tree(model.tree_)
    elif hasattr(model, "_predictors"):
        for each in model._predictors:
            for one in each:
                yield _predictor(one.nodes)
    elif hasattr(model, "estimators_"):
        inside = model.estimators_
        for one in inside.ravel() if hasattr(inside, "ravel") else inside:
            yield from _trees(one)


def _tree(tree: Any) -> _Tree:
    leaf = tree.children_left == -1
    values = tree.value[leaf]
    state = tree.__getstate__()
    nbytes = sum(part.nbytes for part in state.values() if hasattr(part, "nbytes"))
    return _Tree(
        int((~leaf).sum()),
        int(leaf.sum()),
        int(values.size),
        int((values == 0).sum()),
        int(tree.max_depth),
        int(nbytes),
    )


def _predictor(nodes: Any) -> _Tree:
    leaf = nodes["is_leaf"] == 1
    leaves = int(leaf.sum())
    zeros = int((nodes["value"][leaf] == 0).sum())
    depth = int(nodes["depth"].max())
    # Its array is among those of the estimator.
    return _Tree(len(nodes) - leaves, leaves, leaves, zeros, depth, 0)


def _arrays(held: Any, seen: set[int]) -> Iterator[Any]:
    """Every array that an object holds, at any depth."""
    import numpy as np

    if id(held) in seen:
        return
    seen.add(id(held))
    inside: Any = ()
    if isinstance(held, np.ndarray):
        yield held
        inside = held.ravel().tolist() if held.dtype == object else ()
    elif isinstance(held, dict):
        inside = held.values()
    elif isinstance(held, list | tuple | set):
        inside = held
    elif type(held).__module__.partition(".")[0] in ("sklearn", "scipy"):
        inside = getattr(held, "__dict__", {}).values()
    for one in inside:
        yield from _arrays(one, seen)


def _base(array: Any) -> Any:
    """What a view looks at: two views of one array hold it once."""
    import numpy as np

    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class _Counter:
    """A file that keeps nothing but how much was written."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: Any) -> int:
        """Count."""
        self.size += memoryview(data).nbytes
        return memoryview(data).nbytes
