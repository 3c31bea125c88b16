"""The cells of NASNet."""

from torch import nn

from lanista.nas._cell import Cell, CellModule
from lanista.nas._choices import LayerChoice
from lanista.nas.hub._ops import Add, Concat, average, dilated, maximum, one_by, plain, separable, skip, strided
from lanista.nas.hub._stack import Stack

OPERATIONS = {
    "identity": skip,
    "conv_1x3_3x1": one_by(3),
    "conv_1x7_7x1": one_by(7),
    "dil_conv_3x3": dilated(3),
    "avg_pool_3x3": average(3),
    "max_pool_3x3": maximum(3),
    "max_pool_5x5": maximum(5),
    "max_pool_7x7": maximum(7),
    "conv_1x1": plain(1),
    "conv_3x3": plain(3),
    "sep_conv_3x3": separable(3),
    "sep_conv_5x5": separable(5),
    "sep_conv_7x7": separable(7),
}


class NASNet(Stack):
    """A normal and a reduction cell of 5 nodes: two of the earlier outputs, 13 operations on each, and how they join.

    Zoph, Vasudevan, Shlens, Le, *Learning Transferable Architectures for Scalable Image Recognition*, 2018.
    The two results of a node are added or concatenated; a convolution of 1 x 1 brings what is concatenated back
    to the cell's width.

    The space has ((2·3·4·5·6)²·13¹⁰·2⁵)² ≈ 5.2·10³⁶ members. Liu et al. 2018 (PNAS) give an order
    of 10²⁸. Most of the difference are equal cells: each is found up to 2⁵ times by the order of its nodes' two inputs
    and up to 5! times by the order of its nodes, and a (2⁵·5!)²-th of 5.2·10³⁶ is 3.5·10²⁹.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the first cells; 32 in the paper's smaller network.
        cells: how many; 20 are the paper's N = 6.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.NASNet, width=4, cells=3).size == (720**2 * 13**10 * 2**5) ** 2
    True
    """

    def __init__(self, classes: int = 10, inputs: int = 3, *, width: int = 32, cells: int = 20) -> None:
        def cell(width: int, reduce: bool) -> CellModule:
            def join(node: int) -> nn.Module:
                return LayerChoice({"add": Add, "concat": lambda: Concat(width)}, name=f"join{node}")

            name, operations = "reduce" if reduce else "normal", strided(OPERATIONS, width, reduce=reduce)
            return Cell(operations, 5, name=name, again=True, merge="loose", join=join)

        super().__init__(cell, classes, inputs, width=width, cells=cells)
