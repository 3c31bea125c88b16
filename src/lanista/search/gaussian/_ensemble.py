"""Processes of earlier experiments together with that of this one, weighted by how well they rank its trials.

Feurer, Letham, Hutter and Bakshy, Practical Transfer Learning for Bayesian Optimization (2018), section 4: RGPE.
Shapes: n trials of this experiment, c other points, f features, k members.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lanista.search.gaussian._process import Process

Floats = NDArray[np.float64]

DRAWS = 128
"""Samples of each member's ranking."""
MOST_RANKED = 100
"""Trials that are ranked."""


class Model(Protocol):
    """What predicts an objective: a process, or several of them."""

    def predict(self, F: Floats) -> tuple[Floats, Floats]:
        """Mean and variance (c,) at points of features F (c, f)."""
        ...

    def mean(self, F: Floats) -> Floats:
        """(c,) the mean alone."""
        ...

    def slopes(self, F: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Mean and variance (c,), and their gradients by the features (c, f)."""
        ...


class Ensemble:
    """A weighted mean of processes.

    Args:
        members: of which the last is that of this experiment.
        weights: (k,) that add up to 1.
    """

    def __init__(self, members: Sequence[Model], weights: Floats) -> None:
        self._parts = [(member, float(w)) for member, w in zip(members, weights, strict=True) if w > 0]

    def predict(self, F: Floats) -> tuple[Floats, Floats]:
        """Equation 3: the variance is that of a sum of independent members."""
        mean, variance = np.zeros(len(F)), np.zeros(len(F))
        for member, w in self._parts:
            m, v = member.predict(F)
            mean, variance = mean + w * m, variance + w**2 * v
        return mean, variance

    def mean(self, F: Floats) -> Floats:
        mean: Floats = np.sum([w * member.mean(F) for member, w in self._parts], axis=0)
        return mean

    def slopes(self, F: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        parts = [(member.slopes(F), w) for member, w in self._parts]
        mean, variance, by_mean, by_variance = (
            np.sum([part[i] * w ** (1 + i % 2) for part, w in parts], axis=0) for i in range(4)
        )
        return mean, variance, by_mean, by_variance


def weights(sources: Sequence[Process], own: Process, F: Floats, y: Floats, rng: "np.random.Generator") -> Floats:
    """(k,) how often each member ranks the trials best, this experiment's own one, left-one-out, last.

    Section 4.1. Members that usually rank worse than our own one cannot win: section 4.3.

    Args:
        sources: processes of earlier experiments.
        own: the process of this one.
        F: (n, f) features of its trials.
        y: (n,) their values.
        rng: draws from the members.
    """
    if len(y) < 3:
        return np.append(np.full(len(sources), 1.0 / len(sources)), 0.0)
    own_mean, own_variance = own.left_out(y)
    rows = np.linspace(0, len(y) - 1, min(len(y), MOST_RANKED)).astype(np.intp)
    F, y, n = F[rows], y[rows], len(rows)
    drawn = []
    for source in sources:
        mean, variance = source.predict(F)
        drawn.append(mean + np.sqrt(variance) * rng.standard_normal((DRAWS, n)))
    drawn.append(own_mean[rows] + np.sqrt(own_variance[rows]) * rng.standard_normal((DRAWS, n)))
    order = y[:, None] < y
    losses = np.array([[(order != (z[:, None] < z)).sum() for z in draws] for draws in drawn])
    poor = np.median(losses[:-1], axis=1) > np.quantile(losses[-1], 0.95)
    losses[:-1][poor] = n * n
    best = losses == losses.min(axis=0)
    return np.asarray((best / best.sum(axis=0)).mean(axis=1), dtype=np.float64)
