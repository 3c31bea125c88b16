"""The cells of ENAS."""

from lanista.nas._cell import Cell, CellModule
from lanista.nas.hub._ops import average, maximum, separable, skip, strided
from lanista.nas.hub._stack import Stack

OPERATIONS = {
    "skip_connect": skip,
    "sep_conv_3x3": separable(3),
    "sep_conv_5x5": separable(5),
    "avg_pool_3x3": average(3),
    "max_pool_3x3": maximum(3),
}


class ENAS(Stack):
    """A normal and a reduction cell of 5 nodes, each with two of the earlier outputs and one of 5 operations on each.

    Pham, Guan, Zoph, Le, Dean, *Efficient Neural Architecture Search via Parameter Sharing*, 2018. The
    paper counts its cells' two inputs as nodes, B = 7 of them. A node may take one output twice, and outputs that no
    node takes are concatenated.

    The space has ((2·3·4·5·6)²·5¹⁰)² ≈ 2.6·10²⁵ members. The paper says (5·(B-2)!)⁴ ≈ 1.3·10¹¹. That formula has one
    operation for the whole cell instead of one for each node, and one output less to take at each node than the text
    allows, which is i-1 at node i.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the first cells; 36 in the paper's network, 20 in its search.
        cells: how many; the paper stacks 17.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.ENAS, width=4, cells=3).size == (720**2 * 5**10) ** 2
    True
    """

    def __init__(self, classes: int = 10, inputs: int = 3, *, width: int = 36, cells: int = 17) -> None:
        def cell(width: int, reduce: bool) -> CellModule:
            name = "reduce" if reduce else "normal"
            return Cell(strided(OPERATIONS, width, reduce=reduce), 5, name=name, again=True, merge="loose")

        super().__init__(cell, classes, inputs, width=width, cells=cells)
