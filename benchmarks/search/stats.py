"""What is computed from traces: ranks, intervals, critical differences, hypervolumes.

Shapes: p problems, k optimisers, s seeds, n evaluations, m objectives. Smaller is better.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def best_so_far(values: Sequence[float | None], budget: int, otherwise: float = math.inf) -> Floats:
    """(budget,) the least value until each evaluation, `otherwise` before the first; it stays after the last."""
    found = np.array([math.nan if value is None else value for value in values[:budget]], dtype=np.float64)
    curve = np.fmin.accumulate(np.concatenate([[otherwise], found]))[1:]
    last = curve[-1] if len(curve) else otherwise
    return np.concatenate([curve, np.full(budget - len(curve), last)])


def expected_ranks(values: Sequence[Floats]) -> Floats:
    """(k,) the rank of each optimiser on one problem, expected when each draws one of its seeds; 1 is the best.

    `values` holds each optimiser's values (s,), of as many seeds as it has. Ties count half.
    """
    k = len(values)
    ranks = np.ones(k)
    for i in range(k):
        for j in range(k):
            if i != j:
                mine, theirs = values[i][:, None], values[j][None, :]
                ranks[i] += ((theirs < mine) + 0.5 * (theirs == mine)).mean()
    return ranks


def bootstrap(table: Floats, *, draws: int = 2000, level: float = 0.95, seed: int = 0) -> tuple[Floats, Floats]:
    """The ends (k,) of the interval of each column's mean of a table (p, k), problems being drawn with replacement."""
    rng = np.random.default_rng(seed)
    p = len(table)
    means = table[rng.integers(p, size=(draws, p))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def critical_difference(k: int, p: int, *, level: float = 0.05) -> float:
    """The difference of mean ranks of k optimisers over p problems beyond which two differ, by Nemenyi's test.

    Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets (2006), section 3.2.2.
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - level, k, np.inf)) / math.sqrt(2)
    return q * math.sqrt(k * (k + 1) / (6 * p))


def cliques(ranks: Sequence[float], difference: float) -> list[tuple[float, float]]:
    """The maximal stretches of mean ranks within which no two differ by more than the critical difference."""
    ordered = sorted(ranks)
    found: list[tuple[float, float]] = []
    for low in ordered:
        high = max(rank for rank in ordered if rank - low <= difference)
        if high > low and (not found or high > found[-1][1]):
            found.append((low, high))
    return found


def evaluations_to_reach(curve: Floats, target: float) -> float:
    """After how many evaluations a falling curve (n,) is at the target; infinite where it never is."""
    reached = np.flatnonzero(curve <= target)
    return float(reached[0] + 1) if len(reached) else math.inf


def hypervolume(points: Floats) -> float:
    """The share of the unit square that points (n, 2) dominate, towards 0; what lies outside counts at the edge."""
    if points.shape[1:] != (2,):
        raise ValueError(f"points must be of two objectives, got the shape {points.shape}")
    inside = np.clip(points[(points < 1).all(axis=1)], 0, None)
    area, lowest = 0.0, 1.0
    for x, y in inside[np.lexsort((inside[:, 1], inside[:, 0]))]:
        if y < lowest:
            area += (1 - x) * (lowest - y)
            lowest = y
    return float(area)


def hypervolumes(values: Sequence[Sequence[float] | None], budget: int, best: Floats, worst: Floats) -> Floats:
    """(budget,) what is missing to a full hypervolume after each evaluation, between the ideal and the worst point."""
    curve = np.ones(budget)
    front = np.empty((0, 2))
    area = 0.0
    for i in range(budget):
        value = values[i] if i < len(values) else None
        if value is not None:
            point = (np.array(value) - best) / (worst - best)
            if not (front <= point).all(axis=1).any():
                front = np.vstack([front[~(point <= front).all(axis=1)], point])
                area = hypervolume(front)
        curve[i] = 1 - area
    return curve
