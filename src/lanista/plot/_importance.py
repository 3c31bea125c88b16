"""How much each parameter matters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from lanista.journal import COMPLETED, History
from lanista.plot._frame import Frame, drawn, title_of
from lanista.plot._style import Theme, axis, empty, figure, look, safe

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST = 500
"""Trials that are looked at: more change little, and take seconds."""


def importance(
    history: History,
    metric: str | None = None,
    *,
    method: Literal["fanova", "permutation"] = "fanova",
    theme: Theme = "light",
) -> "Figure":
    """How much each parameter matters, the greatest on top; without a metric, for each objective.

    The shares are those of `Experiment.importance`, on at most 500 trials, evenly over the search.

    Args:
        history: the trials.
        metric: an objective or another metric that was reported; None: all objectives.
        method: "fanova" or "permutation".
        theme: "light" or "dark".

    Raises:
        UsageError: no such metric, method or theme.
        MissingExtraError: plotly is not installed.

    >>> importance(History()).layout.annotations[0].text[:19]
    'importance needs at'
    """
    look(theme)
    names = [metric] if metric is not None else list(history.metrics)
    title = title_of(history, f"importance for {', '.join(names) or 'the metric'}")
    by_name = {name: found for name in names if (found := shares(history, name, method))}
    if not by_name:
        return empty(title, theme, "importance needs at least 4 completed trials with a value")
    order = list(next(iter(by_name.values())))[::-1]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": safe(name),
            "x": [found[param] for param in order],
            "y": [safe(param) for param in order],
            "text": [f"{found[param]:.0%}" for param in order],
            "textposition": "auto",
            "hovertemplate": "%{y} %{x:.1%}<extra></extra>",
        }
        for name, found in by_name.items()
    ]
    made = figure(
        traces,
        title=title,
        theme=theme,
        note=drawn(MOST, int((history.state == COMPLETED).sum())).replace("drawn", "used"),
        x=axis("share", tickformat=".0%", range=[0, 1]),
        y={"type": "category"},
        legend=len(by_name) > 1,
    )
    return made.update_layout(height=max(360, 180 + (14 + 14 * len(by_name)) * len(order)))


def shares(history: History, metric: str, method: Literal["fanova", "permutation"]) -> Mapping[str, float]:
    """The importance of each parameter, none where there are too few trials."""
    from lanista.search import importance

    if not len(history):
        return {}
    frame = Frame(history, metric)
    if ((history.state == COMPLETED) & ~np.isnan(frame.values)).sum() < 4 or not history.space.width:
        return {}
    return importance(history, method=method, metric=metric, most=MOST)
