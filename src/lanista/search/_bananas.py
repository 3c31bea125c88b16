"""Bayesian optimisation with an ensemble of networks: BANANAS."""

from collections.abc import Callable, Hashable, Iterable

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._climb import keys
from lanista.search._neighbours import neighbours
from lanista.search._predictor import Predictor
from lanista.search._ranking import Floats, best, outcomes
from lanista.search._threads import one_thread
from lanista.space import Space

PARENTS = 10
"""The best trials, of which candidates are mutants."""


class Bananas(Described):
    """Proposes the mutant of a good trial that an ensemble of networks, at a random draw, thinks best.

    White, Neiswanger and Savani, BANANAS: Bayesian Optimization with Neural Architectures for Neural Architecture
    Search (2021), sections 4 and 5: five small networks learn the trials' values by the mean absolute error, anew
    after every ten trials (among the first ten, after each); `candidates` are made of the best trials by changing one
    or two parameters; each gets a draw from the normal distribution of the five predictions (independent Thompson
    sampling), and the best draw is proposed, so that parallel proposals differ by themselves. Up to `startup` trials
    are random.

    The networks see numbers as numbers and choices as one input an option. For cells, whose edges and operators mean
    little one by one, `paths` gives what they see in place of that: the paths that data takes through the cell (section
    4), or any other set of traits.

    Trials that fail, or break a constraint, count as the worst of the others; stopped ones as no better than the median
    of the completed ones. Several objectives are weighted at random.

    Args:
        startup: random trials before the networks are used.
        candidates: mutants among which is chosen.
        paths: of a configuration, its traits: texts, or whatever can be hashed; each becomes an input that is 0 or 1.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Choice, Space
    >>> Bananas().ask(History(Space({"x": Choice(["a", "b"])})), 1, np.random.default_rng(0))
    [{'x': 'b'}]
    """

    def __init__(
        self,
        *,
        startup: int = 10,
        candidates: int = 200,
        paths: Callable[[Params], Iterable[Hashable]] | None = None,
    ) -> None:
        self.startup, self.candidates, self.paths = startup, candidates, paths
        for name, value in (("startup", startup), ("candidates", candidates)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"Bananas({name}={value!r}): it must be a whole number from 1")
        if paths is not None and not callable(paths):
            raise UsageError(f"Bananas(paths={paths!r}): give a function from a configuration to a list of its traits")
        self._predictor = Predictor(paths)

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes the mutants of the best draws."""
        space = history.space
        found = outcomes(history) if len(history) else None
        if not space.width or found is None or found.known < self.startup:
            return space.sample(rng, count)
        model = self._predictor.learnt(history)
        parents = history.X[best(history, found, PARENTS)]
        if model is None or not len(parents):
            return space.sample(rng, count)
        X = mutants(space, parents, self.candidates + count, rng)
        tried = set(keys(history.X))
        X = X[[key not in tried for key in keys(X)]]
        predicted = model(X)
        drawn = predicted.mean(axis=0) + predicted.std(axis=0) * rng.standard_normal(len(X))
        chosen = X[np.argsort(drawn, kind="stable")[:count]]
        return space.decode(chosen) + space.sample(rng, count - len(chosen))


def mutants(space: Space, parents: Floats, count: int, rng: "np.random.Generator") -> Floats:
    """About `count` valid points (c, d), each once, that differ from one of the parents (k, d) in one or two places."""
    each = -(-count // (2 * len(parents)))
    once = neighbours(space, parents, rng, each)
    X = np.concatenate([once, neighbours(space, once, rng, 1)])
    X = X[space.feasible_unit(X)] if space.constraints else X
    first = {key: i for i, key in reversed(list(enumerate(keys(X))))}
    return X[sorted(first.values())]
