"""Expected improvement and feasibility, in logarithms."""

import math

import numpy as np

from lanista.search._axes import Floats


def log_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """(c,) log of the expected improvement on `best`, to minimise, of normal predictions (c,) of `deviation` above 0.

    Accurate where the improvement itself underflows: Ament et al., Unexpected Improvements to Expected Improvement for
    Bayesian Optimization (2023), section 4.1.

    >>> np.exp(log_improvement(np.array([0.0, 1.0]), np.array([1.0, 1.0]), 0.0))
    array([0.3989, 0.0833])
    """
    logs: Floats = log_h((best - mean) / deviation)[0] + np.log(deviation)
    return logs


def log_h(z: Floats) -> tuple[Floats, Floats]:
    """log(phi(z) + z Phi(z)) and its derivative, exact far into the left tail: Ament et al. (2023), equation 9."""
    from scipy.special import erfcx, ndtr

    right = np.maximum(z, -1.0)
    phi, cdf = np.exp(-0.5 * right**2) / math.sqrt(2.0 * math.pi), ndtr(right)
    h = phi + right * cdf
    left = np.minimum(z, -1.0)
    mills = math.sqrt(0.5 * math.pi) * erfcx(-left / math.sqrt(2.0))
    rest = np.where(left > -1e4, np.maximum(1.0 + left * mills, 1e-300), left**-2.0)
    far = -0.5 * left**2 - 0.5 * math.log(2.0 * math.pi) + np.log(rest)
    return np.where(z > -1.0, np.log(h), far), np.where(z > -1.0, cdf / h, mills / rest)


def log_feasible(mean: Floats, deviation: Floats) -> Floats:
    """(c,) log of the probability that a normal prediction (c,) is at most 0."""
    from scipy.special import log_ndtr

    found: Floats = log_ndtr(-mean / deviation)
    return found


def promise(mean: Floats, deviation: Floats) -> Floats:
    """(c,) how near to 0 or below it a prediction may come, at best 1, the more the better.

    For when nothing feasible is known: the probability would then go after whatever is least certain.
    """
    return np.minimum(deviation - mean, 1.0)
