"""The cells of AmoebaNet."""

from lanista.nas._cell import Cell, CellModule
from lanista.nas.hub._ops import strided
from lanista.nas.hub._pnas import OPERATIONS
from lanista.nas.hub._stack import Stack


class AmoebaNet(Stack):
    """A normal and a reduction cell of 5 nodes, each with two of the earlier outputs and one of 8 operations on each.

    Real, Aggarwal, Huang, Le, *Regularized Evolution for Image Classifier Architecture Search*, 2019:
    NASNet's space with fewer operations, and additions alone. The space has ((2·3·4·5·6)²·8¹⁰)² ≈ 3.1·10²⁹ members,
    the square of PNAS's 5.6·10¹⁴, since there are two cells.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the first cells; the paper's networks have from 24 on.
        cells: how many; 20 are the paper's N = 6.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.AmoebaNet, width=4, cells=3).size == (720**2 * 8**10) ** 2
    True
    """

    def __init__(self, classes: int = 10, inputs: int = 3, *, width: int = 36, cells: int = 20) -> None:
        def cell(width: int, reduce: bool) -> CellModule:
            name = "reduce" if reduce else "normal"
            return Cell(strided(OPERATIONS, width, reduce=reduce), 5, name=name, again=True, merge="loose")

        super().__init__(cell, classes, inputs, width=width, cells=cells)
