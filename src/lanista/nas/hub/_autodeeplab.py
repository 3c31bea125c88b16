"""The space of Auto-DeepLab: a cell, and the resolution of each layer."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanista.errors import UsageError
from lanista.nas._cell import Cell
from lanista.nas._choices import ValueChoice
from lanista.nas.hub._mobile import conv_norm
from lanista.nas.hub._ops import average, convolution, dilated, maximum, separable, skip, strided, zero

OPERATIONS = {
    "skip_connect": skip,
    "sep_conv_3x3": separable(3),
    "sep_conv_5x5": separable(5),
    "dil_conv_3x3": dilated(3),
    "dil_conv_5x5": dilated(5),
    "avg_pool_3x3": average(3),
    "max_pool_3x3": maximum(3),
    "none": zero,
}
NODES, COARSEST = 5, 3
MOVES = {"same": 0, "down": 1, "up": -1}


class AutoDeepLab(nn.Module):
    """A cell, and for each of 12 layers a resolution of 1/4, 1/8, 1/16 or 1/32; for the segmentation of images.

    Liu, Chen, Schroff, Adam, Hua, Yuille, Fei-Fei, *Auto-DeepLab: Hierarchical Neural Architecture Search for Semantic
    Image Segmentation*, 2019. The first layer has a resolution of 1/4; each later one has that of the layer
    before it, or half, or twice of it, and "down" at the coarsest and "up" at the finest resolution stay there. All
    layers have the same cell, of 5 nodes with two earlier outputs and one of 8 operations on each. The channels double
    when the resolution halves.

    There are (2·3·4·5·6)²·8¹⁰ ≈ 5.6·10¹⁴ cells and 28,657 ≈ 2.9·10⁴ paths, together 1.6·10¹⁹, as the paper says. The
    space has 3¹¹·5.6·10¹⁴ ≈ 9.9·10¹⁹ configurations, since moves that stay at an end make several of them one path.

    Args:
        classes: how many classes a pixel may have.
        inputs: channels of the images, whose height and width are multiples of 32.
        width: channels of a node at a resolution of 1/4; 8 in the paper's search, 20 in its smaller network.
        layers: how many layers.

    >>> import torch
    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.AutoDeepLab, width=2, layers=12).size == 3**11 * 720**2 * 8**10
    True
    >>> hub.AutoDeepLab(classes=4, width=2, layers=3)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 4, 32, 32])
    """

    def __init__(self, classes: int = 19, inputs: int = 3, *, width: int = 20, layers: int = 12) -> None:
        if layers < 1:
            raise UsageError(f"layers={layers}; a network needs at least one")
        super().__init__()
        stem = 8 * width
        self.stem = nn.Sequential(
            *conv_norm(inputs, stem, 3, 2), *conv_norm(stem, stem, 3), *conv_norm(stem, 2 * stem, 3, 2)
        )
        older = newer = (2 * stem, 0)  # channels, and how often the resolution was halved after the stem
        self.layers = nn.ModuleList()
        for i in range(1, layers + 1):
            move = MOVES[ValueChoice(f"move{i}", list(MOVES))] if i > 1 else 0
            level = min(max(newer[1] + move, 0), COARSEST)
            self.layers.append(Layer(width * 2**level, [(wide, level - at) for wide, at in (older, newer)]))
            older, newer = newer, (NODES * width * 2**level, level)
        self.head = Pyramid(newer[0], classes, rate=max(1, 24 >> newer[1]))

    def forward(self, x: Tensor) -> Tensor:
        """Takes images (batch, channels, height, width); gives (batch, classes, height, width)."""
        older = newer = self.stem(x)
        for layer in self.layers:
            older, newer = newer, layer(older, newer)
        return F.interpolate(self.head(newer), size=x.shape[2:], mode="bilinear")


class Layer(nn.Module):
    """A cell of a width, whose inputs of (channels, halvings until here) are brought to its shape."""

    def __init__(self, width: int, inputs: list[tuple[int, int]]) -> None:
        super().__init__()
        self.fits = nn.ModuleList(nn.Sequential(_resize(steps), convolution(wide, width, 1)) for wide, steps in inputs)
        self.cell = Cell(strided(OPERATIONS, width, reduce=False), NODES, name="cell", again=True)

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        """Takes the outputs of the two layers before."""
        return self.cell(self.fits[0](older), self.fits[1](newer))  # type: ignore[no-any-return]


def _resize(steps: int) -> nn.Module:
    if steps == 0:
        return nn.Identity()
    return nn.AvgPool2d(2**steps) if steps > 0 else nn.Upsample(scale_factor=2**-steps, mode="bilinear")


class Pyramid(nn.Module):
    """Looks at each pixel, around it at a distance, and at the whole image (Chen et al. 2018), and classifies it."""

    def __init__(self, inputs: int, classes: int, rate: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(inputs, inputs, 1)
        self.far = nn.Conv2d(inputs, inputs, 3, padding=rate, dilation=rate)
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(inputs, inputs, 1))
        self.classify = nn.Sequential(nn.ReLU(), nn.Conv2d(3 * inputs, classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        near = self.near(x)
        whole = self.whole(x).expand_as(near)
        return self.classify(torch.cat([near, self.far(x), whole], 1))  # type: ignore[no-any-return]
