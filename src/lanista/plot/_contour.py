"""A metric over two parameters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lanista.errors import UsageError
from lanista.journal import History
from lanista.plot._frame import Frame, drawn, notes, title_of, unknown
from lanista.plot._importance import shares
from lanista.plot._scale import Scale, scales
from lanista.plot._style import Theme, empty, figure, look, safe
from lanista.plot._thin import MARKS, Floats, spread

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CELLS = 40
"""Cells a side, of a parameter that is a number."""
NEIGHBOURS = 12


def contour(
    history: History, params: Sequence[str] | None = None, metric: str | None = None, *, theme: Theme = "light"
) -> "Figure":
    """A metric over two parameters: what the trials near each point had, and the trials.

    Completed trials count; while there is none, all that have a value. Between them it is the mean of the nearest
    twelve, weighted by the inverse square of their distance: Shepard, A Two-dimensional Interpolation Function for
    Irregularly-spaced Data (1968). It is a picture, not a model.

    Args:
        history: the trials.
        params: the names of two parameters; None: the two that matter most, as `importance` has it.
        metric: an objective or another metric that was reported; None: the first objective.
        theme: "light" or "dark".

    Raises:
        UsageError: not two different parameters, no such parameter, metric or theme.
        MissingExtraError: plotly is not installed.

    >>> contour(History(), theme="dark").layout.paper_bgcolor is None
    True
    """
    frame, own = Frame(history, metric), look(theme)
    pair = _pair(history, params, metric)
    title = title_of(history, f"{frame.name} over {' and '.join(pair) or 'two parameters'}")
    if len(pair) < 2:
        return empty(title, theme, "a contour needs two parameters; this space has fewer so far")
    settled = frame.settled
    rows = settled[spread(frame.values[settled], MARKS // 2)]
    x, y = scales(history, pair, history.params.take(rows.tolist()))
    both = ~np.isnan(x.places) & ~np.isnan(y.places)
    if not both.any():
        return empty(title, theme, "no trial with a value has both parameters yet")
    shown, values = rows[both], frame.values[rows[both]]
    gx, gy = x.grid(CELLS), y.grid(CELLS)
    surface = {
        "type": "contour" if x.numeric and y.numeric else "heatmap",
        "x": gx,
        "y": gy,
        "z": _between(x, y, both, values, (gx, gy)),
        "colorscale": own.colorscale,
        "colorbar": {"title": {"text": safe(frame.name)}},
        "hovertemplate": "about %{z:.4g}<extra></extra>",
    }
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": x.places[both],
        "y": y.places[both],
        "customdata": shown,
        "hovertext": frame.hover(shown),
        "hoverinfo": "text",
        "marker": {"color": values, "colorscale": own.colorscale, "size": 7, "line": {"color": "#ffffff", "width": 1}},
    }
    note = notes("both apply in the trials drawn" if not both.all() else "", drawn(len(rows), len(settled)))
    return figure([surface, marks], title=title, theme=theme, note=note, x=x.axis(), y=y.axis(), legend=False)


def _pair(history: History, params: Sequence[str] | None, metric: str | None) -> list[str]:
    """The two parameters of a contour; fewer where the space has fewer."""
    if params is not None:
        names = [params] if isinstance(params, str) else list(params)
        for name in names:
            if name not in history.space.names:
                raise unknown("parameter", name, history.space.names)
        if len(names) != 2 or names[0] == names[1]:
            raise UsageError(f"params={names!r}: a contour is over two different parameters, such as ['lr', 'dropout']")
        return names
    matter = shares(history, metric or next(iter(history.metrics), "value"), "fanova")
    return list(matter or history.space.names)[:2]


def _between(x: Scale, y: Scale, both: Any, values: Floats, grid: tuple[Floats, Floats]) -> Floats:
    """(gy, gx) the inverse-distance mean of the nearest trials at each point of the grid; all in units of the axes."""
    at = np.column_stack([x.spaced(x.places[both]), y.spaced(y.places[both])])
    ux, uy = x.spaced(grid[0]), y.spaced(grid[1])
    points = np.column_stack([part.ravel() for part in np.meshgrid(ux, uy)])
    far = ((points[:, None, :] - at[None, :, :]) ** 2).sum(axis=2)
    near = min(NEIGHBOURS, len(at))
    order = np.argpartition(far, near - 1, axis=1)[:, :near]
    weight = 1 / (np.take_along_axis(far, order, axis=1) + 1e-6)
    mean = (weight * values[order]).sum(axis=1) / weight.sum(axis=1)
    return np.asarray(mean.reshape(len(uy), len(ux)), dtype=np.float64)
