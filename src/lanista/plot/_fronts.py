"""Several objectives: the front, and how much of the space it dominates over time."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lanista.errors import UsageError
from lanista.journal import COMPLETED, History
from lanista.plot._frame import Frame, drawn, notes, title_of, unknown
from lanista.plot._reach import count_axis
from lanista.plot._style import Look, Part, Theme, axis, empty, figure, look, safe
from lanista.plot._thin import MARKS, Floats, Rows, spread
from lanista.search import hypervolume as volume
from lanista.search import non_dominated

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOMENTS = 250
"""At how many moments the hypervolume is computed."""
ONE_METRIC = "a front needs several objectives: metric={'accuracy': 'max', 'latency': 'min'}"


def pareto(history: History, metrics: Sequence[str] | None = None, *, theme: Theme = "light") -> "Figure":
    """The trials in the plane, or the room, of their objectives, and those that no other one beats.

    The front is that of the completed trials that keep all constraints, in the objectives that are shown.

    Args:
        history: the trials.
        metrics: two or three of the objectives, in the order of the axes; None: the first three.
        theme: "light" or "dark".

    Raises:
        UsageError: not two or three different objectives, or no such theme.
        MissingExtraError: plotly is not installed.

    >>> from lanista.space import Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({}), metrics={"a": "min", "b": "max"})
    >>> for values in ((1.0, 1.0), (2.0, 2.0), (2.0, 1.0)):
    ...     story.end(story.start({}), "completed", *values)
    >>> pareto(story.history).data[-1].x.tolist()
    [1.0, 2.0]
    """
    own = look(theme)
    names = _objectives(history, metrics)
    title = title_of(history, f"front of {', '.join(names)}" if names else "front")
    if len(names) < 2:
        return empty(title, theme, ONE_METRIC)
    frames = [Frame(history, name) for name in names]
    Y = np.column_stack([frame.minimised() for frame in frames])
    known = np.flatnonzero(~np.isnan(Y).any(axis=1))
    if not len(known):
        return empty(title, theme, "no trial has a value of each objective yet")
    able = known[(history.state[known] == COMPLETED) & frames[0].kept[known]]
    front = able[non_dominated(Y[able])]
    front = front[np.argsort(frames[0].values[front], kind="stable")]
    behind = np.setdiff1d(known, front)
    behind = behind[spread(Y[behind, 0], MARKS - min(len(front), MARKS // 2))]
    told = f"{len(front):,} trials on the front"
    front = front[spread(frames[1].values[front], MARKS // 2)]
    more = f"the first 3 of {len(history.metrics)} objectives" if metrics is None and len(history.metrics) > 3 else ""
    note = notes(told, more, drawn(len(front) + len(behind), len(known)))
    draw = _room if len(names) == 3 else _plane
    made = figure(draw(frames, behind, front, own), title=title, theme=theme, note=note)
    titles = [axis(f"{frame.name} ({frame.direction})") for frame in frames]
    if len(names) == 2:
        return made.update_layout(xaxis=titles[0], yaxis=titles[1])
    walls = {"backgroundcolor": own.paper, "gridcolor": own.grid, "color": own.text}
    scene = {f"{letter}axis": {**walls, **part} for letter, part in zip("xyz", titles, strict=True)}
    scene["camera"] = {"eye": {"x": 1.6, "y": 1.6, "z": 0.9}}
    return made.update_layout(scene=scene, margin={"b": 40})


def hypervolume(
    history: History, reference: Sequence[float] | Mapping[str, float] | None = None, *, theme: Theme = "light"
) -> "Figure":
    """The volume that the front dominates as trials end: greater is better, and it never shrinks.

    Args:
        history: the trials.
        reference: a value of each objective, beyond which nothing counts; None: the worst that any completed trial
            has. Give one to compare experiments.
        theme: "light" or "dark".

    Raises:
        UsageError: the reference has not one finite number for each objective, or there is no such theme.
        MissingExtraError: plotly is not installed; or moocore is not, with over three objectives.

    >>> from lanista.space import Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({}), metrics={"a": "min", "b": "min"})
    >>> for values in ((1.0, 2.0), (2.0, 1.0)):
    ...     story.end(story.start({}), "completed", *values)
    >>> hypervolume(story.history, (3, 3)).data[0].y.tolist()
    [2.0, 3.0]
    """
    own = look(theme)
    title = title_of(history, "hypervolume of the front")
    if len(history.metrics) < 2:
        return empty(title, theme, ONE_METRIC)
    ended = np.array(history.finished, dtype=np.intp)
    Y = history.Y
    done = ended[(history.state[ended] == COMPLETED) & np.isfinite(Y[ended]).all(axis=1)]
    if not len(done):
        return empty(title, theme, "no trial has completed with all objectives yet")
    corner = Y[done].max(axis=0) if reference is None else _corner(history, reference)
    kept = Frame(history).kept
    x, y = _volumes(Y[done], kept[done], corner)
    line: Part = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"shape": "hv", "color": own.states["completed"], "width": 2},
        "hovertemplate": "%{x} completed<br>hypervolume %{y:.6g}<extra></extra>",
    }
    told = [f"{name} {float(v):.4g}" for name, v in zip(history.metrics, corner * history.signs, strict=True)]
    note = notes(f"up to {', '.join(told)}", f"computed at {len(x)} moments" if len(x) < len(done) else "")
    return figure(
        [line],
        title=title,
        theme=theme,
        note=note,
        x=count_axis("completed trials", len(done)),
        y=axis("hypervolume"),
        legend=False,
    )


def _objectives(history: History, metrics: Sequence[str] | None) -> list[str]:
    """The objectives to show; fewer than two where the experiment has only one."""
    if metrics is None:
        return list(history.metrics[:3])
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        if name not in history.metrics:
            raise unknown("objective", name, history.metrics)
    if len(set(names)) != len(names) or len(names) not in (2, 3):
        raise UsageError(f"metrics={names!r}: a front is shown of two or three different objectives")
    return names


def _plane(frames: Sequence[Frame], behind: Rows, front: Rows, own: Look) -> list[Part]:
    """The marks of all trials, and the front with the stairs below which nothing is beaten."""
    first, second = frames
    stairs = {"shape": "hv" if first.direction == "min" else "vh", "color": own.strong, "width": 1}
    return [
        *first.marks(behind, first.values[behind], second.values[behind], own),
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "front",
            "x": first.values[front],
            "y": second.values[front],
            "customdata": front,
            "hovertext": first.hover(front),
            "hoverinfo": "text",
            "line": stairs,
            "marker": {"size": 9, "color": own.strong, "line": {"color": own.paper, "width": 1}},
        },
    ]


def _room(frames: Sequence[Frame], behind: Rows, front: Rows, own: Look) -> list[Part]:
    """The same in three dimensions."""

    def cloud(rows: Rows, name: str, marker: Part) -> Part:
        x, y, z = (frame.values[rows] for frame in frames)
        texts = frames[0].hover(rows)
        return {
            "type": "scatter3d",
            "mode": "markers",
            "name": name,
            "x": x,
            "y": y,
            "z": z,
            "customdata": rows,
            "hovertext": texts,
            "hoverinfo": "text",
            "marker": marker,
        }

    return [
        cloud(behind, "beaten", {"size": 3, "color": own.states["completed"], "opacity": 0.5}),
        cloud(front, "front", {"size": 5, "color": own.strong}),
    ]


def _volumes(Y: Floats, kept: "np.ndarray[tuple[int], np.dtype[np.bool_]]", corner: Floats) -> tuple[Floats, Floats]:
    """How many trials had completed, and the hypervolume then; the front is carried along, so that each is cheap."""
    ends = np.unique(np.linspace(1, len(Y), min(len(Y), MOMENTS)).astype(np.intp))
    front, volumes, begin = np.empty((0, Y.shape[1])), [], 0
    for end in ends.tolist():
        front = np.concatenate([front, Y[begin:end][kept[begin:end]]])
        front, begin = front[non_dominated(front)], end
        volumes.append(volume(front, corner) if len(front) else 0.0)
    return ends.astype(np.float64), np.array(volumes)


def _corner(history: History, given: Sequence[float] | Mapping[str, float]) -> Floats:
    """(m,) the reference, minimised."""
    names = history.metrics
    if isinstance(given, Mapping):
        values = [given[name] for name in names] if set(given) == set(names) else []
    else:
        values = list(given)
    if len(values) != len(names) or not all(isinstance(v, int | float) and math.isfinite(v) for v in values):
        told = ", ".join(map(safe, names))
        raise UsageError(f"reference={given!r} must have one finite number for each of {told}")
    return np.array(values, dtype=np.float64) * history.signs
