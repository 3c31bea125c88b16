"""Objectives made fit for a Gaussian process."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUANTILES = (0.75, 0.95)
"""Where a logarithm may bend: at the height of these quantiles above the least value."""
FAR = 1e10
"""The height, in that of the median, that values are cut at: one trial that diverged must not hide what others tell."""
CLIFF = 1e4
"""The ratio of a height to the next lower one that is a cliff."""
FEWEST_BELOW = 3
"""Values besides the least one that a cliff must have below it."""


def cut(height: Floats, far: float) -> Floats:
    """(n,) heights above the least value, none of them more than so many times their median, unless that is 0."""
    middle = float(np.median(height))
    return np.minimum(height, far * middle) if middle > 0 else height


def gaussianised(y: Floats) -> Floats:
    """(n,) finite values, smaller is better, with mean 0, variance 1 and a histogram that is near a normal one.

    y becomes log(1 + (y - min) / s), with the s of the greatest normal likelihood, or stays as it is; Box and Cox, An
    Analysis of Transformations (1964), section 3, with the shift chosen instead of the power. As the search closes in
    on the optimum so does s: differences among the best values stay visible beside bad values of any size. Where more
    than a quarter are beyond a cliff, such as a penalty, s would be as high as they; they come down to its edge first.

    >>> gaussianised(np.array([0.0, 1.0, 2.0])).round(2)
    array([-1.22,  0.  ,  1.22])
    """
    y = y / max(float(np.abs(y).max()), 1e-300)  # far values must not overflow
    height = y - y.min()
    if not height.max() > 1e-14:
        return np.zeros_like(y)
    height = _lowered(cut(height, FAR))
    height /= height.max()  # the likelihoods compare alike whatever the unit and the shift
    best, chosen = _likelihood(height, np.zeros_like(y)), height
    for bend in np.quantile(height, QUANTILES):
        if bend > 1e-14:
            z = np.log1p(height / bend)
            likelihood = _likelihood(z, np.log(height + bend))
            if likelihood > best:
                best, chosen = likelihood, z
    standard: Floats = (chosen - chosen.mean()) / chosen.std()
    return standard


def _lowered(height: Floats) -> Floats:
    """(n,) the heights in their order; those beyond a cliff, if more than a quarter, within twice the last below it."""
    levels = np.sort(height)
    low, high = levels[FEWEST_BELOW:-1], levels[FEWEST_BELOW + 1 :]
    cliffs = np.flatnonzero((low > 0) & (low < high / CLIFF)) + FEWEST_BELOW
    cliffs = cliffs[4 * (len(levels) - 1 - cliffs) > len(levels)]
    if not len(cliffs):
        return height
    edge = levels[cliffs[0]]
    beyond = np.log(np.maximum(height, edge)) - np.log(edge)
    lowered: Floats = np.minimum(height, edge) + edge * (beyond / beyond.max())
    return lowered


def _likelihood(z: Floats, shrinkage: Floats) -> float:
    """Of y under a normal law of z(y), given the logarithm of dy/dz; the least value, where z begins, is left out."""
    return -0.5 * len(z) * float(np.log(z.var())) - float(np.sort(shrinkage)[1:].sum())


def scores(places: Floats) -> Floats:
    """(n,) places as the values that a normal variable would have there.

    >>> scores(np.array([2.0, 0.0, 1.0])).round(2)
    array([ 0.97, -0.97,  0.  ])
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    normal: Floats = ndtri((rankdata(places) - 0.5) / len(places))
    return normal
