"""Several objectives: fronts, the room around a point, and the volume that a set dominates.

Shapes: n points, m objectives, all minimised. A row dominates another if it is nowhere greater and somewhere less;
equal rows do not dominate each other.
"""

from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

from lanista.errors import MissingExtraError, UsageError

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Bools = NDArray[np.bool_]

FEW = 64
"""Rows up to which fronts of one or two objectives are split off one by one; beyond, all rows are ranked at once."""
MANY = 500
"""Rows from which on it pays to look for those that need not be sorted."""
BLOCK = 16
"""Points that are compared with all others at a time: few enough that the first ones spare the work of the next."""


def non_dominated(Y: Floats) -> Rows:
    """Indices of the rows of Y (n, m) that no other row dominates, ascending; equal rows are all kept.

    >>> non_dominated(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]))
    array([0, 1])
    """
    return fronts(Y, min(1, len(Y)))[0] if len(Y) else np.empty(0, dtype=np.intp)


def fronts(Y: Floats, count: int) -> list[Rows]:
    """The first fronts of the rows of Y (n, m), as many as hold at least `count` rows; each ascending.

    The first front is what no row dominates, the next what none of the rest dominates, and so on: Deb et al., A Fast
    and Elitist Multiobjective Genetic Algorithm: NSGA-II (2002), section III A.
    """
    count = min(count, len(Y))
    rows = _needed(Y, count)
    Y = Y[rows]
    if Y.shape[1] <= 2 and count > FEW:
        rank = ranks(Y)
        sizes = np.bincount(rank)
        needed = 1 + int(np.searchsorted(np.cumsum(sizes), count))
        return np.split(rows[np.argsort(rank, kind="stable")], np.cumsum(sizes))[:needed]
    left = _order(Y)
    found: list[Rows] = []
    while count > 0:
        front, left = _peel(Y, left)
        found.append(np.sort(rows[front]))
        count -= len(front)
    return found


def ranks(Y: Floats) -> Rows:
    """The number (n,) of each row's front, 0 the first."""
    n, m = Y.shape
    rank = np.empty(n, dtype=np.intp)
    if m == 1:
        return np.unique(Y[:, 0], return_inverse=True)[1]
    if m == 2:
        _sweep(Y, rank)
        return rank
    for number, front in enumerate(fronts(Y, n)):
        rank[front] = number
    return rank


def crowding(Y: Floats) -> Floats:
    """The crowding distance (n,) of each row within its front Y (n, m): infinite for the ends of an objective.

    Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II (2002), section III B.
    """
    room = np.zeros(len(Y))
    for y in Y.T * 0.25:  # so that no difference of finite values is infinite
        order = np.argsort(y, kind="stable")
        span = y[order[-1]] - y[order[0]] if len(order) else 0.0
        if span > 0:
            room[order[1:-1]] += (y[order[2:]] - y[order[:-2]]) / span
        room[order[:1]] = room[order[-1:]] = np.inf
    return room


