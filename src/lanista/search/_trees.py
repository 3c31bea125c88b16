"""Extremely randomised trees in numpy: all trees of a forest grow level by level at once.

Shapes: n points, d columns, t trees, s points a tree sees, v nodes of a level, c points asked about.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

MOST_POINTS = 1000
"""Points that one tree sees; of more, each tree sees other ones."""


class Trees(NamedTuple):
    """A grown forest; nodes are numbered through all trees, the roots first, each level after the one above.

    Attributes:
        column: (N,) what an inner node splits, -1 in a leaf.
        threshold: (N,) values up to it go left.
        left: (N,) the left child, whose right twin is the next node; a leaf is its own.
        mean: (N,) of the y in the node.
        variance: (N,) of the y in the node.
        trees: t, how many roots there are.
        depth: levels below the roots.
        shuffles: the order in which each tree sees the options of a categorical column: column to ranks (t, options).
    """

    column: Ints
    threshold: Floats
    left: Ints
    mean: Floats
    variance: Floats
    trees: int
    depth: int
    shuffles: dict[int, Ints]

    def leaves(self, X: Floats) -> Ints:
        """(t, c) the leaf of each tree in which each point X (c, d) lies."""
        c, t = len(X), self.trees
        flat, rows = self._seen(X)
        node = np.repeat(np.arange(t), c)
        found, at = node.copy(), np.arange(t * c)
        for _ in range(self.depth):
            column = self.column[node]
            inner = column >= 0
            if not inner.all():
                found[at] = node
                at, node, column, rows = at[inner], node[inner], column[inner], rows[inner]
                if not len(at):
                    break
            node = self.left[node] + (flat[rows + column] > self.threshold[node])
        found[at] = node
        return found.reshape(t, c)

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """(c,) mean and variance of y at points X (c, d), by the law of total variance over the trees.

        Hutter, Xu, Hoos and Leyton-Brown, Algorithm Runtime Prediction: Methods and Evaluation (2014), section 4.3.2.
        """
        leaves = self.leaves(X)
        means = self.mean[leaves]
        mean = means.mean(axis=0)
        return mean, means.var(axis=0) + self.variance[leaves].mean(axis=0)

    def _seen(self, X: Floats) -> tuple[Floats, Ints]:
        """The points as the trees see them, flat, and where each tree's row of each point begins (t * c,)."""
        c, d = X.shape
        if not self.shuffles:
            return X.ravel(), np.tile(np.arange(c) * d, self.trees)
        seen = np.repeat(X[None], self.trees, axis=0)
        for column, ranks in self.shuffles.items():
            seen[:, :, column] = _shuffled(X[:, column], ranks)
        return seen.ravel(), np.arange(self.trees * c) * d


def _shuffled(x: Floats, ranks: Ints) -> Floats:
    """(t, n) cells of x (n,) in the order in which each tree sees them; values below 0 stay as they are."""
    options = ranks.shape[1]
    cell = np.clip((x * options).astype(np.intp), 0, options - 1)
    found: Floats = np.where(x < 0, x, (ranks[:, cell] + 0.5) / options)
    return found


def grow(
    X: Floats,
    y: Floats,
    rng: "np.random.Generator",
    *,
    trees: int,
    options: dict[int, int],
    leaf: int = 1,
    tries: int = 1,
    bootstrap: bool = False,
) -> Trees:
    """Grows a forest of extremely randomised trees.

    Each node looks at a few random thresholds a column, uniform over the range of its points, and takes the one that
    reduces the variance of y most. Geurts, Ernst and Wehenkel, Extremely Randomized Trees (2006), section 2. Each tree
    sees the options of a categorical column in an order of its own, so that thresholds part sets of options: a random
    order, or that of the mean y over the points that are not in the tree's own sample.

    Args:
        X: (n, d) points, n at least 1.
        y: (n,) finite values.
        rng: what decides.
        trees: t.
        options: number of options of the categorical columns, by column; values are those of the unit cube, or
            negative where the column does not apply.
        leaf: fewest points of a leaf.
        tries: thresholds a column that a node looks at.
        bootstrap: each tree sees as many points as there are, drawn with replacement.
    """
    n = len(X)
    size = min(n, MOST_POINTS)
    if bootstrap:
        rows = rng.integers(n, size=(trees, size))
    else:
        rows = np.argsort(rng.random((trees, n)), axis=1)[:, :size] if size < n else np.tile(np.arange(n), (trees, 1))
    shuffles = {at: _ranks(X[:, at], y, rows, k, rng) for at, k in options.items()}
    seen = X.T[:, rows.ravel()]
    for at, ranks in shuffles.items():
        seen[at] = np.take_along_axis(_shuffled(X[:, at], ranks), rows, axis=1).ravel()
    middle = float(y.mean())
    return _Growth(seen, y[rows.ravel()] - middle, trees, leaf, tries).run(rng, middle, shuffles)


