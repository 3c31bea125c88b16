"""How much is to be expected of a point.

Shapes: c points, d columns, f features.
"""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lanista.search._improvement import log_h
from lanista.search.gaussian._ensemble import Model
from lanista.search.gaussian._features import Features
from lanista.space import Space

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TINY = 1e-300


class Acquisition(Protocol):
    """What is to be maximised over the cube."""

    def value(self, X: Floats, active: Bools) -> Floats:
        """(c,) the value at points X (c, d)."""
        ...

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        """(c,) the value and (c, d) its gradient by the columns of numbers."""
        ...


class Nothing:
    """Any point is as good as any other, so that the first one that is looked at is taken: a random one."""

    def value(self, X: Floats, active: Bools) -> Floats:
        return np.zeros(len(X))

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        return np.zeros(len(X)), np.zeros_like(X)


class LogEI:
    """The logarithm of the improvement to be expected over a value.

    Ament et al., Unexpected Improvements to Expected Improvement for Bayesian Optimization (2023), section 4.1: the
    logarithm has a slope where the improvement itself is too small for one.
    """

    def __init__(self, features: Features, process: Model, best: float) -> None:
        self._features, self._process, self._best = features, process, best

    def value(self, X: Floats, active: Bools) -> Floats:
        mean, variance = self._process.predict(self._features.of(X, active))
        sd = np.sqrt(variance)
        return np.log(sd) + log_h((self._best - mean) / sd)[0]

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        mean, variance, by_mean, by_variance = self._process.slopes(self._features.of(X, active))
        sd = np.sqrt(variance)
        z = (self._best - mean) / sd
        value, slope = log_h(z)
        by_sd = by_variance / (2.0 * sd)[:, None]
        gradient = ((1.0 - slope * z) / sd)[:, None] * by_sd - (slope / sd)[:, None] * by_mean
        return np.log(sd) + value, self._features.back(gradient, active, X.shape[1])


class LogFeasible:
    """The logarithm of the probability that an output is at most a bound: Gardner et al. (2014), section 3.2."""

    def __init__(self, features: Features, process: Model, bound: float) -> None:
        self._features, self._process, self._bound = features, process, bound

    def value(self, X: Floats, active: Bools) -> Floats:
        from scipy.special import log_ndtr

        mean, variance = self._process.predict(self._features.of(X, active))
        value: Floats = log_ndtr((self._bound - mean) / np.sqrt(variance))
        return value

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        from scipy.special import log_ndtr

        mean, variance, by_mean, by_variance = self._process.slopes(self._features.of(X, active))
        sd = np.sqrt(variance)
        z = (self._bound - mean) / sd
        value = log_ndtr(z)
        slope = np.exp(-0.5 * z * z - 0.5 * math.log(2.0 * math.pi) - value)
        gradient = -(slope / sd)[:, None] * (by_mean + (z / (2.0 * sd))[:, None] * by_variance)
        return value, self._features.back(gradient, active, X.shape[1])


class LogEHVI:
    """The logarithm of the gain in hypervolume to be expected, for two objectives, exactly.

    Emmerich, Deutz and Klinkenberg, Hypervolume-Based Expected Improvement (2011): the gain is a sum over the strips
    between neighbours on the front, in each of which the two objectives separate.

    Args:
        features: of the points.
        processes: of the two objectives.
        front: (k, 2) the non-dominated values.
        reference: (2,) the corner of the hypervolume.
    """

    def __init__(self, features: Features, processes: tuple[Model, Model], front: Floats, reference: Floats) -> None:
        self._features, self._processes = features, processes
        front = np.minimum(front[np.argsort(front[:, 0])], reference)  # what lies beyond it dominates nothing
        self._right = np.append(front[:, 0], reference[0])
        self._top = np.append(reference[1], front[:, 1])

    def value(self, X: Floats, active: Bools) -> Floats:
        F = self._features.of(X, active)
        (m1, v1), (m2, v2) = (process.predict(F) for process in self._processes)
        wide, *_ = _gains(self._right, m1, np.sqrt(v1))
        high, *_ = _gains(self._top, m2, np.sqrt(v2))
        gain: Floats = (np.diff(wide, axis=1, prepend=0.0) * high).sum(axis=1)
        return np.log(np.maximum(gain, 0.0) + TINY)

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        F = self._features.of(X, active)
        (m1, v1, dm1, dv1), (m2, v2, dm2, dv2) = (process.slopes(F) for process in self._processes)
        s1, s2 = np.sqrt(v1), np.sqrt(v2)
        wide, wide_m, wide_s = (np.diff(g, axis=1, prepend=0.0) for g in _gains(self._right, m1, s1))
        high, high_m, high_s = _gains(self._top, m2, s2)
        total = np.maximum((wide * high).sum(axis=1), 0.0) + TINY
        gradient = (
            (wide_m * high).sum(axis=1)[:, None] * dm1
            + ((wide_s * high).sum(axis=1) / (2.0 * s1))[:, None] * dv1
            + (wide * high_m).sum(axis=1)[:, None] * dm2
            + ((wide * high_s).sum(axis=1) / (2.0 * s2))[:, None] * dv2
        )
        return np.log(total), self._features.back(gradient / total[:, None], active, X.shape[1])


class Believed:
    """A user's belief in where the optimum lies: Hvarfner et al., piBO (2022), section 4.1.

    Args:
        space: whose domains have priors.
        weight: what their logarithm counts; it is to fall as trials come in.
    """

    def __init__(self, space: Space, weight: float) -> None:
        self._space, self._weight = space, weight

    def value(self, X: Floats, active: Bools) -> Floats:
        return self._weight * self._space.log_prior(np.where(active, X, 0.5))

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        c, d = X.shape
        step = 1e-5 * np.eye(d)
        ends = [np.clip(X[:, None, :] + sign * step, 0.0, 1.0) for sign in (1.0, -1.0)]
        up, down = (self._space.log_prior(end.reshape(-1, d)).reshape(c, d) for end in ends)
        gradient = self._weight * (up - down) / (ends[0] - ends[1])[:, np.arange(d), np.arange(d)]
        return self.value(X, active), np.where(active, gradient, 0.0)


class Sum:
    """Several acquisitions together: the logarithm of the product of what they stand for."""

    def __init__(self, *parts: Acquisition) -> None:
        self._parts = parts

    def value(self, X: Floats, active: Bools) -> Floats:
        value: Floats = np.sum([part.value(X, active) for part in self._parts], axis=0)
        return value

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        values, gradients = zip(*(part.slopes(X, active) for part in self._parts), strict=True)
        return np.sum(values, axis=0), np.sum(gradients, axis=0)


def _gains(limits: Floats, mean: Floats, sd: Floats) -> tuple[Floats, Floats, Floats]:
    """(c, k) the amount by which a normal variable is to be expected below each limit; its derivatives by mean and sd.

    The derivatives by the mean are negative.
    """
    from scipy.special import ndtr

    z = (limits - mean[:, None]) / sd[:, None]
    cdf, phi = ndtr(z), np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return sd[:, None] * np.maximum(z * cdf + phi, 0.0), -cdf, phi
