"""The cells of DARTS."""

from lanista.nas._cell import Cell, CellModule
from lanista.nas.hub._ops import average, dilated, maximum, separable, skip, strided
from lanista.nas.hub._stack import Stack

OPERATIONS = {
    "max_pool_3x3": maximum(3),
    "avg_pool_3x3": average(3),
    "skip_connect": skip,
    "sep_conv_3x3": separable(3),
    "sep_conv_5x5": separable(5),
    "dil_conv_3x3": dilated(3),
    "dil_conv_5x5": dilated(5),
}


class DARTS(Stack):
    """A normal and a reduction cell of 4 nodes, each with two of the earlier outputs and one of 7 operations on each.

    Liu, Simonyan, Yang, *DARTS: Differentiable Architecture Search*, 2019. A cell has (1·3·6·10)·7⁸ =
    1,037,664,180 ≈ 10⁹ members and the space the square of it, 1.08·10¹⁸, as the paper says. Like the paper's count it
    is without the operation "none", which no cell keeps.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the first cells; 36 in the paper's network, 16 in its search.
        cells: how many; 20 in the paper's network, 8 in its search.

    >>> import torch
    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> space = nas.ModelSpace(hub.DARTS, width=4, cells=3)
    >>> space.size == (1 * 3 * 6 * 10 * 7**8) ** 2
    True
    >>> hub.DARTS(width=4, cells=3)(torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 10])
    """

    def __init__(self, classes: int = 10, inputs: int = 3, *, width: int = 36, cells: int = 20) -> None:
        def cell(width: int, reduce: bool) -> CellModule:
            return Cell(strided(OPERATIONS, width, reduce=reduce), 4, name="reduce" if reduce else "normal")

        super().__init__(cell, classes, inputs, width=width, cells=cells)
