"""The size of a model: parameters, what they take in memory and on disk, and what trees have."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from microjoule.config import Frozen
from microjoule.indicators.kinds import kind_of
from microjoule.metrics._value import OBTAINED, Value


class Size(Frozen):
    """How large a model is; None where it cannot be told.

    Attributes:
        parameters: numbers that were learnt, in all. A tree has two for a split (the feature, the
            threshold) and its value or values for a leaf; a model that stores samples has those.
        trainable: those that training would change now.
        nonzero: those that are not 0.
        active: those that one sample uses: fewer than all where there are experts.
        memory_bytes: bytes of the parameters and of what is kept beside them, shared ones once.
        disk_bytes: bytes of the file that was named, else of what saving would write.
        dtypes: parameters by the type in which they are kept.
        trees, nodes, leaves, depth: of trees and ensembles of them; ``depth`` of the deepest.
        vectors: samples that the model stores (nearest neighbours, support vectors).
        obtained: ``"measured"``, ``"given"`` (a plain number), or ``"mixed"``: the active
            parameters are an estimate from the model's configuration.
        note: what else is to be known, or nothing.
    """

    __slots__ = (
        "parameters",
        "trainable",
        "nonzero",
        "active",
        "memory_bytes",
        "disk_bytes",
        "dtypes",
        "trees",
        "nodes",
        "leaves",
        "depth",
        "vectors",
        "obtained",
        "note",
    )
    parameters: int
    trainable: int | None
    nonzero: int | None
    active: int
    memory_bytes: int | None
    disk_bytes: int | None
    dtypes: Mapping[str, int]
    trees: int | None
    nodes: int | None
    leaves: int | None
    depth: int | None
    vectors: int | None
    obtained: str
    note: str

    def __init__(
        self,
        parameters: int,
        trainable: int | None = None,
        nonzero: int | None = None,
        active: int | None = None,
        memory_bytes: int | None = None,
        disk_bytes: int | None = None,
        dtypes: Mapping[str, int] | None = None,
        trees: int | None = None,
        nodes: int | None = None,
        leaves: int | None = None,
        depth: int | None = None,
        vectors: int | None = None,
        obtained: str = "measured",
        note: str = "",
    ) -> None:
        if obtained not in OBTAINED:
            raise ValueError(f"obtained is {obtained!r}: pass one of {', '.join(OBTAINED)}")
        self._fill(
            parameters=parameters,
            trainable=trainable,
            nonzero=nonzero,
            active=parameters if active is None else active,
            memory_bytes=memory_bytes,
            disk_bytes=disk_bytes,
            dtypes=dict(dtypes or {}),
            trees=trees,
            nodes=nodes,
            leaves=leaves,
            depth=depth,
            vectors=vectors,
            obtained=obtained,
            note=note,
        )

    def __hash__(self) -> int:
        return hash((self.parameters, self.active, self.memory_bytes, self.disk_bytes))

    @property
    def value(self) -> Value:
        """The parameters as a `Value`: fewer are better, of computing resources."""
        return Value(
            self.parameters,
            0.0,
            "parameter",
            direction="lower",
            category="resources",
            obtained=self.obtained,
            name="model_size",
        )


def model_size(
    model: Any, *, file: str | os.PathLike[str] | None = None, active: float | None = None
) -> Size:
    """Measure the size of a model.

    Args:
        model: a fitted estimator of scikit-learn, a module of torch, a model of Keras, an ONNX
            model or the path of one, or a plain number of parameters.
        file: the file or folder in which the model is kept, for its size on disk; it is not
            opened.
        active: parameters that one sample uses, where that is known better than from the model.

    Raises:
        ValueError: the model is of no kind that can be measured, or a number is out of range.
    """
    kind = kind_of(model)
    if kind == "number":
        found = _number(model)
    elif kind == "sklearn":
        from microjoule.indicators.size_sklearn import size_sklearn

        found = size_sklearn(model)
    elif kind == "torch":
        from microjoule.indicators.size_torch import size_torch

        found = size_torch(model)
    elif kind == "keras":
        from microjoule.indicators.size_keras import size_keras

        found = size_keras(model)
    elif kind == "onnx":
        from microjoule.indicators.size_onnx import size_onnx

        found = size_onnx(model)
    else:
        raise ValueError(
            f"the size of a {type(model).__name__} cannot be told: pass a fitted estimator of "
            "scikit-learn, a model of torch, Keras or ONNX, or a number of parameters"
        )
    changed: dict[str, Any] = {}
    if file is not None:
        changed["disk_bytes"] = _on_disk(file)
    if active is not None:
        if not 0 < active <= found.parameters:
            raise ValueError(
                f"active is {active:g}: pass parameters, above 0 and at most the "
                f"{found.parameters} that there are"
            )
        changed |= {"active": int(active), "note": "", "obtained": "given"}
    fields = {name: getattr(found, name) for name in Size.__slots__}
    return Size(**{**fields, **changed})


def _number(parameters: float) -> Size:
    if not 0 < parameters < math.inf or not float(parameters).is_integer():
        raise ValueError(
            f"parameters is {parameters:g}: pass how many there are (25.6 million is 25.6e6)"
        )
    return Size(int(parameters), obtained="given")


def _on_disk(path: str | os.PathLike[str]) -> int:
    """Bytes of a file, or of the files below a folder; a link counts where it stands."""
    try:
        if not os.path.isdir(path):
            return os.stat(path).st_size
        return sum(
            os.lstat(os.path.join(folder, name)).st_size
            for folder, _, names in os.walk(path)
            for name in names
        )
    except OSError as error:
        raise ValueError(f"{os.fspath(path)}: {error.strerror}") from None
