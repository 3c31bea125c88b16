"""A model as a picture: its graph from input to output, and what differs from another model."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from torch import nn

from lanista.errors import UsageError
from lanista.nas._graph import Graph
from lanista.nas._nodes import Node
from lanista.plot import Look, Part, Theme, figure, look, safe

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ROW, COLUMN = 54, 170
"""Pixels between nodes."""
Spot = tuple[float, float]


def draw(
    model: nn.Module | Graph,
    example_inputs: Any = None,
    *,
    against: nn.Module | Graph | None = None,
    theme: Theme = "light",
) -> "Figure":
    """Draws the graph of a model; a notebook shows it.

    Args:
        model: A module, with example inputs as `Graph` takes them, or a graph.
        example_inputs: None for a graph.
        against: Another model: operations that it does not have stand out, and those that only it has are told
            below the title.
        theme: "light" or "dark".

    Raises:
        UsageError: a module without example inputs, or no such theme.
        MissingExtraError: plotly is not installed.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from lanista import nas
        >>> net, old = (nn.Sequential(nn.Linear(4, 8), act) for act in (nn.Tanh(), nn.ReLU()))
        >>> nas.draw(net, torch.zeros(1, 4), against=old).layout.title.subtitle.text
        '1 operation that the other does not have · without 1 of its operations: ReLU'
    """
    graph = _graph(model, example_inputs)
    nodes = [node for node in graph.nodes if node.within is None]
    new, gone = set[str](), list[str]()
    if against is not None:
        new, gone = _difference(nodes, [n for n in _graph(against, example_inputs).nodes if n.within is None])
    own, places = look(theme), _places(nodes)
    wide = max(abs(x) for x, _ in places.values()) + 1
    deep = -min(y for _, y in places.values())
    hidden = {"visible": False}
    made = figure(
        [{**_lines(nodes, places), "line": {"color": own.muted, "width": 1.5}}],
        title=f"{graph.name} · {len(nodes)} nodes",
        theme=theme,
        note="" if against is None else _told(len(new), gone),
        x={**hidden, "range": [-wide, wide]},
        y={**hidden, "range": [-deep - 0.7, 0.7]},
        legend=False,
    )
    boxes = [_box(node, places[node.name], own, stands=node.name in new) for node in nodes]
    size = {"height": 120 + ROW * (deep + 1), "width": max(520, COLUMN * 2 * wide)}
    return made.update_layout(annotations=boxes, margin={"l": 24, "r": 24, "b": 24}, **size)


def _lines(nodes: Sequence[Node], places: Mapping[str, Spot]) -> Part:
    """A line from each node to each that reads it."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for node in nodes:
        x, y = places[node.name]
        for source in node.inputs:
            xs += [places[source][0], x, None]
            ys += [places[source][1], y, None]
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hoverinfo": "skip"}


def _box(node: Node, spot: Spot, own: Look, *, stands: bool) -> Part:
    """A node as an annotation; one that `stands` out is what the other model does not have."""
    return {
        "x": spot[0],
        "y": spot[1],
        "text": f"<b>{safe(_does(node))}</b>" + (f"<br>{_shape(node)}" if node.shape else ""),
        "hovertext": safe(node.text if node.whole is None else f"{node.text} (whole: {node.whole})"),
        "showarrow": False,
        "font": {"size": 11, "color": own.lines[1] if stands else own.text},
        "bgcolor": own.paper,
        "bordercolor": own.lines[1] if stands else own.muted,
        "borderwidth": 2 if stands else 1,
        "borderpad": 4,
    }


def _graph(model: Any, example_inputs: Any) -> Graph:
    if isinstance(model, Graph):
        return model
    if example_inputs is None:
        raise UsageError(f"nas.draw({type(model).__name__}) needs example inputs: nas.draw(model, torch.zeros(...))")
    return Graph(model, example_inputs)


def _difference(mine: Sequence[Node], others: Sequence[Node]) -> tuple[set[str], list[str]]:
    """The nodes that the others do not have, by name, and what the others do that is not done here."""
    new, gone = set[str](), list[str]()
    matcher = SequenceMatcher(None, [_key(node) for node in mine], [_key(node) for node in others], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            new |= {node.name for node in mine[a:b]}
            gone += [_does(node) for node in others[c:d]]
    return new, gone


def _key(node: Node) -> tuple[str, str]:
    """What a node does, whatever it is called."""
    return _does(node), node.module.extra_repr() if node.module is not None else ""


def _told(new: int, gone: Sequence[str]) -> str:
    if not new and not gone:
        return "the same operations as the other"
    parts = [f"{new} operation{'s' * (new != 1)} that the other does not have"]
    if gone:
        listed = ", ".join(gone[:8]) + (f" and {len(gone) - 8} more" if len(gone) > 8 else "")
        parts.append(f"without {len(gone)} of its operations: {listed}")
    return " · ".join(parts)


def _does(node: Node) -> str:
    """The operation as it is called in code."""
    return type(node.module).__name__ if node.module is not None else node.target


def _shape(node: Node) -> str:
    return " × ".join(map(str, node.shape or ()))


def _places(nodes: Sequence[Node]) -> dict[str, Spot]:
    """A spot for each node: below all that it reads, as near to them as others of its row leave room."""
    row: dict[str, int] = {}
    for node in nodes:
        row[node.name] = 1 + max((row[source] for source in node.inputs), default=-1)
    places: dict[str, Spot] = {}
    for level in range(max(row.values()) + 1):
        same = [node for node in nodes if row[node.name] == level]
        wish = {n.name: sum(places[s][0] for s in n.inputs) / len(n.inputs) if n.inputs else 0.0 for n in same}
        same.sort(key=lambda node: wish[node.name])
        for at, node in enumerate(same):
            middle = sum(wish.values()) / len(same)
            spread = at - (len(same) - 1) / 2
            places[node.name] = (wish[node.name] if len(same) == 1 else middle + spread, -float(level))
    return _parted(nodes, places, row)


def _parted(nodes: Sequence[Node], places: dict[str, Spot], row: dict[str, int]) -> dict[str, Spot]:
    """Moves a node that stands alone in its row out of the way of lines that pass through its row."""
    passing = {
        level
        for node in nodes
        for source in node.inputs
        for level in range(row[source] + 1, row[node.name])
        if row[node.name] - row[source] > 1
    }
    return {name: (x + 0.45 if row[name] in passing else x, y) for name, (x, y) in places.items()}
