"""How values are distributed, and how experiments compare."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lanista.errors import UsageError
from lanista.journal import History
from lanista.plot._frame import NO_VALUES, NOTHING, Frame, Over, notes, steps_of_best, title_of
from lanista.plot._progress import moments
from lanista.plot._style import Look, Part, Theme, axis, clock, empty, figure, look, safe
from lanista.plot._thin import Floats, evenly

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

STAIRS = 1_000
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def edf(history: History, metric: str | None = None, *, theme: Theme = "light") -> "Figure":
    """The empirical distribution of a metric: the share of the trials that have a value up to each.

    Completed trials count, of those that keep all constraints.

    Args:
        history: the trials.
        metric: an objective or another metric that was reported; None: the first objective.
        theme: "light" or "dark".

    Raises:
        UsageError: no such metric or theme.
        MissingExtraError: plotly is not installed.

    >>> from lanista.space import Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({}))
    >>> for value in (3.0, 1.0):
    ...     story.end(story.start({}), "completed", value)
    >>> edf(story.history).data[0].x.tolist()
    [1.0, 3.0]
    """
    frame, own = Frame(history, metric), look(theme)
    title = title_of(history, f"distribution of {frame.name}")
    values = np.sort(frame.values[frame.contenders()])
    if not len(values):
        return empty(title, theme, NO_VALUES if len(history) else NOTHING)
    note = f"{len(values):,} trials, median {float(np.median(values)):.6g}"
    return figure(
        [_stairs(values, own)], title=title, theme=theme, note=note, x=axis(frame.name), y=_share_axis(), legend=False
    )


def compare(
    histories: Mapping[str, History], metric: str | None = None, *, over: Over = "trials", theme: Theme = "light"
) -> "Figure":
    """The best value so far of several experiments beside each other.

    Args:
        histories: the trials of each experiment by its name.
        metric: an objective that all of them have, with the same direction; None: the first one's first.
        over: "trials": by how many have ended; "time": by the time since the first one began.
        theme: "light" or "dark".

    Raises:
        UsageError: an experiment has another objective or direction, `over` or the theme is unknown, or no experiment
            is given.
        MissingExtraError: plotly is not installed.

    >>> compare({"empty": History()}).layout.annotations[0].text
    'no trial has a value yet: it appears with the first report or result'
    """
    own = look(theme)
    if over not in ("trials", "time"):
        raise UsageError(f"over={over!r}: it is 'trials' or 'time'")
    if not histories:
        raise UsageError("compare({}): give at least one experiment")
    name = metric if metric is not None else next(iter(next(iter(histories.values())).metrics), "value")
    lines = {label: _line(label, history, name, over) for label, history in histories.items()}
    _check_directions(histories, name)
    found = {label: line for label, line in lines.items() if len(line[0])}
    title = f"best {name} so far"
    if not found:
        return empty(title, theme, NO_VALUES)
    unit, unit_name = clock(max(float(x[-1]) for x, _ in found.values())) if over == "time" else (1.0, "")
    traces: list[Part] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": safe(label),
            "x": x / unit,
            "y": y,
            "line": {"shape": "hv", "width": 2.5, "color": own.lines[i % 6], "dash": DASHES[i // 6 % 5]},
            "hovertemplate": f"{safe(label)}<br>%{{y:.6g}}<extra></extra>",
        }
        for i, (label, (x, y)) in enumerate(found.items())
    ]
    waiting = [label for label in lines if label not in found]
    note = notes(f"no value yet: {', '.join(waiting)}" if waiting else "")
    x_title = f"time since the first trial ({unit_name})" if over == "time" else "trials that ended"
    return figure(traces, title=title, theme=theme, note=note, x=axis(x_title), y=axis(name))


def _line(label: str, history: History, metric: str, over: Over) -> tuple[Floats, Floats]:
    """Where an experiment got better, and to what; the last point is where it stands."""
    if metric not in history.metrics:
        if not history.metrics:
            return np.empty(0), np.empty(0)
        raise UsageError(f"experiment {label!r} has no objective {metric!r}; it has {', '.join(history.metrics)}")
    frame = Frame(history, metric)
    ended = np.array(history.finished, dtype=np.intp)
    at = np.flatnonzero(np.isin(ended, frame.contenders()))
    if not len(at):
        return np.empty(0), np.empty(0)
    better = at[steps_of_best(frame.minimised()[ended[at]])]
    points = np.append(better, len(ended) - 1)
    x = moments(history, ended[points]) if over == "time" else points + 1.0
    return x, frame.values[ended[np.append(better, better[-1])]]


def _check_directions(histories: Mapping[str, History], metric: str) -> None:
    ways = {label: Frame(history, metric).direction for label, history in histories.items() if history.metrics}
    if len(set(ways.values())) > 1:
        told = ", ".join(f"{label!r} {way}" for label, way in ways.items())
        raise UsageError(f"{metric!r} has several directions: {told}; compare experiments that want the same of it")


def _stairs(values: Floats, own: Look) -> Part:
    """The distribution of sorted values."""
    rows = evenly(len(values), STAIRS)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": values[rows],
        "y": (rows + 1) / len(values),
        "line": {"shape": "hv", "color": own.states["completed"], "width": 2},
        "hovertemplate": "%{y:.1%} up to %{x:.6g}<extra></extra>",
    }


def _share_axis() -> Part:
    return axis("share of the trials", range=[0, 1.02], tickformat=".0%")
