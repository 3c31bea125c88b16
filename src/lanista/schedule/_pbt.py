"""Population based training: Jaderberg et al., Population Based Training of Neural Networks, 2017."""

import math
from functools import partial

import numpy as np

from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.schedule._base import Action, Described, Event
from lanista.schedule._checks import number
from lanista.schedule._population import Population, checked
from lanista.space import Domain, Float, Int, Normal

TRIES = 30
"""Changes tried before the configuration is copied as it is, where constraints forbid all, or all change nothing."""


class PBT(Described):
    """Trains a population; the worst give their places to copies of the best with perturbed hyperparameters.

    Jaderberg et al. (2017), section 3, asynchronously, with truncation selection; see `Population` for how it goes.
    Of a copy's configuration each parameter is drawn anew with chance `resample`; otherwise numbers are multiplied by
    one of the factors `perturb`, within their range and by at least one step, and all else is kept. Parameters that a
    new option brings in are drawn at random. A real number that is 0 changes by being drawn anew only.

    Args:
        max_steps: the step at which a trial is complete.
        population: how many members there are, at least 2.
        interval: steps between two judgements of a member; by default a tenth of `max_steps`, at least 1.
        quantile: the share of the members that is replaced, and the share that is copied; above 0, at most 0.5.
        perturb: factors, above 0.
        resample: chance of each parameter to be drawn anew, from 0 to 1.

    Raises:
        UsageError: an argument is out of range.

    >>> from lanista.schedule import Slots, Start
    >>> PBT(200, population=2, interval=10).on(History(), Slots(free=4)) == [Start(budget=10), Start(budget=10)]
    True
    """

    def __init__(
        self,
        max_steps: int,
        *,
        population: int = 20,
        interval: int | None = None,
        quantile: float = 0.2,
        perturb: tuple[float, ...] = (0.8, 1.2),
        resample: float = 0.25,
    ) -> None:
        self.max_steps, self.population, self.interval, self.quantile = max_steps, population, interval, quantile
        self.perturb, self.resample = perturb, resample
        checked("PBT", max_steps, population, interval, quantile)
        if not isinstance(perturb, tuple | list) or not perturb:
            raise UsageError(f"PBT(perturb={perturb!r}): it must be factors above 0, for instance (0.8, 1.2)")
        for factor in perturb:
            number("PBT", 0, strictly=True, perturb=factor)
        number("PBT", 0, 1, resample=resample)
        self._population = Population(
            partial(perturbed, perturb, resample),
            max_steps,
            population=population,
            interval=interval,
            quantile=quantile,
        )

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges members at their interval, fills free places, ends with the last member."""
        return self._population.on(history, event)


def perturbed(
    factors: tuple[float, ...], resample: float, history: History, parent: int, rng: "np.random.Generator"
) -> Params:
    """A valid configuration near that of the trial `parent`, but another: two that are the same could not compete."""
    space, X = history.space, history.X[parent]
    for _ in range(TRIES):
        random = rng.random(space.width)
        point = np.where(np.isnan(X), random, X)
        params, active = space.decode(point[None])[0], space.active(point[None])[0]
        numbers = [p for p in space.parameters if active[p.start] and isinstance(p.domain, Float | Int | Normal)]
        changed = {p.name: _times(p.domain, params[p.name], float(rng.choice(factors))) for p in numbers}
        moved = space.encode([params | changed])[0][0]
        point = np.where(np.isnan(moved), random, moved)
        for parameter in space.parameters:
            if rng.random() < resample:
                own = slice(parameter.start, parameter.stop)
                point[own] = random[own]
        found = space.decode(point[None])[0]
        if found != history.params[parent] and space.valid(found):
            return found
    return history.params[parent]


def _times(domain: Domain, value: float, factor: float) -> float:
    """The value times the factor, at least a step away."""
    change = value * (factor - 1)
    return value + math.copysign(max(abs(change), getattr(domain, "step", None) or 0), change)
