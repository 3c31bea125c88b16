"""The cell of PNAS."""

from lanista.nas._cell import Cell, CellModule
from lanista.nas.hub._ops import average, dilated, maximum, one_by, separable, skip, strided
from lanista.nas.hub._stack import Stack

OPERATIONS = {
    "sep_conv_3x3": separable(3),
    "sep_conv_5x5": separable(5),
    "sep_conv_7x7": separable(7),
    "conv_1x7_7x1": one_by(7),
    "identity": skip,
    "avg_pool_3x3": average(3),
    "max_pool_3x3": maximum(3),
    "dil_conv_3x3": dilated(3),
}


class PNAS(Stack):
    """One cell of 5 nodes, each with two of the earlier outputs and one of 8 operations on each.

    Liu, Zoph, Neumann, Shlens, Hua, Li, Fei-Fei, Yuille, Huang, Murphy, *Progressive Neural Architecture Search*,
    2018. Where height and width are halved the same cell stands with a stride of two. The space has
    (2·3·4·5·6)²·8¹⁰ = 556,627,761,561,600 ≈ 5.6·10¹⁴ members, as the paper says.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the first cells; 48 in the paper's network, 24 in its search.
        cells: how many; 11 are the paper's N = 3.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.PNAS, width=4, cells=3).size
    556627761561600
    """

    def __init__(self, classes: int = 10, inputs: int = 3, *, width: int = 48, cells: int = 11) -> None:
        def cell(width: int, reduce: bool) -> CellModule:
            return Cell(strided(OPERATIONS, width, reduce=reduce), 5, name="cell", again=True, merge="loose")

        super().__init__(cell, classes, inputs, width=width, cells=cells)
