"""Operations of torch models: one run under torch's own counter, in a way that it can see.

Left alone that counter misses what a fused kernel does: on a processor it finds 0 operations in a
`TransformerEncoderLayer` that is evaluated without gradients. So while it counts, the fast path of
transformers, fused attention and fused recurrent layers are off, and each comes apart into matrix
products.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from microjoule.indicators.kinds import called_with
from microjoule.indicators.operations import PRODUCTS, Operations

# Arithmetic that no formula of torch's counter covers, by the name of its operator or its start.
_HEAVY: Final = (
    "aten._cdist_forward",
    "aten._fft",
    "aten.fft",
    "aten.linalg_",
    "aten._linalg",
    "aten.cholesky",
    "aten.triangular_solve",
    "aten._sparse_mm",
    "aten._sparse_addmm",
    "aten._thnn_fused_",
    "aten.mkldnn_rnn_layer",
    "aten._cudnn_rnn",
    "aten.miopen_rnn",
    "aten.quantized_",
)
# Operators of these are torch's own; those of others are somebody's extension.
_OWN: Final = ("aten", "prim", "prims", "profiler")


def count(model: Any, x: Any, *, backward: bool, tool: str) -> Operations:
    """Count one call of a module or function, which is left as it was."""
    model = getattr(model, "_orig_mod", model)
    if tool == "fvcore":
        return _by_fvcore(model, x, backward=backward)
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    args, named = called_with(x)
    with _evaluated(model), _apart(), _watch(counter) as seen, counter:
        if backward:
            _gradients(model, args, named)
        else:
            with torch.no_grad():
                model(*args, **named)
    uncounted = tuple(sorted(seen.heavy))
    total = counter.get_total_flops()
    if total == 0:
        met = ", ".join(sorted(seen.all)[:6]) or "none"
        raise ValueError(
            "torch's counter found no operations: it counts matrix products, convolutions and "
            f"attention, and this model ran none of them that it knows (it ran: {met})"
        )
    return Operations(
        total,
        total / 2,
        convention=PRODUCTS,
        scope="forward and backward" if backward else "forward",
        tool=f"torch.utils.flop_counter of torch {torch.__version__}",
        uncounted=uncounted,
        obtained="mixed" if uncounted else "measured",
    )


def _gradients(model: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Forward and backward; no gradient is kept."""
    import torch
    from torch.utils._pytree import tree_flatten

    parameters = [p for p in getattr(model, "parameters", list)() if p.requires_grad]
    leaves = [t for t in tree_flatten((args, named))[0] if isinstance(t, torch.Tensor)]
    wanted = parameters or [t for t in leaves if t.requires_grad]
    if not wanted:
        raise ValueError("backward needs parameters, or an input, that require a gradient")
    with torch.enable_grad():
        found = tree_flatten(model(*args, **named))[0]
        roots = [t.sum() for t in found if isinstance(t, torch.Tensor) and t.requires_grad]
        if not roots:
            raise ValueError("backward needs an output that depends on what requires a gradient")
        torch.autograd.grad(roots, wanted, allow_unused=True)


@contextlib.contextmanager
def _evaluated(model: Any) -> Iterator[None]:
    """A module in its evaluation mode, where no running mean changes; each part's is put back."""
    modules = list(getattr(model, "modules", list)())
    modes = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    """Fused kernels off: transformers' fast path, fused attention, fused recurrent layers."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast = torch.backends.mha.get_fastpath_enabled()
    fused: tuple[Any, ...] = (torch.backends.mkldnn, torch.backends.cudnn)
    before = [backend.enabled for backend in fused]
    torch.backends.mha.set_fastpath_enabled(False)
    for backend in fused:
        backend.enabled = False
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        for backend, enabled in zip(fused, before, strict=True):
            backend.enabled = enabled
        torch.backends.mha.set_fastpath_enabled(fast)


class _Seen:
    """The operators that ran."""

    def __init__(self) -> None:
        self.all: set[str] = set()
        self.heavy: set[str] = set()


@contextlib.contextmanager
def _watch(counter: Any) -> Iterator[_Seen]:
    """Note the operators that run and those of them that the counter has no formula for."""
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = _Seen()

    class Watch(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            packet = getattr(function, "_overloadpacket", function)
            name = str(packet)
            seen.all.add(name)
            if packet not in counter.flop_registry and _is_heavy(name):
                seen.heavy.add(name)
            return function(*args, **(kwargs or {}))

    with Watch():
        yield seen


def _is_heavy(name: str) -> bool:
    return name.partition(".")[0] not in _OWN or name.startswith(_HEAVY)


def _by_fvcore(model: Any, x: Any, *, backward: bool) -> Operations:
    """Fvcore counts MACs, by operator, and calls them FLOPs."""
    if backward:
        raise ValueError("fvcore counts forward only: pass tool='torch' for the gradients")
    try:
        from fvcore.nn import FlopCountAnalysis
    except ImportError:
        raise ValueError("tool='fvcore' needs fvcore: pip install fvcore") from None
    from importlib.metadata import version

    args, named = called_with(x)
    if named:
        raise ValueError("fvcore takes arguments by place: pass a tuple as x")
    with _evaluated(model), _apart():
        analysis = FlopCountAnalysis(model, args)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        macs = analysis.total()
        uncounted = tuple(sorted(analysis.unsupported_ops()))
    if macs == 0:
        raise ValueError("fvcore found no operations in this model: pass tool='torch'")
    return Operations(
        2 * macs,
        macs,
        convention="fvcore's FLOPs are MACs; 1 MAC = 2 FLOP, so twice what it says",
        tool=f"fvcore {version('fvcore')}",
        uncounted=uncounted,
        obtained="mixed" if uncounted else "measured",
    )
