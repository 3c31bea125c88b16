"""Cells: small graphs of operations, which networks are stacked of."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from lanista.errors import SpaceError, UsageError
from lanista.nas._choices import placed, some_of
from lanista.nas._mode import mode, names, scope
from lanista.nas._select import merged
from lanista.space import Choice

Operation = Callable[..., nn.Module]
"""Makes an operation, given the node it leads to and the number of the input it takes, if it needs them."""

Nodes = Sequence[Sequence[tuple[int, nn.Module]]]
"""For each node the outputs it takes, each with its operation."""


class CellModule(nn.Module):
    """A cell that was chosen: nodes that each add up, or join, operations on earlier outputs.

    Attributes:
        sources: for each node the numbers of the outputs it takes, counted from the cell's inputs on.
        outputs: the outputs that are concatenated along dimension 1.
    """

    def __init__(
        self, inputs: int, nodes: Nodes, merge: Literal["all", "loose"], joins: Sequence[nn.Module] = ()
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.sources = [[source for source, _ in node] for node in nodes]
        self.operations = nn.ModuleList(nn.ModuleList(op for _, op in node) for node in nodes)
        self.joins = nn.ModuleList(joins)
        made = range(inputs, inputs + len(nodes))
        used = {source for node in self.sources for source in node}
        self.outputs = list(made) if merge == "all" else [one for one in made if one not in used]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Takes the cell's inputs; gives the concatenated outputs."""
        if len(inputs) != self.inputs:
            raise UsageError(f"a cell of {self.inputs} inputs was given {len(inputs)}")
        states = list(inputs)
        for node, (sources, operations) in enumerate(zip(self.sources, self.operations, strict=True)):
            assert isinstance(operations, nn.ModuleList)
            taken = [op(states[source]) for source, op in zip(sources, operations, strict=True)]
            states.append(self.joins[node](*taken) if len(self.joins) else merged(taken, "sum"))
        return torch.cat([states[one] for one in self.outputs], 1)


def Cell(
    operations: Mapping[str, Operation],
    nodes: int,
    *,
    name: str,
    inputs: int = 2,
    choose: int | None = 2,
    merge: Literal["all", "loose"] = "all",
    again: bool = False,
    join: Callable[[int], nn.Module] | None = None,
) -> CellModule:
    """A cell of nodes, each of which adds up operations on outputs of earlier nodes.

    Which outputs a node takes, and by which operations, is searched; the choices are called `name/inputs1`,
    `name/operation1.1` and so on, so that cells of one name are all alike. With `choose` None a node takes all earlier
    outputs, as in NAS-Bench-201; with 2 it takes two of them, as in NASNet and DARTS (Liu et al. 2019).

    Args:
        operations: label to a function that makes an operation; one that needs arguments is given (node, input).
            Inputs are counted from those of the cell; an operation of a reduction cell has a stride where its input is
            below `inputs`.
        nodes: how many nodes.
        name: names the cell's choices.
        inputs: how many inputs the cell has.
        choose: how many earlier outputs a node takes; None: all.
        merge: "all" nodes' outputs are concatenated, or only the "loose" ends, which no node takes.
        again: whether a node may take one output several times, as in NASNet (Zoph et al. 2018); each of
            the `choose` is then a choice of its own, called `name/input1.1`.
        join: makes the module that puts the tensors of a node together, given the node; None: they are added.

    Raises:
        SpaceError: there are not `choose` inputs, nothing to choose from, or an operation that is a module already.

    >>> import torch
    >>> from torch import nn
    >>> from lanista import nas
    >>> ops = {"conv": lambda node, source: nn.Conv2d(8, 8, 3, padding=1), "skip": lambda node, source: nn.Identity()}
    >>> cell = nas.Cell(ops, nodes=4, name="normal")
    >>> cell(torch.zeros(1, 8, 6, 6), torch.zeros(1, 8, 6, 6)).shape
    torch.Size([1, 32, 6, 6])
    >>> nas.record(lambda: nas.Cell(ops, nodes=4, name="normal")).size  # 1 * 3 * 6 * 10 inputs, 2 ** 8 operations
    46080
    """
    if not operations or nodes < 1:
        raise SpaceError(f"Cell {name!r} has {len(operations)} operations and {nodes} nodes; it needs one at least")
    if inputs < (1 if again else choose or 1):
        raise SpaceError(f"Cell {name!r} of {inputs} inputs cannot choose {choose}; its first node has no more")
    if again and choose is None:
        raise SpaceError(f"Cell {name!r}: its nodes take all outputs, so none again; say how many they choose")
    if merge not in ("all", "loose"):
        raise SpaceError(f"Cell {name!r}: merge={merge!r} is neither 'all' nor 'loose'")
    for label, make in operations.items():
        if isinstance(make, nn.Module) or not callable(make):
            raise SpaceError(
                f"Cell {name!r}: the operation {label!r} is {type(make).__name__}; give a function that makes it, such "
                "as lambda node, source: nn.Conv2d(8, 8, 3, padding=1)"
            )
    makers = {label: placed(make) for label, make in operations.items()}
    made = []
    with scope(name):
        for node in range(1, nodes + 1):
            taken = _taken(node, inputs + node - 1, choose, again=again)
            slots = []
            for slot, source in enumerate(taken, 1):
                candidates = {label: partial(make, node, source) for label, make in makers.items()}
                slots.append((source, mode().layer(names().full(f"operation{node}.{slot}", ""), candidates)))
            made.append(slots)
        joins = [join(node) for node in range(1, nodes + 1)] if join is not None else []
    return CellModule(inputs, made, merge, joins)


def _taken(node: int, count: int, choose: int | None, *, again: bool) -> list[int]:
    """Which of `count` outputs a node takes."""
    if choose is None:
        return list(range(count))
    if again:
        slots = range(1, choose + 1)
        return [mode().value(names().full(f"input{node}.{slot}", ""), Choice(list(range(count)))) for slot in slots]
    if choose == count:
        return list(range(count))
    chosen = mode().value(names().full(f"inputs{node}", ""), some_of(count, choose))
    return chosen if isinstance(chosen, list) else [chosen]
