"""Differential evolution."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes, Floats
from lanista.search._checks import is_number
from lanista.search._genetic import check_population, reflected
from lanista.search._ranking import Rows, by_first, outcomes
from lanista.space import Space

GREEDY = 0.2
"""Share of the members towards which mutants go."""
TRIES = 20
"""Mutants tried before a random configuration is taken instead."""


class DE(Described):
    """Moves members of a population along the differences of others, and keeps what is better.

    Storn and Price, Differential Evolution (1997), on the unit cube as in Awad et al., DEHB (2021), section 4, without
    its fidelities; mutants are current-to-pbest/1 with binomial crossover, as in Zhang and Sanderson, JADE (2009),
    section IV A. No generation is waited for: trial n competes for place n modulo `population`, so the member at a
    place is the best of its trials, whenever they end. Where two members' options of a choice differ, the first one's
    is taken with chance `scale`. Trials that were stopped rank after completed ones, those that break a constraint
    after all that keep them; failed ones are never members. Of several objectives the first counts.

    Args:
        population: its size, at least 4; so many trials are random at first.
        scale: what a difference is multiplied by, above 0 and at most 2.
        crossover: chance of each column to come from the mutant, from 0 to 1; one always does.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> DE().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.636...}]
    """

    _axes: Axes | None = None
    _space: Space | None = None

    def __init__(self, population: int = 12, *, scale: float = 0.5, crossover: float = 0.5) -> None:
        self.population, self.scale, self.crossover = population, scale, crossover
        check_population("DE", population)
        if not is_number(scale) or not 0 < scale <= 2:
            raise UsageError(f"DE(scale={scale!r}): it must be above 0 and at most 2")
        if not is_number(crossover) or not 0 <= crossover <= 1:
            raise UsageError(f"DE(crossover={crossover!r}): it must be from 0 to 1")

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Fills the places with random configurations, then proposes one for each place in turn."""
        space, n = history.space, len(history)
        if n + count <= self.population:
            return space.sample(rng, count)
        if self._axes is None or self._space is not space:
            self._axes, self._space = Axes(space), space
        ranked = self._members(history) if len(self._axes.searched) else np.empty(0, dtype=np.intp)
        members = {int(row) % self.population: int(row) for row in ranked}
        proposals: list[Params] = []
        for number in range(n, n + count):
            member = members.get(number % self.population)
            if number < self.population or member is None or len(ranked) < 3:
                proposals += space.sample(rng, 1)
            else:
                proposals.append(self._child(history, self._axes, member, ranked, rng))
        return proposals

    def _members(self, history: History) -> Rows:
        """The trials that hold a place, the best first."""
        order = by_first(history, outcomes(history))
        first = np.full(self.population, -1, dtype=np.intp)
        first[order[::-1] % self.population] = np.arange(len(order))[::-1]  # the last one assigned holds the place
        members: Rows = order[np.sort(first[first >= 0])]
        return members

    def _child(self, history: History, axes: Axes, member: int, ranked: Rows, rng: "np.random.Generator") -> Params:
        """A valid configuration that competes with the `member`, unlike it where that can be."""
        space = history.space
        others, top = ranked[ranked != member], ranked[: max(1, int(GREEDY * len(ranked)))]
        own = history.params[member]
        for _ in range(TRIES):
            a, b = rng.permutation(others)[:2].tolist()
            points = history.X[[member, int(rng.choice(top)), a, b]]
            points = np.where(np.isnan(points), rng.random(points.shape), points)
            taken = rng.random(space.width) < self.crossover
            taken[rng.choice(axes.searched)] = True
            child = np.where(taken, self._mutant(axes, points, rng), points[0])
            params = space.decode(reflected(child)[None])[0]
            if params != own and (not space.constraints or space.valid(params)):
                return params
        return space.sample(rng, 1)[0]

    def _mutant(self, axes: Axes, points: Floats, rng: "np.random.Generator") -> Floats:
        """(d,) the first of the points (4, d) moved towards the second, and by what separates the other two."""
        target, best, a, b = points
        mutant: Floats = target + self.scale * (best - target) + self.scale * (a - b)
        if len(at := axes.options):
            towards = rng.random((2, len(at))) < self.scale
            option = np.where(towards[0], best[at], target[at])
            same = axes.cells(a[None], at)[0] == axes.cells(b[None], at)[0]
            mutant[at] = np.where(~same & towards[1], a[at], option)
        return mutant
