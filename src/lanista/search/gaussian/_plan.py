"""What each of `GP`'s proposals is for: anywhere, near the best trial, along a slope, in a branch, or at random.

Shapes: n trials, q pending ones, d columns.
"""

from functools import cached_property

import numpy as np

from lanista.journal import History
from lanista.search._ranking import Floats
from lanista.search.gaussian._acquire import LogEI, Nothing
from lanista.search.gaussian._believe import Belief
from lanista.search.gaussian._branch import Branch, neglected
from lanista.search.gaussian._data import Data, Known
from lanista.search.gaussian._near import Near
from lanista.search.gaussian._region import FIRST
from lanista.search.gaussian._session import CENTRES, Seen, Setting, Step

SMOOTH_CYCLE, CYCLE = 4, 2
"""Of so many proposals one is drawn from anywhere; the others stay in the trust region, and along a slope all do as
long as there are no more trials than it has coefficients."""
SMOOTH_FIRST = 0.56
"""First length of the trust region's side, where a slope can be followed, times the root of the number of columns that
are searched, of four at least."""
BRANCH_CYCLE = 8
"""Of so many proposals one goes to a neglected branch, instead of anywhere."""
FEWEST = 3
"""Trials that a branch needs for a process of its own."""
LONG, AGO = 20, 0.5
"""The model's trials since the best one, and their share of all that ended, from which on the search has stalled."""
RANDOM_CYCLE = 3
"""Of so many proposals one then is random."""


class Plan:
    """Called with the number of trials that are pending, and the last of these (q, d), tells how to find the next one.

    Args:
        setting: of the space.
        history: all trials.
        data: those that have an outcome.
        startup: trials before the model is used.
        warp: whether numbers are warped.
        local: whether proposals also stay in the trust region.
        follows: whether these follow slopes.
        rng: what decides.
    """

    def __init__(
        self,
        setting: Setting,
        history: History,
        data: Data,
        *,
        startup: int,
        warp: bool,
        local: bool,
        follows: bool,
        rng: "np.random.Generator",
    ) -> None:
        self._setting, self._history, self._data, self._startup = setting, history, data, startup
        self._warp, self._local, self._follows, self._rng = warp, local, follows, rng
        self._belief = self._believed(data)

    def __call__(self, waiting: int, pending: Floats) -> Step:
        number, cycle = len(self._data.X) + waiting, SMOOTH_CYCLE if self._follows else CYCLE
        if self._setting.branches and number % BRANCH_CYCLE == BRANCH_CYCLE - 1:
            branch = self._neglected(pending)
            if branch is not None:
                return self._inside(branch, pending)
        begins = self._follows and number <= self._setting.features.count + 1
        if self._stalled and not begins and number % RANDOM_CYCLE == RANDOM_CYCLE - 1:
            return Step(Nothing(), pending[:0])
        if not self._local or (number % cycle == cycle - 1 and not begins) or self._belief.flat:
            return Step(self._belief.acquisition(pending), self._belief.centres(CENTRES))
        near = self._near
        return Step(self._gain(pending) if self._follows else self._belief.acquisition(pending), near.centre, near.part)

    def _believed(self, data: Data, part: Branch | None = None) -> Belief:
        """What is believed by some of the data, those of a part of the space."""
        features, memory = self._setting.features, self._setting.memory
        return Belief(features, memory, Known.of(data), self._history, warp=self._warp, rng=self._rng, part=part)

    @cached_property
    def _stalled(self) -> bool:
        """Whether the model has found no better trial for long, so that it may be wrong about where one is."""
        y = self._data.progress
        if not len(y) or self._data.Y.shape[1] > 1 or self._belief.flat:
            return False
        since = self._data.own[max(int(y.argmin()) + 1, self._startup) : len(y)].sum()
        return bool(since >= max(LONG, AGO * len(y)))

    @cached_property
    def _near(self) -> Near:
        first = SMOOTH_FIRST / max(4, self._setting.features.count) ** 0.5 if self._follows else FIRST
        centre, scales = self._belief.centres(1), self._belief.scales[0]
        return Near(self._setting, self._data, centre, scales, startup=self._startup, first=first)

    def _gain(self, pending: Floats) -> LogEI:
        """The improvement to be expected by the trend, given what is pending (q, d)."""
        features = self._setting.features
        told = self._near.trend.believing(features.of(pending, ~np.isnan(pending)))
        return LogEI(features, told, told.best)

    def _neglected(self, pending: Floats) -> Branch | None:
        known = np.concatenate([self._data.X, pending])
        taken = Seen(np.concatenate([self._history.X, pending]))
        return neglected(self._history.space, self._setting.branches, known, taken, self._rng)

    def _inside(self, branch: Branch, pending: Floats) -> Step:
        """The next one in a branch, as if there were no others."""
        data, within = self._data, branch.box(self._history.space.width)
        own = data.where(branch.holds(data.X))
        if len(own.X) < FEWEST:
            return Step(self._belief.acquisition(pending), own.X, within)
        belief = self._believed(own, branch)
        return Step(belief.acquisition(pending[branch.holds(pending)]), belief.centres(CENTRES), within)
