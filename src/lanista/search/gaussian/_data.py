"""What of a history a Gaussian process is told.

Shapes: n trials with an outcome, d columns, m objectives, c constraints.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.journal import History
from lanista.search._ranking import Floats, Outcomes, Rows, best, violation
from lanista.search.gaussian._transform import gaussianised, scores

Bools = NDArray[np.bool_]

MOST_ROWS = 400
"""Trials that a model takes; of more, the best ones and the last ones in equal parts."""


class Data(NamedTuple):
    """The trials that have an outcome, in the order in which they ended; those that paused come last.

    Attributes:
        X: (n, d) points, canonical.
        Y: (n, m) objectives; failures have the worst value of the others.
        C: (n, c) by how much each breaks each constraint, NaN where unknown.
        good: (n,) which completed and keep all constraints.
        settled: how many of them ended, and so will never change.
        ranks: whether Y holds ranks instead of values, for trials of unlike lengths cannot be compared by value.
    """

    X: Floats
    Y: Floats
    C: Floats
    good: Bools
    settled: int
    ranks: bool

    @classmethod
    def of(cls, history: History, found: Outcomes) -> "Data":
        """All that is known; there must be a trial with a value."""
        known = np.zeros(len(history), dtype=np.bool_)
        known[np.concatenate([found.complete, found.partial, found.bad])] = True
        ended = np.asarray(history.finished, dtype=np.intp)
        ended = ended[known[ended]]
        known[ended] = False
        rows = np.concatenate([ended, np.flatnonzero(known)])
        ranks = len(found.partial) > 0 and history.Y.shape[1] == 1
        Y = _ranked(history, found) if ranks else _valued(history, found)
        good = np.zeros(len(history), dtype=np.bool_)
        good[found.complete] = True
        if history.constraints:
            good &= violation(history) == 0
        return cls(history.X[rows], Y[rows], history.C[rows], good[rows], len(ended), ranks)

    def first(self, count: int) -> "Data":
        """The trials that ended first."""
        return Data(self.X[:count], self.Y[:count], self.C[:count], self.good[:count], count, self.ranks)

    def since(self, begun: int) -> "Data":
        """The trials without those that ended first."""
        after = slice(begun, None)
        return Data(self.X[after], self.Y[after], self.C[after], self.good[after], self.settled - begun, self.ranks)

    def thinned(self) -> "Data":
        """No more than the model takes."""
        n = len(self.X)
        if n <= MOST_ROWS:
            return self
        half = MOST_ROWS // 2
        first = np.argsort(self.Y[: n - half].sum(axis=1) if self.Y.shape[1] > 1 else self.Y[: n - half, 0])[:half]
        rows = np.concatenate([np.sort(first), np.arange(n - half, n)])
        return Data(self.X[rows], self.Y[rows], self.C[rows], self.good[rows], len(rows), self.ranks)

    @property
    def targets(self) -> Floats:
        """(n, m) the objectives as the model sees them."""
        shape = scores if self.ranks else gaussianised
        return np.stack([shape(y) for y in self.Y.T], axis=1)


class Known(NamedTuple):
    """What is known, and what of it the hyperparameters are fitted to."""

    data: Data
    settled: Data

    @classmethod
    def of(cls, data: Data) -> "Known":
        """Hyperparameters are fitted anew whenever the trials that ended have grown by a tenth."""
        return cls(data.thinned(), data.first(checkpoint(data.settled) or len(data.X)).thinned())


def checkpoint(count: int) -> int:
    """Of how many of `count` trials the hyperparameters are: all up to 24, then in steps of a tenth.

    >>> [checkpoint(n) for n in (3, 24, 25, 27, 100)]
    [3, 24, 24, 27, 99]
    """
    if count < 24:
        return count
    steps = math.floor(math.log(count / 24.0, 1.1) + 1e-9)
    return min(count, math.ceil(24 * 1.1**steps - 1e-9))


def _valued(history: History, found: Outcomes) -> Floats:
    """(n, m) the objectives; what has none is as bad as the worst."""
    Y = np.full(history.Y.shape, np.nan)
    for rows in (found.complete, found.partial):
        Y[rows] = history.Y[rows]
    return np.where(np.isnan(Y), np.nanmax(Y, axis=0), Y)


def _ranked(history: History, found: Outcomes) -> Floats:
    """(n, 1) the place of each trial among all, failures last."""
    order: Rows = best(history, found, len(history))
    place = np.full((len(history), 1), float(len(order)))
    place[order, 0] = np.arange(len(order))
    return place
