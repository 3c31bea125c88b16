"""Trials that a searcher made by changing others: who was made from whom."""

from typing import TYPE_CHECKING

import numpy as np

from lanista.journal import History
from lanista.plot._frame import Frame, drawn, notes
from lanista.plot._scale import Scale
from lanista.plot._style import Look, Part, Theme, axis, figure, look
from lanista.plot._thin import Rows, evenly

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MARKS, LINES = 700, 400


def mutants(frame: Frame, param: str | None, title: str, theme: Theme) -> "Figure":
    """All trials by number, each joined to the one that it was made from; the line to the best stands out."""
    history, own = frame.history, look(theme)
    scale = Scale(history, param, history.params.take(range(len(history)))) if param is not None else None
    heights = scale.places if scale is not None else frame.values
    line = line_of(history, frame.best())
    known = np.flatnonzero(~np.isnan(heights))
    children = np.array([n for n in known.tolist() if history.made_from(n) is not None], dtype=np.intp)
    joined, shown = children[evenly(len(children), LINES)], known[evenly(len(known), MARKS)]
    traces = [
        _pairs(history, joined, heights, own),
        {"type": "scatter", "mode": "markers", "name": "trials", "x": shown, "y": heights[shown]}
        | {
            "hovertext": frame.hover(shown),
            "hoverinfo": "text",
            "marker": {"size": 5, "color": own.states["completed"]},
        },
        {"type": "scatter", "mode": "lines+markers", "name": "ancestors of the best", "x": line, "y": heights[line]}
        | {"hovertext": frame.hover(line), "hoverinfo": "text", "line": {"color": own.strong, "width": 3}},
    ]
    note = notes(_told(line), drawn(len(shown), len(known)))
    y = scale.axis() if scale is not None else axis(frame.name)
    return figure([t for t in traces if len(t["x"])], title=title, theme=theme, note=note, x=axis("trial"), y=y)


def line_of(history: History, number: int | None) -> Rows:
    """A trial and those that it was made from, the first one first."""
    line: list[int] = []
    while number is not None:
        line.append(number)
        number = history.made_from(number)
    return np.array(line[::-1], dtype=np.intp)


def _told(line: Rows) -> str:
    """In words where the best comes from."""
    if not len(line):
        return ""
    if len(line) == 1:
        return f"trial {line[0]}, the best, was not made from another"
    changes = "1 change" if len(line) == 2 else f"{len(line) - 1} changes"
    return f"trial {line[-1]}, the best, was made from trial {line[0]} by {changes}"


def _pairs(history: History, children: Rows, heights: "np.ndarray", own: Look) -> Part:
    """A line from each trial's origin to it, as one trace with gaps."""
    x = np.full(3 * len(children), np.nan)
    y = x.copy()
    origins = np.array([history.made_from(n) for n in children.tolist()], dtype=np.intp)
    x[::3], x[1::3] = origins, children
    y[::3], y[1::3] = heights[origins], heights[children]
    style: Part = {"color": own.states["completed"], "width": 1}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "made from",
        "opacity": 0.3,
        "hoverinfo": "skip",
        "x": x,
        "y": y,
    } | {"line": style}
