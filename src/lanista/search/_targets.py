"""One number a trial for a surrogate to learn: scalarised, censored, and bent so that the good end has the detail.

Shapes: n trials that have an outcome, m objectives.
"""

import numpy as np

from lanista.journal import History
from lanista.search._axes import Floats
from lanista.search._ranking import Outcomes, Rows

SLACK = 0.05
"""Share of the trials whose spread is added below the best one, before logarithms."""
LEAST = 1e-3
"""The same as a share of the height of the worst one, where it is more."""
FAR = 30.0
"""The height that values are cut at, in that of the middle one of all but the best."""
AUGMENT = 0.05
"""Weight of the sum beside the maximum, which keeps weakly dominated points from being as good."""


def targets(history: History, found: Outcomes, rng: "np.random.Generator") -> tuple[Rows, Floats]:
    """The trials with an outcome (n,), completed ones first, and what a surrogate should learn of them (n,), minimised.

    Several objectives become one by random weights, new ones at each call: Knowles, ParEGO (2006), section III. A
    stopped or paused trial counts as no better than the median of the completed ones; one that failed, or gave no
    finite value, as the worst. At least one trial must have values.
    """
    valued = np.concatenate([found.complete, found.partial])
    y = _scalar(history.Y[valued], rng)
    done = len(found.complete)
    if 0 < done < len(y):
        y[done:] = np.maximum(y[done:], np.median(y[:done]))
    y = bend(y)
    return np.concatenate([valued, found.bad]), np.concatenate([y, np.full(len(found.bad), y.max())])


def bend(y: Floats) -> Floats:
    """(n,) the logarithm of the distance to a value somewhat below the best, scaled to deviation 1.

    Hutter et al., Sequential Model-Based Optimization for General Algorithm Configuration (2011), section 4.1, learn
    logarithms of costs; here the costs need not be positive. Far ones are cut, so that values of any size, as of
    trainings that diverged, do not hide what the others tell, unless half of the others are such.
    """
    y = y / max(float(np.abs(y).max()), 1e-300)
    height = y - y.min()
    if not height.max() > 0:
        return np.zeros(len(y))
    height = np.minimum(height, FAR * float(np.median(height[height > 0])))
    height /= height.max()
    logs = np.log(height + max(float(np.quantile(height, SLACK)), LEAST))
    scaled: Floats = (logs - logs.mean()) / logs.std()
    return scaled


def _scalar(Y: Floats, rng: "np.random.Generator") -> Floats:
    """(n,) one objective of Y (n, m), larger than which no weighted one is."""
    m = Y.shape[1]
    if m == 1:
        return np.array(Y[:, 0])
    Y = Y / np.maximum(np.abs(Y).max(axis=0), 1e-300)
    low = Y.min(axis=0)
    Z = (Y - low) / np.maximum(Y.max(axis=0) - low, 1e-300) * rng.dirichlet(np.ones(m))
    found: Floats = Z.max(axis=1) + AUGMENT * Z.sum(axis=1)
    return found
