"""A metric against each parameter, a panel each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lanista.journal import COMPLETED, History
from lanista.plot._frame import NO_PARAMETERS, NO_VALUES, NOTHING, Frame, drawn, notes, title_of
from lanista.plot._reach import Reach, reach_of
from lanista.plot._scale import Scale, chosen, left_out, scales
from lanista.plot._style import SYMBOLS, Look, Part, Theme, empty, figure, look, safe, short
from lanista.plot._thin import MARKS, Floats, Rows, spread

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PANELS = 6_000
"""Marks of all panels together."""
COLUMNS = 4


def slice(
    history: History, params: Sequence[str] | None = None, metric: str | None = None, *, theme: Theme = "light"
) -> "Figure":
    """A metric against each parameter, a panel each; later trials are lighter.

    Trials that did not complete are hollow, failed ones stand at the bottom of the panels. A trial that does not have a
    conditional parameter is not in its panel, and the panel says how many there are.

    Args:
        history: the trials.
        params: names of parameters; None: all, of more than 24 the first ones.
        metric: an objective or another metric that was reported; None: the first objective.
        theme: "light" or "dark".

    Raises:
        UsageError: no such parameter, metric or theme.
        MissingExtraError: plotly is not installed.

    >>> from lanista.space import Float, Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({"lr": Float(1e-3, 1, log=True)}))
    >>> story.end(story.start({"lr": 0.1}), "completed", 2.0)
    >>> slice(story.history).layout.xaxis.type
    'log'
    """
    frame, own = Frame(history, metric), look(theme)
    title = title_of(history, f"{frame.name} by parameter")
    names, reach = chosen(history, params), reach_of(frame)
    rows = _rows(frame, min(MARKS, PANELS // max(1, len(names))))
    found = scales(history, names, history.params.take(rows.tolist()))
    if not len(rows) or not found:
        return empty(title, theme, NOTHING if not len(history) else NO_VALUES if found else NO_PARAMETERS)
    values = reach.heights(frame.values[rows])
    traces = [trace for at, one in enumerate(found, 1) for trace in _panel(frame, one, rows, values, own, at)]
    unfinished = (history.state[rows] != COMPLETED) & ~np.isnan(frame.values[rows])
    marks = notes("▽ not completed" if unfinished.any() else "", "× failed" if len(frame.lost) else "")
    note = notes(marks, drawn(len(rows), len(frame.known) + len(frame.lost)), left_out(history, params), reach.note)
    made = figure(traces, title=title, theme=theme, note=note, legend=False)
    made.update_layout(_grid_of_panels(found, frame.name, reach))
    made.update_layout(coloraxis={"colorscale": own.colorscale, "colorbar": {"title": {"text": "trial"}}})
    return made


def _rows(frame: Frame, most: int) -> Rows:
    """The trials to draw, some of the failed ones among them."""
    known, lost = frame.known, frame.lost
    room = min(len(lost), most // 5)
    chosen = known[spread(frame.values[known], most - room)]
    return np.union1d(chosen, lost[spread(np.zeros(len(lost)), max(4, room))])


def _panel(frame: Frame, scale: Scale, rows: Rows, values: Floats, own: Look, at: int) -> list[Part]:
    """The marks of one panel: trials with a value, and those that failed."""
    present = ~np.isnan(scale.places)
    lost = np.isnan(frame.values[rows])
    places = scale.places if scale.numeric else scale.places + _jitter(len(rows))
    told = _told(frame, scale, rows)
    suffix = str(at) if at > 1 else ""

    def marks(mask: Any, marker: Part) -> Part:
        return {
            "type": "scatter",
            "mode": "markers",
            "x": places[mask],
            "y": values[mask],
            "customdata": rows[mask],
            "hovertext": [told[i] for i in np.flatnonzero(mask).tolist()],
            "hoverinfo": "text",
            "marker": marker,
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
        }

    completed = frame.history.state[rows] == COMPLETED
    whole, partly, bad = present & ~lost & completed, present & ~lost & ~completed, present & lost
    common: Part = {"coloraxis": "coloraxis", "size": 6}
    styles = [
        (partly, {**common, "color": rows[partly], "symbol": SYMBOLS["stopped"], "opacity": 0.7}),
        (whole, {**common, "color": rows[whole], "line": {"color": own.muted, "width": 0.5}}),
        (bad, {"symbol": SYMBOLS["failed"], "color": own.states["failed"], "size": 6}),
    ]
    return [marks(mask, style) for mask, style in styles if mask.any()]


def _told(frame: Frame, scale: Scale, rows: Rows) -> list[str]:
    """A short text for each trial: there are many panels."""
    params = frame.history.params.take(rows.tolist())
    kinds, values = frame.kinds(rows), frame.values[rows].tolist()
    named = safe(scale.name)
    return [
        f"<b>trial {row}</b> {kind}<br>{named} {safe(short(given.get(scale.name, '–')))}<br>{short(value)}"
        for row, kind, value, given in zip(rows.tolist(), kinds, values, params, strict=True)
    ]


def _jitter(count: int) -> Floats:
    """(k,) small shifts, so that trials of one category do not hide each other; always the same."""
    return np.asarray((np.arange(count) * 0.6180339887498949 % 1 - 0.5) * 0.5, dtype=np.float64)


def _grid_of_panels(found: Sequence[Scale], metric: str, reach: Reach) -> Part:
    """The axes of the panels: at most four beside each other, which share the metric's range."""
    down = -(-len(found) // COLUMNS)
    across = -(-len(found) // down)
    layout: Part = {"height": max(420, 90 + 260 * down)}
    width, height = 1 / across, 1 / down
    for at, scale in enumerate(found):
        row, column = divmod(at, across)
        suffix = str(at + 1) if at else ""
        left, top = column * width, 1 - row * height
        side = {"anchor": f"y{suffix}", "domain": [left + 0.02 * bool(column), left + width * 0.92]}
        layout[f"xaxis{suffix}"] = scale.axis(**side)
        own = {"domain": [top - height + (0.3 * height if down > 1 else 0.0), top], "anchor": f"x{suffix}"}
        shared = {"matches": "y", "showticklabels": column == 0} if at else {}
        layout[f"yaxis{suffix}"] = reach.axis(metric if column == 0 else "") | own | shared
    return layout
