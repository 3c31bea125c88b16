"""What trials had at the levels that they came to, made comparable.

Shapes: n trials, r values of trials at levels.
"""

from typing import NamedTuple

import numpy as np

from lanista.journal import CANCELLED, COMPLETED, FAILED, INFEASIBLE, STOPPED, History
from lanista.search._axes import Bools
from lanista.search._levels import arrivals
from lanista.search._ranking import Floats, Rows

FEWEST = 4
"""Pairs of values that tell how one level goes over into the next; with fewer the steps would seem not to matter."""
EQUAL = 4.0
"""Pairs of values for which two levels are believed to spread alike."""
OUTLYING = 3.0
"""Standard deviations beyond which a value counts no further for how much a level spreads."""
MOST = 1e12
"""The size, in that of the middle value, beyond which values are alike."""


class Values(NamedTuple):
    """What trials had at the levels that they came to, in the order in which they came.

    Attributes:
        trial: (r,) its number.
        level: (r,) which of the levels, the lowest is 0.
        y: (r,) the first objective, minimised and finite.
    """

    trial: Rows
    level: Rows
    y: Floats

    @classmethod
    def of(cls, history: History, levels: Floats, heeded: int) -> "Values":
        """Those at steps `levels` in the first rows of the log, as many as are `heeded`.

        Trials that `failed` have none; those that are complete but `silent` have the last, before all others.
        """
        trials, steps, values = history.log
        trials, steps, values = trials[:heeded], steps[:heeded], values[:heeded]
        top = len(levels) - 1
        rows = [arrivals(trials, steps, step) for step in levels.tolist()]
        parts = [(trials[at], np.full(len(at), level), values[at, 0], at) for level, at in enumerate(rows)]
        others = np.flatnonzero(silent(history, levels[-1]))
        parts.append((others, np.full(len(others), top), history.Y[others, 0], np.full(len(others), -1)))
        trial, level, y, order = (np.concatenate(part) for part in zip(*parts, strict=True))
        left_out = failed(history) | (history.state == CANCELLED)
        keep = np.flatnonzero(np.isfinite(y) & ~left_out[trial])
        keep = keep[np.argsort(order[keep], kind="stable")]
        return cls(trial[keep], level[keep], y[keep])

    def only(self, rows: Rows) -> "Values":
        """Some of them."""
        return Values(self.trial[rows], self.level[rows], self.y[rows])

    def lifted(self) -> Floats:
        """(r,) each value as it would be at the highest level: by what trials that came to two levels had at both.

        Going up by one level, what is in the middle at one is in the middle at the other, and spreads as much. Levels
        that too few trials have passed stay apart: there the process itself has to tell what steps bring.
        """
        trials, row = np.unique(self.trial, return_inverse=True)
        table = np.full((int(self.level.max()) + 1, len(trials)), np.nan)
        table[self.level, row] = _scaled(self.y)
        for low, high in zip(table[-2::-1], table[:0:-1], strict=True):
            both = np.isfinite(low) & np.isfinite(high)
            if both.sum() >= FEWEST:
                _lift(low, low[both], high[both])
        found: Floats = table[self.level, row]
        return found


def failed(history: History) -> Bools:
    """(n,) which trials failed, or have last reported, or ended with, a value that is missing or infinite."""
    state = history.state
    ended = (state == FAILED) | (state == INFEASIBLE)
    told = ((history.steps > 0) | (state == COMPLETED) | (state == STOPPED)) & (state != CANCELLED)
    found: Bools = ended | (told & ~np.isfinite(history.Y[:, 0]))
    return found


def silent(history: History, last: float) -> Bools:
    """(n,) which trials are complete without a report at the last level: they ended sooner, or come from elsewhere."""
    found: Bools = (history.state == COMPLETED) & (history.steps < last)
    return found


def _scaled(y: Floats) -> Floats:
    """(n,) values in units of the middle one, cut where their squares might overflow."""
    size = float(np.median(np.abs(y))) or float(np.abs(y).max()) or 1.0
    with np.errstate(over="ignore"):
        scaled: Floats = np.clip(y / size, -MOST, MOST)
    return scaled


def _lift(values: Floats, low: Floats, high: Floats) -> None:
    """Puts values (n,) of one level on the scale of the next, in place; some trials have `low` here, `high` there."""
    below, above = _spread(low), _spread(high)
    ratio = (above / below) ** (len(low) / (len(low) + EQUAL)) if below > 0 and above > 0 else 1.0
    values[:] = np.median(high) + ratio * (values - np.median(low))


def _spread(y: Floats) -> float:
    """The standard deviation of values (n,) about the middle one, of which outliers count in part."""
    away = np.abs(y - np.median(y))
    limit = OUTLYING * 1.4826 * float(np.median(away))
    return float(np.sqrt(np.mean(np.minimum(away, limit if limit > 0 else np.inf) ** 2)))
