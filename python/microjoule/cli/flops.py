"""`uj flops MODULE:OBJECT`: the operations and the size of a model that a module makes."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from microjoule.cli import DONE, PROG, arguments
from microjoule.cli.columns import told
from microjoule.cli.json_line import json_line
from microjoule.cli.numbers import quantity

if TYPE_CHECKING:
    import argparse

    from microjoule.metrics import Operations, Size

_PICKLES: Final = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt", ".npy")
_MEANS: Final = "resource indicator: no hardware effect is in it; joules are measured by uj run"


class Shape(NamedTuple):
    """One input: its name where it has one, its dimensions, and the type of its numbers."""

    name: str
    dims: tuple[int, ...]
    dtype: str


def main(argv: list[str]) -> int:
    """Runs the command `flops`.

    Args:
        argv: The arguments after the verb.

    Returns:
        The exit status: 0, or 2 for arguments that are wrong.
    """
    parser = _parser()
    args = parser.checked(argv, intermixed=True)
    try:
        inputs = [_shape(text) for text in args.input]
        model, x = _model(args.model, inputs)
        found, size = _counted(model, x, args)
    except ValueError as error:
        parser.error(str(error))
    if args.json:
        fields = {
            "model": args.model,
            "operations": found.to_dict(),
            "size": size and size.to_dict(),
        }
        sys.stdout.write(json_line(fields) + "\n")
        return DONE
    rows = [("model", f"{args.model} ({type(model).__name__})"), *_rows(found)]
    rows += _size_rows(size, args.precision) if size else []
    rows.append(("note", _MEANS))
    sys.stdout.write("\n".join([*told(rows), ""]))
    return DONE


def _counted(model: Any, x: Any, args: argparse.Namespace) -> tuple[Operations, Size | None]:
    from microjoule import metrics

    try:
        found = metrics.flops(model, x, backward=args.backward, tool=args.tool)
    except ValueError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        raise ValueError(f"the model does not run with this input ({told})") from None
    try:
        return found, metrics.model_size(model)
    except ValueError:
        # A function has operations and no size.
        return found, None


# -- which model, and its input ---------------------------------------------------------------


def _model(name: str, inputs: list[Shape]) -> tuple[Any, Any]:
    if name.casefold().endswith(".onnx"):
        return name, _dims(inputs)
    module, colon, path = name.partition(":")
    if not colon or not module or not path:
        if name.casefold().endswith(_PICKLES) or os.path.exists(name):
            raise ValueError(
                f"{name} is a file, and model files are never unpickled, since that runs whatever "
                "code they hold: load it in a module of yours and pass MODULE:OBJECT"
            )
        raise ValueError(f"{name!r} names no object: pass MODULE:OBJECT, or a file ending in .onnx")
    found, x = _made(_imported(module, path), name)
    return found, x if not inputs else _tensors(found, inputs)


def _imported(module: str, path: str) -> Any:
    sys.stderr.write(f"{PROG} flops: imports {module}, whose code runs here\n")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        # What the module prints must not stand in the answer.
        with contextlib.redirect_stdout(sys.stderr):
            found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"importing {module} failed: {type(error).__name__}: {error}") from None
    for part in path.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{module} has no {path!r}: pass MODULE:OBJECT as it is named there")
        found = getattr(found, part)
    return found


def _made(found: Any, name: str) -> tuple[Any, Any]:
    """The object; where it is a function without arguments, what it makes."""
    if inspect.isclass(found):
        raise ValueError(f"{name} is a class: pass an instance, or a function that makes one")
    if inspect.isfunction(found) and not inspect.signature(found).parameters:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                found = found()
        except Exception as error:
            raise ValueError(f"{name}() failed: {type(error).__name__}: {error}") from None
    if isinstance(found, tuple) and len(found) == 2:
        return found
    return found, None


def _shape(text: str) -> Shape:
    name, equals, rest = text.rpartition("=")
    dims, colon, dtype = rest.partition(":")
    sizes = dims.split(",")
    if not all(size.strip().isdecimal() and int(size) > 0 for size in sizes) or (
        (equals and not name) or (colon and not dtype)
    ):
        raise ValueError(f"--input {text!r} is no shape: pass 1,3,224,224, or tokens=1,128:int64")
    return Shape(name, tuple(int(size) for size in sizes), dtype or "float32")


def _dims(inputs: list[Shape]) -> Any:
    if not inputs:
        return None
    if len(inputs) == 1 and not inputs[0].name:
        return inputs[0].dims
    return {one.name: one.dims for one in inputs}


def _tensors(model: Any, inputs: list[Shape]) -> Any:
    """Inputs of these shapes, in what the model takes: numbers that are all 0."""
    kinds = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if "sklearn" in kinds:
        raise ValueError(
            "an estimator of scikit-learn is counted for one sample, and needs no --input"
        )
    if "keras" in kinds:
        return inputs[0].dims
    library: Any = sys.modules.get("torch") or sys.modules.get("jax.numpy")
    if library is None:
        raise ValueError("--input is for models of torch, JAX, Keras and ONNX")
    made = {}
    for place, (name, dims, dtype) in enumerate(inputs):
        if not hasattr(library, dtype):
            raise ValueError(f"--input has no type {dtype!r}: pass one such as float32 or int64")
        made[name or place] = library.zeros(dims, dtype=getattr(library, dtype))
    named = [name for name, _, _ in inputs if name]
    if named and len(named) < len(inputs):
        raise ValueError("pass every --input by name, or none")
    return made if named else tuple(made.values())


# -- what is printed --------------------------------------------------------------------------


def _rows(found: Operations) -> list[tuple[str, str]]:
    per = f"per {found.per}, {found.scope}"
    rows = [("operations", f"{_grouped(found.flop)} FLOP {per}")]
    if found.headline == "comparisons":
        rows = [("operations", f"{_grouped(found.comparisons)} comparisons {per}")]
        if found.flop:
            rows.append(("", f"{_grouped(found.flop)} FLOP beside them"))
    elif found.comparisons or found.functions:
        rows.append(
            (
                "",
                f"{_grouped(found.functions)} functions and {_grouped(found.comparisons)} "
                "comparisons beside them",
            )
        )
    if found.macs:
        rows.append(("MACs", _grouped(found.macs)))
    rows += [("convention", found.convention), ("counted by", found.tool)]
    if found.uncounted:
        rows.append(("not counted", ", ".join(found.uncounted)))
    if found.note:
        rows.append(("estimated", found.note))
    return rows


def _size_rows(size: Size, digits: int) -> list[tuple[str, str]]:
    parts = [
        f"{_grouped(value)} {name}"
        for name, value in (
            ("trainable", size.trainable),
            ("non-zero", size.nonzero),
            ("active", size.active),
        )
        if value is not None
    ]
    rows = [("parameters", _grouped(size.parameters)), ("", ", ".join(parts))]
    if size.trees:
        rows.append(("trees", f"{size.trees}: {size.nodes} nodes, {size.leaves} leaves"))
    if size.vectors:
        rows.append(("vectors", str(size.vectors)))
    if size.memory_bytes is not None:
        rows.append(("in memory", quantity(size.memory_bytes, "B", digits)))
    if size.disk_bytes is not None:
        rows.append(("on disk", quantity(size.disk_bytes, "B", digits)))
    return rows


def _grouped(count: float) -> str:
    """Counts are read digit by digit: 1 212 416."""
    return f"{count:,}".replace(",", " ") if isinstance(count, int) else f"{count:.1f}"


def _parser() -> arguments.Parser:
    parser = arguments.Parser(
        "flops",
        "MODULE:OBJECT [OPTION …]",
        "Operations and size of a model.",
        "MODULE is imported, so its code runs. OBJECT is a fitted estimator of scikit-learn, a\n"
        "model of torch or Keras, a function of JAX, or a function without arguments that returns\n"
        "one of these, or a pair of it and its input. In place of MODULE:OBJECT stands FILE.onnx,\n"
        "which is read and not run. Files of pickled models are never opened.",
    )
    parser.add_argument("model", metavar="MODULE:OBJECT", help="which model, or FILE.onnx")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SHAPE",
        help="shape of an input: 1,3,224,224 or tokens=1,128:int64; again for the next one",
    )
    parser.add_argument(
        "--backward", action="store_true", help="torch: count the gradients of parameters as well"
    )
    parser.add_argument(
        "--tool", default="torch", metavar="NAME", help="torch: count with torch or fvcore"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments.add_precision(parser)
    return parser
