"""How much each parameter matters, learnt from the trials.

Shapes: n trials, d columns, N nodes of a forest, t trees, p parameters.
"""

import math

import numpy as np

from lanista.errors import UsageError
from lanista.journal import COMPLETED, History
from lanista.search._axes import Bools, Floats, Ints
from lanista.search._forest import options_of
from lanista.search._trees import Trees, grow
from lanista.space import Space

LEAST_TRIALS = 4
TREES = 64
BATCH = 16
"""Trees grown together: what bounds the memory."""
LEAF = 2
TRIES = 4
FOLDS = 4
REPEATS = 5


def importance(
    history: History,
    *,
    method: str = "fanova",
    metric: str | None = None,
    seed: int = 0,
    most: int | None = None,
) -> dict[str, float]:
    """Returns the share of each parameter in what moves a metric, the greatest first; they add up to 1.

    "fanova": the variance of the main effects of a forest over the whole space, computed exactly from the boxes of its
    leaves: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance (2014),
    section 3. "permutation": by how much the squared error of a forest on trials that it has not seen grows when the
    values of a parameter change places among the trials: Breiman, Random Forests (2001), section 10; it counts where
    the trials were, and what a parameter does together with others.

    Completed trials with a finite value count. A parameter that does not apply in a trial is filled in at random, a
    new draw for each batch of trees: so it explains nothing there, and what switches it is the choice's own effect.
    Of a subset or a permutation the effects of the items are summed. Where nothing explains anything all are 0.

    Args:
        history: the trials.
        method: "fanova" or "permutation".
        metric: what is explained, an objective or any other metric that trials reported; None: the first objective.
        seed: of the forest.
        most: how many trials are looked at, evenly over the search, where speed matters; None: all.

    Raises:
        UsageError: the method or the metric is unknown, or fewer than 4 completed trials have a finite value.

    >>> from lanista.space import Float
    >>> from lanista.testing import Story
    >>> story = Story(Space({"x": Float(0, 1), "idle": Float(0, 1)}))
    >>> for params in story.space.sample(np.random.default_rng(0), 50):
    ...     story.end(story.start(params), "completed", params["x"])
    >>> {name: round(share, 1) for name, share in importance(story.history).items()}
    {'x': 1.0, 'idle': 0.0}
    """
    measure = {"fanova": _fanova, "permutation": _permutation}.get(method)
    if measure is None:
        raise UsageError(f"importance(method={method!r}): the methods are 'fanova' and 'permutation'")
    rows, y = _values(history, metric)
    if most is not None and len(rows) > most:
        chosen = np.linspace(0, len(rows) - 1, most).astype(np.intp)
        rows, y = rows[chosen], y[chosen]
    X, space = history.points(rows), history.space
    spread = float(y.max() - y.min())
    effects = np.zeros(space.width)
    if spread > 0 and space.width:
        effects = measure(space, X, (y - y.min()) / spread, np.random.default_rng(seed))
    names: dict[str, float] = dict.fromkeys(space.names, 0.0)
    for p in space.parameters:
        names[p.name] += float(effects[p.start : p.stop].sum())
    total = sum(names.values()) or 1.0
    return {name: names[name] / total for name in sorted(names, key=lambda name: -names[name])}


def _values(history: History, metric: str | None) -> tuple[Ints, Floats]:
    """The trials that count (n,), and their values (n,), no larger than 1."""
    name = history.metrics[0] if metric is None else metric
    completed = np.flatnonzero(history.state == COMPLETED)
    values = np.array([history.metrics_of(row).get(name, math.nan) for row in completed.tolist()], dtype=np.float64)
    if metric is not None and metric not in history.metrics and np.isnan(values).all():
        known = dict.fromkeys([*history.metrics, *(m for row in completed.tolist() for m in history.metrics_of(row))])
        raise UsageError(f"importance(metric={metric!r}): no completed trial reported it; there are {', '.join(known)}")
    finite = np.isfinite(values)
    if finite.sum() < LEAST_TRIALS:
        raise UsageError(
            f"importance needs {LEAST_TRIALS} completed trials with a finite {name!r}, there are {finite.sum()}; "
            "run more trials"
        )
    y = values[finite]
    return completed[finite], y / max(float(np.abs(y).max()), 1e-300)


def _filled(space: Space, X: Floats, rng: "np.random.Generator") -> Floats:
    """The points with a random value where there is none, in the middle of a cell where the column has cells."""
    n = space.columns.cardinality
    drawn = rng.random(X.shape)
    drawn = np.where(n > 0, (np.floor(drawn * n) + 0.5) / np.maximum(n, 1), drawn)
    return np.where(np.isnan(X), drawn, X)


