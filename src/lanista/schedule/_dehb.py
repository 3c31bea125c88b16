"""DEHB: Awad, Mallik and Hutter, Evolutionary Hyperband for Scalable, Robust and Efficient Optimization, 2021.

Shapes: n members, d columns of the space.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, count, pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from lanista._words import counted
from lanista.journal import FIRST_ENDED, History, Params
from lanista.schedule._base import Action, Described, Event, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._cursor import Cursor
from lanista.schedule._fidelity import Fidelity, levels
from lanista.schedule._rungs import Entry, completed
from lanista.space import Space

SCALE, CROSSOVER = 0.5, 0.5
"""The paper's F and CR."""
TRIES = 20
"""Offspring made before a random configuration is taken instead, where constraints forbid all of them."""
GIVEN = ("enqueued", "imported")
"""Origins of trials that belong to no bracket."""

Floats = NDArray[np.float64]


class Level:
    """The trials that came to a level, and the best of them: of all, and of those that competed for each place.

    `filled`: all configurations that are to be promoted to the level, for its first holders, have come.

    >>> level = Level(size=2)
    >>> level.trials = [4, 5, 6]
    >>> for entry in [(0.5, 4), (0.2, 6)]:
    ...     level.enter(*entry)
    >>> level.ranked, level.holders
    ([(0.2, 6), (0.5, 4)], {0: (0.2, 6)})
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.trials: list[int] = []
        self.ranked: list[Entry] = []
        self.holders: dict[int, Entry] = {}
        self.filled = False

    def enter(self, value: float, trial: int) -> None:
        """Takes up a finite value of a trial on the level."""
        insort(self.ranked, (value, trial))
        place = bisect_left(self.trials, trial) % self.size
        self.holders[place] = min(self.holders.get(place, (inf, -1)), (value, trial))


class DEHB(Described):
    """Runs the brackets of HyperBand, and proposes by differential evolution: the configurations are its own.

    Awad et al. (2021), sections 4 and 5. Each level has a subpopulation, as large as its largest rung; a new trial
    there competes for one of its places in turn. Its configuration is the binomial crossover of the place's holder with
    a mutant a + F (b - c) of three members of the rung's parents: in the lowest rung of a bracket the level's own
    subpopulation, above it the best of the level below, filled up from all members where they are fewer than three.
    What leaves the unit cube is drawn at random there. Places without a holder are filled with the best of the
    bracket's rung below, as in successive halving, and in the lowest rung by the searcher, or, once all members of
    the level have a value, by evolution.

    A trial runs on one level only, from its start: no checkpoints are needed. It ends as stopped, or on the last level
    as completed. A rung is begun when all trials on the one below have ended. A free worker takes a place in the first
    bracket that has one which may be begun; where none of those that run has, the next bracket begins, in the order of
    HyperBand. Which bracket a trial belongs to follows from its level and from how many came there before; so where one
    that begins on a level overtakes the others, its trials take their places there, and its own are left to them.
    What a person enqueues runs on the last level. Values that are missing or infinite, and failures, are the worst.
    The first objective decides.

    Args:
        max_steps: the last level: steps, or a `Fidelity`.
        min_steps: the first level, by default 1; not with a fidelity. The levels are those of `HyperBand`.
        reduction: the paper's η.

    Raises:
        UsageError: an argument is out of range.

    >>> DEHB(27).on(History(), Slots(free=2)) == [Start(budget=1), Start(budget=1)]
    True
    """

    def __init__(self, max_steps: int | Fidelity, *, min_steps: int | None = None, reduction: int = 3) -> None:
        self.max_steps, self.min_steps, self.reduction = max_steps, min_steps, reduction
        self.fidelity = max_steps if isinstance(max_steps, Fidelity) else None
        self._levels = levels(max_steps, min_steps, reduction, "DEHB", from_top=True)
        many = len(self._levels)
        begin: list[int] = [-(-many * reduction ** (many - 1 - b) // (many - b)) for b in range(many)]
        # Of each level, how many trials of a cycle stand there up to and with each bracket.
        self._ends: list[list[int]] = [
            list(accumulate(max(1, begin[b] // reduction ** (no - b)) for b in range(no + 1))) for no in range(many)
        ]
        self._sizes = [max(end - start for start, end in pairwise([0, *ends])) for ends in self._ends]
        self._cursor = Cursor()

    def on(self, history: History, event: Event) -> list[Action]:
        """Ends trials that have had their level, starts new ones on free slots."""
        self._read(history)
        if isinstance(event, Report | Yielded) and event.step >= self._level(history, event.trial):
            return [self._end(history, event.trial)]
        if not isinstance(event, Slots):
            return []
        paused = [(n, self._level(history, n)) for n in history.paused_trials]
        over = [self._end(history, n) for n, level in paused if history.steps[n] >= level]
        resumed = [Resume(n, level) for n, level in paused if history.steps[n] < level][: event.free]
        return [*over, *resumed, *self._starts(history, event.free - len(resumed))]

    def _read(self, history: History) -> None:
        """Takes up new trials and new values."""
        if self._cursor.restart(history):
            self._seen, self._values = 0, dict[int, float]()
            self._ranked: list[Entry] = []
            self._on = [Level(size) for size in self._sizes]
            # The first bracket that may have places left, and the rungs of which it is known that they may begin.
            self._first, self._begun = 0, set[tuple[int, int]]()
        for trial in range(self._seen, len(history)):
            if (level := self._level(history, trial)) in self._levels and history.origin(trial) not in GIVEN:
                self._on[self._levels.index(level)].trials.append(trial)
        self._seen = len(history)
        for trial, step, value in self._cursor.rows():
            if step >= (level := self._level(history, trial)) and trial not in self._values:
                self._values[trial] = value
                if value < inf:
                    insort(self._ranked, (value, trial))
                    if level in self._levels and history.origin(trial) not in GIVEN:
                        self._on[self._levels.index(level)].enter(value, trial)

    def _level(self, history: History, trial: int) -> int:
        return history.budget(trial) or self._levels[-1]

    def _end(self, history: History, trial: int) -> Stop:
        level = self._level(history, trial)
        if level == self._levels[-1]:
            return completed(trial, self.max_steps)
        had = f"{level} {self.fidelity.name}" if self.fidelity else counted(level, "step")
        return Stop(trial, f"has had its level of {had}")

    # --- new trials ---------------------------------------------------------------------------------------------------

    def _starts(self, history: History, free: int) -> list[Start]:
        """What was enqueued, then the places of the first brackets that have some."""
        starts = [Start(self._levels[-1]) for n in history.waiting if n not in history.released][:free]
        while all(
            len(level.trials) >= self._before(no, self._first + 1)
            and (no < self._first % len(self._levels) or self._may_begin(history, no, self._first))
            for no, level in enumerate(self._on)
        ):
            self._first += 1
        parents = cache(lambda no, bracket: self._parents(history, no, bracket))
        added: list[int] = []
        given: dict[int, Params] = {}
        numbers = range(len(history), len(history) + free - len(starts))
        for number, no in zip(numbers, self._free(history), strict=False):
            bracket = self._bracket(no)
            rng = np.random.default_rng([history.created.seed if history.created else 0, number])
            params = self._promoted(history, no, given)
            if params is None:
                params = self._params(history, no, bracket, parents(no, bracket), rng)
            starts.append(Start(self._levels[no], params=params))
            self._on[no].trials.append(number)
            added.append(no)
            given[number] = params or {}
        for no in added:
            self._on[no].trials.pop()
        return starts

    def _free(self, history: History) -> Iterator[int]:
        """The levels of the next trials: of the first bracket with places that may be begun, and there the lowest."""
        many = len(self._levels)
        room = [self._before(no, self._first) - len(level.trials) for no, level in enumerate(self._on)]
        for bracket in count(self._first):
            for no in range(bracket % many, many):
                if self._may_begin(history, no, bracket):
                    rung = self._rung(no, bracket)
                    room[no] += rung.stop - rung.start
                    while room[no] > 0:
                        room[no] -= 1
                        yield no

    def _before(self, no: int, bracket: int) -> int:
        """How many places on a level belong to the brackets before one."""
        cycle, b = divmod(bracket, len(self._levels))
        return cycle * self._ends[no][-1] + [0, *self._ends[no]][min(b, no + 1)]

    def _bracket(self, no: int) -> int:
        """The bracket, counted through all cycles, of the next trial on a level."""
        cycle, place = divmod(len(self._on[no].trials), self._ends[no][-1])
        return cycle * len(self._levels) + bisect_right(self._ends[no], place)

    def _rung(self, no: int, bracket: int) -> slice:
        """Where the trials of a bracket stand among those on a level."""
        return slice(self._before(no, bracket), self._before(no, bracket + 1))

    def _may_begin(self, history: History, no: int, bracket: int) -> bool:
        """Whether a bracket's trials on a level may begin: it begins there, or all trials on the rung below ended."""
        if bracket % len(self._levels) == no or (no, bracket) in self._begun:
            return True
        below = self._rung(no - 1, bracket)
        trials = self._on[no - 1].trials[below]
        if len(trials) < below.stop - below.start or not all(
            n < len(history) and history.state_of(n) >= FIRST_ENDED for n in trials
        ):
            return False
        self._begun.add((no, bracket))
        return True

    def _parents(self, history: History, no: int, bracket: int) -> Floats:
        """The points (n, d) of those that mutants on a bracket's rung are made of."""
        level = self._on[no]
        if bracket % len(self._levels) == no:
            parents = [level.holders[i] for i in sorted(level.holders)]
        else:
            rung = self._rung(no, bracket)
            parents = self._on[no - 1].ranked[: rung.stop - rung.start]
        if len(parents) < 3:
            parents = [*parents, *(entry for entry in self._ranked if entry not in parents)]
        return history.X[[n for _, n in parents]]

    def _promoted(self, history: History, no: int, given: dict[int, Params]) -> Params | None:
        """A configuration that won on a rung of the first cycle and is yet to come to the level; None: there is none.

        They are told by what they are, since trials of another bracket may have taken their places. `given` holds the
        configurations of trials that are about to start.
        """
        level = self._on[no]
        if level.filled:
            return None
        wanted: list[Params] = []
        filled = not given
        for bracket in range(no):
            rung = self._rung(no, bracket)
            if rung.start >= level.size:
                break
            if not self._may_begin(history, no, bracket):
                filled = False
                continue
            wanted += self._best_below(history, no, bracket)[: min(rung.stop, level.size) - rung.start]
        numbers = level.trials if wanted else []
        there = [given[n] if n in given else history.proposals.get(n, history.params[n]) for n in numbers]
        for params in wanted:
            if params not in there:
                return params
            there.remove(params)
        level.filled = filled
        return None

    def _best_below(self, history: History, no: int, bracket: int) -> list[Params]:
        """The configurations of a bracket's rung below a level, the best first."""
        members = self._on[no - 1].trials[self._rung(no - 1, bracket)]
        ranked = sorted((self._values[n], n) for n in members if self._values.get(n, inf) < inf)
        return [history.params[n] for _, n in ranked]

    def _params(
        self, history: History, no: int, bracket: int, parents: Floats, rng: "np.random.Generator"
    ) -> Params | None:
        """The configuration of the next trial on a level; None: the searcher is to propose it."""
        level = self._on[no]
        index = len(level.trials)
        place = level.holders.get(index % level.size)
        if place is None and index >= level.size and bracket % len(self._levels) != no:
            promoted = self._best_below(history, no, bracket) if self._may_begin(history, no, bracket) else []
            return next(iter(promoted[index - self._rung(no, bracket).start :]), None)
        if place is None or len(parents) < 3:
            return None
        return _offspring(history.space, history.X[place[1]], parents, rng)


def _offspring(space: Space, target: Floats, parents: Floats, rng: "np.random.Generator") -> Params:
    """A valid crossover of the target (d,) with a mutant of three of the parents (n, d), NaN where inactive."""
    for _ in range(TRIES):
        three = parents[rng.permutation(len(parents))[:3]]
        a, b, c = (np.where(np.isnan(x), rng.random(space.width), x) for x in three)
        mutant, random = a + SCALE * (b - c), rng.random(space.width)
        mutant = np.where((mutant < 0.0) | (mutant > 1.0), random, mutant)
        taken = rng.random(space.width) < CROSSOVER
        if space.width:
            taken[rng.integers(space.width)] = True
        own = np.where(np.isnan(target), random, target)
        params = space.decode(np.where(taken, mutant, own)[None])[0]
        if space.valid(params):
            return params
    return space.sample(rng, 1)[0]
