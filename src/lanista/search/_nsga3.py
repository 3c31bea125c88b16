"""The non-dominated sorting genetic algorithm with reference points, for many objectives."""

from itertools import combinations
from math import comb

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Floats
from lanista.search._genetic import check_population, children
from lanista.search._pareto import fronts
from lanista.search._ranking import Rows, best, outcomes, violation
from lanista.space import Space

LEAST = 1e-12
FARTHEST = 1e6
"""Bounds of what is normalised: the least range of an objective, and the greatest value."""


class NSGA3(Described):
    """As `NSGA2`, but the last front to survive is thinned by directions instead of by the room around a point.

    Deb and Jain, An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based Nondominated
    Sorting, Part I (2014), section IV; Part II for the constraints. Directions are spread evenly over the simplex (Das
    and Dennis, Normal-Boundary Intersection, 1998, section 3); of the last front, the trials survive that are nearest
    to the directions with the fewest survivors. For three objectives and more.

    Args:
        population: trials that may be parents, at least 4; so many are drawn at random first.
        divisions: of each side of the simplex; by default the most that give no more directions than the population.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> NSGA3().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.636...}]
    """

    _axes: Axes | None = None
    _space: Space | None = None

    def __init__(self, population: int = 30, *, divisions: int | None = None) -> None:
        self.population, self.divisions = population, divisions
        check_population("NSGA3", population)
        if divisions is not None and (isinstance(divisions, bool) or not isinstance(divisions, int) or divisions < 1):
            raise UsageError(f"NSGA3(divisions={divisions!r}): it must be a whole number from 1, or None")

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Fills the first population with random configurations, then proposes children."""
        space = history.space
        first = min(count, max(0, self.population - len(history)))
        if first == count or not space.width:
            return space.sample(rng, count)
        parents = self._survivors(history, rng)
        if not len(parents):
            return space.sample(rng, count)
        if self._axes is None or self._space is not space:
            self._axes, self._space = Axes(space), space
        proposals = space.sample(rng, first)
        pairs = rng.integers(len(parents), size=(2, count - first))
        return proposals + children(history, self._axes, parents[pairs[0]], parents[pairs[1]], rng)

    def _survivors(self, history: History, rng: "np.random.Generator") -> Rows:
        found = outcomes(history)
        rows = found.complete
        if history.constraints:
            rows = rows[violation(history)[rows] == 0]
        if len(rows) <= self.population or len(history.metrics) == 1:
            return best(history, found, self.population)
        Y = history.Y[rows]
        m = Y.shape[1]
        points = reference_points(m, self.divisions or divisions_for(m, self.population))
        return rows[survivors(Y, points, self.population, rng)]


def divisions_for(m: int, count: int) -> int:
    """The most divisions, at least 1, that give no more than `count` reference points."""
    divisions = 1
    while m > 1 and comb(divisions + m, m - 1) <= count:
        divisions += 1
    return divisions


def reference_points(m: int, divisions: int) -> Floats:
    """(r, m) all points of the unit simplex whose coordinates are multiples of 1 / divisions.

    >>> reference_points(2, 2)
    array([[0. , 1. ],
           [0.5, 0.5],
           [1. , 0. ]])
    """
    bars = np.array(list(combinations(range(divisions + m - 1), m - 1)), dtype=np.float64).reshape(-1, m - 1)
    edges = np.concatenate([np.full((len(bars), 1), -1.0), bars, np.full((len(bars), 1), divisions + m - 1.0)], axis=1)
    points: Floats = (np.diff(edges, axis=1) - 1.0) / divisions
    return points


def survivors(Y: Floats, points: Floats, count: int, rng: "np.random.Generator") -> Rows:
    """`count` of the rows of Y (n, m): whole fronts, then those of the last one that serve neglected directions."""
    found = fronts(Y, count)
    sure = np.concatenate([np.empty(0, dtype=np.intp), *found[:-1]])
    last = found[-1]
    if len(sure) + len(last) == count:
        return np.concatenate([sure, last])
    rows = np.concatenate([sure, last])
    nearest, distance = associated(normalised(Y[rows], Y[found[0]]), points)
    crowd = np.bincount(nearest[: len(sure)], minlength=len(points)).astype(np.float64)
    left: list[list[int]] = [[] for _ in points]  # of the last front by direction, the best last
    order = rng.permutation(len(last)) + len(sure)
    for i in order[np.argsort(-distance[order], kind="stable")].tolist():
        left[nearest[i]].append(i)
    crowd[[not there for there in left]] = np.inf
    chosen: list[int] = []
    while len(chosen) < count - len(sure):
        fewest = np.flatnonzero(crowd == crowd.min())
        direction = int(fewest[rng.integers(len(fewest))])
        # The nearest one where nobody stands yet, any of them elsewhere.
        at = -1 if crowd[direction] == 0 else int(rng.integers(len(left[direction])))
        chosen.append(left[direction].pop(at))
        crowd[direction] = crowd[direction] + 1 if left[direction] else np.inf
    return np.concatenate([sure, rows[chosen]])


def normalised(Y: Floats, front: Floats) -> Floats:
    """Y (n, m) with the ideal point of the first `front` (k, m) at 0, and the plane through its extremes at sum 1."""
    Y, front = Y * 0.25, front * 0.25  # so that no difference of finite values is infinite
    ideal = front.min(axis=0)
    span = np.maximum(front.max(axis=0) - ideal, LEAST)
    scaled = (front - ideal) / span
    # The extreme point of an objective has the least of the greatest of the others.
    others = 1.0 - np.eye(Y.shape[1])
    extreme = scaled[[int(np.argmin((scaled * other).max(axis=1))) for other in others]]
    try:
        share = np.linalg.solve(extreme, np.ones(len(extreme)))
    except np.linalg.LinAlgError:
        share = np.ones(len(extreme))
    if not (share > 1.0 / FARTHEST).all():  # the plane does not cut all axes: the span must do
        share = np.ones(len(extreme))
    with np.errstate(over="ignore"):
        result: Floats = np.minimum((Y - ideal) / span * share, FARTHEST)
    return result


def associated(Y: Floats, points: Floats) -> tuple[Rows, Floats]:
    """The direction (n,) of the reference points (r, m) to which each row of Y (n, m) is nearest, and how far it is."""
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    along = Y @ unit.T
    squared = (Y**2).sum(axis=1)[:, None] - along**2
    nearest = np.argmin(squared, axis=1)
    return nearest, np.sqrt(np.maximum(squared[np.arange(len(Y)), nearest], 0.0))
