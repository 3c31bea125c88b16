"""Which worker ran which trial, and how each run ended."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lanista.errors import UsageError
from lanista.journal import Event, History
from lanista.plot._frame import NOTHING, cut, drawn, notes, title_of
from lanista.plot._runs import Run, Runs, read_runs
from lanista.plot._style import LOST, Look, Part, Theme, axis, clock, empty, figure, look, safe, short

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ORDER = ("completed", "stopped", "paused", "running", "failed", "infeasible", "cancelled", LOST)
PATTERNS = {"failed": "x", "paused": "/", "infeasible": "+", LOST: "."}
"""How a run ended can be told without its colour, too."""


def timeline(history: History, events: Iterable[Event], *, last: int = 1_000, theme: Theme = "light") -> "Figure":
    """A row for each worker, with a bar for each run of a trial on it; its colour says how the run ended.

    A trial that paused and went on has several bars. The journal knows the process that ran a trial; its workers are
    counted by how many trials ran at once. Grey stretches: the experiment was paused.

    Args:
        history: the trials.
        events: those of the journal in its order, or the latest of them; `exp.plot.timeline()` reads them.
        last: how many runs are shown at most, the latest.
        theme: "light" or "dark".

    Raises:
        UsageError: `last` is no whole number from 1, or there is no such theme.
        MissingExtraError: plotly is not installed.

    >>> from lanista.space import Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({}))
    >>> story.end(story.start({}), "completed", 1.0)
    >>> [trace.name for trace in timeline(story.history, story.events).data]
    ['completed']
    """
    own, title = look(theme), title_of(history, "timeline of the workers")
    if isinstance(last, bool) or not isinstance(last, int) or last < 1:
        raise UsageError(f"last={last!r} must be a whole number from 1")
    read = read_runs(history, events)
    if not read.runs:
        return empty(title, theme, NOTHING)
    shown = read.runs[-last:]
    begin, end = min(run.start for run in shown), max(run.end for run in shown)
    unit, unit_name = clock(end - begin)
    names = _lanes(shown, read)
    traces = [
        _bars(history, [run for run in shown if run.outcome == outcome], names, (begin, unit), own)
        for outcome in ORDER
        if any(run.outcome == outcome for run in shown)
    ]
    order = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(names.values()),
        "autorange": "reversed",
    }
    note = notes(f"the latest {drawn(len(shown), len(read.runs), 'runs')}" if len(shown) < len(read.runs) else "")
    made = figure(traces, title=title, theme=theme, note=note, x=axis(f"time ({unit_name})"), y=order)
    pauses = [_pause((low - begin) / unit, (high - begin) / unit, own) for low, high in read.pauses if high > begin]
    return made.update_layout(barmode="overlay", bargap=0.25, shapes=pauses, height=max(320, 130 + 30 * len(names)))


def _lanes(runs: Sequence[Run], read: Runs) -> dict[tuple[str, int], str]:
    """The name of each lane; the process is named where there are several."""
    owners = list(dict.fromkeys(run.owner for run in runs))
    lanes = sorted({(run.owner, run.lane) for run in runs}, key=lambda lane: (owners.index(lane[0]), lane[1]))
    if len(owners) == 1:
        return {lane: f"worker {lane[1] + 1}" for lane in lanes}
    return {lane: safe(f"{read.owners.get(lane[0], lane[0])} · {lane[1] + 1}") for lane in lanes}


def _bars(
    history: History, runs: Sequence[Run], names: dict[tuple[str, int], str], scale: tuple[float, float], own: Look
) -> Part:
    """The runs that ended alike."""
    begin, unit = scale
    outcome = runs[0].outcome
    return {
        "type": "bar",
        "orientation": "h",
        "name": outcome,
        "y": [names[run.owner, run.lane] for run in runs],
        "base": [(run.start - begin) / unit for run in runs],
        "x": [(run.end - run.start) / unit for run in runs],
        "customdata": [run.number for run in runs],
        "hovertext": [_told(history, run) for run in runs],
        "hoverinfo": "text",
        "marker": {
            "color": own.states[outcome],
            "line": {"color": own.paper, "width": 1},
            "pattern": {"shape": PATTERNS.get(outcome, ""), "fgcolor": own.paper, "fillmode": "overlay", "size": 6},
        },
    }


def _told(history: History, run: Run) -> str:
    seconds = run.end - run.start
    unit, name = clock(seconds)
    again = f", attempt {run.attempt}" if run.attempt > 1 else ""
    metrics = history.metrics_of(run.number)
    values = [f"{safe(name)} {short(metrics[name])}" for name in history.metrics if name in metrics]
    lines = [f"<b>trial {run.number}</b>{again}", f"{run.outcome} after {seconds / unit:.3g} {name}", *values]
    return "<br>".join([*lines, f"<i>{safe(cut(run.reason, 120))}</i>"] if run.reason else lines)


def _pause(low: float, high: float, own: Look) -> Part:
    shade = {"fillcolor": own.muted, "opacity": 0.25, "line": {"width": 0}, "layer": "below"}
    return {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": max(low, 0.0), "x1": high, **shade}
