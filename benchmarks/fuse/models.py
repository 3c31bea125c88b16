"""The models that are trained, and the random data that they are trained on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanista import nas
from lanista.nas import hub

COUNTS = (1, 4, 8, 16, 32, 64)
TOKENS = 64
CLASSES = 10


class LeNet(nn.Module):
    """Two convolutions and three linear layers for images of one channel and 28x28."""

    def __init__(self, channels: tuple[int, int] = (6, 16), hidden: tuple[int, int] = (120, 84)) -> None:
        super().__init__()
        first, second = channels
        self.body = nn.Sequential(
            *(nn.Conv2d(1, first, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(first, second, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        )
        self.head = mlp(second * 25, *hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Two convolutions of a residual network, and the way past them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()),
            *(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)),
        )
        same = stride == 1 and inputs == outputs
        self.past = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.past(x))


def trunk(width: int) -> nn.Sequential:
    """All of a ResNet-8 but its last layer: (b, 3, 32, 32) to (b, 4 * width)."""
    return nn.Sequential(
        *(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
        *(Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


class Transformer(nn.Module):
    """Two layers of four heads over 16 tokens; classes are told from the mean."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(TOKENS, wide)
        self.places = nn.Parameter(0.02 * torch.randn(16, wide))
        layers = (nn.TransformerEncoderLayer(wide, 4, 2 * wide, dropout=0.0, batch_first=True) for _ in range(2))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(wide, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(self.tokens(x) + self.places).mean(1))  # type: ignore[no-any-return]


def mlp(inputs: int, *hidden: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(inputs, size), nn.ReLU()]
        inputs = size
    return nn.Sequential(*layers, nn.Linear(inputs, CLASSES))


def resnet8() -> nn.Module:
    return nn.Sequential(trunk(16), nn.Linear(64, CLASSES))


def cell() -> nn.Module:
    """A network of NAS-Bench-201, one cell a stage, with each of its operations but `none`."""
    arch = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
    return nas.ModelSpace(hub.NASBench201, width=8, cells=1).build(hub.nasbench201_params(arch))


@dataclass(frozen=True)
class Case:
    """A model and how it is trained.

    Attributes:
        name: what the tables call it.
        model: makes it.
        shape: of an example; of one dimension with `tokens`, else of numbers.
        batch: examples a step.
        steps: steps an epoch.
        most: how many models are trained at most on a CPU.
        tokens: whether examples are tokens.
    """

    name: str
    model: Callable[[], nn.Module]
    shape: tuple[int, ...]
    batch: int
    steps: int
    most: int = 64
    tokens: bool = False

    def data(self, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
        """Random examples, (n, *shape), and their classes, (n,)."""
        generator = torch.Generator().manual_seed(0)
        count = self.batch * self.steps
        y = torch.randint(CLASSES, (count,), generator=generator)
        if self.tokens:
            return torch.randint(TOKENS, (count, *self.shape), generator=generator).to(device), y.to(device)
        return torch.randn((count, *self.shape), generator=generator).to(device, dtype), y.to(device)


def small_mlp() -> nn.Module:
    return mlp(64, 32, 32)


def large_mlp() -> nn.Module:
    return mlp(64, 128, 128)


def large_lenet() -> nn.Module:
    return LeNet((16, 32), (256, 128))


def transformer() -> nn.Module:
    return Transformer(32)


CASES = {
    case.name: case
    for case in (
        Case("MLP 32", small_mlp, (64,), 16, 90),
        Case("MLP 128", large_mlp, (64,), 16, 90),
        Case("LeNet, small", LeNet, (1, 28, 28), 8, 40),
        Case("LeNet, larger", large_lenet, (1, 28, 28), 64, 8, most=16),
        Case("ResNet-8", resnet8, (3, 32, 32), 32, 4, most=16),
        Case("NB-201 cell", cell, (3, 32, 32), 32, 4, most=16),
        Case("transformer", transformer, (16,), 8, 40, tokens=True),
    )
}
