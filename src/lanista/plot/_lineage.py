"""Trials that go on from others: the tree of a population."""

from typing import TYPE_CHECKING

import numpy as np

from lanista.journal import History
from lanista.plot._curves import reports
from lanista.plot._frame import Frame, drawn, notes, title_of
from lanista.plot._mutants import mutants
from lanista.plot._scale import Scale
from lanista.plot._style import Look, Part, Theme, axis, empty, figure, look, safe, short
from lanista.plot._thin import Floats, Rows, evenly, outline

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MEMBERS, POINTS = 300, 15_000
_OTHERS: Part = {"name": "all", "opacity": 0.45}
_ANCESTORS: Part = {"name": "ancestors of the best", "opacity": 1.0}


def lineage(
    history: History, param: str | None = None, metric: str | None = None, *, theme: Theme = "light"
) -> "Figure":
    """Trials by step, each joined to the one that it was copied from; the ancestors of the best stand out.

    Where none was copied, but a searcher such as `RegularizedEvolution` made trials by changing others: all trials by
    number, each joined to the one that it was made from.

    Args:
        history: the trials.
        param: a parameter to show in place of the metric: along the best line it is the schedule that was found.
        metric: an objective; None: the first.
        theme: "light" or "dark".

    Raises:
        UsageError: no such parameter, metric or theme.
        MissingExtraError: plotly is not installed.

    >>> lineage(History()).layout.annotations[0].text
    'no trial was made from another yet, as PBT, evolution and local search do'
    """
    frame, own = Frame(history, metric), look(theme)
    title = title_of(history, f"lineage by {param or frame.name}")
    frame.minimised()  # only an objective has a best
    members = _members(history)
    if not len(members):
        if any(n is not None for n in history.each("made_from")):
            return mutants(frame, param, title, theme)
        return empty(title, theme, "no trial was made from another yet, as PBT, evolution and local search do")
    scale = Scale(history, param, history.params.take(range(len(history)))) if param is not None else None
    best = latest_best(frame)
    line = _ancestors(history, best)
    shown = members[evenly(len(members), MEMBERS)]
    points = max(10, POINTS // (len(shown) + len(line) + 1))
    traces = [
        _tree(frame, shown, points, scale, _OTHERS | {"line": {"color": own.states["completed"], "width": 1}}),
        _tree(frame, line, points, scale, _ANCESTORS | {"line": {"color": own.strong, "width": 3}}),
        _births(frame, np.union1d(shown, line), scale, own),
    ]
    note = notes(_descent(line), drawn(len(shown), len(members)))
    y = scale.axis() if scale is not None else axis(frame.name)
    return figure([t for t in traces if len(t["x"])], title=title, theme=theme, note=note, x=axis("step"), y=y)


def _descent(line: Rows) -> str:
    """In words where the best comes from."""
    if not len(line):
        return ""
    if len(line) == 1:
        return f"trial {line[0]}, the best, was not copied from another"
    copies = "1 copy" if len(line) == 2 else f"{len(line) - 1} copies"
    return f"trial {line[-1]}, the best, descends from trial {line[0]} by {copies}"


def _members(history: History) -> Rows:
    """All trials that have run, none where nothing was copied."""
    if not any(history.parent(n) is not None for n in range(len(history))):
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(history.steps > 0)


def latest_best(frame: Frame) -> int | None:
    """The best trial, running and stopped ones included: a population is looked at while it goes on."""
    best = frame.best()
    known = frame.known
    return best if best is not None or not len(known) else int(known[frame.minimised()[known].argmin()])


def _ancestors(history: History, number: int | None) -> Rows:
    """A trial and those that it descends from, the first one first."""
    line: list[int] = []
    while number is not None:
        line.append(number)
        parent = history.parent(number)
        number = parent[0] if parent is not None else None
    return np.array(line[::-1], dtype=np.intp)


def _path(frame: Frame, number: int, points: int, scale: Scale | None, until: float = np.inf) -> tuple[Floats, Floats]:
    """The steps and heights of one trial, from where it was copied to a last step."""
    steps, values = reports(frame, number)
    rows = np.flatnonzero(steps <= until)
    rows = rows[outline(values[rows], points)]
    steps, values = steps[rows], values[rows]
    if scale is not None:
        values = np.full(len(steps), scale.places[number])
    parent = frame.history.parent(number)
    if parent is None:
        return steps, values
    begin = [_height(frame, parent, scale)]
    if scale is not None:  # the change happens at once
        begin.append(float(scale.places[number]))
    return np.concatenate([[parent[1]] * len(begin), steps]), np.concatenate([begin, values])


def _height(frame: Frame, place: tuple[int, int], scale: Scale | None) -> float:
    """The height of a trial at a step."""
    number, step = place
    if scale is not None:
        return float(scale.places[number])
    steps, values = reports(frame, number)
    upto = values[steps <= step]
    return float(upto[-1]) if len(upto) else float("nan")


def _tree(frame: Frame, numbers: Rows, points: int, scale: Scale | None, style: Part) -> Part:
    """The paths of many trials as one trace, with a gap after each; an ancestor's ends where the next one begins."""
    xs, ys, owners = [np.empty(0)], [np.empty(0)], list[int]()
    follows: dict[int, int] = {}
    if style["name"] == _ANCESTORS["name"]:
        follows = {parent[0]: parent[1] for n in numbers.tolist() if (parent := frame.history.parent(n)) is not None}
    for number in numbers.tolist():
        x, y = _path(frame, number, points, scale, follows.get(number, np.inf))
        xs += [x, np.array([np.nan])]
        ys += [y, np.array([np.nan])]
        owners += [number] * (len(x) + 1)
    told = {"hovertext": [f"trial {n}" for n in owners], "hoverinfo": "text+x+y", "customdata": np.array(owners)}
    return {"type": "scatter", "mode": "lines", "x": np.concatenate(xs), "y": np.concatenate(ys), **told, **style}


def _births(frame: Frame, numbers: Rows, scale: Scale | None, own: Look) -> Part:
    """A mark where a copy begins, which tells its configuration."""
    history = frame.history
    born = [(n, parent) for n in numbers.tolist() if (parent := history.parent(n)) is not None]
    heights = [_height(frame, parent, scale) for _, parent in born]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "copied",
        "x": np.array([parent[1] for _, parent in born], dtype=np.float64),
        "y": np.array(heights, dtype=np.float64),
        "customdata": [n for n, _ in born],
        "hovertext": [f"<b>trial {n}</b> from trial {p[0]}, step {p[1]}<br>{_params(history, n)}" for n, p in born],
        "hoverinfo": "text",
        "marker": {"symbol": "circle-open", "size": 7, "color": own.text},
    }


def _params(history: History, number: int) -> str:
    return "<br>".join(
        f"{safe(name)} {safe(short(value))}" for name, value in list(history.params[number].items())[:12]
    )
