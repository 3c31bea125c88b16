"""Whole configurations beside each other: one line a trial across an axis a parameter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lanista.journal import History
from lanista.plot._frame import NO_VALUES, NOTHING, Frame, drawn, notes, title_of
from lanista.plot._scale import Scale, chosen, left_out, scales
from lanista.plot._style import Look, Part, Theme, empty, figure, look, safe, short
from lanista.plot._thin import Floats, Rows, evenly

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LINES, CORNERS = 400, 6_000
"""How many lines are drawn at most, and how many corners they have together."""
BINS = 6
ABSENT = -0.1
"""The height of a parameter that does not apply, and of a value that is not known."""
TRACK = "rgba(128,128,128,0.45)"


def parallel(
    history: History, params: Sequence[str] | None = None, metric: str | None = None, *, theme: Theme = "light"
) -> "Figure":
    """Each trial as a line across its parameters to its value; colours are sixths of the trials by their value.

    The lines are drawn from the worst sixth to the best, which lies on top. A line dips below an axis whose parameter
    its trial does not have. Failed trials are dotted. Of many trials those are drawn that are evenly spread in their
    values, the best and the worst among them.

    Args:
        history: the trials.
        params: names of parameters, in the order of the axes; None: all, of more than 24 the first ones.
        metric: an objective or another metric that was reported; None: the first objective.
        theme: "light" or "dark".

    Raises:
        UsageError: no such parameter, metric or theme.
        MissingExtraError: plotly is not installed.

    >>> from lanista.space import Float, Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({"x": Float(0, 10)}))
    >>> story.end(story.start({"x": 2.5}), "completed", 1.0)
    >>> parallel(story.history).data[0].y[:1].tolist()
    [0.25]
    """
    frame, own = Frame(history, metric), look(theme)
    title = title_of(history, f"configurations and {frame.name}")
    names = chosen(history, params)
    width = 1 + len(names)
    rows = _rows(frame, min(LINES, CORNERS // width))
    found = scales(history, names, history.params.take(rows.tolist()))
    if not len(rows) or not found:
        return empty(title, theme, NO_VALUES if len(history) else NOTHING)
    heights = np.column_stack([*(scale.unit() for scale in found), _value_heights(frame, rows)])
    known = ~np.isnan(frame.values[rows])
    traces = [_lost(frame, rows[~known], heights[~known], own)] if not known.all() else []
    traces += _bins(frame, rows[known], heights[known], own)
    made = figure(
        traces,
        title=title,
        theme=theme,
        note=notes(
            _absent_note(found), drawn(len(rows), len(frame.known) + len(frame.lost)), left_out(history, params)
        ),
        x={"range": [-0.35, width - 0.65], "showgrid": False, "zeroline": False, **_names(found, frame.name)},
        y={"visible": False, "range": [-0.16, 1.08]},
    )
    made.update_layout(annotations=_ticks(found, frame, rows, own), shapes=_tracks(width))
    return made


def _rows(frame: Frame, most: int) -> Rows:
    """The trials to draw, evenly by their value, from the worst to the best where that is known."""
    known, lost = frame.known, frame.lost
    room = min(len(lost), most // 5)
    minimised = frame.minimised() if frame.direction is not None else frame.values
    ordered = known[np.argsort(-minimised[known], kind="stable")]
    return np.concatenate([ordered[evenly(len(ordered), most - room)], lost[evenly(len(lost), room)]])


def _value_heights(frame: Frame, rows: Rows) -> Floats:
    """(k,) the values between 0 and 1."""
    values = frame.values[rows]
    low, high = _ends(values)
    return np.asarray((values - low) / (high - low) if high > low else values * 0 + 0.5, dtype=np.float64)


def _ends(values: Floats) -> tuple[float, float]:
    finite = values[~np.isnan(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)


def _bins(frame: Frame, rows: Rows, heights: Floats, own: Look) -> list[Part]:
    """A trace for each sixth of the trials, which come worst first."""
    count = min(BINS, len(rows))
    parts = [part for part in np.array_split(np.arange(len(rows)), count or 1) if len(part)]
    colours = own.colours(BINS)[-len(parts) :] if parts else []
    traces = []
    for at, part in enumerate(parts):
        low, high = _ends(frame.values[rows[part]])
        last = at == len(parts) - 1
        line = {"color": colours[at], "width": 2 if last else 1}
        name = f"{low:.4g} – {high:.4g}" if high > low else f"{low:.4g}"
        traces.append(_lines(frame, rows[part], heights[part], {"line": line, "opacity": 0.9 if last else 0.5}, name))
    return traces


def _lost(frame: Frame, rows: Rows, heights: Floats, own: Look) -> Part:
    style = {"line": {"color": own.states["failed"], "width": 1, "dash": "dot"}, "opacity": 0.7}
    return _lines(frame, rows, heights, style, "failed")


def _lines(frame: Frame, rows: Rows, heights: Floats, style: Part, name: str) -> Part:
    """Many lines as one trace, with a gap after each."""
    k, width = heights.shape
    y = np.full((k, width + 1), np.nan)
    y[:, :width] = np.where(np.isnan(heights), ABSENT, heights)
    x = np.tile(np.append(np.arange(width, dtype=np.float64), np.nan), k)
    texts = [
        f"trial {row} {short(value)}" for row, value in zip(rows.tolist(), frame.values[rows].tolist(), strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y.ravel(),
        "customdata": np.repeat(rows, width + 1),
        "hovertext": [text for text in texts for _ in range(width + 1)],
        "hoverinfo": "text",
        **style,
    }


def _names(found: Sequence[Scale], metric: str) -> Part:
    texts = [safe(scale.name) for scale in found] + [f"<b>{safe(metric)}</b>"]
    return {"tickmode": "array", "tickvals": list(range(len(texts))), "ticktext": texts, "side": "bottom"}


def _tracks(width: int) -> list[Part]:
    """An upright line for each axis."""
    line = {"color": TRACK, "width": 1}
    return [
        {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "layer": "below", "line": line} for at in range(width)
    ]


def _ticks(found: Sequence[Scale], frame: Frame, rows: Rows, own: Look) -> list[Part]:
    """The labels of the axes, and what a dip means."""
    low, high = _ends(frame.values[rows])
    ends = [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")] if high > low else [(0.5, f"{low:.4g}")]
    marks = [(at, y, text) for at, scale in enumerate(found) for y, text in scale.ticks()]
    marks += [(len(found), y, text) for y, text in ends]
    if any(scale.absent for scale in found):
        marks += [(at, ABSENT, "absent") for at, scale in enumerate(found) if scale.absent]
    common: Part = {"showarrow": False, "xanchor": "left", "xshift": 3, "bgcolor": own.paper, "opacity": 0.85}
    return [{**common, "x": x, "y": y, "text": safe(text), "font": {"size": 10}} for x, y, text in marks]


def _absent_note(found: Sequence[Scale]) -> str:
    return "a line dips where its trial lacks the parameter" if any(scale.absent for scale in found) else ""
