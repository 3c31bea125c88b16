"""The function near the best trial: nearly a quadratic one.

Shapes: n trials, k of them, c points, d numbers.
"""

from typing import NamedTuple

import numpy as np

from lanista.search._ranking import Floats
from lanista.search.gaussian._process import matern, matern_slope, squares
from lanista.search.gaussian._shape import LEAST_NOISE, Shape, fitted
from lanista.search.gaussian._transform import cut

BEST, FEWEST, MOST = 10, 12, 120
"""Trials that are modelled, the best: so many for each number, within these limits."""
BOLDNESS = 1.5
"""What standard deviations are multiplied by, for those of the hyperparameters are not in them."""
STEEP, FAR = 3.0, 1000.0
"""Heights, in that of the median, that values are cut at: as long as there are fewer trials than coefficients, so that
only a slope can be told, which far values mislead; and later, when these tell of the shape."""
LEAST_NOISES = (LEAST_NOISE, 1e-6, 1e-4, 1e-2)
"""Shares of its own variance that each observation has as noise at least: the first with which there is a solution."""


class Trend:
    """A process of kernel 1 + l x·x' + q (x·x')² + r k(x, x'), k a Matérn 5/2, with x as seen from the best trial.

    The first three terms are a quadratic function with normal coefficients, so that it is told from any number of
    trials, and its valleys may run in any direction: Rasmussen and Williams, Gaussian Processes for Machine Learning
    (2006), sections 2.7 and 4.2.2; as a model for trust regions, Conn, Scheinberg and Vicente, Introduction to
    Derivative-Free Optimization (2009), chapter 10.

    Args:
        centre: (d,) the best trial.
        unit: half the longest side of the trust region.
        X: (n, d) points of trials.
        y: (n,) their values, of mean 0 and variance 1 or so.
        shape: the hyperparameters; None: those of the greatest posterior density.
    """

    def __init__(self, centre: Floats, unit: float, X: Floats, y: Floats, shape: Shape | None = None) -> None:
        from scipy.linalg import lapack

        self._lapack, self._centre, self._unit = lapack, centre, unit
        self._X, self._y = X, y
        self._Z = (X - centre) / unit
        self.shape = shape or fitted(self._Z, y)
        K, diagonal = self._kernel(self._Z), np.diag_indices(len(y))
        own = K[diagonal]
        for least in LEAST_NOISES:
            K[diagonal] = own + self.shape.noise + least * own
            self._L, failed = lapack.dpotrf(K, lower=1, clean=1)
            if not failed:
                break
        self._alpha: Floats = lapack.dpotrs(self._L, y, lower=1)[0]

    def believing(self, P: Floats) -> "Trend":
        """The same, also of points P (q, d), as if they had come out as expected."""
        if not len(P):
            return self
        X, y = np.concatenate([self._X, P]), np.concatenate([self._y, self.mean(P)])
        return Trend(self._centre, self._unit, X, y, self.shape)

    @property
    def best(self) -> float:
        """The least value that is believed of a trial."""
        return float(self.mean(self._X).min())

    def mean(self, F: Floats) -> Floats:
        """(c,) the mean at points F (c, d)."""
        mean: Floats = self._kernel((F - self._centre) / self._unit) @ self._alpha
        return mean

    def predict(self, F: Floats) -> tuple[Floats, Floats]:
        """Mean and variance (c,) at points F (c, d)."""
        A = (F - self._centre) / self._unit
        K = self._kernel(A)
        V, _ = self._lapack.dtrtrs(self._L, K.T, lower=1)
        return K @ self._alpha, self._variance(A, np.einsum("ij,ij->j", V, V))

    def slopes(self, F: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Mean and variance (c,), and their gradients by the numbers (c, d)."""
        s = self.shape
        A = (F - self._centre) / self._unit
        dot = A @ self._Z.T
        value, slope = matern_slope(squares(A, self._Z) / s.length**2)
        K = 1.0 + dot * (s.linear + s.quadratic * dot) + s.rest * value
        half, _ = self._lapack.dpotrs(self._L, K.T, lower=1)
        variance = self._variance(A, np.einsum("ij,ji->i", K, half))
        by_square, by_dot = s.rest / s.length**2 * slope, s.linear + 2.0 * s.quadratic * dot

        def back(W: Floats) -> Floats:
            """(c, d) the gradient of the kernel's values, weighted with W (c, n)."""
            near = W * by_square
            gradient: Floats = 2.0 * (near.sum(axis=1)[:, None] * A - near @ self._Z) + (W * by_dot) @ self._Z
            return gradient

        own = 2.0 * (s.linear + 2.0 * s.quadratic * np.einsum("ij,ij->i", A, A))[:, None] * A
        by_mean = back(np.broadcast_to(self._alpha, K.shape)) / self._unit
        by_variance = BOLDNESS**2 / self._unit * (own - 2.0 * back(half.T))
        return K @ self._alpha, variance, by_mean, by_variance

    def _kernel(self, A: Floats) -> Floats:
        """(c, n) between points A (c, d), as seen from the centre, and the trials."""
        s, dot = self.shape, A @ self._Z.T
        K: Floats = 1.0 + dot * (s.linear + s.quadratic * dot) + s.rest * matern(squares(A, self._Z) / s.length**2)
        return K

    def _variance(self, A: Floats, known: Floats) -> Floats:
        """(c,) what is left of the prior's variance at points A (c, d)."""
        s, dot = self.shape, np.einsum("ij,ij->i", A, A)
        left = 1.0 + dot * (s.linear + s.quadratic * dot) + s.rest - known
        variance: Floats = BOLDNESS**2 * np.maximum(left, 1e-12)
        return variance


class Sample(NamedTuple):
    """The best trials, as a trend is told of them.

    Attributes:
        X: (k, d) their points.
        y: (k,) their values, of mean 0 and variance 1; all 0 where they are equal.
        unit: what 1 of these is in the values that were given.
    """

    X: Floats
    y: Floats
    unit: float

    @classmethod
    def of(cls, X: Floats, y: Floats) -> "Sample":
        """Of trials (n, d) with finite values (n,).

        >>> Sample.of(np.zeros((3, 1)), np.array([0.0, 1.0, 1e9])).y.round(2)
        array([-0.71, -0.71,  1.41])
        """
        d = X.shape[1]
        rows = np.argsort(y, kind="stable")[: modelled(*X.shape)]
        far = STEEP if len(rows) < (d + 1) * (d + 2) // 2 else FAR
        largest = max(float(np.abs(y[rows]).max()), 1e-300)  # far values must not overflow
        height = y[rows] / largest
        height = cut(height - height.min(), far)
        spread = float(height.std()) or 1.0
        return cls(X[rows], (height - height.mean()) / spread, max(spread * largest, 1e-300))


def modelled(count: int, d: int) -> int:
    """How many of so many trials of d numbers are modelled."""
    return min(count, max(BEST * d, FEWEST), MOST)
