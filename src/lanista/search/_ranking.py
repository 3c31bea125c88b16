"""Which trials did well: complete ones by value, then stopped and paused ones by how far they came, then failures.

Those that break a constraint come after all that keep them, by how much they break.

Shapes: n trials, m objectives. Rows are trial numbers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.journal import CANCELLED, COMPLETED, FAILED, INFEASIBLE, PAUSED, STOPPED, History
from lanista.search._pareto import crowding, fronts

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class Outcomes(NamedTuple):
    """The trials of a history by what is known of them, each in the order of their numbers.

    Attributes:
        complete: they ran to their end and have all their objectives.
        partial: stopped or paused, with the objectives of their last report: censored.
        bad: failed, infeasible, or ended without a finite value.
        pending: waiting or running, or paused before a first report.
        cancelled: a person ended them; they say nothing.
    """

    complete: Rows
    partial: Rows
    bad: Rows
    pending: Rows
    cancelled: Rows

    @property
    def known(self) -> int:
        """How many trials have an outcome."""
        return len(self.complete) + len(self.partial) + len(self.bad)


def outcomes(history: History) -> Outcomes:
    """Sorts the trials of a history into groups."""
    state, Y = history.state, history.Y
    finite = np.isfinite(Y[:, 0]) if Y.shape[1] == 1 else np.isfinite(Y).all(axis=1)
    group = _GROUP[state, finite.astype(np.intp)]
    return Outcomes(*(np.flatnonzero(group == code) for code in range(5)))


def _groups() -> NDArray[np.int8]:
    """(states, 2) group by state and by whether the objectives are finite."""
    group = np.full((8, 2), 3, dtype=np.int8)
    group[[COMPLETED, STOPPED, FAILED, INFEASIBLE]] = 2
    group[COMPLETED, 1] = 0
    group[[STOPPED, PAUSED], 1] = 1
    group[CANCELLED] = 4
    return group


_GROUP = _groups()


def best(history: History, among: Outcomes, count: int) -> Rows:
    """The best `count` trials with values, the best first; fewer where there are not so many.

    Deb, An Efficient Constraint Handling Method for Genetic Algorithms (2000), section 3: what keeps the constraints
    goes before what does not, which is ranked by how much it breaks them.
    """
    if not history.constraints:
        return _best(history, among.complete, among.partial, count)
    broken = violation(history)
    complete, partial = (rows[broken[rows] == 0] for rows in (among.complete, among.partial))
    rows = _best(history, complete, partial, count)
    if len(rows) < count:
        others = np.concatenate([among.complete, among.partial])
        others = others[broken[others] > 0]
        rows = np.concatenate([rows, others[np.argsort(broken[others], kind="stable")][: count - len(rows)]])
    return rows


def violation(history: History) -> Floats:
    """(n,) by how much trials break the constraints, summed in units of each one's median breach; inf if unknown."""
    excess = np.nan_to_num(np.maximum(history.C, 0.0), nan=np.inf)
    total = np.zeros(len(excess))
    for column in excess.T:
        breaches = np.sort(column[(column > 0) & np.isfinite(column)])
        with np.errstate(over="ignore"):
            total += column / (breaches[len(breaches) // 2] if len(breaches) else 1.0)
    return total


def _best(history: History, complete: Rows, partial: Rows, count: int) -> Rows:
    Y = history.Y
    rows = complete[smallest(Y[complete], count)]
    if len(rows) < count and len(partial):
        rows = np.concatenate([rows, _furthest(Y, history.steps, partial, count - len(rows))])
    return rows


def _furthest(Y: Floats, steps: NDArray[np.int64], rows: Rows, count: int) -> Rows:
    """The `count` of the rows that came furthest; among equals those of the best values."""
    found: list[Rows] = []
    while count > 0 and len(rows):
        reached = steps[rows]
        top = reached == reached.max()
        level = rows[top]
        found.append(level[smallest(Y[level], count)])
        count -= len(level)
        rows = rows[~top]
    return np.concatenate(found)


def smallest(Y: Floats, count: int) -> Rows:
    """Indices of the `count` best of Y (n, m), the best first, of equals the first.

    Of several objectives whole non-dominated fronts count first, and within a front the points with the most room
    around them: Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II (2002), sections III A and B.
    """
    count = min(count, len(Y))
    if count == 0:
        return np.empty(0, dtype=np.intp)
    if Y.shape[1] > 1:
        return _first_fronts(Y, count)
    y = Y[:, 0]
    limit = np.partition(y, count - 1)[count - 1]
    below = np.flatnonzero(y < limit)
    rows = np.concatenate([below, np.flatnonzero(y == limit)[: count - len(below)]])
    return rows[np.argsort(y[rows], kind="stable")]


def _first_fronts(Y: Floats, count: int) -> Rows:
    found = [front[np.argsort(-crowding(Y[front]), kind="stable")] for front in fronts(Y, count)]
    return np.concatenate(found)[:count]


def by_first(history: History, among: Outcomes) -> Rows:
    """All trials with values, the best first, in the order of `best` but by the first objective only."""
    rows = np.sort(np.concatenate([among.complete, among.partial]))
    keys = [history.Y[rows, 0]]
    if len(among.partial):
        partial = np.zeros(len(history), dtype=np.bool_)
        partial[among.partial] = True
        keys += [np.where(partial[rows], -history.steps[rows], 0), partial[rows]]
    if history.constraints:
        keys.append(violation(history)[rows])
    return rows[np.lexsort(keys)]
