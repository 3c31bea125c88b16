"""The densities that the tree-structured Parzen estimator compares.

Shapes: n trials, d columns, k kernels, c candidates.
"""

import math
from functools import cache

import numpy as np

from lanista.journal import History
from lanista.search._axes import Axes, Bools, Floats
from lanista.search._lessons import agreement, lessons_of
from lanista.search._pareto import hypervolume, non_dominated
from lanista.search._parzen import Kernels
from lanista.search._ranking import Outcomes, Rows, best, violation

MOST_GOOD = 25
MOST_BAD = 96
"""Kernels of the other trials that have an outcome, and of pending ones: more change little, and cost time."""
MOST_VOLUMES = 3
"""Objectives for which hypervolumes are computed at every question."""
PRIOR = 1.0
"""Weight of the uniform kernel, in trials."""
SCALE = 0.7
"""Bandwidth over the normal reference rule's spread * k**(-1/(d+4))."""
STEADY, NARROWEST = 25, 0.55
"""Trials from which on bandwidths shrink, and how far."""
FADING = 10.0
"""Trials with an outcome after which what is not the experiment's own, priors and lessons, fades."""
HIGHEST = 690.0
"""The greatest log density: its exponential is finite."""


class Densities:
    """The densities of the good and of the other trials: mixtures over one set of kernels and the uniform one.

    All kernels have the bandwidths of the good ones, so that both densities see the same detail.
    """

    def __init__(self, axes: Axes, history: History, found: Outcomes, good_share: float) -> None:
        self.axes, self.space = axes, history.space
        good = good_rows(history, found, good_share)
        other = np.zeros(len(history), dtype=np.bool_)
        other[found.complete] = other[found.partial] = other[found.bad] = True
        other[good] = False
        known, heavy = _thin(other.nonzero()[0], MOST_BAD)
        pending, light = _thin(found.pending, MOST_BAD)
        rows = np.concatenate([good, known, pending])
        fading = FADING / (FADING + found.known)
        X, weights = history.X[rows], weights_of(history.Y[good])
        active = history.active[rows] if axes.conditional or found_by_running(history) else None
        if history.sources:
            trust = [agreement(axes, history, found, source) for source in history.sources]
            lessons = lessons_of(history, good_share, trust)
            X = np.concatenate([lessons.X, X])
            active = None if active is None else np.concatenate([lessons.active, active])
            weights = np.concatenate([lessons.weight * fading**2, weights])
        g = len(weights)
        width = bandwidth(axes, X[:g], None if active is None else active[:g]) * narrowing(found.known)
        self._kernels = Kernels(axes, X, active, width, axes.cardinality / (axes.cardinality + g + 1.0))
        self._weights = np.zeros((len(X), 2))
        self._weights[:g, 0] = weights
        self._weights[g:, 1] = np.concatenate([heavy, light])
        self._base = np.array([PRIOR, PRIOR])
        if history.constraints or len(found.bad):
            self._learn_to_keep(history, good, known, heavy, g)
        # piBO: Hvarfner et al., Augmenting Acquisition Functions with User Beliefs (2022), equation 6.
        self._belief = FADING / found.known if history.space.has_prior else 0.0
        drawn = np.concatenate([weights, [PRIOR, FADING * fading if self._belief else 0.0]])
        self._chances = np.cumsum(drawn) / drawn.sum()

    def _learn_to_keep(self, history: History, good: Rows, known: Rows, heavy: Floats, g: int) -> None:
        """Adds the densities of the trials that keep the constraints, and of all that have an outcome.

        Their ratio estimates the probability of feasibility, as the relative density ratio of Watanabe and Hutter,
        c-TPE (2023), section 3.2, does.
        """
        rows = np.concatenate([good, known])
        kept = np.isfinite(history.Y[rows]).all(axis=1)
        if history.constraints:
            kept &= violation(history)[rows] == 0
        if kept.all() or not kept.any():
            return
        weights = np.zeros((len(self._weights), 2))
        at = slice(g - len(good), g + len(known))
        weights[at, 1] = np.concatenate([np.ones(len(good)), heavy])
        weights[at, 0] = weights[at, 1] * kept
        total = weights.sum(axis=0)
        self._weights = np.concatenate([self._weights, weights], axis=1)
        self._base = np.append(self._base, [PRIOR * (total[0] + 1.0) / (total[1] + 2.0), PRIOR])

    def add(self, x: Floats, active: Bools | None) -> None:
        """Counts a full point (1, d) as pending."""
        if active is None and self._kernels.active is not None:
            active = np.ones(x.shape, dtype=np.bool_)
        self._kernels.add(x, active)
        self._weights = np.concatenate([self._weights, np.zeros((1, len(self._base)))])
        self._weights[-1, 1] = 1.0

    def sample(self, rng: "np.random.Generator", count: int) -> Floats:
        """Draws points (count, d) from the density of the good, and from the prior where there is one."""
        chosen = np.searchsorted(self._chances[:-1], rng.random(count), side="right")
        g = len(self._chances) - 2
        believed = np.flatnonzero(chosen > g)
        chosen[chosen >= g] = -1
        points = self._kernels.sample(rng, chosen)
        if len(believed):
            points[believed] = self.space.sample_prior(rng, len(believed))
        return points

    def score(self, X: Floats, active: Bools | None) -> Floats:
        """(c,) how promising full points X (c, d) are: the log ratio of the densities, up to a constant.

        Where trials broke constraints or failed, the log probability of keeping them is added; where there are priors,
        their log density is, and fades.
        """
        kernels = np.exp(np.minimum(self._kernels.log_density(X, active), HIGHEST))
        logs = np.log(kernels @ self._weights + self._base)
        logs[:, 1::2] *= -1.0
        score: Floats = logs.sum(axis=1)
        if self._belief:
            score += self._belief * self.space.log_prior(X)
        return score


