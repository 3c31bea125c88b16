"""The learning curves of all trials as one Gaussian process, of configuration and step.

Shapes: n trials, r values of trials at levels, k trials that have a value, d columns, f features, c points.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.journal import CANCELLED, COMPLETED, FAILED, INFEASIBLE, STOPPED, History
from lanista.search._levels import arrivals
from lanista.search._ranking import Floats, Rows
from lanista.search.gaussian._believe import Memory
from lanista.search.gaussian._data import MOST_FITTED, MOST_ROWS, checkpoint
from lanista.search.gaussian._features import Features
from lanista.search.gaussian._process import Process
from lanista.search.gaussian._transform import gaussianised
from lanista.space import Space

Bools = NDArray[np.bool_]

FEWEST = 4
"""Pairs of values that tell how one level goes over into the next; with fewer the steps would seem not to matter."""
FAR = 64.0
"""The ratio of two steps that are at a distance of 1, as the ends of a number's range are."""
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
    def of(cls, history: History, levels: Floats) -> "Values":
        """Those at steps `levels`, of trials that have not `failed`; one that is complete has the last in any case."""
        trials, _, values = history.log
        top = len(levels) - 1
        rows = [arrivals(history, step) for step in levels.tolist()]
        parts = [(trials[at], np.full(len(at), level), values[at, 0], at) for level, at in enumerate(rows)]
        silent = history.state == COMPLETED
        silent[trials[rows[top]]] = False
        others = np.flatnonzero(silent)
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
    ended = (history.state == FAILED) | (history.state == INFEASIBLE)
    told = (history.steps > 0) | (history.state == COMPLETED) | (history.state == STOPPED)
    found: Bools = ended | (told & ~np.isfinite(history.Y[:, 0]))
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


class Stepped(Features):
    """The features of a space and, last, how far below the last level a value was reported, as a logarithm."""

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.owner = np.append(self.owner, self.count)
        self.numeric = np.append(self.numeric, False)
        self.count += 1

    def of(self, X: Floats, active: Bools, below: Floats | float = 0.0) -> Floats:
        """(c, f) the features of points X (c, d), at the last level or `below` (c,) it."""
        F = super().of(X, active)
        return np.concatenate([F, np.broadcast_to(below, len(F))[:, None]], axis=1)

    def back(self, gradient: Floats, active: Bools, width: int) -> Floats:
        return super().back(gradient[:, :-1], active, width)


class Curves:
    """What is believed of all trials' values at the last level.

    Swersky, Snoek and Adams, Freeze-Thaw Bayesian Optimization (2014), section 3, have a kernel for curves that decay;
    here it is a Matérn kernel of configuration and logarithm of the step together, as curves also rise again, after
    the values at lower levels have been lifted to the scale of the last one.

    Args:
        features: of the space, with the step.
        memory: of earlier fits.
        history: all trials.
        levels: the steps at which they are looked at.
        values: what they had there, one value at least.

    Attributes:
        features: of the space, with the step.
        process: of the values.
        scales: its hyperparameters.
        trials: (k,) the trials that have values.
        progress: (k,) the value of each at the highest level that it came to, lifted, in the order of their numbers.
    """

    def __init__(self, features: Stepped, memory: Memory, history: History, levels: Floats, values: Values) -> None:
        self.features = features
        below = np.log(levels[-1] / levels) / np.log(FAR)

        def seen(part: Values) -> Floats:
            return features.of(history.X[part.trial], history.active[part.trial], below[part.level])

        fitted = values.only(np.arange(checkpoint(len(values.y)) or len(values.y)))
        fitted = fitted.only(_thinned(fitted, MOST_FITTED))
        self.scales = memory.fitted("curves", features, seen(fitted), gaussianised(fitted.lifted()))
        y = values.lifted()
        last = np.lexsort((values.level, values.trial))
        last = last[np.append(np.diff(values.trial[last]) > 0, True)]
        self.trials, self.progress = values.trial[last], y[last]
        rows = _thinned(values, MOST_ROWS)
        bad = np.flatnonzero(failed(history))[-len(rows) :]  # more of them would leave the others no scale
        worst = Values(bad, np.full(len(bad), len(levels) - 1), np.full(len(bad), y.max()))
        self._F = np.concatenate([seen(values.only(rows)), seen(worst)])
        self._y = gaussianised(np.concatenate([y[rows], worst.y]))
        self.process = Process(features, self.scales, self._F, self._y)

    def believing(self, P: Floats) -> Process:
        """The process, also given that points of features P (q, f) come out as expected."""
        if not len(P):
            return self.process
        y = np.concatenate([self._y, self.process.mean(P)])
        return Process(self.features, self.scales, np.concatenate([self._F, P]), y)


def _thinned(values: Values, most: int) -> Rows:
    """At most so many of the values: lower ones of trials that came further go first, then what is not good nor new."""
    n = len(values.y)
    if n <= most:
        return np.arange(n)
    highest = np.zeros(values.trial.max() + 1, dtype=np.intp)
    np.maximum.at(highest, values.trial, values.level)
    passed = np.flatnonzero(values.level < highest[values.trial])
    passed = passed[np.argsort(values.level[passed], kind="stable")][: n - most]
    rows = np.delete(np.arange(n), passed)
    if len(rows) <= most:
        return rows
    old = rows[: len(rows) - most // 2]
    good = old[np.argsort(values.lifted()[old], kind="stable")][: most - most // 2]
    return np.concatenate([np.sort(good), rows[len(old) :]])
