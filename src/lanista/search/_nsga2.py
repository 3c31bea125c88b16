"""The non-dominated sorting genetic algorithm."""

import numpy as np

from lanista._described import Described
from lanista.journal import History, Params
from lanista.search._axes import Axes
from lanista.search._genetic import check_population, children
from lanista.search._ranking import best, outcomes
from lanista.space import Space


class NSGA2(Described):
    """Crosses and mutates the best trials: whole non-dominated fronts first, then those with the most room around them.

    Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II (2002), sections III and VI (constraints).
    The population is the best `population` of all trials so far, chosen anew for each proposal: a result counts as soon
    as it is there, no generation is waited for. Of two random ones the better is a parent. Numbers are crossed by
    simulated binary crossover and changed by polynomial mutation, options are either parent's. Trials that were stopped
    rank after completed ones, those that break a constraint after all that keep them; failed ones are never parents.
    Serves one objective, too.

    Args:
        population: trials that may be parents, at least 4; so many are drawn at random first.

    Raises:
        UsageError: the population is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> NSGA2().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.636...}]
    """

    _axes: Axes | None = None
    _space: Space | None = None

    def __init__(self, population: int = 30) -> None:
        self.population = population
        check_population("NSGA2", population)

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Fills the first population with random configurations, then proposes children."""
        space = history.space
        first = min(count, max(0, self.population - len(history)))
        if first == count or not space.width:
            return space.sample(rng, count)
        parents = best(history, outcomes(history), self.population)
        if not len(parents):
            return space.sample(rng, count)
        if self._axes is None or self._space is not space:
            self._axes, self._space = Axes(space), space
        proposals = space.sample(rng, first)
        pairs = rng.integers(len(parents), size=(2, count - first, 2)).min(axis=2)
        return proposals + children(history, self._axes, parents[pairs[0]], parents[pairs[1]], rng)
