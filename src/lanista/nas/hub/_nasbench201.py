"""The cells of NAS-Bench-201, and the strings by which its table names them."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lanista.errors import UsageError
from lanista.nas._cell import Cell, CellModule
from lanista.nas.hub._ops import average, convolution, plain, skip, strided, zero

OPERATIONS = {
    "none": zero,
    "skip_connect": skip,
    "nor_conv_1x1": plain(1),
    "nor_conv_3x3": plain(3),
    "avg_pool_3x3": average(3),
}
NODES = 3


class NASBench201(nn.Module):
    """A cell of 4 nodes with one of 5 operations on each of its 6 edges.

    Dong, Yang, *NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search*, 2020.
    The space has 5⁶ = 15,625 members, as the paper says. `nasbench201_arch` and `nasbench201_params` lead to its
    table and back.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the first stage; each of the two others has twice those before.
        cells: how many in each of the three stages.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.NASBench201, width=4, cells=1).size
    15625
    """

    def __init__(self, classes: int = 10, inputs: int = 3, *, width: int = 16, cells: int = 5) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        for stage in range(3):
            if stage:
                layers.append(Residual(width, 2 * width))
                width *= 2
            layers += [_cell(width) for _ in range(cells)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Takes images (batch, channels, height, width); gives (batch, classes)."""
        return self.head(self.body(x))  # type: ignore[no-any-return]


def _cell(width: int) -> CellModule:
    return Cell(strided(OPERATIONS, width, reduce=False), NODES, name="cell", inputs=1, choose=None, merge="loose")


class Residual(nn.Module):
    """The block between two stages, which halves height and width."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(inputs, width, 3, 2), convolution(width, width, 3))
        self.past = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(inputs, width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        return self.body(x) + self.past(x)  # type: ignore[no-any-return]


def nasbench201_arch(params: Mapping[str, Any]) -> str:
    """Returns the string by which NAS-Bench-201 names a member.

    Raises:
        UsageError: the configuration is not of that space.

    >>> from lanista.nas import hub
    >>> hub.nasbench201_arch({f"cell/operation{i}.{j}": "none" for i in (1, 2, 3) for j in range(1, i + 1)})
    '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
    """
    nodes = []
    for node in range(1, NODES + 1):
        labels = [params.get(f"cell/operation{node}.{slot}") for slot in range(1, node + 1)]
        if any(label not in OPERATIONS for label in labels):
            raise UsageError(f"{dict(params)} is no configuration of hub.NASBench201: node {node} has {labels}")
        nodes.append("|" + "".join(f"{label}~{source}|" for source, label in enumerate(labels)))
    return "+".join(nodes)


def nasbench201_params(arch: str) -> dict[str, str]:
    """Returns the configuration of a member that is named by its string.

    Raises:
        UsageError: no member has this name.

    >>> from lanista.nas import hub
    >>> arch = "|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
    >>> hub.nasbench201_params(arch)["cell/operation3.3"]
    'nor_conv_3x3'
    """
    params = {}
    for node, text in enumerate(arch.split("+"), 1):
        for slot, label in enumerate(re.findall(r"([^|~]+)~\d", text), 1):
            params[f"cell/operation{node}.{slot}"] = label
    try:
        same = nasbench201_arch(params) == arch
    except UsageError:
        same = False
    if not same:
        raise UsageError(
            f"{arch!r} names no member of NAS-Bench-201; a name reads '|OP~0|+|OP~0|OP~1|+|OP~0|OP~1|OP~2|', OP one of "
            f"{', '.join(OPERATIONS)}"
        )
    return params
