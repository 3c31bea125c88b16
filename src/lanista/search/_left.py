"""How much an experiment may still improve: what a stopping rule asks."""

import math
from collections.abc import Callable

import numpy as np

from lanista.journal import History
from lanista.search._axes import Floats
from lanista.search._climb import Climb
from lanista.search._forest import Learner, seen
from lanista.search._ranking import best, outcomes, violation
from lanista.search._stream import seed_of

FEWEST = 10
"""Completed trials before anything is said."""
TREES = 64
CENTRES = 10
DELTA = 0.1
"""Probability with which the bound may fail."""
SHRINK = 5.0
"""Divisor of the width of the confidence bounds: the one that theory asks for is too careful to be of use."""

Predict = Callable[[Floats], tuple[Floats, Floats]]
"""Of canonical points (c, d), NaN where a parameter does not apply: mean and standard deviation (c,) of values."""
Learn = Callable[[Floats, Floats], Predict]
"""Learns from canonical points (n, d) and values (n,) of variance 1."""


def improvement_left(history: History, learn: Learn | None = None) -> float:
    """Returns a bound on how much better than the best trial a configuration may be, in units of the first objective.

    It is the least upper confidence bound over the completed trials that keep the constraints, minus the least lower
    confidence bound over the whole space: Makarova et al., Automatic Termination for Hyperparameter Optimization
    (2022), section 3. Values beyond the median count as the median, since how bad bad configurations are says nothing
    of what may be gained. The bound is as good as the surrogate's confidence, may rise when trials bring news, and is
    infinite while fewer than 10 trials count.

    Args:
        history: the trials.
        learn: the surrogate; a random forest without one.

    >>> from lanista.space import Float, Space
    >>> improvement_left(History(Space({"x": Float(0, 1)})))
    inf
    """
    found, space = outcomes(history), history.space
    rows = found.complete
    if history.constraints:
        rows = rows[violation(history)[rows] == 0]
    if len(rows) < FEWEST:
        return math.inf
    y = history.Y[rows, 0]
    y = np.minimum(y, np.median(y))
    large = max(float(np.abs(y).max()), 1e-300)
    scale = float((y / large).std())
    if not scale > 0 or not space.width:
        return 0.0
    rng = np.random.default_rng([seed_of(history), len(rows)])
    X = history.X
    predict = (learn or _forest(Learner(space, TREES, rng)))(X[rows], y / large / scale)
    width = math.sqrt(2 * math.log(space.width * len(rows) ** 2 * math.pi**2 / (6 * DELTA)) / SHRINK)

    def hope(X: Floats) -> Floats:
        mean, deviation = predict(X)
        return width * deviation - mean

    mean, deviation = predict(X[rows])
    at_best = float((mean + width * deviation).min())
    most = float(hope(Climb(space, X[best(history, found, CENTRES)], X[:0]).best(hope, rng))[0])
    return max(0.0, at_best + most) * scale * large


def _forest(learner: Learner) -> Learn:
    def learn(X: Floats, y: Floats) -> Predict:
        forest = learner.learn(X, y)

        def predict(X: Floats) -> tuple[Floats, Floats]:
            mean, variance = forest.predict(seen(X))
            return mean, np.sqrt(variance)

        return predict

    return learn
