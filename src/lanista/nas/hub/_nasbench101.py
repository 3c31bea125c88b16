"""The cells of NAS-Bench-101."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lanista.errors import Infeasible
from lanista.nas._choices import ValueChoice
from lanista.nas.hub._mobile import Chain, conv_norm, pooled
from lanista.space import Subset

VERTICES, MOST_EDGES = 7, 9
OPERATIONS = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
EDGES = [f"{source}-{target}" for target in range(1, VERTICES) for source in range(target)]
CHAIN = [f"{i}-{i + 1}" for i in range(VERTICES - 1)]

Edges = set[tuple[int, int]]


class NASBench101(Chain):
    """A cell of 7 vertices: at most 9 of the 21 edges between them, and one of 3 operations on each of the inner five.

    Ying, Klein, Christiansen, Real, Murphy, Hutter, *NAS-Bench-101: Towards Reproducible Neural Architecture Search*,
    2019. Vertex 0 is the input and 6 the output. Vertices that are not on a way from the one to
    the other are left out, and edges that lead nowhere with them.

    The space has (C(21,1) + … + C(21,9))·3⁵ = 169,093,737 configurations, of which 139,359,042 have a way. The paper
    counts 2²¹·3⁵ ≈ 5.1·10⁸ without the limit of edges, and 423k cells: configurations are the same cell if they differ
    in what is left out, or in the order of the vertices. This space has exactly the 423,624 cells of the paper's table.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the first stack; each later one has twice those before.
        stacks: how many stacks; height and width halve between two of them.
        cells: how many in each stack.

    Raises:
        Infeasible: no way leads from the input to the output; a trial that builds such a member ends as infeasible.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.NASBench101, width=8, cells=1).size
    169093737
    """

    def __init__(
        self, classes: int = 10, inputs: int = 3, *, width: int = 128, stacks: int = 3, cells: int = 3
    ) -> None:
        chosen = ValueChoice("edges", Subset(EDGES, min=1, max=MOST_EDGES, default=CHAIN))
        operations = [ValueChoice(f"operation{i}", OPERATIONS) for i in range(1, VERTICES - 1)]
        edges, operations = _kept(chosen, operations)
        layers = conv_norm(inputs, width, 3)
        channels = width
        for stack in range(stacks):
            if stack:
                layers.append(nn.MaxPool2d(2))
                width *= 2
            for _ in range(cells):
                layers.append(BenchCell(channels, width, edges, operations))
                channels = width
        super().__init__([*layers, *pooled(channels, classes)])


class BenchCell(nn.Module):
    """A cell: vertices add up what they take, and what leads to the output is concatenated.

    Args:
        inputs: channels that it takes.
        width: channels that it gives.
        edges: (source, target) pairs of vertices, all on a way from the first to the last one.
        operations: of the inner vertices.
    """

    def __init__(self, inputs: int, width: int, edges: Edges, operations: list[str]) -> None:
        super().__init__()
        self.last = len(operations) + 1
        self.sources = [[s for s in range(v) if (s, v) in edges] for v in range(self.last + 1)]
        self.widths = _widths(width, edges, self.last)
        taking = [v for v in range(1, self.last + 1) if (0, v) in edges]
        self.projections = nn.ModuleDict({str(v): nn.Sequential(*conv_norm(inputs, self.widths[v])) for v in taking})
        self.operations = nn.ModuleList(_operation(name, self.widths[v]) for v, name in enumerate(operations, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        made = [x]
        for v, operation in enumerate(self.operations, 1):
            taken = [made[s][:, : self.widths[v]] for s in self.sources[v] if s]
            made.append(operation(sum(taken + self._projected(x, v))))
        parts = [made[s] for s in self.sources[self.last] if s]
        joined = [torch.cat(parts, 1)] if parts else []
        return sum(joined + self._projected(x, self.last))  # type: ignore[return-value]

    def _projected(self, x: Tensor, vertex: int) -> list[Tensor]:
        return [self.projections[str(vertex)](x)] if str(vertex) in self.projections else []


def _operation(name: str, width: int) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, 1, 1)
    return nn.Sequential(*conv_norm(width, width, 3 if name == "conv3x3-bn-relu" else 1))


def _widths(width: int, edges: Edges, last: int) -> list[int]:
    """The channels of each vertex: those before the output share its channels, others have as many as they feed."""
    widths = [0] * last + [width]
    sharing = [v for v in range(1, last) if (v, last) in edges]
    for i, v in enumerate(sharing):
        widths[v] = width // len(sharing) + (i < width % len(sharing))
    for v in range(last - 1, 0, -1):
        if (v, last) not in edges:
            widths[v] = max(widths[target] for target in range(v + 1, last) if (v, target) in edges)
    return widths


def _kept(labels: Iterable[str], operations: list[str]) -> tuple[Edges, list[str]]:
    """The edges on a way from input to output, vertices numbered anew, and the operations of those that are left.

    Raises:
        Infeasible: there is no way.
    """
    edges = {(int(source), int(target)) for source, _, target in (label.partition("-") for label in labels)}
    ahead, behind = {0}, {VERTICES - 1}
    for v in range(1, VERTICES):
        if any((s, v) in edges for s in ahead):
            ahead.add(v)
    for v in range(VERTICES - 2, -1, -1):
        if any((v, t) in edges for t in behind):
            behind.add(v)
    kept = sorted(ahead & behind)
    if VERTICES - 1 not in kept:
        raise Infeasible(f"the edges {', '.join(sorted(labels))} lead no way from vertex 0 to {VERTICES - 1}")
    number = {v: i for i, v in enumerate(kept)}
    inner = [operations[v - 1] for v in kept[1:-1]]
    return {(number[s], number[t]) for s, t in edges if s in number and t in number}, inner
