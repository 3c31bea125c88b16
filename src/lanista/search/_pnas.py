"""Progressive search: PNAS."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._bananas import PARENTS, mutants
from lanista.search._climb import keys
from lanista.search._neighbours import Floats
from lanista.search._predictor import Predictor
from lanista.search._ranking import best, outcomes
from lanista.search._threads import one_thread
from lanista.space import Choice, Int, Parameter, Space

CANDIDATES = 200
"""Grown or mutated configurations, among which is chosen."""


class PNAS(Described):
    """Begins with the smallest configurations and lets the best ones grow, as an ensemble of networks predicts.

    Liu et al., Progressive Neural Architecture Search (2018), section 4, for any space with a parameter that tells how
    much there is of something, such as the depth of `nas.Repeat` or the number of nodes of a cell: `beam` random
    configurations of the first size; then, size by size, the best trials of one size are grown to the next, keep all
    their values, and get what is new at random; of these the ones that the networks, trained on all trials so far,
    predict to be best are tried, `beam` of each size, or all where it has fewer. At the last size the best trials are
    mutated and chosen among in the same way, so that the search does not end.

    A space in which nothing grows has one size alone: all trials but the first `beam` are then predicted mutants.
    Trials count for the networks as in `Bananas`.

    Args:
        grow: the parameter, a choice or a whole number, whose options or values are the sizes, from small to large.
            None: the first choice whose options have ever more parameters below them, if there is one.
        beam: trials of each size.

    Raises:
        UsageError: `beam` is out of range, or there is no such parameter, or it does not always apply.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Choice, Float, Space
    >>> depth = Choice({1: {"a": Float(0, 1)}, 2: {"a": Float(0, 1), "b": Float(0, 1)}})
    >>> PNAS().ask(History(Space({"depth": depth})), 1, np.random.default_rng(0))
    [{'depth': 1, 'a': 0.2...}]
    """

    def __init__(self, grow: str | None = None, *, beam: int = 20) -> None:
        self.grow, self.beam = grow, beam
        if isinstance(beam, bool) or not isinstance(beam, int) or beam < 1:
            raise UsageError(f"PNAS(beam={beam!r}): it must be a whole number from 1")
        self._predictor = Predictor()

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes configurations of the first size of which there are too few, or of the last."""
        space = history.space
        if not space.width:
            return space.sample(rng, count)
        ladder = _Ladder(history, _growing(space, self.grow), self.beam)
        model = self._predictor.learnt(history) if ladder.size or ladder.complete else None
        X = ladder.candidates(count, rng) if model is not None else np.empty((0, space.width))
        if model is not None and len(X):
            X = X[np.argsort(model(X).mean(axis=0), kind="stable")]
        known = set(keys(history.X))
        X = X[[key not in known for key in keys(X)]][:count]
        return [*space.decode(X), *ladder.random(count - len(X), rng)]


class _Ladder:
    """The sizes of the trials, and the one whose turn it is.

    Args:
        history: of the experiment.
        growing: the parameter that tells the size; None: all are of one size.
        beam: trials of each size.
    """

    def __init__(self, history: History, growing: Parameter | None, beam: int) -> None:
        self._history, self._growing, self._beam = history, growing, beam
        self._sizes = np.zeros(len(history), dtype=np.intp)
        last = 0
        if growing is not None:
            count = _count(history.space, growing)
            last = count - 1
            x = np.nan_to_num(history.X[:, growing.start])
            self._sizes = np.minimum(x * count, last).astype(np.intp)
        self.size = next((size for size in range(last) if not self._full(size)), last)
        self.complete = self._full(self.size)

    def _full(self, size: int) -> bool:
        """Whether there are enough trials of a size, or all that it has."""
        of_it = self._sizes == size
        if of_it.sum() >= self._beam:
            return True
        different = len(set(keys(self._history.X[of_it])))
        return different > 0 and different >= _members(self._history.space, self._growing, size)

    def candidates(self, count: int, rng: "np.random.Generator") -> Floats:
        """Points (c, d) of the size: grown from the best of the one before, or mutants once there are enough of it."""
        history = self._history
        order = best(history, outcomes(history), len(history))
        if self.complete:
            centres: Floats = history.X[order[self._sizes[order] == self.size][:PARENTS]]
            return mutants(history.space, centres, CANDIDATES + count, rng) if len(centres) else centres
        parents: Floats = history.X[order[self._sizes[order] == self.size - 1][: self._beam]]
        if self._growing is None or not len(parents):
            return parents
        several = np.repeat(parents, -(-CANDIDATES // len(parents)), axis=0)
        return grown(history.space, self._growing, self.size, several, rng)

    def random(self, count: int, rng: "np.random.Generator") -> list[Params]:
        """Random configurations of the size; of any where the constraints leave none of that one."""
        space = self._history.space
        if self._growing is None or count == 0:
            return space.sample(rng, count)
        X = grown(space, self._growing, self.size, np.full((10 * count, space.width), np.nan), rng)
        known, order = set(keys(self._history.X)), list[int]()
        for i, key in enumerate(keys(X)):
            if key not in known:
                known.add(key)
                order.append(i)
        X = X[[*order, *sorted(set(range(len(X))) - set(order))]][:count]  # new ones first
        return [*space.decode(X), *space.sample(rng, count - len(X))]


def grown(space: Space, growing: Parameter, size: int, parents: Floats, rng: "np.random.Generator") -> Floats:
    """Valid points (c, d) of a size, each with the values that its parent (k, d) has, and random ones elsewhere."""
    X = rng.random(parents.shape)
    kept = ~np.isnan(parents)
    X[kept] = parents[kept]
    # What hangs below several options apart, under the same name, is the same thing at another size.
    for p in space.parameters:
        for q in space.parameters:
            if q is not p and q.name == p.name and q.domain == p.domain:
                takes = np.isnan(parents[:, p.start]) & ~np.isnan(parents[:, q.start])
                X[takes, p.start : p.stop] = parents[takes, q.start : q.stop]
    X[:, growing.start] = (size + 0.5) / _count(space, growing)
    X = space.canonical(X)
    return X[space.feasible_unit(X)] if space.constraints else X


def _members(space: Space, growing: Parameter | None, size: int) -> float:
    """How many configurations of a size there are, constraints not looked at."""
    if growing is None:
        return space.size
    others = math.prod(domain.size for name, domain in space.tree.items() if name != growing.name)
    own = Choice({"it": dict(growing.domain.below(size))}).size if isinstance(growing.domain, Choice) else 1
    return float(others * own)


def _count(space: Space, growing: Parameter) -> int:
    return int(space.columns.cardinality[growing.start])


def _growing(space: Space, name: str | None) -> Parameter | None:
    """The parameter that tells the size.

    Raises:
        UsageError: it is not in the space, does not always apply, or has no whole values.
    """
    if name is None:
        return next((p for p in space.parameters if p.parent is None and _grows(p.domain)), None)
    found = next((p for p in space.parameters if p.name == name), None)
    if found is None:
        known = ", ".join(space.names)
        raise UsageError(f"PNAS(grow={name!r}): the space has no such parameter; it has {known}")
    if found.parent is not None or not isinstance(found.domain, Choice | Int):
        raise UsageError(f"PNAS(grow={name!r}): give a choice or a whole number that is in every configuration")
    return found


def _grows(domain: Any) -> bool:
    """Whether each option of a choice has all parameters of the one before, and more."""
    if not isinstance(domain, Choice) or len(domain.options) < 2:
        return False
    below = [{name for name, _ in domain.below(i)} for i in range(len(domain.options))]
    return all(small < large for small, large in pairwise(below))
