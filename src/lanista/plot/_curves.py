"""Learning curves, and the rungs at which trials are compared."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.journal import COMPLETED, PAUSED, STOPPED, History
from lanista.plot._frame import Frame, drawn, notes, title_of
from lanista.plot._reach import count_axis
from lanista.plot._style import Look, Part, Theme, axis, empty, figure, look, safe, short
from lanista.plot._thin import LINE, Floats, Rows, evenly, outline

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CURVES, POINTS = 150, 15_000
"""How many curves are drawn at most, and how many points they have together."""
MOST_RUNGS = 16
"""Trials that end at more different steps than these were not judged at rungs."""
NO_REPORTS = "no trial has reported yet: trial.report(...) makes a curve"


class Rung(Frozen):
    """How the trials fared at one step: how many reached it, and what became of those that went no further."""

    step: int
    reached: int
    went_on: int
    stopped: int
    paused: int
    completed: int
    other: int
    best: float
    median: float


def curves(
    history: History, trials: Sequence[int] | None = None, metric: str | None = None, *, theme: Theme = "light"
) -> "Figure":
    """The reports of trials by step, with the rungs at which a scheduler compared them.

    Of more than 150 curves a part is drawn, evenly by number, with the best one, which stands out. Peaks are kept.

    Args:
        history: the trials.
        trials: their numbers; None: all that reported.
        metric: an objective or another metric that was reported; None: the first objective.
        theme: "light" or "dark".

    Raises:
        UsageError: no such trial, metric or theme.
        MissingExtraError: plotly is not installed.

    >>> from lanista.space import Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({}))
    >>> number = story.start({})
    >>> for step in (1, 2):
    ...     story.report(number, step, 1 / step)
    >>> curves(story.history).data[-1].y.tolist()
    [1.0, 0.5]
    """
    frame, own = Frame(history, metric), look(theme)
    title = title_of(history, f"{frame.name} by step")
    wanted = np.flatnonzero(history.steps > 0) if trials is None else _checked(history, trials)
    best = frame.best() if frame.direction is not None else None
    chosen = wanted[evenly(len(wanted), CURVES - 1)]
    if best is not None and best in wanted:
        chosen = np.append(chosen[chosen != best], best)
    points = max(20, min(LINE, POINTS // max(1, len(chosen))))
    traces = [t for number in chosen.tolist() if (t := _curve(frame, number, points, own, bold=number == best))]
    if not traces:
        return empty(title, theme, NO_REPORTS)
    traces = [*_legend(traces), *traces]
    steps = rung_steps(history)
    note = notes(f"rungs at {', '.join(map(str, steps))}" if steps else "", drawn(len(chosen), len(wanted), "curves"))
    made = figure(
        traces, title=title, theme=theme, note=note, x=count_axis("step", int(history.steps.max())), y=axis(frame.name)
    )
    line = {"color": own.muted, "width": 1, "dash": "dot"}
    upright: Part = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": line}
    return made.update_layout(shapes=[{**upright, "x0": step, "x1": step} for step in steps])


def rungs(history: History, metric: str | None = None, *, theme: Theme = "light") -> "Figure":
    """A table of the rungs: how many trials reached each, what became of them, the best and the median value there.

    A trial's value at a rung is its first report at or beyond it.

    Args:
        history: the trials.
        metric: an objective; None: the first.
        theme: "light" or "dark".

    Raises:
        UsageError: no such metric or theme, or the metric is no objective.
        MissingExtraError: plotly is not installed.

    >>> rungs(History()).layout.annotations[0].text
    'no rungs: no scheduler has stopped or paused trials at common steps yet'
    """
    own, frame = look(theme), Frame(history, metric)
    title = title_of(history, "rungs")
    found = rung_table(history, metric)
    if not found:
        return empty(title, theme, "no rungs: no scheduler has stopped or paused trials at common steps yet")
    heads = ["step", "reached", "went on", "stopped", "paused", "completed", "other"]
    names = ["step", "reached", "went_on", "stopped", "paused", "completed", "other"]
    values: list[list[Any]] = [[getattr(rung, name) for rung in found] for name in names]
    values += [[short(getattr(rung, name)) for rung in found] for name in ("best", "median")]
    table: Part = {
        "type": "table",
        "header": {
            "values": [f"<b>{head}</b>" for head in [*heads, f"best {safe(frame.name)}", f"median {safe(frame.name)}"]],
            "fill": {"color": own.grid},
            "font": {"color": own.text},
            "line": {"color": own.grid},
            "align": "right",
            "height": 30,
        },
        "cells": {
            "values": values,
            "fill": {"color": own.paper},
            "font": {"color": own.text},
            "line": {"color": own.grid},
            "align": "right",
            "height": 28,
        },
    }
    made = figure(
        [table], title=title, theme=theme, note="a value at a rung is the first report at or beyond it", legend=False
    )
    return made.update_layout(height=180 + 28 * len(found), margin={"b": 24})


def rung_steps(history: History) -> list[int]:
    """The steps at which trials were stopped, paused or completed; none where these are many, or there is only one.

    >>> rung_steps(History())
    []
    """
    judged = (history.state == STOPPED) | (history.state == PAUSED)
    if not (judged & (history.steps > 0)).any():
        return []
    ends = history.steps[(judged | (history.state == COMPLETED)) & (history.steps > 0)]
    steps: list[int] = np.unique(ends).tolist()
    return steps if len(steps) <= MOST_RUNGS else []


def rung_table(history: History, metric: str | None = None) -> list[Rung]:
    """The numbers of the rung table.

    Raises:
        UsageError: the metric is no objective.
    """
    frame = Frame(history, metric)
    frame.minimised()  # only an objective has a best value
    objective = history.metrics.index(frame.name) if history.metrics else 0
    trial, step, Y = history.log
    steps, state = history.steps, history.state
    table, levels = [], rung_steps(history)
    for level, above in zip(levels, [*levels, np.inf][1:], strict=True):
        rows = np.flatnonzero(step >= level)
        numbers, first = np.unique(trial[rows], return_index=True)
        values = Y[rows[first], objective]
        here = (steps >= level) & (steps < above)
        ends = {code: int((here & (state == code)).sum()) for code in (STOPPED, PAUSED, COMPLETED)}
        went_on = int((steps >= above).sum())
        known = values[~np.isnan(values)]
        sign = float(history.signs[objective])
        table.append(
            Rung(
                step=level,
                reached=len(numbers),
                went_on=went_on,
                stopped=ends[STOPPED],
                paused=ends[PAUSED],
                completed=ends[COMPLETED],
                other=len(numbers) - went_on - sum(ends.values()),
                best=sign * float(known.min()) if len(known) else float("nan"),
                median=sign * float(np.median(known)) if len(known) else float("nan"),
            )
        )
    return table


def reports(frame: Frame, number: int) -> tuple[Floats, Floats]:
    """The steps (k,) and values (k,) of a trial's curve, in the user's own sign."""
    history = frame.history
    if frame.name in history.metrics:
        at = history.metrics.index(frame.name)
        steps, Y = history.curve(number)
        return steps.astype(np.float64), Y[:, at] * history.signs[at]
    told = [(step, metrics[frame.name]) for step, metrics in history.reports(number) if frame.name in metrics]
    return np.array([s for s, _ in told], dtype=np.float64), np.array([v for _, v in told], dtype=np.float64)


def _checked(history: History, trials: Sequence[int]) -> Rows:
    numbers = np.unique(np.array([history.trial(number).number for number in trials], dtype=np.intp))
    if not len(numbers):
        raise UsageError("trials=[] names no trial; leave it out to draw all")
    return numbers


def _curve(frame: Frame, number: int, points: int, own: Look, *, bold: bool) -> Part | None:
    """The line of one trial; None where it reported nothing of the metric."""
    steps, values = reports(frame, number)
    if not len(steps):
        return None
    shown = outline(values, points)
    kind = frame.kinds(np.array([number]))[0]
    alone = len(shown) == 1
    return {
        "type": "scatter",
        "mode": "lines+markers" if alone or bold else "lines",
        "name": f"trial {number}, the best" if bold else f"trial {number} {kind}",
        "legendgroup": "best" if bold else kind,
        "showlegend": bold,
        "meta": number,
        "x": steps[shown],
        "y": values[shown],
        "line": {"color": own.strong if bold else own.states[kind], "width": 2.5 if bold else 1.2},
        "marker": {"size": 5},
        "opacity": 1.0 if bold else 0.55,
        "hovertemplate": f"<b>trial {number}</b> {kind}<br>step %{{x}}<br>%{{y:.6g}}<extra></extra>",
    }


def _legend(traces: Sequence[Part]) -> list[Part]:
    """One entry for each state, in place of one a trial."""
    first = {trace["legendgroup"]: trace for trace in traces if not trace["showlegend"]}
    line: Part = {"type": "scatter", "mode": "lines", "x": [None], "y": [None]}
    return [{**line, "name": kind, "legendgroup": kind, "line": trace["line"]} for kind, trace in first.items()]
