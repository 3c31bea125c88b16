"""Product kernels over the unit cube, the stuff of Parzen estimators."""

import math

import numpy as np

from lanista.search._axes import Axes, Bools, Floats, Ints

LEAST = 1e-300


class Kernels:
    """One kernel a point.

    Densities are relative to the uniform one: a kernel is 1 in the columns that do not apply to its point, which is
    what makes one mixture serve a conditional space. In a column that applies, a kernel is a Gaussian truncated to
    [0, 1] (Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011, section 4), integrated over the cell of
    an ordered value, or a histogram that gives its own option the bulk.

    The log density of a kernel is linear in features of the point where it is taken: a quadratic in a continuous
    column, a table in one of few values. So those of k kernels at c points are one product of two matrices.

    Args:
        axes: how columns are modelled.
        X: (k, d) points; what stands in columns that do not apply is not read.
        active: (k, d) which columns apply; None: all do.
        width: (d,) standard deviation of the Gaussians.
        spread: (d,) how much of a histogram's mass is spread evenly over all options.
    """

    def __init__(self, axes: Axes, X: Floats, active: Bools | None, width: Floats, spread: Floats) -> None:
        self.axes, self.width, self.spread, self.active = axes, width, spread, active
        self.X = X if active is None else np.where(active, X, 0.5)
        # Of a histogram: the log mass of any option, and what its own has more.
        even = np.where(axes.cardinality > 0, spread, 1.0)
        self._other = np.log(even)
        self._gain = np.log(axes.cardinality * (1.0 - even) + even) - self._other
        self._tables = self._step_tables()
        self._matrix = self._coefficients(self.X, active)

    def add(self, x: Floats, active: Bools | None) -> None:
        """Appends a kernel at a full point (1, d), of the same kind as those before: `active` is None or it is not."""
        self.X = np.concatenate([self.X, x])
        if self.active is not None and active is not None:
            self.active = np.concatenate([self.active, active])
        self._matrix = np.concatenate([self._matrix, self._coefficients(x, active)])

    def sample(self, rng: "np.random.Generator", chosen: Ints) -> Floats:
        """Draws a full point (c, d) from each of the `chosen` kernels (c,), discrete values at centres of cells.

        Number -1 is the uniform density.
        """
        axes = self.axes
        U = rng.random((len(chosen), len(self.width)))
        if not len(self.X):
            axes.centre(U)
            return U
        means = self.X[chosen]
        points = means + self.width * rng.standard_normal(U.shape)
        outside = (points < 0.0) | (points > 1.0)
        if outside.any():
            points[outside] = self._inside(means[outside], self.width[outside.nonzero()[1]], U[outside])
        if len(at := axes.options):
            spread, u = self.spread[at], U[:, at]
            points[:, at] = np.where(u >= spread, means[:, at], u / spread)
        applies = (chosen >= 0)[:, None]
        points = np.where(applies if self.active is None else applies & self.active[chosen], points, U)
        axes.centre(points)
        return points

    def _inside(self, mean: Floats, width: Floats, u: Floats) -> Floats:
        """Draws from Gaussians truncated to [0, 1], one each, by uniform numbers."""
        from scipy.special import ndtr, ndtri

        low, high = ndtr(-mean / width), ndtr((1.0 - mean) / width)
        points: Floats = np.clip(mean + width * ndtri(low + u * (high - low)), 0.0, 1.0)
        return points

    def log_density(self, X: Floats, active: Bools | None = None) -> Floats:
        """(c, k) log density of each kernel at full points X (c, d) of which the `active` (c, d) columns apply."""
        axes = self.axes
        at, s = axes.smooth, len(axes.smooth)
        features = np.empty((len(X), self._matrix.shape[1]))
        features[:, :s] = X[:, at] ** 2
        features[:, s : 2 * s] = X[:, at]
        features[:, 2 * s : 3 * s] = 1.0
        if active is not None:
            for start in (0, s, 2 * s):
                features[:, start : start + s] *= active[:, at]
        if len(axes.column):
            cells = axes.indicators(X, active)
            rest, end = axes.column[axes.steps :], 3 * s + len(axes.column)
            features[:, 3 * s : 3 * s + axes.steps] = cells[:, : axes.steps] @ self._tables
            features[:, 3 * s + axes.steps : end] = cells[:, axes.steps :] * self._gain[rest]
            few = axes.tabulated[len(axes.stepped) :]
            features[:, end:] = self._other[few] if active is None else self._other[few] * active[:, few]
        logs: Floats = features @ self._matrix.T
        for wide in axes.wide.tolist():
            applies = np.ones(len(X), dtype=np.bool_) if active is None else active[:, wide]
            logs += self._wide(wide, X[:, wide], applies)
        return logs

    def _coefficients(self, X: Floats, active: Bools | None) -> Floats:
        """(k, f) the kernels' side of the product, all 0 where a column does not apply."""
        from scipy.special import ndtr

        axes = self.axes
        at, s = axes.smooth, len(axes.smooth)
        few = axes.tabulated[len(axes.stepped) :]
        end = 3 * s + len(axes.column)
        matrix = np.empty((len(X), end + len(few)))
        if s:
            mean, width = X[:, at], self.width[at]
            low = mean / width
            mass = ndtr(1.0 / width - low) - ndtr(-low)
            matrix[:, :s] = -0.5 / (width * width)
            matrix[:, s : 2 * s] = low / width
            matrix[:, 2 * s : 3 * s] = -0.5 * low * low - np.log(math.sqrt(2 * math.pi) * width * mass)
            if active is not None:
                for start in (0, s, 2 * s):
                    matrix[:, start : start + s] *= active[:, at]
        if len(axes.column):
            matrix[:, 3 * s : end] = axes.indicators(X, active)
            matrix[:, end:] = 1.0 if active is None else active[:, few]
        return matrix

    def _step_tables(self) -> Floats:
        """(s, s) log density in each cell of the stepped columns (rows) of a kernel in each cell (columns)."""
        from scipy.special import ndtr

        axes = self.axes
        if not axes.steps:
            return np.empty((0, 0))
        column, cell = axes.column[: axes.steps], axes.cell[: axes.steps]
        n, width = axes.cardinality[column], self.width[column]
        half, mean = 0.5 / (n * width), (cell + 0.5) / n
        # The mass of a cell depends on its distance from the kernel's, in the lower tail for accuracy's sake.
        tail = ndtr(half - 2.0 * half * cell) - ndtr(-half - 2.0 * half * cell)
        left = ndtr((1.0 - mean) / width) - ndtr(-mean / width)
        same, place = axes.gaps
        logs: Floats = (np.log(np.maximum(tail, LEAST))[place] + np.log(n / left)) * same
        return logs

    def _wide(self, column: int, x: Floats, applies: Bools) -> Floats:
        """(c, k) log density of each kernel at each x (c,) in a column of many options."""
        same = np.abs(x[:, None] - self.X[:, column]) < 0.5 / self.axes.cardinality[column]
        logs = self._other[column] + same * self._gain[column]
        both = applies[:, None] if self.active is None else applies[:, None] & self.active[:, column]
        return np.where(both, logs, 0.0)
