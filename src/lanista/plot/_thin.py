"""Which of many points to draw: few enough for a screen, and never without the extremes.

Shapes: n points in their order. Whatever is chosen comes back as ascending indices.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MARKS = 2_000
"""Marks of a scatter: beyond, a screen shows no more."""
LINE = 200
"""Points of one line among many."""


def outline(y: Floats, most: int) -> Rows:
    """At most `most` points, of 4 or more, of a line (n,): its ends, and the least and the greatest of each stretch.

    Every peak stays where it is, as in the M4 aggregation of Jugel et al., M4: A Visualization-Oriented Time Series
    Data Aggregation (2014), section 4. NaN counts for nothing.

    >>> outline(np.array([0.0, 0.1, 9.0, 0.1, 0.0, 0.1, -7.0, 0.0]), 4).tolist()
    [0, 2, 6, 7]
    """
    n = len(y)
    if n <= most:
        return np.arange(n)
    return np.union1d([0, n - 1], _extremes(y, max(1, (most - 2) // 2)))


def spread(y: Floats, most: int) -> Rows:
    """At most `most` points, of 4 or more, of a cloud (n,): its extremes, and evenly the rest.

    Three quarters are spread evenly, so that the cloud looks as it is; the others are the least and the greatest of
    each stretch.

    >>> y = np.zeros(10_000)
    >>> y[1234] = 5.0
    >>> rows = spread(y, 100)
    >>> len(rows) <= 100, 1234 in rows
    (True, True)
    """
    n = len(y)
    if n <= most:
        return np.arange(n)
    stretches = max(1, most // 8)
    even = np.linspace(0, n - 1, max(2, most - 2 * stretches)).astype(np.intp)
    return np.union1d(even, _extremes(y, stretches))


def evenly(n: int, most: int) -> Rows:
    """At most `most` of n indices, the first and the last among them.

    >>> evenly(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.arange(n) if n <= most else np.unique(np.linspace(0, n - 1, most).astype(np.intp))


def _extremes(y: Floats, stretches: int) -> Rows:
    """The indices of the least and the greatest of each of so many stretches of y (n,)."""
    width = -(-len(y) // stretches)
    room = np.full(-(-len(y) // width) * width, np.nan)
    room[: len(y)] = y
    table = room.reshape(-1, width)
    starts = np.arange(len(table)) * width
    least = np.where(np.isnan(table), np.inf, table).argmin(axis=1)
    greatest = np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    return np.unique([starts + least, starts + greatest])
