"""Which branch of a conditional space the next trial goes to.

A choice with parameters below it splits a space into branches that know little of each other. The candidate of the
greatest density ratio would nearly always come from the branch that is ahead; so the branch is drawn, from the density
of the good trials, and the search goes on inside it, from the trials that lie there.
"""

import numpy as np

from lanista.journal import History
from lanista.search._axes import SAME, Axes, Bools, Floats
from lanista.search._ranking import Outcomes, Rows

FEWEST = 3
"""Trials with an outcome that a branch needs for a model of its own."""


def drawn(
    axes: Axes, history: History, good: Rows, weights: Floats, other: Floats, rng: "np.random.Generator"
) -> Floats:
    """Draws values (r,) for the choices that split the space, from the good trials (k,) or the point `other` (d,).

    Args:
        axes: whose `roots` are the choices.
        history: of the experiment.
        good: the good trials.
        weights: (k + 1,) of these, and of `other`.
        other: what stands for the rest of the space.
        rng: random numbers.
    """
    roots = axes.roots
    number = int(np.searchsorted(np.cumsum(weights / weights.sum())[:-1], rng.random(), side="right"))
    uniform = rng.random(2 * len(roots))
    if number == len(good):
        chosen = other[roots]
    else:
        spread = axes.cardinality[roots] / (axes.cardinality[roots] + len(good) + 1.0)
        chosen = np.where(uniform[: len(roots)] < spread, uniform[len(roots) :], history.X[good[number], roots])
    sizes = axes.cardinality[roots]
    values: Floats = (np.minimum((chosen * sizes).astype(np.intp), sizes - 1) + 0.5) / sizes
    return values


def inside(axes: Axes, history: History, found: Outcomes, values: Floats) -> Outcomes | None:
    """The trials of the branch where the choices have these values (r,); None if they are too few for a model."""
    X = history.X
    there: Bools = np.ones(len(X), dtype=np.bool_)
    for column, value in zip(axes.roots.tolist(), values.tolist(), strict=True):
        there &= np.abs(X[:, column] - value) < SAME
    own = Outcomes(*(rows[there[rows]] for rows in found))
    return own if own.known >= FEWEST and (len(own.complete) or len(own.partial)) else None
