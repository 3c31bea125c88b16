"""The tree-structured Parzen estimator."""

import math
from functools import partial

import numpy as np

from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Bools, Floats
from lanista.search._parzen import Kernels, log_mixture
from lanista.search._ranking import Outcomes, Rows, best, outcomes
from lanista.search._stream import Stream, latin_blocks, seed_of
from lanista.space import Space

MOST_GOOD = 25
MOST_BAD = 192
"""Kernels of the other trials that have an outcome, and of pending ones: more change little, and cost time."""
PRIOR = 1.0
"""Weight of the uniform kernel, in trials."""
SCALE = 0.7
"""Bandwidth over the normal reference rule's spread * k**(-1/(d+4))."""
ROUNDS = 20
"""Draws of candidates before constraints are left to plain rejection."""


class TPE:
    """Proposes what is likely among the good trials and unlikely among the others.

    Two densities over the whole space, conditional parameters included, are fitted to the good and to the other trials;
    of `candidates` points drawn from the first, the one with the greatest ratio of the two is proposed. Bergstra et
    al., Algorithms for Hyper-Parameter Optimization (2011), section 4; kernels are products over all columns, as in
    Falkner et al., BOHB (2018), section 3.2; Watanabe, Tree-Structured Parzen Estimator (2023), discusses the choices.

    Of n trials with an outcome the best `good_share` * n, at most 25, are good, and weigh more the better they are.
    Completed trials go before stopped and paused ones, which are ranked by the steps they reached, then by value; of
    several objectives the non-dominated fronts decide. Trials that failed, were infeasible or gave no finite value are
    bad, and so are pending ones, which keeps parallel proposals apart. Until `startup` trials have an outcome,
    proposals are points of Latin hypercubes.

    Args:
        startup: trials before the model is used.
        candidates: points among which the model chooses.
        good_share: share of the trials that count as good, above 0 and below 1.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> TPE().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.46...}]
    """

    _axes: Axes | None = None
    _space: Space | None = None
    _stream: Stream | None = None
    _seed = 0

    def __init__(self, *, startup: int = 10, candidates: int = 24, good_share: float = 0.15) -> None:
        self.startup, self.candidates, self.good_share = startup, candidates, good_share
        for name, value in (("startup", startup), ("candidates", candidates)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"TPE({name}={value!r}): it must be a whole number from 1")
        if not 0 < good_share < 1:
            raise UsageError(f"TPE(good_share={good_share!r}): it must be above 0 and below 1")

    def ask(self, history: History, count: int, rng: np.random.Generator) -> list[Params]:
        """Proposes one after the other, each knowing those before it."""
        space = history.space
        axes = self._axes_of(space)
        if not len(axes.searched):
            return space.sample(rng, count)
        found = outcomes(history) if len(history) else None
        if found is None or found.known < self.startup or not len(found.complete) + len(found.partial):
            return self._first(history, count)
        model = _Model(axes, history, found, self.good_share)
        proposals: list[Params] = []
        while True:
            x, params = self._propose(space, model, rng)
            proposals.append(params)
            if len(proposals) == count:
                return proposals
            model.add(x, space.active(x))

    def _axes_of(self, space: Space) -> Axes:
        if self._axes is None or self._space is not space:
            self._axes, self._space = Axes(space), space
        return self._axes

    def _first(self, history: History, count: int) -> list[Params]:
        """Points of Latin hypercubes of `startup` points each; the n-th proposal is the n-th of them."""
        space, seed = history.space, seed_of(history)
        if self._stream is None or self._stream.space is not space or self._seed != seed:
            self._stream, self._seed = Stream(space, partial(latin_blocks, seed, space.width, self.startup)), seed
        return self._stream.take(history.proposed, count)

    def _propose(self, space: Space, model: "_Model", rng: np.random.Generator) -> tuple[Floats, Params]:
        """The candidate (1, d) of the greatest ratio, and its configuration."""
        for _ in range(ROUNDS):
            X = model.sample(rng, self.candidates)
            if space.constraints:
                X = X[space.feasible(space.decode(X))]
            if len(X):
                x = X[[int(np.argmax(model.ratio(X, space.active(X) if model.axes.conditional else None)))]]
                return x, space.decode(x)[0]
        x = space.sample_unit(rng, 1)
        return x, space.decode(x)[0]


