"""What of a history a Gaussian process is told.

Shapes: n trials with an outcome, d columns, m objectives, c constraints.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.journal import History
from lanista.search._ranking import Floats, Outcomes, Rows, best, smallest, violation
from lanista.search.gaussian._transform import gaussianised, scores

Bools = NDArray[np.bool_]

MOST_ROWS = 400
"""Trials that a model takes."""
MOST_FITTED = 240
"""Trials that hyperparameters are fitted to."""
MOST_BROKEN = 1e6
"""Breach of constraints, in usual ones, beyond which all are alike."""


class Data(NamedTuple):
    """The trials that have an outcome, in the order in which they ended; those that paused come last.

    Attributes:
        X: (n, d) points, canonical.
        Y: (n, m) objectives; failures have the worst value of the others.
        C: (n, c) by how much each breaks each constraint, NaN where unknown.
        broken: (n,) by how much each breaks all constraints together, inf where unknown.
        good: (n,) which completed and keep all constraints.
        own: (n,) which a searcher proposed; the others are a person's.
        settled: how many of them ended, and so will never change.
        ranks: whether Y holds ranks instead of values, for trials of unlike lengths cannot be compared by value.
    """

    X: Floats
    Y: Floats
    C: Floats
    broken: Floats
    good: Bools
    own: Bools
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
        broken = violation(history)[rows]
        good = np.isin(rows, found.complete) & (broken == 0)
        own = np.ones(len(rows), dtype=np.bool_)
        if history.proposed < len(history):
            own[:] = [history.origin(row) == "searcher" for row in rows.tolist()]
        return cls(history.X[rows], Y[rows], history.C[rows], broken, good, own, len(ended), ranks)

    def first(self, count: int) -> "Data":
        """The trials that ended first."""
        return self._only(slice(count), count)

    def since(self, begun: int) -> "Data":
        """The trials without those that ended first."""
        return self._only(slice(begun, None), self.settled - begun)

    def where(self, chosen: Bools) -> "Data":
        """The chosen (n,) trials."""
        return self._only(np.flatnonzero(chosen), int(chosen[: self.settled].sum()))

    def thinned(self, most: int) -> "Data":
        """At most so many trials: the best ones and the last ones in equal parts."""
        n = len(self.X)
        if n <= most:
            return self
        half = most // 2
        good, others = np.flatnonzero(self.good[: n - half]), np.flatnonzero(~self.good[: n - half])
        others = others[np.lexsort((self.Y[others, 0], self.broken[others]))]
        first = np.concatenate([good[smallest(self.Y[good], half)], others])[:half]
        rows = np.concatenate([np.sort(first), np.arange(n - half, n)])
        return self._only(rows, len(rows))

    def _only(self, rows: slice | Rows, settled: int) -> "Data":
        """Some of the trials."""
        X, Y, C, broken = (part[rows] for part in (self.X, self.Y, self.C, self.broken))
        return Data(X, Y, C, broken, self.good[rows], self.own[rows], settled, self.ranks)

    @property
    def progress(self) -> Floats:
        """(s,) the first objective of the trials that ended; beyond the worst where one breaks a constraint."""
        y, broken = self.Y[: self.settled, 0], self.broken[: self.settled]
        return np.where(broken > 0, y.max(initial=-np.inf) + np.minimum(broken, MOST_BROKEN), y)

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
        settled = data.first(checkpoint(data.settled) or len(data.X))
        return cls(data.thinned(MOST_ROWS), settled.thinned(MOST_FITTED))


def checkpoint(count: int) -> int:
    """Of how many of `count` trials the hyperparameters are: all up to 24, then in steps of a tenth.

    >>> [checkpoint(n) for n in (3, 24, 25, 27, 100)]
    [3, 24, 24, 27, 92]
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
