"""A Gaussian process with one length scale a column, fitted by its posterior mode.

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), chapters 2, 4 and 5. Shapes: n data points, c
other points, f features, p length scales.
"""

import copy
import math
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lanista.search.gaussian._features import Features

Floats = NDArray[np.float64]

ROOT5 = math.sqrt(5.0)
LEAST_NOISE = 1e-6
SHARE = 0.2
"""Length scale that is believed likeliest, over the root of the number of columns."""
STEPS = 60
"""Evaluations of the posterior for one fit."""


class Scales(NamedTuple):
    """The hyperparameters, as logarithms.

    Attributes:
        weight: (p,) inverse squared length scales.
        signal: variance of the function.
        noise: variance of the observations.
        warp: (2, p) exponents a and b of the warp 1 - (1 - x^a)^b of each number.
    """

    weight: Floats
    signal: float
    noise: float
    warp: Floats


class Prior(NamedTuple):
    """Normal beliefs, mean and standard deviation, in the logarithms of the hyperparameters.

    The length scales grow with the root of the dimension, which is that of the branch in a conditional space: Hvarfner,
    Hellsten and Nardi, Vanilla Bayesian Optimization Performs Great in High Dimensions (2024), section 4.2. The warp is
    believed to be none: Snoek et al., Input Warping for Bayesian Optimization (2014), section 3.2.
    """

    weight: tuple[Floats, float]
    signal: tuple[float, float] = (0.5, 1.0)
    noise: tuple[float, float] = (-8.0, 1.5)
    warp: float = 0.3

    @classmethod
    def of(cls, features: Features) -> "Prior":
        """For the length scales of columns that apply with so many others."""
        return cls((-2.0 * (math.log(SHARE) + 0.5 * np.log(features.together)), 2.0))


