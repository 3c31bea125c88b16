"""A population of trials that goes on together: the worst give their places to changed copies of the best."""

from collections.abc import Callable
from math import inf

import numpy as np

from lanista.errors import UsageError
from lanista.journal import COMPLETED, History, Params
from lanista.schedule._base import Action, Event, Extend, Finish, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._checks import number, whole
from lanista.schedule._cursor import Cursor
from lanista.schedule._rungs import completed, through

Explore = Callable[[History, int, "np.random.Generator"], Params]
"""Makes the configuration of a copy: given the history, the number of the trial that is copied, random numbers."""


class Population:
    """Population based training with an `explore` of your own; `PBT` and `PB2` are two that are ready.

    Every member runs `interval` steps at a time, those with the fewest steps first; nobody waits for the others. Then
    it is judged by the latest values of all members that live: if it is among the worst share `quantile`, it is
    stopped. Each free place goes to a new trial that begins from the latest checkpoint of one of the best share
    `quantile`, drawn at random, with the configuration that `explore` makes. So a trial remains one configuration and
    one curve; `parent` of a trial tells where it came from. A member that fails is replaced likewise. Where no member
    waits for a worker, those that are good enough run on without a pause.

    It works best with a worker for each member: with fewer, a member that has just run is compared with some that are
    an interval behind. Missing and infinite values are the worst. The first objective decides. When all members have
    had `max_steps`, the experiment ends by itself: leave `trials` out, or let it be much larger than the population.
    Trials need `trial.save` and `trial.load`: as long as there is no checkpoint to copy nobody is stopped, and the
    reason of the end says so.

    Args:
        explore: what makes the configuration of a copy.
        max_steps: the step at which a trial is complete.
        population: how many members there are, at least 2.
        interval: steps between two judgements of a member; by default a tenth of `max_steps`, at least 1.
        quantile: the share of the members that is replaced, and the share that is copied; above 0, at most 0.5.

    Raises:
        UsageError: an argument is out of range.

    >>> scheduler = Population(lambda history, parent, rng: history.params[parent], 100, population=4)
    >>> scheduler.on(History(), Slots(free=2)) == [Start(budget=10), Start(budget=10)]
    True
    """

    def __init__(
        self,
        explore: Explore,
        max_steps: int,
        *,
        population: int = 20,
        interval: int | None = None,
        quantile: float = 0.2,
    ) -> None:
        self.explore, self.max_steps, self.population, self.quantile = explore, max_steps, population, quantile
        whole("Population", 1, max_steps=max_steps)
        whole("Population", 2, population=population)
        number("Population", 0, 0.5, strictly=True, quantile=quantile)
        self.interval = max(1, max_steps // 10) if interval is None else interval
        whole("Population", 1, interval=self.interval)
        if self.interval > max_steps:
            raise UsageError(f"interval={interval!r} with max_steps={max_steps!r}: interval <= max_steps must hold")
        self._cursor = Cursor()
        self._latest: dict[int, float] = {}

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges members at their interval, fills free places, ends with the last member."""
        if self._cursor.restart(history):
            self._latest = {}
        self._latest |= {trial: value for trial, _, value in self._cursor.rows()}
        if isinstance(event, Slots):
            return self._fill(history, event.free)
        if isinstance(event, Report | Yielded) and event.step >= self.max_steps:
            return [completed(event.trial, self.max_steps)]
        if not isinstance(event, Report) or event.step < self._due(history, event.trial):
            return []
        ranked = self._ranked(history)
        share = self._share(ranked)
        copied = ranked[0][0] < inf and any(_source(history, n) for _, n in ranked[:share])
        if copied and event.trial in [n for _, n in ranked[len(ranked) - share :]]:
            return [Stop(event.trial, f"among the worst {share} of {len(ranked)} at step {event.step}")]
        others = history.paused_trials or history.waiting or self._missing(history)
        return [] if others else [Extend(event.trial, self._budget(event.step))]

    def _fill(self, history: History, free: int) -> list[Action]:
        """New members first, which have no steps yet; those that are behind next, also where starts are refused."""
        done: list[Action] = [completed(n, self.max_steps) for n in through(history, self.max_steps)]
        starts: list[Action] = [Start(self._budget(0)) for n in history.waiting if n not in history.released]
        starts += [self._member(history, len(history) + i) for i in range(min(free, self._missing(history)))]
        stood = ((max(int(history.steps[n]), (history.parent(n) or (0, 0))[1]), n) for n in history.paused_trials)
        behind = sorted((step, n) for step, n in stood if step < self.max_steps)
        resumes: list[Action] = [Resume(n, self._budget(step)) for step, n in behind[:free]]
        if history.counts[COMPLETED] > history.imported and not (
            starts or resumes or history.running or history.waiting
        ):
            none = "" if history.checkpoints else "; none was copied, as trials never call trial.save"
            return [*done, Finish(f"the whole population has had {self.max_steps} steps{none}")]
        return [*done, *starts[:free], *resumes]

    def _member(self, history: History, number: int) -> Start:
        """A trial of the searcher's until the population is complete, then a copy of one of the best."""
        ranked = self._ranked(history)
        best = [n for _, n in ranked[: max(1, self._share(ranked))]]
        if not best or number - history.imported < self.population:
            return Start(self._budget(0))
        best = [n for n in best if _source(history, n)] or best
        rng = np.random.default_rng([history.created.seed if history.created else 0, number])
        winner = int(rng.choice(best))
        source = _source(history, winner)
        return Start(self._budget(source[1] if source else 0), source, self.explore(history, winner, rng))

    def _missing(self, history: History) -> int:
        """How many places are free; of members that fail when others are complete, only what lives can fill them."""
        begun, over = len(history) - history.imported, history.counts[COMPLETED] - history.imported
        live = len(history.running) + len(history.paused_trials) + len(history.waiting)
        if begun >= self.population and over > 0 and not self._ranked(history):
            return 0
        return max(0, self.population - live - over)

    def _ranked(self, history: History) -> list[tuple[float, int]]:
        """(latest value, trial) of the members that run or are paused and have steps left, the best first."""
        live = [n for n in (*history.running, *history.paused_trials) if n in self._latest]
        return sorted((self._latest[n], n) for n in live if history.steps[n] < self.max_steps)

    def _share(self, ranked: list[tuple[float, int]]) -> int:
        return min(max(1, round(self.quantile * len(ranked))), len(ranked) // 2)

    def _due(self, history: History, trial: int) -> int:
        """The step at which the interval ends that the trial was in before its last report."""
        steps = history.curve(trial)[0]
        start = history.parent(trial) or (0, 0)
        return self._budget(int(steps[-2]) if len(steps) > 1 else start[1])

    def _budget(self, step: int) -> int:
        return min((step // self.interval + 1) * self.interval, self.max_steps)


def _source(history: History, trial: int) -> tuple[int, int] | None:
    """The (trial, step) of the latest checkpoint that a copy of the trial can begin from: its own or its parent's."""
    own = history.checkpoints.get(trial)
    return (trial, max(own)) if own else history.parent(trial)
