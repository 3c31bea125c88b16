"""One configuration as a picture: its choices as a tree, and its cells as graphs of operations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lanista.errors import UsageError
from lanista.journal import History
from lanista.plot._cells import Cell, cells_of
from lanista.plot._frame import Frame, cut, title_of
from lanista.plot._lineage import latest_best
from lanista.plot._style import Look, Part, Theme, empty, figure, look, safe, short
from lanista.space import Space

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ROW = 26
"""Pixels of a line of the tree."""
CELL = 320
"""Pixels of a cell."""


def architecture(
    history: History, trial: int | None = None, against: int | None = None, *, theme: Theme = "light"
) -> "Figure":
    """The choices of one trial: what was chosen where, and below which other choice it stands.

    Cells (see `lanista.nas.Cell`) are drawn as graphs, from their inputs on the left to the nodes whose outputs they
    concatenate; each line is an operation.

    Args:
        history: the trials.
        trial: the trial's number; None: the best.
        against: another trial: what differs from it stands out, and is told.
        theme: "light" or "dark".

    Raises:
        UsageError: no such trial or theme.
        MissingExtraError: plotly is not installed.

    >>> architecture(History()).layout.annotations[0].text
    'no trial has a configuration yet'
    """
    own = look(theme)
    number = latest_best(Frame(history)) if trial is None else _known(history, trial)
    if number is None:
        number = len(history) - 1 if len(history) else None
    if number is None:
        return empty(title_of(history, "architecture"), theme, "no trial has a configuration yet")
    params = history.params[number]
    other = None if against is None else history.params[_known(history, against)]
    cells = cells_of(history.space, params)
    before = {cell.name: cell for cell in cells_of(history.space, other or {})}
    drawn = {name for cell in cells for name in cell.names}
    lines = _tree(history.space, params, other, drawn)
    split = 1.0 if not cells else 0.42 if lines else 0.0
    height = max(ROW * len(lines), CELL * len(cells), 120)
    traces, layout = _listed(lines, own, split, rows=height / ROW)
    labels: list[Part] = []
    for at, cell in enumerate(cells):
        more, axes = _graph(cell, cell if other is None else before.get(cell.name), at, len(cells), split, own)
        traces += more
        labels += axes.pop("annotations")
        layout |= axes
    note = "" if against is None else _difference(params, other or {}, against)
    made = figure(
        traces, title=title_of(history, f"architecture of trial {number}"), theme=theme, note=note, legend=False
    )
    return made.update_layout(layout, annotations=labels, height=110 + height, margin={"l": 24, "b": 24})


def _known(history: History, trial: Any) -> int:
    if isinstance(trial, bool) or not isinstance(trial, int) or not 0 <= trial < len(history):
        raise UsageError(f"there is no trial {trial!r}; there are {len(history)}, numbered from 0")
    return trial


def _difference(mine: Mapping[str, Any], other: Mapping[str, Any], against: int) -> str:
    changed = sum(mine.get(name) != other.get(name) for name in {**mine, **other})
    return f"{changed} of {len({**mine, **other})} choices differ from trial {against}"


# --- the tree ---------------------------------------------------------------------------------------------------------

Line = tuple[int, str, bool]
"""A line of the tree: its depth, its text, and whether it differs."""


def _tree(space: Space, params: Mapping[str, Any], other: Mapping[str, Any] | None, drawn: set[str]) -> list[Line]:
    """A line for each choice that applies, those in cells left out."""
    depths: list[int] = []
    lines: list[Line] = []
    for parameter in space.parameters:
        above = parameter.parent
        depth = 0 if above is None else depths[above] + (space.parameters[above].name not in drawn)
        depths.append(depth)
        name = parameter.name
        if name in drawn or (name not in params and (other is None or name not in other)):
            continue
        if any(line[1].startswith(f"<b>{safe(name)}</b>") for line in lines):
            continue  # one of several places of a name, of which one applies
        differs = other is not None and params.get(name) != other.get(name)
        value = safe(cut(short(params[name]))) if name in params else "–"
        text = f"<b>{safe(name)}</b> {value}"
        if differs:
            text += f"   (was {safe(cut(short(other[name])))})" if other and name in other else "   (was not there)"
        lines.append((depth, text, differs))
    return lines


def _listed(lines: Sequence[Line], own: Look, split: float, *, rows: float) -> tuple[list[Part], Part]:
    """The tree as text, with lines from each choice to those below it."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    above: dict[int, int] = {}
    for row, (depth, _, _) in enumerate(lines):
        above[depth] = row
        if depth - 1 in above:
            xs += [depth - 0.85, depth - 0.85, depth - 0.1, None]
            ys += [-above[depth - 1] - 0.35, -row, -row, None]
    joints = {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hoverinfo": "skip", "line": {"color": own.grid}}
    texts = {
        "type": "scatter",
        "mode": "text",
        "x": [depth for depth, _, _ in lines],
        "y": [-row for row in range(len(lines))],
        "text": [text for _, text, _ in lines],
        "textposition": "middle right",
        "textfont": {"color": [own.lines[1] if differs else own.text for *_, differs in lines]},
        "hoverinfo": "skip",
    }
    hidden = {"visible": False, "fixedrange": True}
    deepest = max((depth for depth, *_ in lines), default=0)
    layout = {
        "xaxis": {**hidden, "range": [-0.2, deepest + 5], "domain": [0, max(split, 0.01)]},
        "yaxis": {**hidden, "range": [0.7 - rows, 0.7]},
    }
    return [joints, texts] if lines else [], layout


# --- cells ------------------------------------------------------------------------------------------------------------


def _graph(cell: Cell, other: Cell | None, at: int, of: int, split: float, own: Look) -> tuple[list[Part], Part]:
    """A cell in a panel of its own; edges that `other` does not have stand out."""
    axis = str(at + 2)
    place = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "type": "scatter"}
    known = set(other.edges) if other is not None else set()
    spots = _places(cell)
    traces: list[Part] = []
    labels: list[Part] = []
    for number, edge in enumerate(cell.edges):
        x, y = _curve(spots[edge.source], spots[edge.target], number)
        colour = own.lines[1] if edge not in known else own.muted
        traces.append(
            {
                **place,
                "mode": "lines",
                "x": x,
                "y": y,
                "line": {"color": colour, "width": 3 if edge not in known else 1.5},
                "hoverinfo": "text",
                "hovertext": f"{safe(edge.operation)}: {cell.label(edge.source)} to {cell.label(edge.target)}",
            }
        )
        middle = 8 if number % 2 else 12  # of the points of the line: two lines that cross have their labels apart
        labels.append(
            {
                "xref": f"x{axis}",
                "yref": f"y{axis}",
                "x": x[middle],
                "y": y[middle],
                "text": safe(cut(edge.operation, 18)),
                "font": {"size": 11, "color": colour if edge not in known else own.text},
                "bgcolor": own.paper,
                "borderpad": 1,
                "showarrow": False,
            }
        )
    traces.append(
        {
            **place,
            "mode": "markers+text",
            "x": [x for x, _ in spots],
            "y": [y for _, y in spots],
            "text": [cell.label(node) for node in range(len(spots))],
            "textfont": {"color": own.paper, "size": 11},
            "marker": {"size": 26, "symbol": "square", "color": [_shade(cell, n, own) for n in range(len(spots))]},
            "hoverinfo": "skip",
        }
    )
    hidden = {"visible": False, "fixedrange": True}
    top, bottom = 1 - at / of, 1 - (at + 1) / of
    layout: Part = {
        f"xaxis{axis}": {**hidden, "anchor": f"y{axis}", "domain": [split, 1], "range": [-0.5, max(spots)[0] + 0.5]},
        f"yaxis{axis}": {**hidden, "anchor": f"x{axis}", "domain": [bottom, top - 0.06], "range": [-1.35, 1.35]},
        "annotations": labels,
    }
    title: Part = {**place, "mode": "text", "x": [-0.4], "y": [1.3], "text": [f"<b>{safe(cell.name)}</b>"]}
    return [*traces, {**title, "textposition": "middle right", "hoverinfo": "skip"}], layout


def _shade(cell: Cell, node: int, own: Look) -> str:
    return own.lines[0] if node >= cell.inputs else own.muted


def _places(cell: Cell) -> list[tuple[float, float]]:
    """A spot for each input and node: inputs in a column, then the nodes one by one, up and down."""
    inputs = [(0.0, 0.9 - 1.8 * i / (cell.inputs - 1) if cell.inputs > 1 else 0.0) for i in range(cell.inputs)]
    heights = (0.75, -0.75, 0.25, -0.25)
    return inputs + [(node + 1.0, heights[node % 4]) for node in range(cell.nodes)]


def _curve(begin: tuple[float, float], end: tuple[float, float], number: int) -> tuple[list[float], list[float]]:
    """Points of a line that bends a little, each to another side, so that lines between the same nodes part."""
    t = np.linspace(0.0, 1.0, 21)
    bend = (0.12 + 0.05 * (number % 3)) * (-1) ** number * (end[0] - begin[0])
    x = (1 - t) * begin[0] + t * end[0]
    y = (1 - t) * begin[1] + t * end[1] + bend * 4 * t * (1 - t)
    return x.tolist(), y.tolist()
