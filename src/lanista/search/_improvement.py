"""Expected improvement and feasibility, in logarithms."""

import math

import numpy as np

from lanista.search._axes import Floats

ROOT_HALF_PI = math.sqrt(math.pi / 2)
LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


def log_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """(c,) log of the expected improvement on `best`, to minimise, of normal predictions (c,) of `deviation` above 0.

    Accurate where the improvement itself underflows: Ament et al., Unexpected Improvements to Expected Improvement for
    Bayesian Optimization (2023), section 4.1.

    >>> np.exp(log_improvement(np.array([0.0, 1.0]), np.array([1.0, 1.0]), 0.0))
    array([0.3989, 0.0833])
    """
    from scipy.special import erfcx, log_ndtr, ndtr

    z = (best - mean) / deviation
    found = np.empty_like(z)
    near, far = z > -1.0, z < -1e3
    between = ~near & ~far
    u = z[near]
    found[near] = np.log(np.exp(-0.5 * u * u - LOG_ROOT_TWO_PI) + u * ndtr(u))
    u = z[between]
    found[between] = -0.5 * u * u - LOG_ROOT_TWO_PI + np.log1p(u * erfcx(-u / math.sqrt(2)) * ROOT_HALF_PI)
    u = z[far]
    found[far] = log_ndtr(u) - np.log(-u)
    logs: Floats = found + np.log(deviation)
    return logs


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
