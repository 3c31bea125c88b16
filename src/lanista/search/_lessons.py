"""What earlier experiments teach a Parzen estimator: their good trials, as far as their order holds here, too.

Shapes: k trials of earlier experiments, n own trials, d columns.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lanista.journal import History, Source
from lanista.search._axes import Axes, Bools, Floats
from lanista.search._parzen import Kernels
from lanista.search._ranking import Outcomes, Rows, smallest

MOST = 10
"""Good trials of one earlier experiment."""
MOST_COMPARED = 64
"""Trials, own and earlier ones, that are compared."""
WIDTH, SPREAD = 0.15, 0.3
"""Of the kernels that predict an own trial's value from earlier ones."""
TRUST, DOUBT = 0.5, 5.0
"""What an experiment is believed to agree before there are own trials, and how many of them count as much."""


class Lessons(NamedTuple):
    """Good trials of earlier experiments.

    Attributes:
        X: (k, d) their points.
        active: (k, d) which columns apply.
        place: (k,) in which place of its own experiment each was.
        weight: (k,) how far it is trusted, from 0 to 1.
    """

    X: Floats
    active: Bools
    place: Rows
    weight: Floats


def lessons_of(history: History, good_share: float, trust: Sequence[float] | None = None) -> Lessons:
    """The best `good_share` of the trials of each earlier experiment, at most 10 of each; `trust`: in each of them."""
    d = history.space.width
    found = [(np.empty((0, d)), np.empty((0, d), dtype=np.bool_), np.empty(0, dtype=np.intp), np.empty(0))]
    for number, source in enumerate(history.sources):
        X, active, Y = source.points(history.space)
        valued = np.flatnonzero(np.isfinite(Y).all(axis=1))
        rows = valued[smallest(Y[valued], min(math.ceil(good_share * len(valued)), MOST))]
        weight = 1.0 if trust is None else trust[number]
        found.append((X[rows], active[rows], np.arange(len(rows)), np.full(len(rows), weight)))
    return Lessons(*(np.concatenate(part) for part in zip(*found, strict=True)))


def agreement(axes: Axes, history: History, outcomes: Outcomes, source: Source) -> float:
    """How far an earlier experiment orders the own completed trials as they are, by the first objective, 0 to 1.

    It is Kendall's tau between their values and those predicted from the earlier trials around them, shrunk. Feurer et
    al., Practical Transfer Learning for Bayesian Optimization (2018), section 4, weigh models by the same loss.
    """
    rows = outcomes.complete[-MOST_COMPARED:]
    X, active, Y = source.points(history.space)
    known = np.flatnonzero(np.isfinite(Y[:, 0]))
    if not len(known) or not len(rows):
        return TRUST
    known = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST_COMPARED)).astype(np.intp))]
    d = history.space.width
    kernels = Kernels(axes, X[known], active[known], np.full(d, WIDTH), np.full(d, SPREAD))
    own = history.active[rows]
    logs = kernels.log_density(np.where(own, history.X[rows], 0.5), own)
    near = np.exp(logs - logs.max(axis=1, keepdims=True))
    place = np.argsort(np.argsort(Y[known, 0], kind="stable"), kind="stable").astype(np.float64)
    predicted, y = near @ place / near.sum(axis=1), history.Y[rows, 0]
    upper = np.triu_indices(len(rows), 1)
    agree = (np.sign(predicted[:, None] - predicted) * np.sign(y[:, None] - y))[upper]
    tau = float(agree.mean()) if len(agree) else 0.0
    return max(0.0, (len(rows) * tau + DOUBT * TRUST) / (len(rows) + DOUBT))
