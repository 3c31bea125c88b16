"""Bayesian optimisation with a random forest."""

import math

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Floats
from lanista.search._climb import Climb
from lanista.search._densities import FADING
from lanista.search._improvement import log_feasible, log_improvement, promise
from lanista.search._ranking import Outcomes, best, outcomes, violation
from lanista.search._stream import latin_startup
from lanista.search._targets import targets
from lanista.search._trees import Trees, grow
from lanista.space import Space

ABSENT = -0.5
"""What trees see in a column that does not apply: outside the cube, so that one threshold tells."""
CENTRES = 10
"""The best trials, around which candidates are drawn."""
LIE = 0.1
"""Quantile of what is learnt that pending trials come out at, at best: so that parallel proposals keep apart."""
LEAST = 1e-6
"""Variance added to predictions, in units of the variance of what is learnt."""
NOISE = 0.01
"""The same for constraints, whose edge lies somewhere between a trial that keeps them and one that does not."""


class Forest(Described):
    """Proposes where a random forest expects the greatest improvement; also known as SMAC.

    A forest of extremely randomised trees is grown on the logarithms of the trials' values; the mean and variance of
    its trees give the expected improvement, times the probability that metrics keep their constraints. What is proposed
    is the best of random points and of what local search finds from the best trials. Hutter, Hoos and Leyton-Brown,
    Sequential Model-Based Optimization for General Algorithm Configuration (2011), section 4; Lindauer et al., SMAC3
    (2022), section 3. Trees take choices, conditions and jumps as they come, so this is the searcher for spaces with
    many of them. There are no random proposals in between, as SMAC has: they did not help.

    Several objectives are weighted at random, differently for each proposal. Pending trials, and the earlier proposals
    of the same call, count as if they had come out a standard deviation worse than predicted, and no better than the
    best tenth of the trials. Trials that failed count as the worst of the others; stopped and paused ones as no better
    than the median of the completed ones. Until `startup` trials have an outcome, proposals are points of Latin
    hypercubes. Half of them are drawn from priors, if domains have any, which count later, too: Hvarfner et al.,
    Augmenting Acquisition Functions with User Beliefs (2022).

    Args:
        startup: trials before the model is used.
        trees: in the forest.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> Forest().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.46...}]
    """

    def __init__(self, *, startup: int = 10, trees: int = 16) -> None:
        self.startup, self.trees = startup, trees
        for name, value in (("startup", startup), ("trees", trees)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"Forest({name}={value!r}): it must be a whole number from 1")
        self._first = latin_startup(startup)

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes one after the other, each knowing those before it."""
        space = history.space
        if not len(Axes(space).searched):
            return space.sample(rng, count)
        found = outcomes(history) if len(history) else None
        if found is None or found.known < self.startup or not len(found.complete) + len(found.partial):
            return self._first.stream(history).take(history.proposed, count)
        model = _Model(history, found, self.trees, rng)
        climb = Climb(space, history.X[best(history, found, CENTRES)], history.X, belief=FADING / found.known)
        proposals: list[Params] = []
        while True:
            x = climb.best(model.score, rng)
            proposals += space.decode(x)
            if len(proposals) == count:
                return proposals
            climb.tried(x)
            model.add(x)


class Learner:
    """Grows forests over the points of a space.

    Args:
        space: of the points.
        trees: of each forest.
        rng: what decides.
    """

    def __init__(self, space: Space, trees: int, rng: "np.random.Generator") -> None:
        self.trees, self.rng = trees, rng
        self.options = options_of(space)

    def learn(self, X: Floats, y: Floats) -> Trees:
        """A forest on points X (n, d), NaN where a parameter does not apply, and finite values y (n,)."""
        return grow(seen(X), y, self.rng, trees=self.trees, options=self.options)


def options_of(space: Space) -> dict[int, int]:
    """How many options the categorical columns have of which trees should see no order."""
    kind, cardinality, _ = space.columns
    return {at: int(cardinality[at]) for at in np.flatnonzero((kind == 2) & (cardinality > 2)).tolist()}


def seen(X: Floats) -> Floats:
    """Points as trees see them."""
    return np.where(np.isnan(X), ABSENT, X)


class _Model:
    """The forests of the objective and of the constraints."""

    def __init__(self, history: History, found: Outcomes, trees: int, rng: "np.random.Generator") -> None:
        self._learner = Learner(history.space, trees, rng)
        rows, self._y = targets(history, found, rng)
        self._liar = float(np.quantile(self._y, LIE))
        self._X = history.X[rows]
        self._forest = self._learner.learn(self._X, self._y)
        self._bounds: list[Trees] = []
        holds = np.ones(len(rows), dtype=np.bool_)
        if history.constraints:
            holds = violation(history)[rows] == 0
            self._learn_bounds(history)
        self._best = float(self._y[holds].min()) if holds.any() else math.inf
        if len(found.pending):
            self.add(history.X[found.pending])

    def _learn_bounds(self, history: History) -> None:
        """Grows a forest for each constraint on the trials where it is known."""
        X, C = history.X, history.C
        for broken in C.T:
            known = np.flatnonzero(np.isfinite(broken))
            scale = float(np.median(np.abs(broken[known]))) if len(known) else 0.0
            if scale > 0:
                self._bounds.append(self._learner.learn(X[known], np.clip(broken[known] / scale, -3.0, 3.0)))

    def add(self, X: Floats) -> None:
        """Counts points (p, d), NaN where a parameter does not apply, as trials that disappointed."""
        mean, variance = self._forest.predict(seen(X))
        lie = np.maximum(mean + np.sqrt(variance), self._liar)
        self._X, self._y = np.concatenate([self._X, X]), np.concatenate([self._y, lie])
        self._forest = self._learner.learn(self._X, self._y)

    def score(self, X: Floats) -> Floats:
        """(c,) the log of the expected improvement that keeps the constraints; while no trial does, how near to it."""
        points = seen(X)
        found = np.zeros(len(X))
        if self._best < math.inf:
            mean, variance = self._forest.predict(points)
            found += log_improvement(mean, np.sqrt(variance + LEAST), self._best)
        judge = log_feasible if self._best < math.inf else promise
        for forest in self._bounds:
            mean, variance = forest.predict(points)
            found += judge(mean, np.sqrt(variance + NOISE))
        return found
