"""A population of trials that goes on together: the worst give their places to changed copies of the best.

That it ends whatever the values are: each of the n places has a position, the step that its member stands at. It falls
only where a member at step s is stopped for a copy that begins at c: by at most half an interval, as c >= s -
interval / 2. The copy is judged at c + interval at the earliest, so that the next stop in this place is at s +
interval / 2 or beyond. Therefore a place sees at most 2 * max_steps / interval stops, which cost max_steps together,
and the population makes at most 2 * n * max_steps steps. What trials cost that fail comes on top, and the steps that
they repeat which pause without a checkpoint.
"""

from collections.abc import Callable
from math import inf, isnan

import numpy as np

from lanista._words import counted
from lanista.errors import UsageError
from lanista.journal import COMPLETED, STOPPED, History, Params
from lanista.schedule._base import Action, Described, Event, Extend, Finish, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._checks import number, whole
from lanista.schedule._rungs import completed, through

Explore = Callable[[History, int, "np.random.Generator"], Params]
"""Makes the configuration of a copy: given the history, the number of the trial that is copied, random numbers."""


class Population(Described):
    """Population based training with an `explore` of your own; `PBT` and `PB2` are two that are ready.

    Every member runs `interval` steps at a time, those with the fewest steps first; nobody waits for the others. Before
    it goes on it is judged: all that stood in the same interval are ranked by their latest values up to its step, and
    so are members that are behind. If it is among the worst share `quantile`, and strictly worse than each of the best
    share `quantile` of the members, it is stopped. A new trial takes its place: it begins from the latest checkpoint of
    one of these best, drawn at random, with the configuration that `explore` makes. So a trial remains one
    configuration and one curve; `parent` of a trial tells where it came from. A member that fails is replaced likewise.
    Where no member waits for a worker, those that are good enough run on without a pause.

    A copy is judged after a whole interval of its own. No checkpoint is copied that lies more than half an interval
    before the step of the member that it replaces: trials should save at least that often. So it ends after at most
    twice the steps that the members need if all are left alone.

    Missing and infinite values are the worst. The first objective decides. When all members have had `max_steps`, the
    experiment ends by itself: leave `trials` out, or let it be much larger than the population. Trials need
    `trial.save` and `trial.load`: as long as there is no checkpoint to copy nobody is stopped, and the reason of the
    end says so.

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
        if not callable(explore):
            raise UsageError(f"Population(explore={explore!r}): it must be a function of (history, trial, rng)")
        self.explore, self.max_steps, self.population, self.quantile = explore, max_steps, population, quantile
        self.interval, self._every = interval, checked("Population", max_steps, population, interval, quantile)

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges members at their interval, fills free places, ends with the last member."""
        if isinstance(event, Slots):
            return self._fill(history, event.free)
        if isinstance(event, Report | Yielded) and event.step >= self.max_steps:
            return [completed(event.trial, self.max_steps)]
        if not isinstance(event, Report) or event.step < self._due(history, event.trial):
            return []
        # Who waits for a worker gets this one. A member that is to be stopped pauses first: so it is ended together
        # with the start of the copy, whose checkpoint nobody can take away in between.
        others = history.paused_trials or history.waiting or self._missing(history)
        onwards = Extend(event.trial, self._until(history, event.trial, event.step))
        return [] if others or self._better(history, event.trial) else [onwards]

    def _fill(self, history: History, free: int) -> list[Action]:
        """New members first, which have no steps yet; those that are behind next, also where starts are refused."""
        done: list[Action] = [completed(n, self.max_steps) for n in through(history, self.max_steps)]
        starts: list[Action] = [Start(self._every) for n in history.waiting if n not in history.released]
        starts += [self._member(history, len(history) + i) for i in range(min(free, self._missing(history)))]
        starts, resumes = starts[:free], list[Action]()
        stood = ((_position(history, n), n) for n in history.paused_trials)
        # Of members at the same step the worst come first: their copies begin there, before the others go on.
        behind = sorted((step, -(_value(history, n, step) or 0.0), n) for step, n in stood if step < self.max_steps)
        for step, _, n in behind[: 2 * free]:
            # A member is stopped only where there is a slot for the copy; beyond, it waits for a start to be refused.
            best = self._better(history, n) if len(starts) + len(resumes) < free else []
            if best:
                done.append(Stop(n, f"among the worst {self.quantile:.0%} at step {step}"))
                starts.append(self._copy(history, best, n, 1))
            else:
                resumes.append(Resume(n, self._until(history, n, step)))
        if history.counts[COMPLETED] > history.imported and not (
            starts or resumes or history.running or history.waiting
        ):
            return [*done, Finish(self._ending(history))]
        return [*done, *starts, *resumes[:free]]

    def _ending(self, history: History) -> str:
        """Why the experiment ends, and what went otherwise than was meant."""
        had = min(int(history.steps.max()), self.max_steps)
        none = "" if history.checkpoints else "; none was copied, as trials never call trial.save"
        early = f"; training ends there by itself: give max_steps={had}, not {self.max_steps}"
        return f"the whole population has had {counted(had, 'step')}{early if had < self.max_steps else ''}{none}"

    def _better(self, history: History, trial: int) -> list[int]:
        """Those of the best whose copy may take the place of the trial; none where it is good enough to go on."""
        step, end = _position(history, trial), self._end(history)
        if not _origin(history, trial) + self._every <= step < end:
            return []
        live, (ranked, share) = self._live(history), self._ranked(history, step)
        own = next(value for value, n in ranked if n == trial)
        best = [(value, n) for value, n in ranked if n in live][:share]
        if (own, trial) not in ranked[len(ranked) - share :] or own <= best[-1][0]:
            return []
        near = range(max(1, step - self._every // 2), end)
        return [n for _, n in best if (source := _source(history, n)) and source[1] in near]

    def _member(self, history: History, number: int) -> Start:
        """A trial of the searcher's until the population is complete, then a copy of one of the best."""
        ranked, share = self._ranked(history)
        best = [n for _, n in ranked[: max(1, share)]]
        if not best or number - history.imported < self.population:
            return Start(self._every)
        return self._copy(history, [n for n in best if _source(history, n)] or best, number)

    def _copy(self, history: History, best: list[int], *key: int) -> Start:
        """A changed copy of one of the best; the `key` is that of the random numbers."""
        rng = np.random.default_rng([history.created.seed if history.created else 0, *key])
        winner = int(rng.choice(best))
        source = _source(history, winner)
        step = source[1] if source else 0
        return Start(min(step + self._every, self.max_steps), source, self.explore(history, winner, rng))

    def _missing(self, history: History) -> int:
        """How many places are free; of members that fail when others are complete, only what lives can fill them."""
        begun = len(history) - history.imported
        over = history.counts[COMPLETED] - history.imported + len(_idle(history))
        live = len(history.running) + len(history.paused_trials) + len(history.waiting)
        if begun >= self.population and over > 0 and not any(history.steps[n] for n in self._live(history)):
            return 0
        return max(0, self.population - live - over)

    def _end(self, history: History) -> int:
        """The step at which training is over: `max_steps`, or the first from which a copy had nothing left to do."""
        return min([self.max_steps, *(_origin(history, n) for n in _idle(history))])

    def _live(self, history: History) -> list[int]:
        """The members that run or are paused and have steps left."""
        return [n for n in (*history.running, *history.paused_trials) if history.steps[n] < self.max_steps]

    def _ranked(self, history: History, step: int | None = None) -> tuple[list[tuple[float, int]], int]:
        """(value, trial) of the members, the best first, and how many of them the share `quantile` is.

        With a step: the values at or before it, also of all trials that came as far as its interval.
        """
        last = self.max_steps if step is None else step
        stood = [] if step is None else np.flatnonzero(history.steps > step - self._every).tolist()
        values = ((_value(history, n, last), n) for n in {*stood, *self._live(history)})
        ranked = sorted((value, n) for value, n in values if value is not None)
        return ranked, min(max(1, round(self.quantile * len(ranked))), len(ranked) // 2)

    def _due(self, history: History, trial: int) -> int:
        """The step at which the interval ends that the trial was in before its last report."""
        steps = history.curve(trial)[0]
        return self._until(history, trial, int(steps[-2]) if len(steps) > 1 else _origin(history, trial))

    def _until(self, history: History, trial: int, step: int) -> int:
        """The end of the trial's interval that `step` is in; they are counted from where it began."""
        origin = _origin(history, trial)
        return min(origin + ((step - origin) // self._every + 1) * self._every, self.max_steps)


def checked(owner: str, max_steps: int, population: int, interval: int | None, quantile: float) -> int:
    """The interval, after a check of the arguments that populations share."""
    whole(owner, 1, max_steps=max_steps)
    whole(owner, 2, population=population)
    number(owner, 0, 0.5, strictly=True, quantile=quantile)
    if interval is None:
        return max(1, max_steps // 10)
    whole(owner, 1, interval=interval)
    if interval > max_steps:
        raise UsageError(f"{owner}(interval={interval}, max_steps={max_steps}): interval <= max_steps must hold")
    return interval


def _idle(history: History) -> list[int]:
    """The copies that ended without a report: they began where training is over."""
    ended = np.flatnonzero((history.state == STOPPED) & (history.steps == 0)).tolist()
    return [n for n in ended if _origin(history, n)]


def _origin(history: History, trial: int) -> int:
    """The step that the trial began from."""
    return (history.parent(trial) or (0, 0))[1]


def _position(history: History, trial: int) -> int:
    """The step that the trial stands at."""
    return max(int(history.steps[trial]), _origin(history, trial))


def _value(history: History, trial: int, step: int) -> float | None:
    """The trial's latest value at or before the step, None where it has none; inf where it is not finite."""
    steps, values = history.curve(trial)
    at = int(np.searchsorted(steps, step, "right"))
    value = float(values[at - 1, 0]) if at else None
    return inf if value is not None and isnan(value) else value


def _source(history: History, trial: int) -> tuple[int, int] | None:
    """The (trial, step) of the latest checkpoint that a copy of the trial can begin from: its own or its parent's."""
    own = history.checkpoints.get(trial)
    return (trial, max(own)) if own else history.parent(trial)
