"""How the search went: the best so far, and all trials over time."""

from typing import TYPE_CHECKING

import numpy as np

from lanista.journal import History
from lanista.plot._frame import NO_VALUES, NOTHING, Frame, drawn, notes, steps_of_best, title_of
from lanista.plot._reach import count_axis, reach_of
from lanista.plot._style import Look, Part, Theme, axis, clock, empty, figure, look, short
from lanista.plot._thin import MARKS, Floats, Rows, spread

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def history(history: History, metric: str | None = None, *, theme: Theme = "light") -> "Figure":
    """The best value so far, and all trials by their number.

    The line counts completed trials that keep all constraints (while there is none, stopped ones); it is exact however
    many trials there are. Of more than 2,000 trials a part is drawn, with the extremes of each stretch.

    Args:
        history: the trials.
        metric: an objective; None: the first.
        theme: "light" or "dark".

    Raises:
        UsageError: no such metric or theme.
        MissingExtraError: plotly is not installed.

    >>> from lanista.space import Float, Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({"x": Float(0, 1)}))
    >>> for x in (0.5, 0.7, 0.2):
    ...     story.end(story.start({"x": x}), "completed", x)
    >>> [line for line in history(story.history).data if line.name == "best so far"][0].y.tolist()
    [0.5, 0.2, 0.2]
    """
    frame, own = Frame(history, metric), look(theme)
    title = title_of(history, f"best {frame.name} so far")
    minimised, rows = frame.minimised(), frame.contenders()
    if not len(frame.known) and not len(frame.lost):
        return empty(title, theme, NO_VALUES if len(history) else NOTHING)
    better = rows[steps_of_best(minimised[rows])]
    shown, reach = _shown(frame), reach_of(frame)
    traces = frame.marks(shown, shown.astype(np.float64), reach.heights(frame.values[shown]), own)
    if len(better):
        x = np.append(better, len(history) - 1).astype(np.float64)
        traces.append(_best_line(frame, better, x, own))
    return figure(
        traces,
        title=title,
        theme=theme,
        note=notes(_best_note(frame), drawn(len(shown), len(frame.known) + len(frame.lost)), reach.note),
        x=count_axis("trial", len(history)),
        y=reach.axis(frame.name),
    )


def trials(history: History, metric: str | None = None, *, theme: Theme = "light") -> "Figure":
    """All trials over time by their state, and the best value so far.

    A trial stands where it ended; one that has not, where its latest attempt began. Time counts from the first trial.

    Args:
        history: the trials.
        metric: an objective; None: the first.
        theme: "light" or "dark".

    Raises:
        UsageError: no such metric or theme.
        MissingExtraError: plotly is not installed.

    >>> trials(History()).layout.annotations[0].text
    'no trials yet: exp.run(...) or exp.ask() starts some'
    """
    frame, own = Frame(history, metric), look(theme)
    title = title_of(history, f"{frame.name} of all trials over time")
    minimised = frame.minimised()
    shown, reach = _shown(frame), reach_of(frame)
    if not len(shown):
        return empty(title, theme, NO_VALUES if len(history) else NOTHING)
    ended = np.array(history.finished, dtype=np.intp)
    rows = ended[np.isin(ended, frame.contenders())]
    better = rows[steps_of_best(minimised[rows])]
    times, line = moments(history, shown), moments(history, better)
    unit, name = clock(float(times.max(initial=0.0)))
    traces = frame.marks(shown, times / unit, reach.heights(frame.values[shown]), own)
    if len(better):
        traces.append(_best_line(frame, better, np.append(line, max(times.max(), line.max())) / unit, own))
    return figure(
        traces,
        title=title,
        theme=theme,
        note=notes(_best_note(frame), drawn(len(shown), len(frame.known) + len(frame.lost)), reach.note),
        x=axis(f"time since the first trial ({name})"),
        y=reach.axis(frame.name),
    )


def moments(history: History, rows: Rows) -> Floats:
    """(k,) when the trials ended, else when they were started last, in seconds since the first was asked for."""
    if not len(rows):
        return np.empty(0)
    begin = history.trial(0).asked
    records = [history.trial(row) for row in rows.tolist()]
    return np.array([(history.since(r.number) if r.ended is None else r.ended) - begin for r in records])


def _shown(frame: Frame) -> Rows:
    """The trials to draw: of those with a value, and of those that failed, as many as fit."""
    known, lost = frame.known, frame.lost
    room = min(len(lost), max(MARKS // 4, MARKS - len(known)))
    kept = known[spread(frame.values[known], MARKS - room)]
    return np.union1d(kept, lost[spread(np.zeros(len(lost)), max(4, room))])


def _best_note(frame: Frame) -> str:
    best = frame.best()
    return f"best {short(float(frame.values[best]))} at trial {best}" if best is not None else "no trial completed yet"


def _best_line(frame: Frame, better: Rows, x: Floats, own: Look) -> Part:
    """The steps of the best, up to the last x."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": x,
        "y": frame.values[np.append(better, better[-1])],
        "line": {"shape": "hv", "color": own.strong, "width": 2},
        "hovertemplate": "best so far %{y:.6g}<extra></extra>",
    }
