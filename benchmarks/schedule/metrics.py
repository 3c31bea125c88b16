"""What is told of runs: the best value so far over virtual time, targets, and times to them.

A run is told as the improvements of its best reported value: pairs (time, value) with both in order. Smaller is better.
"""

import heapq
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Improvements = list[tuple[float, float]]


def improvements(times: Floats, values: Floats) -> Improvements:
    """The improvements among reports (n,) in any order; NaN is no value."""
    order = np.argsort(times, kind="stable")
    best = np.fmin.accumulate(np.where(np.isnan(values), np.inf, values)[order])
    first = np.flatnonzero(best < np.concatenate([[np.inf], best[:-1]]))
    return list(zip(times[order][first].tolist(), best[first].tolist(), strict=True))


def fifo(values: Floats, seconds: Floats, workers: int) -> tuple[Improvements, float]:
    """Trains curves (n, steps) in full, in their order, on so many workers; also when the last one is over."""
    totals = np.cumsum(seconds, axis=1)
    free = [0.0] * workers
    starts = np.empty(len(values))
    for i, takes in enumerate(totals[:, -1].tolist()):
        starts[i] = free[0]
        heapq.heapreplace(free, free[0] + takes)
    return improvements((starts[:, None] + totals).ravel(), values.ravel()), max(free)


def middle(values: Iterable[float]) -> float:
    """The lower median: what at least half of the values do not exceed. It is infinite where fewer are finite."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]


def upper_middle(values: Iterable[float]) -> float:
    """The upper median, which is infinite where no more than half of the values are finite."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def time_to(run: Improvements, target: float) -> float:
    """When a run first has a value at least as good; infinite: never."""
    return next((time for time, value in run if value <= target), math.inf)


def value_at(run: Improvements, time: float) -> float:
    """The best value at a time; infinite before the first."""
    return next((value for at, value in reversed(run) if at <= time), math.inf)


def median_interval(values: Sequence[float], *, draws: int = 2000, level: float = 0.95) -> tuple[float, float, float]:
    """The median of some numbers and the ends of its bootstrap interval."""
    found = np.array(values, dtype=float)
    rng = np.random.default_rng(0)
    drawn = np.median(found[rng.integers(len(found), size=(draws, len(found)))], axis=1)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(np.median(found)), float(low), float(high)
