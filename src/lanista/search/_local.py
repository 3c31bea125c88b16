"""Local search."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import CANCELLED, History, Params
from lanista.search._base import Child
from lanista.search._climb import keys
from lanista.search._neighbours import move
from lanista.search._ranking import Floats, by_first, outcomes
from lanista.search._stream import seed_of
from lanista.space import Choice, Permutation, Space, Subset

FEW = 6
"""Values up to which all others of a number are its neighbours."""
STEPS = (0.3, 0.1, 0.03, -0.03, -0.1, -0.3)
"""Where the neighbours of a number of more values lie, as shares of its range."""
TRIES = 20
"""Draws of a configuration that was not tried before, where there may be none."""


class LocalSearch(Described):
    """Tries the neighbours of the best configuration until one is better, which is then the centre; then restarts.

    White, Nolen and Savani, Exploring the Loss Landscape in Neural Architecture Search (2021), section 4, where it was
    the best of the simple ways on small tables: a run begins with the best of `startup` random configurations; the
    neighbours, which differ in one parameter, are tried in random order; when all were tried and none was better, the
    next run begins. Neighbours are every other option of a choice, or value of a number that has few; six others of a
    number that has many, at shares of its range; subsets with an item more or less; permutations with two items
    exchanged. Parameters that a new option brings in are drawn at random.

    Trials rank as for `TPE`: stopped ones after completed ones, failures last. Of several objectives the first counts.

    Args:
        startup: random trials of each run.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Choice, Space
    >>> LocalSearch().ask(History(Space({"x": Choice(["a", "b"])})), 1, np.random.default_rng(0))
    [{'x': 'b'}]
    """

    def __init__(self, *, startup: int = 10) -> None:
        self.startup = startup
        if isinstance(startup, bool) or not isinstance(startup, int) or startup < 1:
            raise UsageError(f"LocalSearch(startup={startup!r}): it must be a whole number from 1")
        self._space: Space | None = None
        self._around: dict[tuple[int, int, bytes], dict[bytes, Floats]] = {}

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes neighbours that were not tried yet, or random configurations at the beginning of a run."""
        space = history.space
        if not len(history) or not space.width:
            return space.sample(rng, count)
        tried = keys(history.X)
        known = set(tried)
        centre = self._centre(history, tried)
        points: list[Floats] = []
        if centre is not None:
            left = [x for key, x in self._neighbours(history, centre, tried[centre]).items() if key not in known]
            points = [left[i] for i in rng.permutation(len(left))[:count].tolist()]
        near = len(points)
        while len(points) < count:
            points.append(_untried(space, known, rng))
            known.update(keys(points[-1][None]))
        found = space.decode(np.stack(points))
        return [Child(params, centre) if centre is not None and i < near else params for i, params in enumerate(found)]

    def _centre(self, history: History, tried: list[bytes]) -> int | None:
        """The trial whose neighbours are being tried, None where a run begins: as follows from what ended in turn."""
        order = by_first(history, outcomes(history))
        rank = np.full(len(history), len(history))
        rank[order] = np.arange(len(order))
        state, places = history.state, rank.tolist()
        ended = [*history.finished, *history.paused_trials]
        seen: set[bytes] = set()
        first: list[int] = []
        centre: int | None = None
        open_: set[bytes] = set()
        for number in ended:
            if state[number] == CANCELLED:
                continue
            seen.add(tried[number])
            if centre is None:
                first.append(number)
                best = min(first, key=places.__getitem__)
                if len(first) < self.startup or places[best] == len(history):
                    continue
                centre = best
            elif places[number] < places[centre]:
                centre = number
            else:
                open_.discard(tried[number])
                if not open_:
                    centre, first = None, []
                continue
            open_ = self._neighbours(history, centre, tried[centre]).keys() - seen
            if not open_:
                centre, first = None, []
        return centre

    def _neighbours(self, history: History, number: int, key: bytes) -> dict[bytes, Floats]:
        """The neighbours of a trial by their keys: always the same ones."""
        if self._space is not history.space:
            self._space, self._around = history.space, {}
        name = seed_of(history), number, key
        if name not in self._around:
            X = neighbourhood(history.space, history.X[number], np.random.default_rng(name[:2]))
            found = dict(zip(keys(X), X, strict=True))
            found.pop(key, None)
            self._around[name] = found
        return self._around[name]


def neighbourhood(space: Space, point: Floats, rng: "np.random.Generator") -> Floats:
    """The valid neighbours (k, d), canonical, of a point (d,), NaN where inactive."""
    rows: list[Floats] = []
    for p in space.parameters:
        x, n = point[p.start : p.stop], int(space.columns.cardinality[p.start])
        if np.isnan(x[0]):
            continue
        if isinstance(p.domain, Subset):
            changed = np.abs(x - np.eye(len(x)))
        elif isinstance(p.domain, Permutation):
            pairs = [(i, j) for j in range(len(x)) for i in range(j)]
            changed = np.stack([_exchanged(x, i, j) for i, j in pairs]) if pairs else np.empty((0, len(x)))
        elif isinstance(p.domain, Choice) or 0 < n <= FEW:
            changed = _values(space, point, p.start, n)
        else:
            changed = _moved(space, point, p.start)
        X = np.tile(point, (len(changed), 1))
        X[:, p.start : p.stop] = changed
        rows.append(X)
    X = np.concatenate([*rows, np.empty((0, space.width))])
    X = space.canonical(np.where(np.isnan(X), rng.random(X.shape), X))
    return X[space.feasible_unit(X)] if space.constraints else X


def _values(space: Space, point: Floats, column: int, n: int) -> Floats:
    """(k, 1) the middles of the cells of a column of n values; those of logarithms differ in width."""
    X = np.tile(np.where(np.isnan(point), 0.5, point), (16 * n, 1))
    X[:, column] = (np.arange(16 * n) + 0.5) / (16 * n)
    return np.unique(space.canonical(X)[:, [column]], axis=0)


def _exchanged(x: Floats, i: int, j: int) -> Floats:
    x = x.copy()
    x[[i, j]] = x[[j, i]]
    return x


def _moved(space: Space, point: Floats, column: int) -> Floats:
    """(k, 1) other values of a number, at fixed distances and at least the next ones."""
    X = np.tile(np.where(np.isnan(point), 0.5, point), (len(STEPS), 1))
    rows = np.arange(len(STEPS))
    move(space, X, rows, np.full(len(STEPS), column), np.array(STEPS))
    return X[:, [column]]


def _untried(space: Space, tried: set[bytes], rng: "np.random.Generator") -> Floats:
    """(d,) a random point, if it can be found one that was not tried."""
    for _ in range(TRIES):
        point: Floats = space.canonical(space.sample_unit(rng, 1))[0]
        if keys(point[None])[0] not in tried:
            break
    return point
