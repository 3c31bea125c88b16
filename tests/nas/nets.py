"""Small networks that several tests of profiles and proxies use."""

import torch
from torch import nn
from torch.nn import functional


class Residual(nn.Module):
    """Two convolutions and a way around them; its ReLUs are functional, and one works in place."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outside)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outside)
        self.around: nn.Module = nn.Identity()
        if inside != outside or stride != 1:
            self.around = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.norm1(self.first(x)))
        return functional.relu(self.norm2(self.second(inner)) + self.around(x), inplace=True)


class ResNet(nn.Module):
    """A residual network with a stem, stages of blocks, pooling by a mean and a classifier."""

    def __init__(self, width: int = 4, stages: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        sizes = [width * 2**stage for stage in range(stages)]
        pairs = zip([width, *sizes], sizes, strict=False)
        self.blocks = nn.Sequential(*(Residual(a, b, 1 if a == b else 2) for a, b in pairs))
        self.head = nn.Linear(sizes[-1], 10)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.blocks(self.stem(x))
        return found

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(x).mean((2, 3)))
        return logits


def batch(size: int = 8, *, side: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(size, 3, side, side, generator=generator), torch.randint(10, (size,), generator=generator)


def state(model: nn.Module) -> dict[str, object]:
    """All that must stay as it is: weights, buffers, gradients, modes and hooks."""
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    grads = {name: param.grad for name, param in model.named_parameters()}
    modes = [module.training for module in model.modules()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    needs = [param.requires_grad for param in model.parameters()]
    return {"tensors": tensors, "grads": grads, "modes": modes, "hooks": hooks, "needs": needs}


def assert_same(before: dict[str, object], after: dict[str, object]) -> None:
    for name in ("modes", "hooks", "needs"):
        assert before[name] == after[name]
    for name in ("tensors", "grads"):
        old, new = before[name], after[name]
        assert isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys()
        for key in old:
            assert old[key] is new[key] or torch.equal(old[key], new[key]), key