class Process:
    """A Gaussian process conditioned on data: the Matérn 5/2 kernel of the distance of weighted, warped features.

    Args:
        features: what turns columns to features; gives each its length scale.
        scales: the hyperparameters.
        F: (n, f) features of the data.
        y: (n,) or (n, m) observations, of mean 0 and variance 1 or so; m outputs share the hyperparameters.
    """

    def __init__(self, features: Features, scales: Scales, F: Floats, y: Floats) -> None:
        from scipy.linalg import lapack

        self.features, self.scales = features, scales
        self._root = np.exp(0.5 * scales.weight)[features.owner]
        self._signal = math.exp(scales.signal)
        self._lapack = lapack
        self._Z = self._scaled(F)[0]
        self._L = self._root_of(self._signal * matern(squares(self._Z, self._Z)))
        self._alpha: Floats = lapack.dpotrs(self._L, y, lower=1)[0]

    def believing(self, F: Floats) -> Self:
        """The same, also given points of features F (q, f) that come out as expected.

        So the mean stays as it was everywhere, and the variance falls: Ginsbourger, Le Riche and Carraro, Kriging Is
        Well-Suited to Parallelize Optimization (2010), section 4.2.2.
        """
        if not len(F):
            return self
        n, q, told = len(self._Z), len(F), copy.copy(self)
        Z = self._scaled(F)[0]
        V, _ = self._lapack.dtrtrs(self._L, self._signal * matern(squares(self._Z, Z)), lower=1)
        told._Z = np.concatenate([self._Z, Z])
        told._L = np.zeros((n + q, n + q), order="F")
        told._L[:n, :n], told._L[n:, :n] = self._L, V.T
        told._L[n:, n:] = self._root_of(self._signal * matern(squares(Z, Z)) - V.T @ V)
        told._alpha = np.concatenate([self._alpha, np.zeros((q, *self._alpha.shape[1:]))])
        return told

    def _root_of(self, K: Floats) -> Floats:
        """The Cholesky factor of a covariance (n, n) of the function, with the noise added to it in place."""
        K[np.diag_indices_from(K)] += math.exp(self.scales.noise) + LEAST_NOISE
        L, failed = self._lapack.dpotrf(K, lower=1, clean=1)
        if failed:
            K[np.diag_indices_from(K)] += 1e-3 * self._signal
            L, _ = self._lapack.dpotrf(K, lower=1, clean=1)
        root: Floats = L
        return root

    def predict(self, F: Floats) -> tuple[Floats, Floats]:
        """Mean (c,) or (c, m) and variance (c,), of the function without noise, at points of features F (c, f)."""
        K = self._signal * matern(squares(self._scaled(F)[0], self._Z))
        V, _ = self._lapack.dtrtrs(self._L, K.T, lower=1)
        variance = np.maximum(self._signal - np.einsum("ij,ij->j", V, V), 1e-12)
        return K @ self._alpha, variance

    def mean(self, F: Floats) -> Floats:
        """(c,) or (c, m) the mean alone, which is cheaper."""
        mean: Floats = self._signal * matern(squares(self._scaled(F)[0], self._Z)) @ self._alpha
        return mean

    def left_out(self, y: Floats) -> tuple[Floats, Floats]:
        """Mean and variance (n,) of each observation y (n,), told from all the others: section 5.4.2."""
        inverse, _ = self._lapack.dpotri(self._L, lower=1)
        precision = np.diag(inverse)
        return y - self._alpha / precision, 1.0 / precision

    def slopes(self, F: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Mean (c,), variance (c,), and the gradients of both by the features, (c, f) each."""
        Z, inner = self._scaled(F)
        value, slope = matern_slope(squares(Z, self._Z))
        K, S = self._signal * value, self._signal * slope
        half, _ = self._lapack.dpotrs(self._L, K.T, lower=1)
        variance = np.maximum(self._signal - np.einsum("ij,ji->i", K, half), 1e-12)
        to_mean, to_variance = S * self._alpha, -2.0 * S * half.T
        by_mean, by_variance = (
            2.0 * (W.sum(axis=1)[:, None] * Z - W @ self._Z) * inner for W in (to_mean, to_variance)
        )
        return K @ self._alpha, variance, by_mean, by_variance

    def _scaled(self, F: Floats) -> tuple[Floats, Floats]:
        """(c, f) warped features over their length scales, and their derivative by the features."""
        warped, inner = F.copy(), np.broadcast_to(self._root, F.shape)
        numeric = self.features.numeric
        if numeric.any() and self.scales.warp.any():
            a, b = np.exp(self.scales.warp[:, : numeric.sum()])
            x = F[:, numeric]
            power = 1.0 - x**a
            inner = inner.copy()
            warped[:, numeric] = 1.0 - power**b
            inner[:, numeric] *= a * b * x ** (a - 1.0) * power ** (b - 1.0)
        return warped * self._root, inner


def fit(features: Features, F: Floats, y: Floats, *, warp: bool = False) -> Scales:
    """The hyperparameters of the greatest posterior density, from data F (n, f) and y (n,); on a plateau, the prior's.

    Values that are all alike would have it that the function is flat everywhere, and that there is nothing to look for.
    """
    from scipy.optimize import minimize

    p, prior = features.count, Prior.of(features)
    numbers = int(features.numeric.sum()) if warp else 0
    start = np.concatenate([prior.weight[0], [prior.signal[0], prior.noise[0]], np.zeros(2 * numbers)])
    bounds = [(-12.0, 8.0)] * p + [(-4.0, 5.0), (-14.0, -1.0)] + [(-1.5, 1.5)] * (2 * numbers)
    loss = _Posterior(features, F, y, prior, numbers)
    if not np.ptp(y) > 0:
        return loss.scales(start)
    short = start + np.where(np.arange(len(start)) < p, 2.0, 0.0)
    if loss(short)[0] < loss(start)[0]:
        start = short
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxfun": STEPS, "maxcor": 10})
    return loss.scales(found.x)


class _Posterior:
    """The negative log posterior density of the hyperparameters, and its gradient."""

    def __init__(self, features: Features, F: Floats, y: Floats, prior: Prior, numbers: int) -> None:
        from scipy.linalg import lapack

        self._features, self._F, self._y, self._numbers = features, F, y, numbers
        self._lapack = lapack
        p = features.count
        self._mean = np.concatenate([prior.weight[0], [prior.signal[0], prior.noise[0]]])
        self._sd = np.concatenate([np.full(p, prior.weight[1]), [prior.signal[1], prior.noise[1]]])
        if numbers:
            self._mean = np.concatenate([self._mean, np.zeros(2 * numbers)])
            self._sd = np.concatenate([self._sd, np.full(2 * numbers, prior.warp)])
            self._log = np.log(F[:, :numbers])
        self._sum = np.zeros((len(features.owner), p))
        self._sum[np.arange(len(features.owner)), features.owner] = 1.0

    def scales(self, v: Floats) -> Scales:
        p, warp = self._features.count, np.zeros((2, int(self._features.numeric.sum())))
        if self._numbers:
            warp = v[p + 2 :].reshape(2, -1)
        return Scales(v[:p], float(v[p]), float(v[p + 1]), warp)

    def __call__(self, v: Floats) -> tuple[float, Floats]:
        p, n, q = self._features.count, len(self._y), self._numbers
        weight, signal, noise = np.exp(v[:p]), math.exp(v[p]), math.exp(v[p + 1])
        W = self._F
        if q:
            a, b = np.exp(v[p + 2 :].reshape(2, q))
            xa = np.exp(a * self._log)
            rest = np.maximum(1.0 - xa, 1e-12)
            tail = rest**b
            W = np.concatenate([1.0 - tail, self._F[:, q:]], axis=1)
        Z = W * np.sqrt(weight)[self._features.owner]
        value, slope = matern_slope(squares(Z, Z))
        K = signal * value
        K[np.diag_indices(n)] += noise + LEAST_NOISE
        L, failed = self._lapack.dpotrf(K, lower=1, clean=1)
        if failed:
            return 1e10, np.zeros_like(v)
        alpha = self._lapack.dpotrs(L, self._y, lower=1)[0]
        inverse, _ = self._lapack.dpotri(L, lower=1)
        inverse = inverse + np.tril(inverse, -1).T
        G = 0.5 * (inverse - np.outer(alpha, alpha))
        M = G * slope * signal
        rows = M.sum(axis=1)
        MW = M @ W
        by_feature = 2.0 * np.einsum("ij,ij->j", W, rows[:, None] * W - MW)
        gradient = np.empty_like(v)
        gradient[:p] = weight * (by_feature @ self._sum)
        gradient[p] = signal * np.einsum("ij,ij->", G, value)
        gradient[p + 1] = noise * np.trace(G)
        if q:
            by_warped = 4.0 * weight[:q] * (rows[:, None] * W - MW)[:, :q]
            by_a = b * tail / rest * xa * self._log * a
            by_b = -tail * np.log(rest) * b
            gradient[p + 2 :] = np.concatenate([(by_warped * by_a).sum(axis=0), (by_warped * by_b).sum(axis=0)])
        z = (v - self._mean) / self._sd
        loss = 0.5 * float(self._y @ alpha) + float(np.log(np.diag(L)).sum()) + 0.5 * float(z @ z)
        return loss, gradient + z / self._sd


def matern(squares: Floats) -> Floats:
    """The Matérn 5/2 correlation at squared distances: Rasmussen and Williams (2006), equation 4.17."""
    r = ROOT5 * np.sqrt(squares)
    value: Floats = (1.0 + r + (5.0 / 3.0) * squares) * np.exp(-r)
    return value


def matern_slope(squares: Floats) -> tuple[Floats, Floats]:
    """The same, and its derivative by the squared distances."""
    r = ROOT5 * np.sqrt(squares)
    decay = np.exp(-r)
    slope = -(5.0 / 6.0) * (1.0 + r) * decay
    return (1.0 + r + (5.0 / 3.0) * squares) * decay, slope


def squares(A: Floats, B: Floats) -> Floats:
    """(a, b) squared distances of the rows of A and B."""
    squares = -2.0 * (A @ B.T)
    squares += np.einsum("ij,ij->i", A, A)[:, None]
    squares += np.einsum("ij,ij->i", B, B)
    return np.maximum(squares, 0.0, out=squares)
