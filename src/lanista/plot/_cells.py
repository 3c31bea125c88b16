"""The cells in a configuration, known by the names that `lanista.nas.Cell` gives to its choices."""

import re
from collections.abc import Mapping
from typing import Any

from lanista._frozen import Frozen
from lanista.space import Choice, Space, Subset

_CHOICE = re.compile(r"(?P<cell>.+)/(?:inputs(?P<node>\d+)|input(?P<at>\d+)\.\d+|operation(?P<to>\d+)\.(?P<slot>\d+))")


class Edge(Frozen):
    """An operation from one output to a node; outputs are counted from the cell's inputs on."""

    source: int
    target: int
    operation: str


class Cell(Frozen):
    """A cell that was chosen; `names` are those of its parameters."""

    name: str
    inputs: int
    nodes: int
    edges: tuple[Edge, ...]
    names: frozenset[str]

    def label(self, output: int) -> str:
        """What an input or a node is called in a picture."""
        return f"in{output + 1}" if output < self.inputs else str(output - self.inputs + 1)


def cells_of(space: Space, params: Mapping[str, Any]) -> list[Cell]:
    """The cells whose choices are among `params`.

    >>> ops = Choice(["conv", "pool"])
    >>> space = Space({"c/operation1.1": ops, "c/inputs2": Choice([0, 1]), "c/operation2.1": ops})
    >>> cell, = cells_of(space, {"c/operation1.1": "conv", "c/inputs2": 1, "c/operation2.1": "pool"})
    >>> cell.inputs, [(edge.source, edge.target, edge.operation) for edge in cell.edges]
    (1, [(0, 1, 'conv'), (1, 2, 'pool')])
    """
    found: dict[str, dict[str, re.Match[str]]] = {}
    for name in params:
        if match := _CHOICE.fullmatch(name):
            found.setdefault(match["cell"], {})[name] = match
    return [_cell(space, params, cell, choices) for cell, choices in found.items()]


def _cell(space: Space, params: Mapping[str, Any], cell: str, choices: Mapping[str, re.Match[str]]) -> Cell:
    operations: dict[int, dict[int, str]] = {}
    for name, match in choices.items():
        if match["slot"]:
            operations.setdefault(int(match["to"]), {})[int(match["slot"])] = str(params[name])
    nodes = max(operations, default=0)
    inputs = _inputs(space, cell, choices, operations)
    edges = []
    for node, slots in sorted(operations.items()):
        every = list(range(inputs + node - 1))
        each = [params[name] for slot in sorted(slots) if (name := f"{cell}/input{node}.{slot}") in params]
        chosen = params.get(f"{cell}/inputs{node}", each or every)
        sources = chosen if isinstance(chosen, list) else [chosen]
        edges += [
            Edge(source, inputs + node - 1, slots[slot]) for slot, source in enumerate(sources, 1) if slot in slots
        ]
    return Cell(cell, inputs, nodes, tuple(edges), frozenset(choices))


def _inputs(
    space: Space, cell: str, choices: Mapping[str, re.Match[str]], operations: Mapping[int, Mapping[int, str]]
) -> int:
    """How many inputs a cell has: as many as its first node may take."""
    for parameter in space.parameters:
        match, domain = choices.get(parameter.name), parameter.domain
        node = match and (match["node"] or match["at"])
        if node and isinstance(domain, Choice | Subset):
            known = domain.options if isinstance(domain, Choice) else domain.items
            return len(known) - int(node) + 1
    first = min(operations, default=1)
    return len(operations.get(first, {1: ""})) - first + 1
