"""Models that several tests of graphs and morphisms use."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 10)
        self.norm = nn.BatchNorm1d(10)
        self.second = nn.Linear(10, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.first(x)))
        out: torch.Tensor = self.head(torch.tanh(self.second(x)))
        return out


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 24)
        self.fc2 = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = functional.relu(self.fc1(x.view(x.size(0), -1)))
        out: torch.Tensor = self.fc2(functional.dropout(x, 0.3, self.training))
        return out


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + self.down(x))


class ResNet8(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.stage1, self.stage2, self.stage3 = Block(8, 8, 1), Block(8, 16, 2), Block(16, 32, 2)
        self.fc = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stage3(self.stage2(self.stage1(functional.relu(self.bn(self.stem(x))))))
        out: torch.Tensor = self.fc(functional.adaptive_avg_pool2d(x, 1).flatten(1))
        return out


class SqueezeExcite(nn.Module):
    """Depthwise and grouped convolutions, a gate, group normalisation and a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Conv2d(3, 8, 1)
        self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.reduce, self.gate = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.norm = nn.GroupNorm(4, 8)
        self.slope = nn.PReLU(8)
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.depth(functional.silu(self.expand(x)))
        x = x * torch.sigmoid(self.gate(functional.relu(self.reduce(x.mean((2, 3), keepdim=True)))))
        y = self.slope(self.norm(self.grouped(x)))
        out: torch.Tensor = self.head(torch.cat([x, y], 1).mean((2, 3)))
        return out


class Mixer(nn.Module):
    """Layer normalisation and residual sums over (batch, token, channel), with a transposed convolution over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 8)
        self.norm = nn.LayerNorm(8)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)
        self.depth = nn.Conv1d(8, 8, 3, padding=1, groups=8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        x = x + self.down(functional.gelu(self.up(self.norm(x))))
        x = self.depth(x.transpose(1, 2)).permute(0, 2, 1)
        out: torch.Tensor = self.head(x.mean(1))
        return out


class Abs(nn.Module):
    """A branch that depends on numbers, which cannot be traced."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class Whole(nn.Module):
    """A model whose own forward method cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a(x)
        out: torch.Tensor = self.b(x if x.sum() > 0 else -x)
        return out


def seasoned(model: nn.Module, example: torch.Tensor) -> nn.Module:
    """Gives batch normalisation statistics and settings that are not those of the start; in evaluation mode."""
    torch.manual_seed(0)
    model.train()
    for _ in range(3):
        model(torch.randn_like(example) * 2 + 1)
    for module in model.modules():
        norm: Any = module
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
            nn.init.uniform_(norm.weight, 0.5, 2.0)
            nn.init.normal_(norm.bias)
    return model.eval()
