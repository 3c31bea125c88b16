"""Rungs: the steps at which trials are compared, and who stands where. Schedulers of the halving family share them."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf

import numpy as np

from lanista.journal import FAILED, INFEASIBLE, PAUSED, WAITING, History
from lanista.schedule._base import Stop
from lanista.schedule._cursor import Cursor
from lanista.schedule._fidelity import Fidelity

Entry = tuple[float, int]
"""(value, trial): in a sorted list the best comes first."""

GOLDEN = 0.6180339887498949
"""Its multiples, modulo 1, spread evenly however many are taken."""


def coming(history: History, count: int) -> list[int]:
    """The numbers of the trials that the next `count` starts will run: those that wait for their first, then new ones.

    >>> coming(History(), 2)
    [0, 1]
    """
    fresh = [trial for trial in history.waiting if trial not in history.released] if history.live[WAITING] else []
    return [*fresh, *range(len(history), len(history) + count)][:count]


def through(history: History, last: int) -> list[int]:
    """The trials that are paused at the last step: their controller died before it could complete them."""
    return np.flatnonzero((history.state == PAUSED) & (history.steps >= last)).tolist()


def completed(trial: int, limit: int | Fidelity) -> Stop:
    """Completes a trial at `limit`.

    >>> completed(7, Fidelity("rows", 100, 900)).reason
    'has had all 900 rows'
    """
    if limit == 1:
        return Stop(trial, "has had its only step", "completed")
    high, unit = (limit.high, limit.name) if isinstance(limit, Fidelity) else (limit, "steps")
    return Stop(trial, f"has had all {high} {unit}", "completed")


def lost(history: History, value: float, step: int, among: str) -> str:
    """Why a trial does not go on from a step: it is not among the best, or has no value to be judged by.

    >>> lost(History(), 0.5, 9, "1/3 of 7")
    'not among the best 1/3 of 7 at step 9'
    """
    if value < inf or history.created is None:
        return f"not among the best {among} at step {step}"
    return f"reported no finite {next(iter(history.created.metrics))!r} at step {step}"


class Rung:
    """The values of the trials that reached `step`, sorted; `leaders`: of those that have not reached a higher rung."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.entries: list[Entry] = []
        self.leaders: list[Entry] = []

    def top(self, reduction: int) -> list[Entry]:
        """The leaders among the best 1/`reduction` of the rung; a value of inf never is."""
        top = len(self.entries) // reduction
        return self.leaders[: bisect_right(self.leaders, min(self.entries[top - 1], (inf, -1)))] if top else []

    def keeps(self, value: float, reduction: int) -> bool:
        """Whether a value is among the best 1/`reduction` of the rung, or the best of all while there are few."""
        top = max(1, len(self.entries) // reduction)
        return value <= self.entries[top - 1][0] and value < inf


class Rungs:
    """One ladder of rungs a bracket, filled from the history. A trial's bracket follows from its number alone.

    Its value at a rung is that of its first report at or beyond the rung's step; reports that a restarted trial repeats
    change nothing. `passed` lists (step, value) of each rung that a trial reached; `between` holds the trials that have
    gone on since their last rung.

    >>> Rungs([[1, 3, 9], [3, 9]], 3).bracket(0)
    0
    """

    def __init__(self, ladders: Sequence[Sequence[int]], reduction: int) -> None:
        self._steps = ladders
        sizes = [reduction ** len(steps) / (len(steps) + 1) for steps in ladders]
        self._shares = [total / sum(sizes) for total in accumulate(sizes)][:-1]
        self._cursor = Cursor()

    def bracket(self, trial: int) -> int:
        """The trial's bracket; they are as large as in HyperBand (Li et al., 2018), each spends about the same."""
        return bisect_right(self._shares, trial * GOLDEN % 1)

    def of(self, trial: int) -> list[Rung]:
        """The rungs of the trial's bracket, the lowest first."""
        return self.ladders[self.bracket(trial)]

    def read(self, history: History) -> None:
        """Takes up what was reported, and which trials failed, since the last call."""
        if self._cursor.restart(history):
            self.ladders = [[Rung(step) for step in steps] for steps in self._steps]
            self.passed: dict[int, list[tuple[int, float]]] = {}
            self.between: dict[int, None] = {}
            self._failures = 0
        for row in self._cursor.rows():
            self._enter(*row)
        if (failures := history.counts[FAILED] + history.counts[INFEASIBLE]) != self._failures:
            self._failures = failures
            failed = (history.state == FAILED) | (history.state == INFEASIBLE)
            for trial in np.flatnonzero(failed).tolist():
                self._fail(trial)

    def interrupted(self, history: History) -> list[int]:
        """The trials that are paused between two rungs, or below the first."""
        waiting, running, paused = history.live
        for trial in [n for n in self.between if not (n in running or n in paused or n in waiting)]:
            del self.between[trial]
        return [trial for trial in self.between if trial in paused]

    def promotable(self, history: History, reduction: int) -> Iterator[int]:
        """The paused trials among the best 1/`reduction` of their rung, the highest rung and there the best first."""
        waiting, running, paused = history.live
        for rung in sorted((rung for ladder in self.ladders for rung in ladder), key=lambda rung: -rung.step):
            for entry in rung.top(reduction):
                if entry[1] in paused:
                    yield entry[1]
                elif not (entry[1] in running or entry[1] in waiting):
                    rung.leaders.remove(entry)

    def _enter(self, trial: int, step: int, value: float) -> None:
        passed = self.passed.setdefault(trial, [])
        if passed and step <= passed[-1][0]:
            return
        ladder, before = self.of(trial), len(passed)
        while len(passed) < len(ladder) and step >= ladder[len(passed)].step:
            insort(ladder[len(passed)].entries, (value, trial))
            passed.append((step, value))
        if len(passed) == before:
            self.between[trial] = None
            return
        self.between.pop(trial, None)
        if before:
            _remove(ladder[before - 1].leaders, (passed[before - 1][1], trial))
        insort(ladder[len(passed) - 1].leaders, (value, trial))

    def _fail(self, trial: int) -> None:
        """Makes the trial the worst wherever it stood."""
        ladder, passed = self.of(trial), self.passed.pop(trial, [])
        self.between.pop(trial, None)
        for rung, (_, value) in zip(ladder, passed, strict=False):
            _remove(rung.entries, (value, trial))
            insort(rung.entries, (inf, trial))
        if passed:
            _remove(ladder[len(passed) - 1].leaders, (passed[-1][1], trial))


def _remove(entries: list[Entry], entry: Entry) -> None:
    """Takes an entry out of a sorted list, where it is in it."""
    at = bisect_left(entries, entry)
    del entries[at : at + (entries[at : at + 1] == [entry])]