def good_rows(history: History, found: Outcomes, good_share: float) -> Rows:
    """The trials that count as good, the best first."""
    return best(history, found, min(math.ceil(good_share * found.known), MOST_GOOD))


def bandwidth(axes: Axes, X: Floats, active: Bools | None) -> Floats:
    """(d,) standard deviations by the normal reference rule, in each column over the points that it applies to.

    Scott, Multivariate Density Estimation (1992), section 6.3. One uniform point is counted in: the good trials' coming
    together narrows the kernels, but a chance agreement of a few does not.
    """
    count: Floats | float
    if active is None:
        count = float(len(X))
        d = float(len(axes.searched))
    else:
        count = active.sum(axis=0, dtype=np.float64)
        d = active[:, axes.searched].sum(axis=1).mean()
        X = np.where(active, X, 0.0)
    least = np.maximum(count, 1.0)
    mean = X.sum(axis=0) / least
    squares = np.maximum((X * X).sum(axis=0) - count * mean * mean, 0.0)
    width: Floats = SCALE * np.sqrt((squares + 1 / 12) / (count + 1)) * least ** (-1.0 / (d + 4.0))
    return width


def narrowing(n: int) -> float:
    """The bandwidth's factor after n trials with an outcome: the `MOST_GOOD` best of more and more lie closer together.

    Where the number of good trials is bounded, the reference rule would stop narrowing.
    """
    return max(NARROWEST, min(1.0, (n / STEADY) ** -0.2)) if n else 1.0


def found_by_running(history: History) -> bool:
    """Whether trials may lack parameters though nothing is conditional."""
    return history.created is not None and history.created.define


def weights_of(Y: Floats) -> Floats:
    """(k,) weights of mean 1 of the objectives Y (k, m) of good trials, the best first.

    Of one objective, by rank: Hansen, The CMA Evolution Strategy: A Tutorial (2016), equation 49. Of two or three, the
    hypervolume that a trial alone dominates, at least a tenth of the greatest: Ozaki et al., Multiobjective
    Tree-Structured Parzen Estimator (2022), section 3.3. The reference is a tenth of their span beyond the worst.
    """
    k, m = Y.shape
    if 1 < m <= MOST_VOLUMES and np.isfinite(Y).all():
        low, high = Y.min(axis=0) * 0.25, Y.max(axis=0) * 0.25  # a quarter, so that no span overflows
        Z = (Y * 0.25 - low) / np.where(high > low, high - low, 1.0)
        alone = _alone(Z, np.full(m, 1.1))
        weights = np.maximum(alone, 0.1 * alone.max())
    else:
        weights = _ranked(k)
    total = weights.sum()
    return weights * (k / total) if total > 0 else np.ones(k)


def _alone(Y: Floats, reference: Floats) -> Floats:
    """(k,) the hypervolume that each row of Y (k, m) alone dominates."""
    front = non_dominated(Y)
    volumes = np.zeros(len(Y))
    if Y.shape[1] == 2:
        order = front[np.lexsort(Y[front].T[::-1])]
        x, y = np.append(Y[order, 0], reference[0]), np.append(reference[1], Y[order, 1])
        volumes[order] = (x[1:] - x[:-1]) * (y[:-1] - y[1:])
        return volumes
    total = hypervolume(Y[front], reference)
    for row in front.tolist():
        volumes[row] = max(0.0, total - hypervolume(Y[front[front != row]], reference))
    return volumes


@cache
def _ranked(k: int) -> Floats:
    weights: Floats = math.log(k + 0.5) - np.log(np.arange(1, k + 1))
    return weights


def _thin(rows: Rows, most: int) -> tuple[Rows, Floats]:
    """At most `most` of the rows: the last ones in full, of the earlier ones some, that weigh for the others too."""
    if len(rows) <= most:
        return rows, np.ones(len(rows))
    late = most // 2
    early, chosen = len(rows) - late, most - late
    places = np.arange(chosen) * (early - 1) // (chosen - 1)
    kept = np.concatenate([rows[places], rows[early:]])
    return kept, np.repeat([early / chosen, 1.0], [chosen, late])
