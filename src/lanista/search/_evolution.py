"""Regularised evolution."""

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._base import Child
from lanista.search._ranking import Floats, Outcomes, Rows, best, outcomes
from lanista.space import Choice, Parameter, Permutation, Space, Subset

STEP = 0.2
"""Standard deviation of a numeric mutation, in the unit cube."""
TRIES = 100
"""Mutations tried before a random configuration is taken instead."""


class RegularizedEvolution(Described):
    """Mutates the best of a random sample of the last trials; the oldest die, however good.

    Real et al., Regularized Evolution for Image Classifier Architecture Search (2019), section 3. A mutation changes
    one parameter: a choice takes another option, a number moves by a Gaussian step of 0.2 of its range, a subset gains
    or loses an item, two items of a permutation change places. All other values stay; parameters that a new option
    brings in are drawn at random. Trials that run count towards the first population, but only those with an outcome
    are parents. Trials rank as for `TPE`: stopped ones after completed ones, failures last. The journal tells of which
    trial each is a mutant: `exp.plot.lineage()` draws it. The paper has 100 alive and 25 compete, for 20,000 trials;
    the defaults are half as many, for hundreds.

    Args:
        population: trials alive at a time, random ones at first.
        sample: how many of them compete to be a parent.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Choice, Space
    >>> RegularizedEvolution().ask(History(Space({"x": Choice(["a", "b"])})), 1, np.random.default_rng(0))
    [{'x': 'b'}]
    """

    def __init__(self, population: int = 50, sample: int = 12) -> None:
        self.population, self.sample = population, sample
        for name, value in (("population", population), ("sample", sample)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"RegularizedEvolution({name}={value!r}): it must be a whole number from 1")
        if sample > population:
            raise UsageError(
                f"RegularizedEvolution(population={population}, sample={sample}): the sample must not be the larger one"
            )

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Fills the first population with random configurations, then mutates."""
        first = min(count, max(0, self.population - len(history)))
        found = outcomes(history) if len(history) else None
        if first == count or found is None or not len(found.complete) + len(found.partial):
            return history.space.sample(rng, count)
        alive = _youngest(found, self.population)
        ranks = _ranks(history, alive)
        proposals = history.space.sample(rng, first)
        while len(proposals) < count:
            known = np.concatenate(alive[:3])
            competitors = rng.permutation(len(known))[: self.sample]
            parent = int(known[competitors[np.argmin(ranks[competitors])]])
            proposals.append(_child(history, parent, rng))
        return proposals


def _youngest(found: Outcomes, count: int) -> Outcomes:
    """The last `count` trials with an outcome."""
    known = np.sort(np.concatenate([found.complete, found.partial, found.bad]))
    oldest = known[-count] if len(known) > count else 0
    return Outcomes(*(rows[np.searchsorted(rows, oldest) :] for rows in found))


def _ranks(history: History, alive: Outcomes) -> Rows:
    """The rank of each of those alive, 0 the best, in the order of their groups; failures share the last."""
    rows = np.concatenate(alive[:3])
    order = best(history, alive, len(rows))
    ranks = np.full(len(rows), len(rows), dtype=np.intp)
    position = {int(row): rank for rank, row in enumerate(order)}
    for i, row in enumerate(rows.tolist()):
        ranks[i] = position.get(row, len(rows))
    return ranks


def _child(history: History, parent: int, rng: "np.random.Generator") -> Params:
    """A mutant of a trial; a random configuration where none meets the constraints."""
    found = mutate(history.space, history.X[parent], rng)
    return Child(found, parent) if found is not None else history.space.sample(rng, 1)[0]


def mutate(space: Space, parent: Floats, rng: "np.random.Generator") -> Params | None:
    """A valid configuration that differs from the point `parent` (d,), NaN where inactive, in one parameter.

    Where nothing can differ it is the parent's. None: no mutation met the constraints.
    """
    point = np.where(np.isnan(parent), rng.random(space.width), parent)
    active = space.active(point[None])[0]
    mutable = [p for p in space.parameters if active[p.start] and _varies(p)]
    same = space.decode(point[None])[0]
    if not mutable:
        return same if space.valid(same) else None
    for _ in range(TRIES):
        child = np.where(active, point, rng.random(space.width))
        parameter = mutable[int(rng.integers(len(mutable)))]
        own = slice(parameter.start, parameter.stop)
        child[own] = _changed(parameter, int(space.columns.cardinality[parameter.start]), child[own], rng)
        params = space.decode(child[None])[0]
        if params != same and space.valid(params):
            return params
    return None


def _varies(parameter: Parameter) -> bool:
    """Whether the parameter has more than one value of its own, whatever hangs below."""
    domain = parameter.domain
    return len(domain.options) > 1 if isinstance(domain, Choice) else domain.size > 1


def _changed(parameter: Parameter, n: int, x: Floats, rng: "np.random.Generator") -> Floats:
    """The columns x (w,) of one parameter, mutated; n: the values of a column, 0 for continuous."""
    changed = x.copy()
    if isinstance(parameter.domain, Choice):
        changed[0] = ((int(x[0] * n) + int(rng.integers(1, n))) % n + 0.5) / n
    elif isinstance(parameter.domain, Subset):
        item = int(rng.integers(len(x)))
        changed[item] = 1.0 - x[item]
    elif isinstance(parameter.domain, Permutation):
        swapped = rng.permutation(len(x))[:2]
        changed[swapped] = x[swapped[::-1]]
    else:
        step = rng.normal(0.0, STEP)
        if n:  # at least to the next value
            step += np.sign(step) / n
        folded = (x[0] + step) % 2.0
        changed[0] = 2.0 - folded if folded > 1.0 else folded
    return changed
