"""Synchronous brackets: successive halvings, each of which judges a rung once it is full."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import inf

from lanista.journal import FIRST_ENDED, PAUSED, History
from lanista.schedule._base import Action, Event, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._cursor import Cursor
from lanista.schedule._fidelity import Fidelity
from lanista.schedule._rungs import coming, completed, through

Values = dict[int, list[float]]
"""Of each trial, its value at each rung that it reached."""


class Bracket:
    """One successive halving: the trials that are still in it, and the rung that they run to.

    `trials` begin on the lowest step of `ladder`. `runners` run to the step `ladder[level]`; the first `settled` of
    them have come to it, or have ended. `losers` did not go on, with the reasons.
    """

    def __init__(self, trials: range, ladder: Sequence[int], reduction: int) -> None:
        self.trials, self.ladder, self.reduction = trials, ladder, reduction
        self.runners: Sequence[int] = trials
        self.level = self.settled = 0
        self.losers: dict[int, str] = {}

    def advance(self, history: History, values: Values, late: "dict[int, Bracket]") -> None:
        """Judges every rung on which no trial is awaited any longer; winners that have farther to go join `late`."""
        while self.level < len(self.ladder):
            while self.settled < len(self.runners) and self._settles(self.runners[self.settled], history, values):
                self.settled += 1
            if self.settled < len(self.runners):
                return
            self._judge(values)
            late.update((n, self) for n in self.runners[self.settled :] if len(values[n]) == self.level)

    def over(self, history: History) -> bool:
        """Whether there is nothing left to decide; forgets the losers that have ended."""
        if self.losers:
            self.losers = {n: reason for n, reason in self.losers.items() if history.state_of(n) < FIRST_ENDED}
        return self.level == len(self.ladder) and not self.losers

    def _settles(self, trial: int, history: History, values: Values) -> bool:
        if len(values.get(trial, ())) > self.level:
            return True
        return trial < len(history) and history.state_of(trial) >= FIRST_ENDED

    def _judge(self, values: Values) -> None:
        """Lets the best runners go on to the next rung: of n trials in all, n / reduction**level, but always one.

        Only values count, so that it does not matter when it is asked: a place is not given to another if its winner
        ends before it goes on.
        """
        keep = max(1, len(self.trials) // self.reduction ** (self.level + 1))
        arrived = sorted((values[n][self.level], n) for n in self.runners if len(values.get(n, ())) > self.level)
        winners = [trial for value, trial in arrived[:keep] if value < inf]
        reason = f"not among the best {keep} of its bracket at step {self.ladder[self.level]}"
        self.level += 1
        if self.level < len(self.ladder):
            self.losers |= {trial: reason for _, trial in arrived[len(winners) :]}
            self.runners, self.settled = winners, 0


class Brackets:
    """A cycle of brackets, gone through again and again. A trial's bracket follows from its number alone.

    Free slots go to trials that won at their rung, in the oldest bracket first, then to new trials: so no worker waits
    at a barrier. A rung is judged when each of its trials has arrived or has ended. Trials that never come, because
    there may be no more, hold up nothing: the trials of the bracket that is not full are offered, as if it were, after
    the starts, and run where these are refused.

    Args:
        limit: the last step, or the fidelity.
        plan: of each bracket the number of trials and the steps of its rungs.
        reduction: one in so many trials goes on from each rung.
    """

    def __init__(self, limit: int | Fidelity, plan: Sequence[tuple[int, Sequence[int]]], reduction: int) -> None:
        self._limit, self._plan, self._reduction = limit, plan, reduction
        self._last = plan[0][1][-1]
        self._ends = list(accumulate(size for size, _ in plan))
        self._cursor = Cursor()

    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials; on free slots stops those that lost, resumes those that won, and starts new ones."""
        if isinstance(event, Report | Yielded) and event.step >= self._last:
            return [completed(event.trial, self._limit)]
        if not isinstance(event, Slots):
            return []
        self._read(history)
        stops: dict[int, Action] = {
            trial: Stop(trial, reason)
            for bracket in self._open
            for trial, reason in bracket.losers.items()
            if history.state_of(trial) == PAUSED
        }
        stops |= {trial: completed(trial, self._limit) for trial in through(history, self._last)}
        ready = self._waiting(history, self._late)[: event.free]
        starts = [Start(self._ladder(trial)[0]) for trial in coming(history, event.free - len(ready))]
        return [*stops.values(), *ready, *starts, *self._of_unfilled(history)[: len(starts)]]

    def _ladder(self, trial: int) -> Sequence[int]:
        return self._plan[bisect_right(self._ends, trial % self._ends[-1])][1]

    def _read(self, history: History) -> None:
        """Takes up what was reported, opens the brackets of new trials, and judges the rungs that became full."""
        if self._cursor.restart(history):
            self._open: list[Bracket] = []
            self._late: dict[int, Bracket] = {}
            self._values: Values = {}
            self._opened = self._room = self._known = 0
        for trial in range(self._known, len(history)):
            if trial == self._room:
                size, ladder = self._plan[self._opened % len(self._plan)]
                self._open.append(Bracket(range(trial, trial + size), ladder, self._reduction))
                self._opened, self._room = self._opened + 1, trial + size
            self._late[trial] = self._open[-1]
        self._known = len(history)
        for trial, step, value in self._cursor.rows():
            values = self._values.setdefault(trial, [])
            values += [value] * (bisect_right(self._ladder(trial), step) - len(values))
            if trial in self._late and len(values) > self._late[trial].level:
                del self._late[trial]
        for bracket in self._open:
            bracket.advance(history, self._values, self._late)
        self._open = [bracket for bracket in self._open if not bracket.over(history)]

    def _waiting(self, history: History, late: dict[int, Bracket]) -> list[Action]:
        """Resumes the trials that are paused before their rung, those of the oldest bracket first, and the best."""
        paused = [
            (late[n].trials.start, (self._values.get(n) or [0.0])[-1], n)
            for n in history.live[PAUSED].keys() & late.keys()
        ]
        return [Resume(n, late[n].ladder[late[n].level]) for *_, n in sorted(paused)]

    def _of_unfilled(self, history: History) -> list[Action]:
        """What would go on in the last bracket if no more trials came to it, once all that came have settled."""
        if not self._open or self._room <= self._known:
            return []
        last = self._open[-1]
        if last.trials.start + last.settled < self._known:
            return []
        partial = Bracket(range(last.trials.start, self._known), last.ladder, self._reduction)
        late: dict[int, Bracket] = {}
        partial.advance(history, self._values, late)
        return self._waiting(history, late)
