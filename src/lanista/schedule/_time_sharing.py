"""Time-sharing: many trials on few slots, a slice at a time.

Xiao et al., Gandiva: Introspective Cluster Scheduling for Deep Learning, 2018, share accelerators among jobs by
suspending and resuming them. Here the slices go to the trials that may yet turn out best.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from math import inf, log2

import numpy as np

from lanista.errors import UsageError
from lanista.journal import COMPLETED, PAUSED, RUNNING, History
from lanista.schedule._base import Action, Described, Event, Report, Resume, Slots, Start, Yielded
from lanista.schedule._checks import number, whole
from lanista.schedule._cursor import Cursor
from lanista.schedule._rungs import completed, through

Standing = tuple[float, int, int]
"""(forecast, step, trial)"""
DOUBLINGS = 30
"""How often a slice is doubled at most: 30 times make a year of 30 ms."""


class TimeSharing(Described):
    """Keeps many trials alive on few slots; each runs for a slice and is resumed from its checkpoint.

    At first `alive` trials get a slice each. From then on a free slot goes to the paused trial of the best forecast:
    what its best value will be at `max_steps` if each doubling of its steps brings as much as the last one did. For
    learning curves, which flatten out, that is an optimistic guess, and the more so the fewer steps a trial has had. So
    the leaders are resumed again and again, and those behind more and more rarely. A share `explore` of the slices goes
    to the trial with the fewest steps instead, so that none starves and slow starters are found.

    A trial that reaches `max_steps` is completed. Once no paused trial's forecast is better than the best completed
    trial, free slots go to new trials; where there may be no more, the run ends. The others stay paused, and can
    go on in a later run with a longer `max_steps` or a better forecast. Missing and infinite values are the worst. The
    first objective decides.

    Trials need `trial.save` and `trial.load`, or begin again with each slice. A slice of seconds that brings no new
    checkpoint is for nothing: each such slice makes the trial's next one twice as long, until there is one.

    Args:
        max_steps: the step at which a trial is complete.
        alive: how many trials are started before the first is resumed.
        slice: how many steps a trial runs at a time; by default 1, unless `seconds` are given.
        seconds: how long a trial runs at a time, in place of a number of steps.
        explore: the share of the slices for the trials with the fewest steps, from 0 to 1.

    Raises:
        UsageError: an argument is out of range, or both kinds of slices are given.

    >>> TimeSharing(100, slice=5).on(History(), Slots(free=2)) == [Start(budget=5), Start(budget=5)]
    True
    """

    def __init__(
        self,
        max_steps: int,
        *,
        alive: int = 64,
        slice: int | None = None,
        seconds: float | None = None,
        explore: float = 0.1,
    ) -> None:
        self.max_steps, self.alive, self.slice, self.seconds, self.explore = max_steps, alive, slice, seconds, explore
        if slice is not None and seconds is not None:
            raise UsageError(f"TimeSharing(slice={slice!r}, seconds={seconds!r}): give one or the other")
        whole("TimeSharing", 1, max_steps=max_steps, alive=alive, slice=1 if slice is None else slice)
        number("TimeSharing", 0, strictly=True, seconds=1 if seconds is None else seconds)
        number("TimeSharing", 0, 1, explore=explore)
        self._cursor = Cursor()
        self._curves: dict[int, list[tuple[int, float]]] = {}

    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials, and gives slices to those that deserve them."""
        if self._cursor.restart(history):
            self._curves, self._reports, self._known, self._ended = {}, 0, 0, 0
            self._repeats: dict[int, list[int]] = {}
            self._standing: dict[int, Standing] = {}
            self._promising: list[Standing] = []
            self._fewest: list[Standing] = []
        for trial in range(self._known, len(history)):
            self._rank(trial, -1)
        self._known = len(history)
        for row in self._cursor.rows():
            self._enter(*row)
        for trial in history.finished[self._ended :]:
            self._forget(trial, self._standing[trial])
        self._ended = len(history.finished)
        if isinstance(event, Report | Yielded) and event.step >= self.max_steps:
            return [completed(event.trial, self.max_steps)]
        return self._share(history, event.free) if isinstance(event, Slots) else []

    def _enter(self, trial: int, step: int, value: float) -> None:
        """Adds a report to the trial's curve of best values; one that a restarted trial repeats changes nothing."""
        curve = self._curves.setdefault(trial, [])
        if not curve or step > curve[-1][0]:
            curve.append((step, min(value, curve[-1][1] if curve else inf)))
            self._reports += 1
        if step <= self._standing[trial][1]:
            self._repeats.setdefault(trial, []).append(curve[-1][0])
        self._rank(trial, step)

    def _rank(self, trial: int, step: int) -> None:
        """Keeps both orders of the trials, by forecast and by steps."""
        if (old := self._standing.get(trial)) is not None:
            self._forget(trial, old)
        new = self._standing[trial] = self.forecast(trial), step, trial
        insort(self._promising, new)
        insort(self._fewest, new, key=_by_steps)

    def _forget(self, trial: int, old: Standing) -> None:
        del self._promising[bisect_left(self._promising, old)]
        del self._fewest[bisect_left(self._fewest, _by_steps(old), key=_by_steps)]
        del self._standing[trial]

    def _share(self, history: History, free: int) -> list[Action]:
        """Starts trials until enough are alive, then resumes; starts come first where none deserves to go on."""
        done = through(history, self.max_steps)
        resumes: list[Action] = [self._resume(history, n) for n in self._chosen(history, free)]
        kept = history.counts[COMPLETED] - history.imported
        living = kept + len(history.live[RUNNING]) + len(history.live[PAUSED]) - len(done) + len(history.released)
        fewer = max(self.alive - living, free - len(resumes))
        starts: list[Action] = [Start(self._budget(0), seconds=self.seconds)] * min(free, fewer)
        return [*(completed(n, self.max_steps) for n in done), *starts, *resumes]

    def _chosen(self, history: History, free: int) -> list[int]:
        """Up to `free` of the paused trials: those that deserve a slice, the most deserving first."""
        best = history.best if history.counts[COMPLETED] else None
        top = inf if best is None or history.state_of(best) != COMPLETED else history.first(best)
        promising, fewest = (self._paused(history, top, order) for order in (self._promising, self._fewest))
        rng = np.random.default_rng([history.created.seed if history.created else 0, self._reports])
        chosen: dict[int, None] = {}
        for explores in (rng.random(free) < self.explore).tolist():
            found = next((n for n in (fewest if explores else promising) if n not in chosen), None)
            if found is None:
                break
            chosen[found] = None
        return list(chosen)

    def _paused(self, history: History, top: float, order: list[Standing]) -> Iterator[int]:
        """The paused trials, in an order, whose forecast is better than `top`."""
        paused = history.live[PAUSED]
        for forecast, step, trial in order:
            if forecast >= top < inf and order is self._promising:
                return
            if trial in paused and step < self.max_steps and (forecast < top or top == inf):
                yield trial

    def _resume(self, history: History, trial: int) -> Resume:
        """The next slice; one of seconds is the longer the more were for nothing since the latest checkpoint."""
        if self.seconds is None:
            return Resume(trial, self._budget(int(history.steps[trial])))
        saved, _ = history.latest_checkpoint(trial)
        lost = sum(step >= saved for step in self._repeats.get(trial, ()))
        return Resume(trial, self.max_steps, seconds=self.seconds * 2 ** min(lost, DOUBLINGS))

    def forecast(self, trial: int) -> float:
        """The best value, minimised, that the trial may have at `max_steps`; -inf while nobody can tell."""
        curve = self._curves.get(trial, [])
        if len(curve) < 2:
            return -inf
        step, value = curve[-1]
        earlier, before = next(point for point in reversed(curve) if point[0] <= step / 2 or point is curve[0])
        if before == inf:
            return value if value == inf else -inf
        return value - (before - value) / log2(step / earlier) * log2(self.max_steps / step)

    def _budget(self, step: int) -> int:
        return self.max_steps if self.seconds else min(step + (self.slice or 1), self.max_steps)


def _by_steps(standing: Standing) -> tuple[int, float, int]:
    forecast, step, trial = standing
    return step, forecast, trial