def _ranks(x: Floats, y: Floats, rows: Ints, k: int, rng: "np.random.Generator") -> Ints:
    """(t, k) the place of each option in the order of its mean y over the points that each tree does not see.

    An order by the points that it sees would find a difference between any two options, however idle.
    """
    t, n = len(rows), len(y)
    weight = np.ones((t, n))
    np.put_along_axis(weight, rows, 0.0, axis=1)
    weight *= x >= 0
    at = np.arange(t)[:, None] * k + np.clip((x * k).astype(np.intp), 0, k - 1)
    count = np.bincount(at.ravel(), weight.ravel(), minlength=t * k).reshape(t, k)
    total = np.bincount(at.ravel(), (weight * y).ravel(), minlength=t * k).reshape(t, k)
    mean = np.where(count > 0, total / np.maximum(count, 1), y[rng.integers(n, size=(t, k))])
    mean += 1e-9 * (np.ptp(y) + 1e-300) * rng.random((t, k))  # of equals any may be the first
    return np.argsort(np.argsort(mean, axis=1), axis=1)


class _Growth:
    """The state of a forest that grows.

    Points `X` (d, s) and `y` (s,) are kept in the order of the nodes that they lie in; `start` (v,) is where each node
    of the lowest level begins.
    """

    def __init__(self, X: Floats, y: Floats, trees: int, leaf: int, tries: int) -> None:
        self.X, self.y, self.leaf, self.trees, self.tries = X, y, leaf, trees, tries
        self.start: Ints = np.arange(trees) * (len(y) // trees)
        self.least = 1e-12 * max(float(np.square(y).mean()), 1e-300)

    def run(self, rng: "np.random.Generator", middle: float, shuffles: dict[int, Ints]) -> Trees:
        """Grows to the end; `middle` is added to all means."""
        levels: list[tuple[Ints, Floats, Ints, Floats, Floats]] = []
        total, depth = self.trees, -1
        while len(self.start):
            depth += 1
            count = np.diff(self.start, append=len(self.y))
            mean = np.add.reduceat(self.y, self.start) / count
            variance = np.maximum(np.add.reduceat(self.y**2, self.start) / count - mean**2, 0.0)
            first = total - len(self.start)
            column, threshold = self._split(count, variance, rng)
            splits = column >= 0
            left = np.where(splits, total + 2 * (np.cumsum(splits) - splits), first + np.arange(len(splits)))
            total += 2 * int(splits.sum())
            levels.append((column, threshold, left, mean + middle, variance))
        columns, thresholds, lefts, means, variances = (np.concatenate(part) for part in zip(*levels, strict=True))
        return Trees(columns, thresholds, lefts, means, variances, self.trees, depth, shuffles)

    def _split(self, count: Ints, variance: Floats, rng: "np.random.Generator") -> tuple[Ints, Floats]:
        """(v,) column, -1 for none, and threshold of each node; the points go down to the next level."""
        d = len(self.X)
        column, threshold = np.full(len(count), -1), np.zeros(len(count))
        open_ = (count >= 2 * self.leaf) & (variance > self.least)
        self._keep(open_, count)
        if not len(self.start) or not d:
            self.start = np.empty(0, dtype=np.intp)
            return column, threshold
        size = count[open_]
        low, high = (f.reduceat(self.X, self.start, axis=1) for f in (np.minimum, np.maximum))
        at = low + rng.random((self.tries, *low.shape)) * (high - low)
        at = at.reshape(-1, len(size))
        node = np.repeat(np.arange(len(size)), size)
        goes_left = (at[:, node].reshape(self.tries, d, -1) >= self.X).reshape(len(at), -1)
        lefts = np.add.reduceat(goes_left, self.start, axis=1, dtype=np.float64)
        sums = np.add.reduceat(goes_left * self.y, self.start, axis=1)
        rights, total = size - lefts, np.add.reduceat(self.y, self.start)
        fits = (lefts >= self.leaf) & (rights >= self.leaf)
        gain = sums**2 / np.maximum(lefts, 1) + (total - sums) ** 2 / np.maximum(rights, 1)
        best = np.where(fits, gain, -1.0).argmax(axis=0)
        nodes = np.arange(len(size))
        split = fits[best, nodes]
        where = np.flatnonzero(open_)[split]
        column[where], threshold[where] = best[split] % d, at[best, nodes][split]
        side = goes_left[best[node], np.arange(len(node))]
        self._keep(split, size)
        self._part(side[split[node]], lefts[best, nodes][split].astype(np.intp), size[split])
        return column, threshold

    def _keep(self, nodes: Bools, count: Ints) -> None:
        """Leaves the points of all other nodes behind."""
        if not nodes.all():
            points = np.repeat(nodes, count)
            self.X, self.y = self.X[:, points], self.y[points]
        kept = count[nodes]
        self.start = np.cumsum(kept) - kept

    def _part(self, left: Bools, lefts: Ints, size: Ints) -> None:
        """Orders the points by the child that they go to."""
        node = np.repeat(np.arange(len(size)), size)
        order = np.argsort(2 * node + ~left, kind="stable")
        self.X, self.y = self.X[:, order], self.y[order]
        self.start = np.stack([self.start, self.start + lefts], axis=1).ravel()
