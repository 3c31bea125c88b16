"""The learning curves of all trials as one Gaussian process, of configuration and step.

Shapes: n trials, r values of trials at levels, k trials that have a value, d columns, f features, c points.
"""

from functools import cached_property

import numpy as np

from lanista.joint._values import Values, failed
from lanista.journal import History
from lanista.search._ranking import Floats, Rows
from lanista.search.gaussian._data import MOST_FITTED, MOST_ROWS, checkpoint
from lanista.search.gaussian._features import Features
from lanista.search.gaussian._process import Process
from lanista.search.gaussian._region import box, region
from lanista.search.gaussian._session import Bools, Box, Setting
from lanista.search.gaussian._transform import gaussianised
from lanista.space import Space

FAR = 64.0
"""The ratio of two steps that are at a distance of 1, as the ends of a number's range are."""
BLOCK = 128
"""Trials that are valued at a time, for the matrices to stay in the processor's cache."""


class Stepped(Features):
    """The features of a space and, last, how far below the last level a value was reported, as a logarithm."""

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.owner = np.append(self.owner, self.count)
        self.numeric = np.append(self.numeric, False)
        self.count += 1
        self.together = np.append(self.together + 1.0, self.count)

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
        setting: of the space: the memory of earlier fits, and the length of the first design.
        history: all trials.
        levels: the steps at which they are looked at.
        values: what they had there, one value at least.

    Attributes:
        features: of the space, with the step.
        process: of the values.
        trials: (k,) the trials that have values, in the order of their numbers.
        progress: (k,) the value of each at the highest level that it came to, lifted.
    """

    def __init__(self, setting: Setting, history: History, levels: Floats, values: Values) -> None:
        self._setting = setting
        self.features = features = Stepped(history.space)
        below = np.log(levels[-1] / levels) / np.log(FAR)

        def seen(part: Values) -> Floats:
            return features.of(history.X[part.trial], history.active[part.trial], below[part.level])

        fitted = values.only(np.arange(checkpoint(len(values.y)) or len(values.y)))
        fitted = fitted.only(_thinned(fitted, MOST_FITTED))
        scales = setting.memory.fitted("curves", features, seen(fitted), gaussianised(fitted.lifted()))
        y = values.lifted()
        last = np.lexsort((values.level, values.trial))
        last = last[np.append(np.diff(values.trial[last]) > 0, True)]
        self.trials, self.progress = values.trial[last], y[last]
        self._X = history.X[self.trials]
        rows = _thinned(values, MOST_ROWS)
        bad = np.flatnonzero(failed(history))[-len(rows) :]  # more of them would leave the others no scale
        worst = Values(bad, np.full(len(bad), len(levels) - 1), np.full(len(bad), y.max()))
        F = np.concatenate([seen(values.only(rows)), seen(worst)])
        self.process = Process(features, scales, F, gaussianised(np.concatenate([y[rows], worst.y])))

    @cached_property
    def ends(self) -> Floats:
        """(k,) what each trial is expected to come to at the last level."""
        return self.expected(self._X)

    @cached_property
    def side(self) -> float:
        """The length of the trust region's side."""
        return region(self.progress, max(4, self._setting.features.count), self._setting.startup).length

    def expected(self, X: Floats) -> Floats:
        """(c,) what configurations X (c, d) are expected to come to at the last level."""
        F = self.features.of(X, ~np.isnan(X))
        ends = np.empty(len(F))
        for at in range(0, len(F), BLOCK):
            ends[at : at + BLOCK] = self.process.mean(F[at : at + BLOCK])
        return ends

    def believing(self, X: Floats) -> Process:
        """The process, also given that configurations X (q, d) come out as expected."""
        return self.process.believing(self.features.of(X, ~np.isnan(X)))

    def best(self, count: int) -> Floats:
        """(b, d) the configurations of the trials that are expected to come to the best ends, at most so many."""
        found: Floats = self._X[np.argsort(self.ends, kind="stable")[:count]]
        return found

    def around(self, centre: Floats) -> Box:
        """The trust region around a point (d,)."""
        scales = self.process.scales
        return box(self._setting.features, scales._replace(weight=scales.weight[:-1]), centre, self.side)

    def leaders(self, trials: Rows, most: int) -> Rows:
        """At most so many of some trials: those that are expected to end best, last those without a value."""
        if len(trials) <= most:
            return trials
        at = np.minimum(np.searchsorted(self.trials, trials), len(self.trials) - 1)
        ends = np.where(self.trials[at] == trials, self.ends[at], np.inf)
        return np.sort(trials[np.argsort(ends, kind="stable")[:most]])


def _thinned(values: Values, most: int) -> Rows:
    """At most so many of the values, as many of each level as there is room: the best ones and the last in equal parts.

    So what few trials tell of the last level is not crowded out by what many tell of the first.
    """
    if len(values.y) <= most:
        return np.arange(len(values.y))
    kept = list[Rows]()
    levels = np.unique(values.level)[::-1].tolist()
    for i, level in enumerate(levels):
        rows = np.flatnonzero(values.level == level)
        room = (most - sum(map(len, kept))) // (len(levels) - i)
        if len(rows) > room:
            old = rows[: len(rows) - room // 2]
            good = old[np.argsort(values.y[old], kind="stable")][: room - room // 2]
            rows = np.concatenate([good, rows[len(old) :]])
        kept.append(rows)
    return np.sort(np.concatenate(kept))
