"""Decides which points of the cube meet the constraints, column by column.

An expression gets the values of the parameters that it mentions, and nothing else is decoded; it is still Python that
computes, point after point, so that a point and its configuration are never judged differently. A callable gets the
configurations of those points that the constraints before it left.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from lanista.errors import UnsatisfiableError
from lanista.space._codec import Codec
from lanista.space._columns import Mask, Matrix
from lanista.space._constraints import Constraint
from lanista.space._slots import Activity, Rows, Slot

MOST_TRIES = 100_000  # random points without one that meets the constraints before these count as unsatisfiable


class Judge:
    """The constraints of a space, ready to decide."""

    def __init__(self, codec: Codec, constraints: tuple[Constraint, ...], known: frozenset[str]) -> None:
        self._codec = codec
        self._constraints = constraints
        self._known = known

    def feasible(self, X: Matrix) -> Mask:
        """Returns which of the points X (n, d) meet all constraints (n,).

        Raises:
            SpaceError: a constraint cannot be evaluated at one of the points.
        """
        batch = _Batch(self._codec, self._known, X)
        good = np.ones(len(X), dtype=np.bool_)
        for constraint in self._constraints:
            left = np.flatnonzero(good)
            if constraint.source is not None:
                rows, columns = batch.arguments(constraint.arguments, left)
                good[rows] = batch.expression(constraint, rows, columns)
            elif constraint.function is not None:
                good[left] = batch.callable(constraint, left)
        return good

    def draw(self, points: Callable[[int], Matrix], n: int) -> Matrix:
        """Returns the first `n` that meet all constraints of the points (k, d) that `points(k)` draws.

        Raises:
            UnsatisfiableError: none of 100,000 points in a row meets them, or hardly any of 10 million.
        """
        if not self._constraints:
            return points(n)
        found: list[Matrix] = []
        count = tried = 0
        batch, most = n, MOST_TRIES
        while count < n:
            if tried >= most:
                raise UnsatisfiableError(self._unsatisfied(points(1000), tried, count, n))
            X = points(batch)
            found.append(X[self.feasible(X)][: n - count])
            count += len(found[-1])
            tried += batch
            if len(found[-1]):  # as long as some are found it is a matter of time only
                most = min(tried + MOST_TRIES, 100 * max(MOST_TRIES, n))
            needed = (n - count) * tried / max(count, 0.5)
            batch = max(1, min(math.ceil(1.2 * needed), most - tried, 10_000))
        return np.concatenate(found) if found else np.empty((0, self._codec.width))

    def _unsatisfied(self, X: Matrix, tried: int, found: int, n: int) -> str:
        drawn = self._codec.decode(X)
        rates = ", ".join(
            f"{c.name!r} (holds in {sum(c.holds(p, self._known) for p in drawn) / 10:g} %)" for c in self._constraints
        )
        return (
            f"{found} of {n} configurations that meet the constraints were found in {tried} random ones: {rates}; "
            "loosen them, or write an equality by leaving out one parameter and computing it in the objective"
        )


class _Batch:
    """The numbers of some points, and what constraints make of them."""

    def __init__(self, codec: Codec, known: frozenset[str], X: Matrix) -> None:
        self._codec = codec
        self._known = known
        self._V = codec.full(X)
        self._activity = Activity(self._V, codec.parameters)

    def arguments(self, names: Iterable[str], rows: Rows) -> tuple[Rows, list[list[Any]]]:
        """Returns those of the rows in which all names apply, and the values of each name in them."""
        slots = [self._codec.by_name.get(name, []) for name in names]
        for those in slots:
            if not those:  # fixing a choice took the parameter away
                rows = rows[:0]
            elif all(slot.parent is not None for slot in those):
                rows = rows[np.any([self._activity.mask(slot) for slot in those], axis=0)[rows]]
        return rows, [self._values(those, rows) for those in slots]

    def _values(self, slots: list[Slot], rows: Rows) -> list[Any]:
        if len(slots) == 1:
            return slots[0].read_many(self._V, rows)
        values: list[Any] = [None] * len(rows)
        for slot in slots:  # parameters that exclude each other
            places = np.flatnonzero(self._activity.mask(slot)[rows])
            for i, value in zip(places.tolist(), slot.read_many(self._V, rows[places]), strict=True):
                values[i] = value
        return values

    def expression(self, constraint: Constraint, rows: Rows, columns: list[list[Any]]) -> Mask:
        """Returns in which rows an expression of these values holds."""
        try:
            return np.fromiter(map(bool, map(constraint.compiled, *columns)), np.bool_, len(rows))
        except Exception:
            return self.callable(constraint, rows)  # names the configuration at which it broke

    def callable(self, constraint: Constraint, rows: Rows) -> Mask:
        """Returns in which rows a constraint holds, configuration by configuration."""
        params = self._codec.configurations(self._V[:, rows])
        return np.fromiter((constraint.holds(p, self._known) for p in params), np.bool_, len(rows))
