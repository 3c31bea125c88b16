"""What figures read of a history: one metric of all trials in the user's own sign, states, hover texts.

Shapes: n trials, k of them drawn.
"""

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lanista.errors import UsageError
from lanista.journal import CANCELLED, COMPLETED, FAILED, INFEASIBLE, STATES, STOPPED, History
from lanista.plot._style import BROKEN, SYMBOLS, Look, Part, safe, short
from lanista.plot._thin import Floats, Rows

Bools = NDArray[np.bool_]
HOVER_VALUES = 12_000
"""Parameters told by all hover texts of a figure: what bounds its size."""
LEAST_HOVER = 4


class Frame:
    """A metric of all trials; None: the first objective.

    `values` (n,) are in the user's own sign, NaN where unknown; `kept` (n,) tells which trials keep all constraints.

    Raises:
        UsageError: no trial reported such a metric.
    """

    def __init__(self, history: History, metric: str | None = None) -> None:
        self.history = history
        self.name = metric if metric is not None else next(iter(history.metrics), "value")
        self.values: Floats = values_of(history, self.name) if metric or history.metrics else np.empty(0)
        self.kept: Bools = np.all(history.C <= 0, axis=1)  # without constraints C has no columns, and all hold

    def __len__(self) -> int:
        return len(self.history)

    @property
    def known(self) -> Rows:
        """The trials that have a value."""
        return np.flatnonzero(~np.isnan(self.values))

    @property
    def settled(self) -> Rows:
        """The trials that completed with a value, while there is none all that have one: to compare like with like."""
        known = self.known
        completed = known[self.history.state[known] == COMPLETED]
        return completed if len(completed) else known

    @property
    def lost(self) -> Rows:
        """The trials that ended without a value because something is wrong with them."""
        state = self.history.state
        wrong = (state == FAILED) | (state == INFEASIBLE) | (state == CANCELLED)
        return np.flatnonzero(wrong & np.isnan(self.values))

    @property
    def direction(self) -> str | None:
        """What is better, "min" or "max", for an objective; None for another metric."""
        created = self.history.created
        return created.metrics.get(self.name) if created is not None else "min"

    def minimised(self) -> Floats:
        """(n,) the values, negated where greater is better.

        Raises:
            UsageError: the metric is no objective, so nobody knows which values are better.
        """
        if self.direction is None:
            raise UsageError(
                f"{self.name!r} is no objective, so no value of it is the best; "
                f"the objectives are {', '.join(map(repr, self.history.metrics))}"
            )
        return -self.values if self.direction == "max" else self.values

    def contenders(self) -> Rows:
        """The trials that can be the best: completed, else stopped ones, with a value and all constraints kept."""
        for state in (COMPLETED, STOPPED):
            rows = np.flatnonzero((self.history.state == state) & self.kept & ~np.isnan(self.values))
            if len(rows):
                return rows
        return np.empty(0, dtype=np.intp)

    def best(self) -> int | None:
        """The best of the contenders."""
        rows = self.contenders()
        return int(rows[self.minimised()[rows].argmin()]) if len(rows) else None

    def kinds(self, rows: Rows) -> list[str]:
        """(k,) the state of each trial as people see it."""
        names = [STATES[code] for code in self.history.state[rows].tolist()]
        kept = self.kept[rows].tolist()
        return [BROKEN if name == "completed" and not ok else name for name, ok in zip(names, kept, strict=True)]

    def hover(self, rows: Rows) -> list[str]:
        """(k,) texts: number, state, metrics, parameters, and what went wrong."""
        most = max(LEAST_HOVER, HOVER_VALUES // max(1, len(rows)))
        numbers = rows.tolist()
        params = self.history.params.take(numbers)
        shown = dict.fromkeys([self.name, *self.history.metrics, *self.history.constraints])
        out = []
        for number, kind, given in zip(numbers, self.kinds(rows), params, strict=True):
            metrics = self.history.metrics_of(number)
            lines = [f"{name} {short(metrics[name])}" for name in shown if name in metrics]
            lines += [f"{name} {cut(short(value))}" for name, value in list(given.items())[:most]]
            lines += [f"… and {len(given) - most} more"] if len(given) > most else []
            body = safe("\n".join(lines + self._why(number, kind))).replace("\n", "<br>")
            out.append(f"<b>trial {number}</b> {kind}<br>{body}")
        return out

    def _why(self, number: int, kind: str) -> list[str]:
        if kind in ("completed", "running", "waiting"):
            return []
        reason = self.history.trial(number).reason
        return [cut(reason, 120)] if reason else []

    def marks(self, rows: Rows, x: Floats, y: Floats, look: Look) -> list[Part]:
        """A trace of marks for each state among the k trials, which stand at (x, y); `customdata` are their numbers."""
        texts = np.array(self.hover(rows), dtype=object)
        kinds = np.array(self.kinds(rows), dtype=object)
        size = 6 if len(rows) > 300 else 8
        return [
            {
                "type": "scatter",
                "mode": "markers",
                "name": kind,
                "x": x[kinds == kind],
                "y": y[kinds == kind],
                "customdata": rows[kinds == kind],
                "hovertext": texts[kinds == kind].tolist(),
                "hoverinfo": "text",
                "marker": {"symbol": SYMBOLS[kind], "color": look.states[kind], "size": size, "opacity": 0.75},
            }
            for kind in SYMBOLS
            if (kinds == kind).any()
        ]


def values_of(history: History, metric: str) -> Floats:
    """(n,) the latest values of a metric in the user's own sign, NaN where unknown or the trial failed.

    Raises:
        UsageError: no trial reported such a metric.
    """
    if metric in history.metrics:
        at = history.metrics.index(metric)
        return np.array(history.Y[:, at] * history.signs[at])
    reported = [history.metrics_of(n) for n in range(len(history))]
    values = np.array([metrics.get(metric, math.nan) for metrics in reported], dtype=np.float64)
    if metric not in history.constraints and np.isnan(values).all():
        known = {name for metrics in reported for name in metrics}
        raise unknown("metric", metric, [*history.metrics, *history.constraints, *known])
    values[~np.isfinite(values) | np.isin(history.state, (FAILED, INFEASIBLE, CANCELLED))] = math.nan
    return values


def unknown(what: str, name: object, known: Iterable[str]) -> UsageError:
    """The error for a name that does not exist, with those that come near."""
    from difflib import get_close_matches

    names = list(dict.fromkeys(known))
    close = get_close_matches(str(name), names, 3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"there are {', '.join(names[:20]) or 'none'}"
    return UsageError(f"there is no {what} {name!r}; {hint}")


def cut(text: str, most: int = 40) -> str:
    """A text that is not too long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def title_of(history: History, what: str) -> str:
    """The title of a figure of an experiment."""
    name = history.created.name if history.created is not None else ""
    return f"{name} · {what}" if name else what


def drawn(shown: int, of: int, what: str = "trials") -> str:
    """What to say of a figure that shows a part only, "" where it shows all."""
    return f"{shown:,} of {of:,} {what} drawn" if shown < of else ""


def notes(*parts: str) -> str:
    """Remarks below a title."""
    return " · ".join(part for part in parts if part)


def steps_of_best(minimised: Floats) -> Rows:
    """The positions (i,) at which a sequence gets better than all before."""
    if not len(minimised):
        return np.empty(0, dtype=np.intp)
    least = np.minimum.accumulate(minimised)
    better = np.ones(len(least), dtype=np.bool_)
    better[1:] = least[1:] < least[:-1]
    return np.flatnonzero(better)


Over = Literal["trials", "time"]
"""What a figure runs along: how many trials, or seconds."""

NOTHING = "no trials yet: exp.run(...) or exp.ask() starts some"
NO_VALUES = "no trial has a value yet: it appears with the first report or result"
NO_PARAMETERS = "the space has no parameters yet"
