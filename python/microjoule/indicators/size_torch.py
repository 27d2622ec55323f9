"""Size of torch modules."""

from __future__ import annotations

import io
import math
from typing import Any, Final

from microjoule.indicators.size import Size

# What configurations of mixtures of experts call their number.
_EXPERTS: Final = ("num_local_experts", "num_experts", "n_routed_experts")


def size_torch(model: Any) -> Size:
    """Return the size of a module; what two parts share counts once."""
    model = getattr(model, "_orig_mod", model)
    parameters = list(model.parameters())
    kept = {id(t): t for t in (*parameters, *model.buffers())}
    lazy = [p for p in parameters if type(p).__name__.startswith("Uninitialized")]
    if lazy:
        raise ValueError("this module is lazy and has no parameters yet: call it once before")
    total = sum(p.numel() for p in parameters)
    dtypes: dict[str, int] = {}
    for p in parameters:
        name = str(p.dtype).removeprefix("torch.")
        dtypes[name] = dtypes.get(name, 0) + p.numel()
    active, note = _active(model, total)
    # Tensors on the device "meta" have a shape and no numbers.
    empty = any(p.is_meta for p in parameters)
    return Size(
        total,
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        nonzero=None if empty else sum(int((p != 0).sum()) for p in parameters),
        active=active,
        memory_bytes=sum(t.numel() * t.element_size() for t in kept.values()),
        disk_bytes=None if empty else _saved(model),
        dtypes=dtypes,
        obtained="mixed" if active != total else "measured",
        note=note,
    )


def _active(model: Any, total: int) -> tuple[int, str]:
    """Of a mixture of experts those that a token meets, from the configuration that names them."""
    config = getattr(model, "config", None)
    experts = next((n for k in _EXPERTS if (n := _of(config, k))), 0)
    chosen = _of(config, "num_experts_per_tok")
    if not experts or not chosen:
        return total, ""
    inside = sum(
        p.numel()
        for name, p in model.named_parameters()
        if ".experts." in f".{name}." and ".shared" not in name
    )
    active = total - math.floor(inside * (1 - chosen / experts))
    return active, f"active: {chosen} of {experts} experts, as the model's configuration says"


def _of(config: Any, name: str) -> int:
    value = getattr(config, name, 0)
    return value if isinstance(value, int) and value > 0 else 0


def _saved(model: Any) -> int:
    """Bytes that torch.save would write of the weights."""
    import torch

    class Counter(io.RawIOBase):
        size = 0

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.size += len(data)
            return len(data)

    written = Counter()
    torch.save(model.state_dict(), written)
    return written.size
