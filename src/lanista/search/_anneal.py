"""Annealing."""

from collections.abc import Callable

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Bools, Floats
from lanista.search._checks import is_number
from lanista.search._ranking import Rows, by_first, outcomes
from lanista.space import Float, Int, Normal, Space

TRIES = 20
"""Batches of proposals tried before a random configuration is taken instead."""
TINY = 1e-300
"""What stands for 0 below a logarithm."""

Cell = Callable[[Floats], tuple[Floats, Floats]]


class Anneal(Described):
    """Draws near one of the best trials, ever nearer the more trials there are.

    Hyperopt's annealing (Bergstra, Yamins and Cox, Making a Science of Model Search, 2013, and the software): a good
    trial is drawn, of a rank that is geometrically distributed, and each parameter anew from a window around its value
    there, which shrinks as 1 / (1 + `shrink` * number of trials that had the parameter). A choice keeps its option but
    for that same chance, in which any is drawn. Whole numbers and steps are drawn around a random point of their cell,
    so that a window narrower than the cell still reaches the neighbours now and then. Parameters that the trial does
    not have, since another option was taken, come from the next best trial drawn that has them. Trials that were
    stopped rank after completed ones, those that break a constraint after all that keep them; failed ones count as
    tried. Of several objectives the first counts.

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
    _cells: list[tuple[int, Cell]]
    _space: Space | None = None

    def __init__(self, *, rank: float = 2.0, shrink: float = 0.1) -> None:
        self.rank, self.shrink = rank, shrink
        if not is_number(rank) or not 1 <= rank < np.inf:
            raise UsageError(f"Anneal(rank={rank!r}): it must be a number from 1")
        if not is_number(shrink) or not 0 < shrink < np.inf:
            raise UsageError(f"Anneal(shrink={shrink!r}): it must be above 0 and finite")

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Draws each proposal on its own."""
        space = history.space
        order = by_first(history, outcomes(history)) if len(history) else np.empty(0, dtype=np.intp)
        if not len(order) or not space.width:
            return space.sample(rng, count)
        if self._axes is None or self._space is not space:
            self._axes, self._cells, self._space = Axes(space), cells(space), space
        window = 1.0 / (1.0 + self.shrink * history.active.sum(axis=0))
        proposals: list[Params] = []
        for _ in range(TRIES):
            wanted = count - len(proposals)
            X = np.stack([self._near(history, order, rng) for _ in range(wanted)])
            made = space.decode(annealed(self._axes, self._cells, X, window, rng))
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


def annealed(
    axes: Axes, stepped: list[tuple[int, Cell]], X: Floats, window: Floats, rng: "np.random.Generator"
) -> Floats:
    """Full points near X (c, d), random where that is NaN: uniform in a window (d,) that is moved into the cube."""
    U, V = rng.random((2, *X.shape))
    middle = X.copy()
    for column, cell in stepped:
        low, high = cell(X[:, column])
        middle[:, column] = low + V[:, column] * (high - low)
    points: Floats = np.clip(middle - 0.5 * window, 0.0, 1.0 - window) + U * window
    at = axes.options
    points[:, at] = np.where(V[:, at] < window[at], U[:, at], X[:, at])
    points[np.isnan(X)] = U[np.isnan(X)]
    return points


def cells(space: Space) -> list[tuple[int, Cell]]:
    """The columns of numbers with steps, and what gives the ends of the cells of their values x (c,)."""
    found: list[tuple[int, Cell]] = []
    for parameter in space.parameters:
        domain = parameter.domain
        if isinstance(domain, Float | Int | Normal) and domain.steps is not None and domain.size > 1:
            found.append((parameter.start, _cell(domain)))
    return found


def _cell(domain: Float | Int | Normal) -> Cell:
    assert domain.steps is not None
    half = 0.5 * domain.steps.stride / domain.steps.scale
    if isinstance(domain, Normal):
        return lambda x: _around(domain, x, half)
    if not domain.log:
        share = 0.5 / domain.steps.count
        return lambda x: (x - share, x + share)
    ends = Space({"x": domain}).encode([{"x": domain.low}, {"x": domain.steps.value(domain.steps.count - 1)}])[0][:, 0]
    slope = float(np.log(domain.steps.value(domain.steps.count - 1) / domain.low) / (ends[1] - ends[0]))

    def logarithmic(x: Floats) -> tuple[Floats, Floats]:
        share = half / (domain.low * np.exp((x - ends[0]) * slope))
        low = x + np.log(np.maximum(1.0 - share, TINY)) / slope
        return np.maximum(low, 0.0), np.minimum(x + np.log1p(share) / slope, 1.0)

    return logarithmic


def _around(domain: Normal, x: Floats, half: float) -> tuple[Floats, Floats]:
    """The shares of a normal distribution below both ends of the cells."""
    from scipy.special import ndtr, ndtri

    values = domain.mean + domain.std * ndtri(x)
    if not domain.log:
        return ndtr((values - half - domain.mean) / domain.std), ndtr((values + half - domain.mean) / domain.std)
    values = np.exp(values)
    low, high = np.log(np.maximum(values - half, TINY)), np.log(values + half)
    return ndtr((low - domain.mean) / domain.std), ndtr((high - domain.mean) / domain.std)
