"""Comparisons of decision trees: one at each inner node that a sample passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from microjoule.indicators.operations import Count

EXPECTED: Final = "the depth that training samples reached, in the mean: pass x for an exact count"


def walked(grown: Sequence[Any], x: Any) -> Count:
    """Comparisons on the way to the leaves: of every sample of ``x``, or of one in the mean.

    Args:
        grown: fitted decision trees.
        x: samples, shape (n, features), or None.
    """
    if x is None:
        return Count(comparisons=sum(_mean_depth(tree.tree_) for tree in grown))
    import numpy as np

    samples = np.asarray(x, dtype=np.float32)
    return Count(comparisons=sum(_steps(tree.tree_, samples) for tree in grown))


def _steps(tree: Any, samples: Any) -> int:
    """A path of m nodes has m − 1 comparisons."""
    return int(tree.decision_path(samples).nnz) - len(samples)


def _mean_depth(tree: Any) -> float:
    """A node that m of n training samples passed adds m/n comparisons to the mean."""
    inner = tree.children_left != -1
    return float(tree.n_node_samples[inner].sum() / tree.n_node_samples[0])


def mean_depth_by_count(grown: Sequence[Any]) -> float:
    """The same for the trees of histogram-based boosting, which tell no path.

    Args:
        grown: its predictors.
    """
    total = 0.0
    for tree in grown:
        inner = tree.nodes["is_leaf"] == 0
        total += float(tree.nodes["count"][inner].sum() / tree.nodes["count"][0])
    return total