def _fanova(space: Space, X: Floats, y: Floats, rng: "np.random.Generator") -> Floats:
    """(d,) the variance of the main effect of each column."""
    effects = _Effects(space)
    for _ in range(TREES // BATCH):
        filled = _filled(space, X, rng)
        effects.add(
            grow(filled, y, rng, trees=BATCH, options=options_of(space), leaf=LEAF, tries=TRIES, bootstrap=True)
        )
    return effects.variances()


class _Effects:
    """The main effects of a forest: by column, the mean prediction as a function of that column alone.

    The effect of a column is a sum over the leaves, each a step that begins and ends where the leaf's box does, and as
    high as its mean times the share of the other columns' space that it takes.
    """

    def __init__(self, space: Space) -> None:
        self.d, self.options = space.width, options_of(space)
        # Cells of logarithmic numbers are of unequal width, and their edges are left where the thresholds are.
        logs = [p.start for p in space.parameters if getattr(p.domain, "log", False)]
        self.cells = space.columns.cardinality.copy()
        self.cells[logs] = 0
        self._curves: list[list[tuple[Floats, Floats]]] = [[] for _ in range(self.d)]
        self._tables = {at: np.zeros(k) for at, k in self.options.items()}
        self._trees = 0

    def add(self, forest: Trees) -> None:
        """Adds the trees of a forest."""
        low, high, tree = self._boxes(forest)
        width = high - low
        share = forest.mean[forest.column < 0] * np.prod(width, axis=1)
        for at in range(self.d):
            # Where the range is so narrow that the box has no width, there is nothing to add.
            height = np.divide(share, width[:, at], out=np.zeros(len(share)), where=width[:, at] > 0)
            if at in self.options:
                self._tables[at] += self._table(forest, at, low[:, at], high[:, at], height, tree)
            else:
                self._curves[at].append((np.concatenate([low[:, at], high[:, at]]), np.concatenate([height, -height])))
        self._trees += forest.trees

    def variances(self) -> Floats:
        """(d,) the variance of each effect, over the column's values as random search would draw them."""
        found = np.zeros(self.d)
        for at in range(self.d):
            if at in self._tables:
                values, weights = self._tables[at], np.full(self.options[at], 1.0 / self.options[at])
            else:
                ends, steps = (np.concatenate(part) for part in zip(*self._curves[at], strict=True))
                order = np.argsort(ends, kind="stable")
                values, weights = np.cumsum(steps[order])[:-1], np.diff(ends[order])
            values = values / self._trees
            found[at] = (weights * (values - (weights * values).sum()) ** 2).sum()
        return found

    def _boxes(self, forest: Trees) -> tuple[Floats, Floats, Ints]:
        """The boxes of the leaves, low and high (leaves, d), and the tree of each."""
        nodes = len(forest.column)
        low, high = np.zeros((nodes, self.d)), np.ones((nodes, self.d))
        tree = np.zeros(nodes, dtype=np.intp)
        tree[: forest.trees] = np.arange(forest.trees)
        level: Ints = np.arange(forest.trees)
        while len(level):
            level = level[forest.column[level] >= 0]
            left, column = forest.left[level], forest.column[level]
            edge = self._edge(forest.threshold[level], column)
            for child in (left, left + 1):
                low[child], high[child], tree[child] = low[level], high[level], tree[level]
            high[left, column] = edge
            low[left + 1, column] = edge
            level = np.concatenate([left, left + 1])
        leaves = forest.column < 0
        return low[leaves], high[leaves], tree[leaves]

    def _edge(self, threshold: Floats, column: Ints) -> Floats:
        """(v,) thresholds, those between the centres of two even cells moved to where the cells meet."""
        n = self.cells[column]
        return np.where(n > 0, np.floor(threshold * n + 0.5) / np.maximum(n, 1), threshold)

    def _table(self, forest: Trees, at: int, low: Floats, high: Floats, height: Floats, tree: Ints) -> Floats:
        """(options,) the effect of each option, summed over the trees, each of which has an order of its own."""
        k = self.options[at]
        steps = np.zeros((forest.trees, k + 1))
        np.add.at(steps, (tree, np.rint(low * k).astype(np.intp)), height)
        np.add.at(steps, (tree, np.rint(high * k).astype(np.intp)), -height)
        by_rank = np.cumsum(steps, axis=1)[:, :k]
        found: Floats = np.take_along_axis(by_rank, forest.shuffles[at], axis=1).sum(axis=0)
        return found


def _permutation(space: Space, X: Floats, y: Floats, rng: "np.random.Generator") -> Floats:
    """(d,) growth of the squared error, given to the first column of each parameter."""
    effects = np.zeros(space.width)
    fold = rng.permutation(len(y)) % FOLDS
    for held in range(FOLDS):
        seen, unseen = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
        if not len(seen) or not len(unseen):
            continue
        forest = grow(
            _filled(space, X[seen], rng),
            y[seen],
            rng,
            trees=TREES // 2,
            options=options_of(space),
            leaf=LEAF,
            bootstrap=True,
        )
        points, truth = _filled(space, X[unseen], rng), y[unseen]
        applies = ~np.isnan(X[unseen])

        def error(points: Floats, forest: Trees = forest, truth: Floats = truth) -> float:
            return float(((forest.predict(points)[0] - truth) ** 2).sum())

        before = error(points)
        for p in space.parameters:
            own = slice(p.start, p.stop)
            growth = [error(_mixed(points, own, applies[:, p.start], rng)) - before for _ in range(REPEATS)]
            effects[p.start] += np.mean(growth)
    return np.maximum(effects, 0.0)


def _mixed(points: Floats, own: slice, applies: Bools, rng: "np.random.Generator") -> Floats:
    """The points with some columns shuffled among those to which they apply."""
    mixed = points.copy()
    rows = np.flatnonzero(applies)
    mixed[rows, own] = points[rng.permutation(rows), own]
    return mixed