class _Model:
    """The densities of the good and of the other trials: two mixtures over one set of kernels.

    All kernels have the bandwidths of the good ones, so that both densities see the same detail.
    """

    def __init__(self, axes: Axes, history: History, found: Outcomes, good_share: float) -> None:
        self.axes = axes
        good = best(history, found, min(math.ceil(good_share * found.known), MOST_GOOD))
        other = np.ones(len(history), dtype=np.bool_)
        other[good] = False
        other[found.pending] = False
        other[found.cancelled] = False
        known, heavy = _thin(np.flatnonzero(other), MOST_BAD)
        pending, light = _thin(found.pending, MOST_BAD)
        rows = np.concatenate([good, known, pending])
        X, active = history.X[rows], history.active[rows]
        k = len(good)
        width = bandwidth(axes, X[:k], active[:k])
        self._kernels = Kernels(axes, X, active, width, axes.cardinality / (axes.cardinality + k + 1.0))
        # Better trials weigh more: Hansen, The CMA Evolution Strategy: A Tutorial (2016), equation 49.
        weights = math.log(k + 0.5) - np.log(np.arange(1, k + 1))
        self._good = np.concatenate([[PRIOR], weights * (k / weights.sum())]) / (PRIOR + k)
        self._others = np.concatenate([[PRIOR], heavy, light])

    def add(self, x: Floats, active: Bools) -> None:
        """Counts a full point (1, d) as pending."""
        self._kernels.add(x, active)
        self._others = np.append(self._others, 1.0)

    def sample(self, rng: np.random.Generator, count: int) -> Floats:
        """Draws points (count, d) from the density of the good."""
        chosen = np.searchsorted(np.cumsum(self._good)[:-1], rng.random(count), side="right")
        return self._kernels.sample(rng, chosen)

    def ratio(self, X: Floats, active: Bools | None) -> Floats:
        """(c,) the log ratio of the densities at full points X (c, d)."""
        logs = self._kernels.log_density(X, active)
        k = len(self._good)
        others = np.concatenate([logs[:, :1], logs[:, k:]], axis=1)
        return log_mixture(logs[:, :k], self._good) - log_mixture(others, self._others / self._others.sum())


def bandwidth(axes: Axes, X: Floats, active: Bools) -> Floats:
    """(d,) standard deviations by the normal reference rule, in each column over the points that it applies to.

    Scott, Multivariate Density Estimation (1992), section 6.3. One uniform point is counted in: the good trials' coming
    together narrows the kernels, but a chance agreement of a few does not.
    """
    count = active.sum(axis=0)
    mean = np.where(active, X, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(active, X - mean, 0.0) ** 2
    deviation = np.sqrt((squares.sum(axis=0) + 1 / 12) / (count + 1))
    d = active[:, axes.searched].sum(axis=1).mean()
    width: Floats = SCALE * deviation * np.maximum(count, 1) ** (-1.0 / (d + 4.0))
    return width


def _thin(rows: Rows, most: int) -> tuple[Rows, Floats]:
    """At most `most` of the rows: the last ones in full, of the earlier ones some, that weigh for the others too."""
    if len(rows) <= most:
        return rows, np.ones(len(rows))
    late = most // 2
    early, chosen = len(rows) - late, most - late
    kept = np.concatenate([rows[np.linspace(0, early - 1, chosen).astype(np.intp)], rows[early:]])
    return kept, np.repeat([early / chosen, 1.0], [chosen, late])
