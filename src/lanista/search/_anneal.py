"""Annealing."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Bools, Floats
from lanista.search._ranking import Rows, by_first, outcomes
from lanista.space import Space

TRIES = 20
"""Batches of proposals tried before a random configuration is taken instead."""


class Anneal(Described):
    """Draws near one of the best trials, ever nearer the more trials there are.

    Hyperopt's annealing (Bergstra, Yamins and Cox, Making a Science of Model Search, 2013, and the software): a good
    trial is drawn, of a rank that is geometrically distributed, and each parameter anew from a window around its value
    there, which shrinks as 1 / (1 + `shrink` * number of trials that had the parameter). A choice keeps its option but
    for that same chance, in which any is drawn. Parameters that the trial does not have, since another option was
    taken, come from the next best trial drawn that has them. Trials that were stopped rank after completed ones, those
    that break a constraint after all that keep them; failed ones count as tried. Of several objectives the first
    counts.

    Args:
        rank: mean rank of the trial to draw near, 1 the best.
        shrink: how fast the windows shrink.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> Anneal().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.636...}]
    """

    _axes: Axes | None = None
    _space: Space | None = None

    def __init__(self, *, rank: float = 2.0, shrink: float = 0.1) -> None:
        self.rank, self.shrink = rank, shrink
        if not 1 <= rank < np.inf:
            raise UsageError(f"Anneal(rank={rank!r}): it must be a number from 1")
        if not 0 < shrink < np.inf:
            raise UsageError(f"Anneal(shrink={shrink!r}): it must be above 0 and finite")

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Draws each proposal on its own."""
        space = history.space
        order = by_first(history, outcomes(history)) if len(history) else np.empty(0, dtype=np.intp)
        if not len(order) or not space.width:
            return space.sample(rng, count)
        if self._axes is None or self._space is not space:
            self._axes, self._space = Axes(space), space
        window = 1.0 / (1.0 + self.shrink * history.active.sum(axis=0))
        proposals: list[Params] = []
        for _ in range(TRIES):
            wanted = count - len(proposals)
            X = np.stack([self._near(history, order, rng) for _ in range(wanted)])
            made = space.decode(annealed(self._axes, X, window, rng))
            proposals += [params for params in made if not space.constraints or space.valid(params)]
            if len(proposals) == count:
                return proposals
        return proposals + space.sample(rng, count - len(proposals))

    def _near(self, history: History, order: Rows, rng: "np.random.Generator") -> Floats:
        """(d,) a good trial's point, completed by those of further ones; NaN in columns that no trial has."""
        point: Floats = np.full(history.space.width, np.nan)
        while (lacking := np.isnan(point)).any():
            drawn = int(rng.geometric(1.0 / self.rank))
            having = _first_having(order, history.active, lacking, drawn)
            if not len(having):
                break
            point = np.where(lacking, history.X[having[min(drawn, len(having)) - 1]], point)
        return point


def _first_having(order: Rows, active: Bools, columns: Bools, count: int) -> Rows:
    """The first `count` of the trials to which any of the columns (d,) applies; fewer where there are not so many."""
    size = 8 * count
    while True:
        rows = order[:size]
        rows = rows[active[rows][:, columns].any(axis=1)]
        if len(rows) >= count or size >= len(order):
            return rows[:count]
        size *= 8


def annealed(axes: Axes, X: Floats, window: Floats, rng: "np.random.Generator") -> Floats:
    """Full points near X (c, d), random where that is NaN: uniform in a window (d,) that is moved into the cube."""
    U, V = rng.random((2, *X.shape))
    points: Floats = np.clip(X - 0.5 * window, 0.0, 1.0 - window) + U * window
    at = axes.options
    points[:, at] = np.where(V[:, at] < window[at], U[:, at], X[:, at])
    points[np.isnan(X)] = U[np.isnan(X)]
    return points
