"""Bayesian optimisation with a neural network."""

import math

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Floats
from lanista.search._climb import Climb
from lanista.search._densities import FADING
from lanista.search._improvement import log_feasible, log_improvement, promise
from lanista.search._network import Inputs, Linear, Network, train
from lanista.search._ranking import Outcomes, Rows, best, outcomes, violation
from lanista.search._stream import latin_startup, seed_of
from lanista.search._targets import bend, targets
from lanista.search._threads import one_thread

CENTRES = 10
LIE = 0.1
"""Quantile of what is learnt that pending trials come out at, at best: so that parallel proposals keep apart."""
LEAST = 1e-6
WIDEN = 4.0
"""Factor on the variance: that of the regression leaves out that the features were fitted to the same points."""
FEWEST = 8
"""Trials that the first network learns from."""
STEPS = 1000
KEPT = 2
"""Networks remembered: of a searcher that serves two experiments in turn, each keeps its own."""


class DNGO(Described):
    """Proposes where Bayesian linear regression on a network's features expects the greatest improvement.

    A network of three layers of 50 tanh units learns the objectives; on what its last hidden layer makes of a point, a
    Bayesian linear regression predicts mean and variance: Snoek et al., Scalable Bayesian Optimization Using Deep
    Neural Networks (2015), section 3. The network learns anew whenever trials grew by a tenth, the regression at each
    call, which takes time in proportion to the trials: it is for histories of thousands. What is proposed is found as
    by `Forest`, and trials and priors count as there.

    Args:
        startup: trials before the model is used.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> DNGO().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.21...}]
    """

    def __init__(self, *, startup: int = 20) -> None:
        self.startup = startup
        if isinstance(startup, bool) or not isinstance(startup, int) or startup < 1:
            raise UsageError(f"DNGO(startup={startup!r}): it must be a whole number from 1")
        self._first = latin_startup(startup)
        self._learnt: dict[bytes, _Learnt] = {}

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes one after the other, each knowing those before it."""
        space = history.space
        if not len(Axes(space).searched):
            return space.sample(rng, count)
        found = outcomes(history) if len(history) else None
        if found is None or found.known < self.startup:
            return self._first.stream(history).take(history.proposed, count)
        taught = _taught(history)
        if not len(taught):
            return space.sample(rng, count)
        model = _Model(history, found, self._network(history, taught), rng)
        climb = Climb(space, history.X[best(history, found, CENTRES)], history.X, belief=FADING / found.known)
        proposals: list[Params] = []
        while True:
            x = climb.best(model.score, rng)
            proposals += space.decode(x)
            if len(proposals) == count:
                return proposals
            climb.tried(x)
            model.add(x)

    def _network(self, history: History, taught: Rows) -> "_Learnt":
        """What was learnt from the trials `taught`, remembered while they stay the same."""
        import hashlib

        X, T = history.X[taught], _lessons(history, taught)
        inputs = Inputs(history.space)
        Z, seed = inputs.of(X), seed_of(history)
        key = hashlib.blake2b(Z.tobytes() + T.tobytes() + repr((Z.shape, T.shape, seed)).encode()).digest()
        learnt = self._learnt.pop(key, None)
        if learnt is None:
            network = train(Z, T, np.random.default_rng([seed, len(taught)]), STEPS)
            learnt = _Learnt(inputs, network, taught, Z)
        self._learnt[key] = learnt
        while len(self._learnt) > KEPT:
            del self._learnt[next(iter(self._learnt))]
        return learnt


def _taught(history: History) -> Rows:
    """The trials that the network learns from: the first so many that ended with values, more by a tenth at a time."""
    Y = history.Y
    ended = np.array(history.finished, dtype=np.intp)
    ended = ended[np.isfinite(Y[ended]).all(axis=1)]
    size = FEWEST
    while (larger := size + max(FEWEST // 2, size // 10)) <= len(ended):
        size = larger
    return ended[:size]


def _lessons(history: History, rows: Rows) -> Floats:
    """(n, q) the objectives and constraints that a network learns, each of deviation about 1."""
    lessons = [bend(y) for y in history.Y[rows].T]
    for broken in history.C[rows].T:
        known = np.isfinite(broken)
        scale = float(np.median(np.abs(broken[known]))) if known.any() else 0.0
        lessons.append(np.clip(np.where(known, broken, np.nan) / (scale or 1.0), -3.0, 3.0))
    return np.stack(lessons, axis=1)


class _Learnt:
    """A network, and its features of the points that it learnt from."""

    def __init__(self, inputs: Inputs, network: Network, rows: Rows, Z: Floats) -> None:
        self.inputs, self.network, self.rows = inputs, network, rows
        self.known = self._joined(Z)

    def _joined(self, Z: Floats) -> Floats:
        return np.concatenate([self.network.features(Z), np.ones((len(Z), 1)), Z, Z**2], axis=1)

    def features(self, X: Floats) -> Floats:
        """(c, f) at points X (c, d): those of the network, and a square of the inputs, which holds far from them."""
        return self._joined(self.inputs.of(X))

    def of_trials(self, history: History) -> Floats:
        """(n, f) at all trials of a history."""
        F = np.empty((len(history), self.known.shape[1]))
        fresh = np.ones(len(history), dtype=np.bool_)
        fresh[self.rows] = False
        F[self.rows] = self.known
        F[fresh] = self.features(history.X[fresh])
        return F


class _Model:
    """The regressions of the objective and of the constraints."""

    def __init__(self, history: History, found: Outcomes, learnt: _Learnt, rng: "np.random.Generator") -> None:
        self._learnt = learnt
        F = learnt.of_trials(history)
        rows, y = targets(history, found, rng)
        self._objective = Linear(F[rows], y)
        self._bounds: list[Linear] = []
        holds = np.ones(len(rows), dtype=np.bool_)
        if history.constraints:
            holds = violation(history)[rows] == 0
            ended = np.flatnonzero(np.isfinite(history.C).any(axis=1))
            for broken in _lessons(history, ended)[:, history.Y.shape[1] :].T if len(ended) else ():
                known = np.isfinite(broken)
                self._bounds.append(Linear(F[ended[known]], broken[known]))
        self._best = float(y[holds].min()) if holds.any() else math.inf
        self._liar = float(np.quantile(y, LIE))
        self.add(history.X[found.pending])

    def add(self, X: Floats) -> None:
        """Counts points (p, d), NaN where a parameter does not apply, as trials that disappointed."""
        for features in self._learnt.features(X):
            mean, variance = self._objective.predict(features[None])
            self._objective.add(features[None], np.maximum(mean + np.sqrt(WIDEN * variance), self._liar))

    def score(self, X: Floats) -> Floats:
        """(c,) the log of the expected improvement that keeps the constraints; while no trial does, how near to it."""
        F = self._learnt.features(X)
        found = np.zeros(len(X))
        if self._best < math.inf:
            mean, variance = self._objective.predict(F)
            found += log_improvement(mean, np.sqrt(WIDEN * variance + LEAST), self._best)
        judge = log_feasible if self._best < math.inf else promise
        for bound in self._bounds:
            mean, variance = bound.predict(F)
            found += judge(mean, np.sqrt(WIDEN * variance + bound.noise + LEAST))
        return found
