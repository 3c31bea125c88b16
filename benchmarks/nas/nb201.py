"""The networks of NAS-Bench-201 (Dong and Yang 2020), for the operators' numbers of NAS-Bench-Suite-Zero."""

from collections.abc import Sequence

import torch
from torch import nn

EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""From which node to which; the operators are given in this order."""


class Zero(nn.Module):
    """Nothing passes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 0.0


def convolution(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Module:
    """A ReLU, a convolution and batch normalisation."""
    layer = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), layer, nn.BatchNorm2d(outside))


def operator(number: int, width: int) -> nn.Module:
    """Skip, none, 3×3 and 1×1 convolution, and pooling have the numbers 0 to 4."""
    if number in (2, 3):
        return convolution(width, width, 3 if number == 2 else 1)
    return {0: nn.Identity(), 1: Zero(), 4: nn.AvgPool2d(3, 1, 1, count_include_pad=False)}[number]


class Cell(nn.Module):
    """Four nodes, each the sum of an operator of each node before it."""

    def __init__(self, arch: Sequence[int], width: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(operator(number, width) for number in arch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nodes = [x]
        for node in (1, 2, 3):
            parts = zip(EDGES, self.edges, strict=True)
            nodes.append(sum(edge(nodes[a]) for (a, b), edge in parts if b == node))  # type: ignore[arg-type]
        return nodes[-1]


class Reduction(nn.Module):
    """Half the resolution and twice the channels, around which the mean of four neighbours goes."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        outside = 2 * inside
        self.inner = nn.Sequential(convolution(inside, outside, 3, 2), convolution(outside, outside, 3))
        self.around = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inside, outside, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.inner(x) + self.around(x)
        return found


def network(arch: Sequence[int], *, width: int = 16, cells: int = 5) -> nn.Module:
    """Three stages of cells for images of 32 pixels and ten classes."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
    for stage in range(3):
        if stage:
            layers.append(Reduction(width * 2 ** (stage - 1)))
        layers += [Cell(arch, width * 2**stage) for _ in range(cells)]
    last = width * 4
    layers += [nn.BatchNorm2d(last), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 10)]
    return nn.Sequential(*layers)