def hypervolume(Y: Floats, reference: Floats) -> float:
    """The volume that the rows of Y (n, m) dominate, up to the `reference` (m,): what is worse there counts nothing.

    Rows with a value that is not finite are left out. Exact: a sweep for up to three objectives, O(n log n); beyond,
    the package moocore computes it (Fonseca, Paquete and Lopez-Ibanez, An Improved Dimension-Sweep Algorithm for the
    Hypervolume Indicator, 2006).

    Raises:
        UsageError: the reference has not one finite value for each objective.
        MissingExtraError: over three objectives, and moocore is not installed.

    >>> hypervolume(np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([1.0, 1.0]))
    0.75
    """
    Y, reference = np.asarray(Y, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    m = Y.shape[1]
    if reference.shape != (m,) or not np.isfinite(reference).all():
        raise UsageError(f"the reference {reference.tolist()} must have one finite value for each of {m} objectives")
    Y = Y[np.isfinite(Y).all(axis=1) & (reference > Y).all(axis=1)]
    if not len(Y):
        return 0.0
    Y = Y[non_dominated(Y)]
    if m == 1:
        return float(reference[0] - Y.min())
    if m == 2:
        Y = np.unique(Y, axis=0)
        above = np.concatenate([reference[1:], Y[:-1, 1]])
        return float(((reference[0] - Y[:, 0]) * (above - Y[:, 1])).sum())
    if m == 3:
        return _volume(Y, reference)
    try:
        import moocore
    except ImportError as error:
        raise MissingExtraError.of("moocore", "moo") from error
    return float(moocore.hypervolume(Y, ref=reference))


def _needed(Y: Floats, count: int) -> Rows:
    """The rows of Y that may belong to fronts which hold `count` rows: what `count` others dominate does not."""
    n, m = Y.shape
    at = int(2 * n * (count / n) ** (1 / m)) if n else 0  # of independent objectives, 2^m * count rows are below
    if n < MANY or at >= n // 2:
        return np.arange(n)
    corner = np.array([np.partition(y, at)[at] for y in Y.T])
    if (corner >= Y).all(axis=1).sum() < count:
        return np.arange(n)
    return np.flatnonzero((corner >= Y).any(axis=1))


def _order(Y: Floats) -> Rows:
    """The rows in an order in which none comes after one that it dominates, and those that dominate many come early."""
    if Y.shape[1] <= 2:
        return np.lexsort(Y.T[::-1])
    # Each step rounds monotonically, so a row that dominates another has no greater sum; ties are looked at in full.
    quarter = Y * 0.25
    low = quarter.min(axis=0, initial=np.inf)
    span = quarter.max(axis=0, initial=-np.inf) - low
    total = ((quarter - low) / np.where(span > 0, span, 1.0)).sum(axis=1)
    order = np.argsort(total, kind="stable")
    if (np.diff(total[order]) == 0).any():
        order = np.lexsort((*Y.T[::-1], total))
    return order


def _peel(Y: Floats, left: Rows) -> tuple[Rows, Rows]:
    """Splits the rows that are left, in their order, into the next front and what remains."""
    if Y.shape[1] == 1:
        first = Y[left, 0] == Y[left[0], 0]
        return left[first], left[~first]
    if Y.shape[1] == 2:
        first = _stairs(Y[left])
        return left[first], left[~first]
    found, remaining, at = [], np.zeros(len(left), dtype=np.bool_), np.arange(len(left))
    while len(at):
        head, at = at[:BLOCK], at[BLOCK:]
        values = Y[left[head]]
        beaten = _dominated(values, values)
        found.append(head[~beaten])
        beaten_later = _dominated(values[~beaten], Y[left[at]])
        remaining[head[beaten]] = True
        remaining[at[beaten_later]] = True
        at = at[~beaten_later]
    return left[np.concatenate(found)], left[remaining]


def _stairs(Y: Floats) -> Bools:
    """Which rows of Y (n, 2), sorted lexicographically, nothing dominates."""
    y = Y[:, 1]
    lowest = np.minimum.accumulate(y)
    first = np.ones(len(Y), dtype=np.bool_)
    first[1:] = y[1:] < lowest[:-1]
    # A row that equals a first one stands right behind it, so it has the y of the last first one, and its x.
    step = np.maximum.accumulate(np.where(first, np.arange(len(Y)), 0))
    equal: Bools = (Y[step] == Y).all(axis=1)
    return equal


def _dominated(by: Floats, Y: Floats) -> Bools:
    """Which rows of Y (n, m) some row of `by` (k, m) dominates."""
    nowhere_greater = np.ones((len(by), len(Y)), dtype=np.bool_)
    somewhere_less = np.zeros((len(by), len(Y)), dtype=np.bool_)
    for own, other in zip(by.T, Y.T, strict=True):
        nowhere_greater &= own[:, None] <= other
        somewhere_less |= own[:, None] < other
    nowhere_greater &= somewhere_less
    dominated: Bools = np.logical_or.reduce(nowhere_greater, axis=0)
    return dominated


def _sweep(Y: Floats, rank: Rows) -> None:
    """Fills in the ranks of two objectives: along the first, a front dominates what lies above its last point."""
    order = np.lexsort(Y.T[::-1])
    lowest: list[float] = []  # of each front so far, the least of its second objective; ascending
    before, number = None, 0
    for row, point in zip(order.tolist(), Y[order].tolist(), strict=True):
        if point != before:
            number = bisect_right(lowest, point[1])
            lowest[number : number + 1] = [point[1]]
            before = point
        rank[row] = number


def _volume(Y: Floats, reference: Floats) -> float:
    """Hypervolume of three objectives: sweeps along the last, keeping the stairs of the first two and their area."""
    right, top, end = reference.tolist()
    xs, ys = [-np.inf, right], [top, -np.inf]  # the corners, ascending in x and descending in y, with sentinels
    area = volume = 0.0
    points = Y[np.argsort(Y[:, 2], kind="stable")].tolist()
    for (x, y, z), above in zip(points, [p[2] for p in points[1:]] + [end], strict=True):
        at = bisect_left(xs, x)
        if (xs[at] == x and ys[at] <= y) or ys[at - 1] <= y:
            volume += area * (above - z)
            continue
        last = at
        start, ceiling = x, ys[at - 1]
        while ys[last] >= y:
            area += (xs[last] - start) * (ceiling - y)
            start, ceiling = xs[last], ys[last]
            last += 1
        area += (xs[last] - start) * (ceiling - y)
        xs[at:last], ys[at:last] = [x], [y]
        volume += area * (above - z)
    return float(volume)
