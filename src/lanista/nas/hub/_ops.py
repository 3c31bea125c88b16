"""Operations that the cells of several papers choose from; each has ReLU first, then convolution, then batch norm."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanista.nas._cell import Operation

Make = Callable[[int, int], nn.Module]
"""Makes an operation, given its width in channels and its stride."""


def convolution(inputs: int, width: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A plain convolution."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, width, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(width),
    )


def separable(kernel: int) -> Make:
    """A depthwise-separable convolution, applied twice."""

    def once(width: int, stride: int) -> list[nn.Module]:
        return [
            nn.ReLU(),
            nn.Conv2d(width, width, kernel, stride, kernel // 2, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        ]

    return lambda width, stride: nn.Sequential(*once(width, stride), *once(width, 1))


def dilated(kernel: int) -> Make:
    """A depthwise-separable convolution with holes of one pixel."""
    return lambda width, stride: nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, stride, kernel - 1, dilation=2, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    )


def one_by(kernel: int) -> Make:
    """A convolution of 1 x kernel and one of kernel x 1."""
    half = kernel // 2
    return lambda width, stride: nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(width, width, (1, kernel), (1, stride), (0, half), bias=False),
        nn.Conv2d(width, width, (kernel, 1), (stride, 1), (half, 0), bias=False),
        nn.BatchNorm2d(width),
    )


def plain(kernel: int) -> Make:
    """A plain convolution of the cell's width."""
    return lambda width, stride: convolution(width, width, kernel, stride)


def average(kernel: int) -> Make:
    """Average pooling."""
    return lambda width, stride: nn.AvgPool2d(kernel, stride, kernel // 2, count_include_pad=False)


def maximum(kernel: int) -> Make:
    """Max pooling."""
    return lambda width, stride: nn.MaxPool2d(kernel, stride, kernel // 2)


def skip(width: int, stride: int) -> nn.Module:
    """The input as it is, or halved."""
    return nn.Identity() if stride == 1 else Halve(width, width)


def zero(width: int, stride: int) -> nn.Module:
    """Nothing."""
    return Zero(stride)


class Zero(nn.Module):
    """Gives zeros in the shape of its input."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        return x[:, :, :: self.stride, :: self.stride] * 0


class Halve(nn.Module):
    """Halves height and width by two convolutions, one of which sees what the other leaves out."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, width // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, width - width // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], 1))  # type: ignore[no-any-return]


class Add(nn.Module):
    """Adds two tensors."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Takes two tensors of one shape."""
        return a + b


class Concat(nn.Module):
    """Concatenates two tensors, and brings them back to the width of one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fit = convolution(2 * width, width, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Takes two tensors of one shape."""
        return self.fit(torch.cat([a, b], 1))  # type: ignore[no-any-return]


def strided(operations: Mapping[str, Make], width: int, *, reduce: bool) -> dict[str, Operation]:
    """The operations of a cell: those on the inputs of a reduction cell have a stride of two."""

    def made(make: Make) -> Operation:
        return lambda node, source: make(width, 2 if reduce and source < 2 else 1)

    return {label: made(make) for label, make in operations.items()}
