"""Product kernels over the unit cube, the stuff of Parzen estimators."""

import math

import numpy as np

from lanista.search._axes import Axes, Bools, Floats, Ints

LEAST = 1e-300


class Kernels:
    """One kernel a point, after one that is uniform, number 0.

    Densities are relative to the uniform one, so the uniform kernel is 1 everywhere, and so is any kernel in the
    columns that do not apply to its point: that is what makes one mixture serve a conditional space. In a column that
    applies, a kernel is a Gaussian truncated to [0, 1] (Bergstra et al., Algorithms for Hyper-Parameter Optimization,
    2011, section 4), integrated over the cell of an ordered value, or a histogram that gives its own option the bulk.

    The log density of a kernel is linear in features of the point where it is taken: a quadratic in a continuous
    column, a table in one of few values. So those of k kernels at c points are one product of two matrices.

    Args:
        axes: how columns are modelled.
        X: (k, d) points; what stands in columns that do not apply is not read.
        active: (k, d) which columns apply.
        width: (d,) standard deviation of the Gaussians.
        spread: (d,) how much of a histogram's mass is spread evenly over all options.
    """

    def __init__(self, axes: Axes, X: Floats, active: Bools, width: Floats, spread: Floats) -> None:
        self.axes, self.width, self.spread = axes, width, spread
        uniform = np.zeros((1, X.shape[1]), dtype=np.bool_)
        self.active = np.concatenate([uniform, active])
        self.X = np.where(self.active, np.concatenate([uniform, X]), 0.5)
        self._tables = self._step_tables()
        self._matrix = self._coefficients(self.X, self.active)

    def add(self, x: Floats, active: Bools) -> None:
        """Appends a kernel at a full point (1, d)."""
        self.X, self.active = np.concatenate([self.X, x]), np.concatenate([self.active, active])
        self._matrix = np.concatenate([self._matrix, self._coefficients(x, active)])

    def sample(self, rng: np.random.Generator, chosen: Ints) -> Floats:
        """Draws a full point (c, d) from each of the `chosen` kernels (c,), discrete values at centres of cells."""
        from scipy.special import ndtr, ndtri

        axes = self.axes
        U = rng.random((len(chosen), self.X.shape[1]))
        means, points = self.X[chosen], U.copy()
        if len(at := axes.gaussian):
            width, mean = self.width[at], means[:, at]
            low, high = ndtr(-mean / width), ndtr((1.0 - mean) / width)
            points[:, at] = np.clip(mean + width * ndtri(low + U[:, at] * (high - low)), 0.0, 1.0)
        if len(at := axes.options):
            spread, u = self.spread[at], U[:, at]
            points[:, at] = np.where(u >= spread, means[:, at], u / spread)
        points = np.where(self.active[chosen], points, U)
        axes.centre(points)
        return points

    def log_density(self, X: Floats, active: Bools | None = None) -> Floats:
        """(c, k) log density of each kernel at full points X (c, d) of which the `active` (c, d) columns apply."""
        axes = self.axes
        at = axes.smooth
        x, variance = X[:, at], self.width[at] ** 2
        smooth = np.concatenate([-0.5 * x * x / variance, x / variance, np.ones(x.shape)], axis=1)
        if active is not None:
            smooth *= np.tile(active[:, at], 3)
        cells = axes.indicators(X, active)
        rest, column = cells[:, axes.steps :], axes.column[axes.steps :]
        n, spread = axes.cardinality[column], self.spread[column]
        own, other = np.log(n * (1.0 - spread) + spread), np.log(spread)
        logs: Floats = (
            np.concatenate([smooth, cells[:, : axes.steps] @ self._tables, rest * (own - other), rest * other], axis=1)
            @ self._matrix.T
        )
        for wide in axes.wide.tolist():
            applies = np.ones(len(X), dtype=np.bool_) if active is None else active[:, wide]
            logs += self._wide(wide, X[:, wide], applies)
        return logs

    def _coefficients(self, X: Floats, active: Bools) -> Floats:
        """(k, f) the kernels' side of the product, all 0 where a column does not apply."""
        from scipy.special import ndtr

        axes = self.axes
        at = axes.smooth
        applies, mean, width = active[:, at], X[:, at], self.width[at]
        low = mean / width
        mass = ndtr(1.0 / width - low) - ndtr(-low)
        constant = -0.5 * low * low - np.log(math.sqrt(2 * math.pi) * width * mass)
        cells = axes.indicators(X, active)
        options = active[:, axes.column[axes.steps :]]
        return np.concatenate([applies, mean * applies, constant * applies, cells, options], axis=1)

    def _step_tables(self) -> Floats:
        """(s, s) log density in each cell of the stepped columns (rows) of a kernel in each cell (columns)."""
        from scipy.special import ndtr

        axes = self.axes
        column, cell = axes.column[: axes.steps], axes.cell[: axes.steps]
        if not len(cell):
            return np.empty((0, 0))
        n, width = axes.cardinality[column], self.width[column]
        half, mean = 0.5 / (n * width), (cell + 0.5) / n
        # The mass of a cell depends on its distance from the kernel's, in the lower tail for accuracy's sake.
        tail = ndtr(half - 2.0 * half * cell) - ndtr(-half - 2.0 * half * cell)
        left = ndtr((1.0 - mean) / width) - ndtr(-mean / width)
        start = np.arange(len(cell)) - cell
        gap = np.abs(cell[:, None] - cell)
        same = column[:, None] == column
        logs = np.log(np.maximum(tail, LEAST))[np.where(same, start + gap, 0)] + np.log(n / left)
        return np.where(same, logs, 0.0)

    def _wide(self, column: int, x: Floats, applies: Bools) -> Floats:
        """(c, k) log density of each kernel at each x (c,) in a column of many options."""
        n, spread = self.axes.cardinality[column], self.spread[column]
        same = np.abs(x[:, None] - self.X[:, column]) < 0.5 / n
        logs = np.where(same, np.log(n * (1.0 - spread) + spread), np.log(spread))
        return np.where(applies[:, None] & self.active[:, column], logs, 0.0)


def log_mixture(logs: Floats, weights: Floats) -> Floats:
    """(c,) log of the weighted sum of kernels, from their log densities (c, k) and weights (k,) that add up to 1."""
    logs = logs + np.log(weights)
    top = logs.max(axis=1)
    density: Floats = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
    return density
