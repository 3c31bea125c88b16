"""What is worth how much: frozen trials, and new configurations.

Shapes: k frozen trials, q busy ones, d columns.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from lanista.joint._curves import Curves
from lanista.journal import COMPLETED, RUNNING, History
from lanista.search._ranking import Floats, Rows
from lanista.search.gaussian._acquire import Acquisition, Believed, LogEI, Sum
from lanista.search.gaussian._believe import PRIOR_WEIGHT
from lanista.search.gaussian._maximise import Effort, maximise
from lanista.search.gaussian._process import Process
from lanista.search.gaussian._session import CENTRES, EFFORT, MOST_PENDING, Bools, Seen, Setting, keys

MANY, LIGHT = 32, Effort(random=100, near=100, starts=2, steps=10)
"""Slots from which on a decision has to be a quick one, and the effort that it then takes."""


class Fresh(NamedTuple):
    """The most promising new configuration.

    Attributes:
        x: (1, d) its point; one that was tried already only where there is no other.
        worth: the logarithm of the improvement to be expected of it; -inf for repeats of what is complete or runs.
    """

    x: Floats
    worth: float


class Tried:
    """The points of all trials, and which trials are there.

    It grows with its history, in which points must not change once they are there.
    """

    def __init__(self) -> None:
        self._numbers = defaultdict[bytes, list[int]](list)
        self._count = 0

    def follow(self, X: Floats) -> None:
        """Adds those of canonical points X (n, d) that have come since the last time."""
        for number, key in enumerate(keys(X[self._count :]), self._count):
            self._numbers[key].append(number)
        self._count = len(X)

    def __call__(self, X: Floats) -> Bools:
        """(c,) which of canonical points X (c, d) are among them."""
        return np.fromiter((key in self._numbers for key in keys(X)), dtype=np.bool_, count=len(X))

    def numbers(self, X: Floats) -> list[list[int]]:
        """The trials at each of canonical points X (c, d)."""
        return [self._numbers.get(key, []) for key in keys(X)]


class Search:
    """What is worth how much, given what is busy already.

    Args:
        history: all trials.
        setting: of the space.
        curves: what is believed of them.
        tried: the points of all trials.
        slots: how many trials may run at once.

    Attributes:
        curves: the same, whatever is busy.
    """

    def __init__(self, history: History, setting: Setting, curves: Curves, tried: Tried, slots: int) -> None:
        self._history, self.curves, self._tried = history, curves, tried
        self._rng = np.random.default_rng([setting.seed, len(history), len(history.log[0])])
        self._effort = LIGHT if slots >= MANY else EFFORT
        self._begun = Seen(np.empty((0, history.space.width)))
        self._count = len(history)
        self._busy = history.X[history.running[-MOST_PENDING:]]
        self._conditioned: Process | None = None
        ended = history.state[curves.trials] == COMPLETED
        ends, busy_ends = curves.ends, curves.expected(self._busy)
        self._least = float(np.concatenate([ends, busy_ends]).min())
        self._aim = float(np.concatenate([ends[ended] if ended.any() else ends, busy_ends]).min())

    def begin(self, x: Floats, *, is_new: bool = False) -> None:
        """From now on a point (1, d) is busy."""
        end = float(self.curves.expected(x)[0])
        self._least, self._aim = min(self._least, end), min(self._aim, end)
        self._busy = np.concatenate([self._busy, x])[-MOST_PENDING:]
        self._conditioned = None
        self._begun.add(x)
        self._count += is_new

    @property
    def _process(self) -> Process:
        """What is believed, given that the last of what is busy comes out as expected."""
        if self._conditioned is None:
            self._conditioned = self.curves.believing(self._busy)
        return self._conditioned

    def worth(self, trials: Rows) -> Floats:
        """(k,) the logarithm of the improvement over complete and busy trials that is to be expected of some trials.

        It is -inf for repeats of what is complete or runs already, unless a person asked for them.
        """
        X = self._history.X[trials]
        if not len(X):
            return np.empty(0)
        gain = LogEI(self.curves.features, self._process, self._aim).value(X, ~np.isnan(X))
        own = np.array([self._history.origin(n) == "scheduler" for n in trials.tolist()])
        return np.where(self._over(X) & own, -np.inf, gain)

    def ends(self, trials: Rows) -> tuple[Floats, Floats]:
        """(k,) what some trials are expected to come to, and by how much that may be wrong, a standard deviation."""
        X = self._history.X[trials]
        ends, variance = self._process.predict(self.curves.features.of(X, ~np.isnan(X)))
        return ends, np.sqrt(variance)

    def fresh(self) -> Fresh:
        """The new configuration of the greatest improvement over all trials."""
        space, curves = self._history.space, self.curves
        gain = LogEI(curves.features, self._process, self._least)
        belief = PRIOR_WEIGHT / (1.0 + len(curves.trials))
        wanted: Acquisition = Sum(gain, Believed(space, belief)) if space.has_prior else gain
        local = self._count % 2 == 0
        centres = curves.best(1 if local else CENTRES)
        x = maximise(
            space,
            wanted,
            self._rng,
            centres=centres,
            taken=lambda X: self._tried(X) | self._begun(X),
            effort=self._effort,
            within=curves.around(centres[0]) if local else None,
        )
        return Fresh(x, -np.inf if self._over(x)[0] else float(gain.value(x, ~np.isnan(x))[0]))

    def _over(self, X: Floats) -> Bools:
        """(c,) which points are those of trials that are complete, run, or have begun since."""
        busy_or_done = np.isin(self._history.state, (COMPLETED, RUNNING))
        over = [busy_or_done[numbers].any() for numbers in self._tried.numbers(X)]
        return np.array(over) | self._begun(X)
