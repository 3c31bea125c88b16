"""The network that DARTS, ENAS, NASNet, AmoebaNet and PNAS stack of their cells."""

from collections.abc import Callable

from torch import Tensor, nn

from lanista.errors import UsageError
from lanista.nas._cell import CellModule
from lanista.nas.hub._ops import Halve, convolution

MakeCell = Callable[[int, bool], CellModule]
"""Makes a cell, given its width in channels and whether it halves height and width."""


class Stack(nn.Module):
    """A stem, cells, pooling and a linear classifier.

    Each cell takes the outputs of the two before it. The cells at one and two thirds of the depth halve height and
    width, and double the channels (Zoph et al. 2018). There are no auxiliary heads and no path is dropped.
    """

    def __init__(self, make: MakeCell, classes: int, inputs: int, *, width: int, cells: int) -> None:
        if cells < 1:
            raise UsageError(f"cells={cells}; a network needs at least one")
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(inputs, 3 * width, 3, padding=1, bias=False), nn.BatchNorm2d(3 * width))
        older, newer, halved = 3 * width, 3 * width, False
        self.layers = nn.ModuleList()
        for i in range(cells):
            reduce = cells > 2 and i in (cells // 3, 2 * cells // 3)
            width *= 2 if reduce else 1
            fit_older = Halve(older, width) if halved else convolution(older, width, 1)
            cell = make(width, reduce)
            self.layers.append(Layer(fit_older, convolution(newer, width, 1), cell))
            older, newer, halved = newer, width * len(cell.outputs), reduce
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(newer, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Takes images (batch, channels, height, width); gives (batch, classes)."""
        older = newer = self.stem(x)
        for layer in self.layers:
            older, newer = newer, layer(older, newer)
        return self.head(newer)  # type: ignore[no-any-return]


class Layer(nn.Module):
    """A cell, and what brings its two inputs to one shape."""

    def __init__(self, fit_older: nn.Module, fit_newer: nn.Module, cell: nn.Module) -> None:
        super().__init__()
        self.fit_older, self.fit_newer, self.cell = fit_older, fit_newer, cell

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        """Takes the outputs of the two cells before."""
        return self.cell(self.fit_older(older), self.fit_newer(newer))  # type: ignore[no-any-return]
