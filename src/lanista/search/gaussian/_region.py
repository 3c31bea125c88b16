"""The trust region of a local search, told from the trials so far.

Eriksson et al., Scalable Global Optimization via Local Bayesian Optimization (2019), section 2.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search.gaussian._features import Features
from lanista.search.gaussian._process import Scales

Floats = NDArray[np.float64]

LARGEST, FIRST, SMALLEST = 1.6, 0.8, 0.5**7
"""Side lengths of the region, in the unit cube."""
SUCCESSES = 3
"""Improvements in a row after which the region doubles."""


class Region(NamedTuple):
    """Where the local search stands.

    Attributes:
        begun: how many trials had ended when it began.
        length: of a side.
    """

    begun: int
    length: float


def region(
    y: Floats, patience: int, startup: int, own: NDArray[np.bool_] | None = None, *, first: float = FIRST
) -> Region:
    """The region after trials that ended with y (n,), in their order.

    Its side, `first` at first, doubles after three improvements in a row, halves after `patience` trials in a row
    without one, and begins anew, after `startup` trials, when it has become too small. Trials that are not the
    searcher's `own` (n,) say nothing of the region that they were not drawn from; they only are what others have to
    improve on.
    """
    begun, length = 0, first
    best, ups, downs = np.inf, 0, 0
    counts = np.ones(len(y), dtype=np.bool_) if own is None else own
    for i, (value, counted) in enumerate(zip(y.tolist(), counts.tolist(), strict=True)):
        better = value < best - 1e-3 * abs(best) if np.isfinite(best) else True
        best = min(best, value)
        if i - begun < startup or not counted:
            continue
        ups, downs = (ups + 1, 0) if better else (0, downs + 1)
        if ups == SUCCESSES:
            length, ups = min(2.0 * length, LARGEST), 0
        elif downs == patience:
            length, downs = 0.5 * length, 0
        if length < SMALLEST:
            begun, length, best, ups, downs = i + 1, first, np.inf, 0, 0
    return Region(begun, length)


def box(features: Features, scales: Scales, centre: Floats, length: float) -> tuple[Floats, Floats]:
    """Lower and upper ends (d,) around a point (d,), NaN where it has no value; longer in columns of longer scales.

    Only numbers are confined; choices and what hangs below others are free.
    """
    numbers = features.columns[features.numeric]
    longs = np.exp(-0.5 * scales.weight[: len(numbers)])
    sides = np.clip(longs / np.exp(np.log(longs).mean()), 0.25, 4.0) if len(numbers) else longs
    half = np.full(len(centre), np.inf)
    half[numbers] = 0.5 * length * sides
    half[np.isnan(centre)] = np.inf
    at = np.where(np.isnan(centre), 0.5, centre)
    return np.clip(at - half, 0.0, 1.0), np.clip(at + half, 0.0, 1.0)
