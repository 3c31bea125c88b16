"""Synchronous brackets: successive halvings, each of which judges a rung once it is full."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from lanista.journal import FIRST_ENDED, PAUSED, History
from lanista.schedule._base import Action, Event, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._cursor import Cursor
from lanista.schedule._fidelity import Fidelity
from lanista.schedule._rungs import coming, completed, lost, through

Values = dict[int, list[float]]
"""Of each trial, its value at each rung that it reached."""


class Bracket:
    """One successive halving: the trials that are still in it, and the rung that they run to.

    `size` trials begin on the lowest step of `ladder`. `runners` run to the step `ladder[level]`; of them, those in
    `awaited` have neither come to it nor ended. `losers` did not go on, with the reasons.
    """

    def __init__(self, order: int, size: int, ladder: Sequence[int], reduction: int) -> None:
        self.order, self.size, self.ladder, self.reduction = order, size, ladder, reduction
        self.level = 0
        self.runners: list[int] = []
        self.awaited: set[int] = set()
        self.losers: dict[int, str] = {}

    @property
    def full(self) -> bool:
        """Whether all its trials have come."""
        return self.level > 0 or len(self.runners) == self.size

    def advance(self, history: History, values: Values) -> None:
        """Judges every rung on which no trial is awaited any longer."""
        while self.full and not self.awaited and self.level < len(self.ladder):
            self._judge(history, values)

    def unfilled(self, history: History, values: Values) -> "Bracket":
        """What it would be if no more trials came to it."""
        partial = Bracket(self.order, len(self.runners), self.ladder, self.reduction)
        partial.runners = self.runners
        partial.advance(history, values)
        return partial

    def _judge(self, history: History, values: Values) -> None:
        """Lets the best runners go on to the next rung: of n trials in all, n / reduction**level, but always one.

        Only values count, so that it does not matter when it is asked: a place is not given to another if its winner
        ends before it goes on.
        """
        keep = max(1, self.size // self.reduction ** (self.level + 1))
        arrived = sorted((values[n][self.level], n) for n in self.runners if len(values.get(n, ())) > self.level)
        winners = [trial for value, trial in arrived[:keep] if value < inf]
        step, among = self.ladder[self.level], f"{keep} of its bracket"
        self.level += 1
        if self.level < len(self.ladder):
            losers = ((value, n) for value, n in arrived[len(winners) :] if history.state_of(n) < FIRST_ENDED)
            self.losers |= {n: lost(history, value, step, among) for value, n in losers}
            self.awaited = {n for n in winners if len(values[n]) == self.level and history.state_of(n) < FIRST_ENDED}
            self.runners = winners


class Brackets:
    """A cycle of brackets, gone through again and again; trials come to them in the order of their numbers.

    Trials whose results were imported take no place.

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
            for _, bracket in sorted(self._losing.items())
            for trial, reason in bracket.losers.items()
            if history.state_of(trial) == PAUSED
        }
        stops |= {trial: completed(trial, self._limit) for trial in through(history, self._last)}
        late = ((self._of[n], n) for n in history.live[PAUSED] if n in self._of[n].awaited)
        ready = self._resumes(late)[: event.free]
        starts = [Start(self._first(history, n)) for n in coming(history, event.free - len(ready))]
        return [*stops.values(), *ready, *starts, *self._of_unfilled(history)[: len(starts)]]

    def _first(self, history: History, trial: int) -> int:
        """The lowest rung of a trial that is yet to start."""
        if (bracket := self._of.get(trial)) is not None:
            return bracket.ladder[0]
        place = len(self._of) + trial - len(history)
        return self._plan[bisect_right(self._ends, place % self._ends[-1])][1][0]

    def _read(self, history: History) -> None:
        """Takes up what was reported and what ended, opens brackets for new trials, and judges rungs that are full."""
        if self._cursor.restart(history):
            self._of: dict[int, Bracket] = {}
            self._values: Values = {}
            self._losing: dict[int, Bracket] = {}
            self._filling = Bracket(-1, 0, (), self._reduction)
            self._known = self._ended = 0
        for trial in range(self._known, len(history)):
            if history.origin(trial) != "imported":
                self._join(trial)
        self._known = len(history)
        touched: set[Bracket] = set()
        for trial, step, value in self._cursor.rows():
            if (bracket := self._of.get(trial)) is not None:
                values = self._values.setdefault(trial, [])
                values += [value] * (bisect_right(bracket.ladder, step) - len(values))
                if len(values) > bracket.level and trial in bracket.awaited:
                    bracket.awaited.remove(trial)
                    touched.add(bracket)
        for trial in history.finished[self._ended :]:
            if (bracket := self._of.get(trial)) is not None:
                bracket.awaited.discard(trial)
                bracket.losers.pop(trial, None)
                touched.add(bracket)
        self._ended = len(history.finished)
        for bracket in touched:
            bracket.advance(history, self._values)
            self._losing[bracket.order] = bracket
            if not bracket.losers:
                del self._losing[bracket.order]

    def _join(self, trial: int) -> None:
        """Gives a new trial its place."""
        if self._filling.full:
            order = self._filling.order + 1
            self._filling = Bracket(order, *self._plan[order % len(self._plan)], self._reduction)
        self._filling.runners.append(trial)
        self._filling.awaited.add(trial)
        self._of[trial] = self._filling

    def _resumes(self, late: Iterable[tuple[Bracket, int]]) -> list[Action]:
        """Resumes trials that are paused before their rung, those of the oldest bracket first, and the best."""
        ordered = sorted((bracket.order, (self._values.get(n) or [0.0])[-1], n, bracket) for bracket, n in late)
        return [Resume(n, bracket.ladder[bracket.level]) for *_, n, bracket in ordered]

    def _of_unfilled(self, history: History) -> list[Action]:
        """What would go on in the last bracket if no more trials came to it, once all that came have settled."""
        last = self._filling
        if last.full or last.awaited:
            return []
        partial = last.unfilled(history, self._values)
        return self._resumes((partial, n) for n in partial.awaited if history.state_of(n) == PAUSED)
