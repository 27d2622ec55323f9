"""Operations and sizes of torch models, as one line of JSON: what the counter finds in each."""

import json
import types

import torch
from torch import nn

import microjoule as uj

torch.manual_seed(1)


class Convolution(nn.Module):
    """3 to 16 channels of 32 × 32, then 10 numbers; no bias."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.last = nn.Linear(16 * 32 * 32, 10, bias=False)

    def forward(self, x):
        return self.last(self.convolution(x).flatten(1))


perceptron = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
layer = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True).eval()
deep = nn.Sequential(*[nn.Linear(256, 256) for _ in range(20)])
normed = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
models = {
    "convolution": (Convolution(), torch.randn(1, 3, 32, 32)),
    "linear": (nn.Linear(1000, 500), torch.randn(1, 1000)),
    "perceptron": (perceptron, torch.randn(1, 784)),
    "batch of 8": (perceptron, torch.randn(8, 784)),
    "transformer": (layer, torch.randn(1, 16, 64)),
    "lstm": (nn.LSTM(8, 16, batch_first=True), torch.randn(2, 5, 8)),
    "gru": (nn.GRU(8, 16, batch_first=True), torch.randn(2, 5, 8)),
    "attention": (
        lambda q: nn.functional.scaled_dot_product_attention(q, q, q),
        torch.randn(1, 4, 16, 16),
    ),
    "scripted": (torch.jit.script(perceptron), torch.randn(1, 784)),
    "compiled": (torch.compile(perceptron), torch.randn(1, 784)),
    "by name": (lambda a, b: a @ b, {"a": torch.randn(3, 4), "b": torch.randn(4, 5)}),
    "distances": (
        lambda a: torch.cdist(a, a, compute_mode="donot_use_mm_for_euclid_dist") @ a,
        torch.randn(6, 3),
    ),
}
found = {name: uj.metrics.flops(model, x) for name, (model, x) in models.items()}
backward = uj.metrics.flops(deep, torch.randn(4, 256), backward=True)
forward = uj.metrics.flops(deep, torch.randn(4, 256))


def refused(call):
    """The sentence with which a call is refused."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


normed.train()
normed[2].eval()
before = {name: tensor.clone() for name, tensor in normed.state_dict().items()}
uj.metrics.flops(normed, torch.randn(8, 4))
uj.metrics.flops(normed, torch.randn(8, 4), backward=True)
unchanged = all(torch.equal(before[n], t) for n, t in normed.state_dict().items())
no_gradient = all(p.grad is None for p in normed.parameters())
modes = [module.training for module in normed]

frozen = nn.Linear(10, 5)
frozen.bias.requires_grad_(False)
with torch.no_grad():
    frozen.weight[0] = 0
shared = nn.Sequential(nn.Linear(10, 10, bias=False), nn.Linear(10, 10, bias=False))
shared[1].weight = shared[0].weight


class Experts(nn.Module):
    """8 experts of 100 parameters, of which a token meets 2, and 100 others."""

    def __init__(self):
        super().__init__()
        self.config = types.SimpleNamespace(num_local_experts=8, num_experts_per_tok=2)
        self.experts = nn.ModuleList(nn.Linear(10, 10, bias=False) for _ in range(8))
        self.gate = nn.Linear(10, 10, bias=False)


print(
    json.dumps(
        {
            "macs": {name: f.macs for name, f in found.items()},
            "uncounted": {name: f.uncounted for name, f in found.items() if f.uncounted},
            "tool": found["linear"].tool,
            "obtained": found["distances"].obtained,
            "forward": forward.flop,
            "backward": backward.flop,
            "scope": backward.scope,
            "nothing": refused(lambda: uj.metrics.flops(nn.ReLU(), torch.randn(3))),
            "no input": refused(lambda: uj.metrics.flops(perceptron)),
            "no fvcore": refused(
                lambda: uj.metrics.flops(perceptron, torch.randn(1, 784), tool="fvcore")
            ),
            "unchanged": unchanged and no_gradient and modes == [True, True, False],
            "fast path": torch.backends.mha.get_fastpath_enabled(),
            "mkldnn": torch.backends.mkldnn.enabled,
            "size": uj.metrics.model_size(frozen).to_dict(),
            "half": uj.metrics.model_size(nn.Linear(10, 5).half()).to_dict(),
            "shared": uj.metrics.model_size(shared).to_dict(),
            "experts": uj.metrics.model_size(Experts()).to_dict(),
            "meta": uj.metrics.model_size(nn.Linear(10, 5, device="meta")).to_dict(),
        }
    )
)
