"""Time-sharing: many trials on few slots, a slice at a time.

Xiao et al., Gandiva: Introspective Cluster Scheduling for Deep Learning, 2018, share accelerators among jobs by
suspending and resuming them. Here the slices go to the trials that may yet turn out best.
"""

from math import inf, log2

import numpy as np

from lanista.errors import UsageError
from lanista.journal import COMPLETED, History
from lanista.schedule._base import Action, Event, Report, Resume, Slots, Start, Yielded
from lanista.schedule._checks import number, whole
from lanista.schedule._cursor import Cursor
from lanista.schedule._rungs import completed, through


class TimeSharing:
    """Keeps many trials alive on few slots; each runs for a slice and is resumed from its checkpoint.

    At first `alive` trials get a slice each. From then on a free slot goes to the paused trial of the best forecast:
    what its best value will be at `max_steps` if each doubling of its steps brings as much as the last one did. For
    learning curves, which flatten out, that is an optimistic guess, and the more so the fewer steps a trial has had. So
    the leaders are resumed again and again, and those behind more and more rarely. A share `explore` of the slices goes
    to the trial with the fewest steps instead, so that none starves and slow starters are found.

    A trial that reaches `max_steps` is completed. Once no paused trial's forecast is better than the best completed
    trial, free slots go to new trials; where there may be no more, the run ends. The others stay paused, and can
    go on in a later run with a longer `max_steps` or a better forecast. Trials need `trial.save` and `trial.load`, or
    begin again with each slice. Missing and infinite values are the worst. The first objective decides.

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
            self._curves, self._reports = {}, 0
        for row in self._cursor.rows():
            self._enter(*row)
        if isinstance(event, Report | Yielded) and event.step >= self.max_steps:
            return [completed(event.trial, self.max_steps)]
        return self._share(history, event.free) if isinstance(event, Slots) else []

    def _enter(self, trial: int, step: int, value: float) -> None:
        """Adds a report to the trial's curve of best values; one that a restarted trial repeats changes nothing."""
        curve = self._curves.setdefault(trial, [])
        if not curve or step > curve[-1][0]:
            curve.append((step, min(value, curve[-1][1] if curve else inf)))
            self._reports += 1

    def _share(self, history: History, free: int) -> list[Action]:
        """Starts trials until enough are alive, then resumes; starts come first where none deserves to go on."""
        done: list[Action] = [completed(n, self.max_steps) for n in through(history, self.max_steps)]
        steps = history.steps
        paused = [n for n in history.paused_trials if steps[n] < self.max_steps]
        chosen = self._chosen(history, paused, free)
        resumes: list[Action] = [Resume(n, self._budget(int(steps[n])), seconds=self.seconds) for n in chosen]
        kept = history.counts[COMPLETED] - history.imported
        living = kept + len(history.running) + len(paused) + len(history.released)
        fewer = max(self.alive - living, free - len(resumes))
        starts: list[Action] = [Start(self._budget(0), seconds=self.seconds)] * min(free, fewer)
        return [*done, *starts, *resumes]

    def _chosen(self, history: History, paused: list[int], free: int) -> list[int]:
        """Up to `free` of the paused trials: those that deserve a slice, the most deserving first."""
        best = history.best
        top = inf if best is None or history.state_of(best) != COMPLETED else history.first(best)
        forecasts = sorted((self.forecast(n), int(history.steps[n]), n) for n in paused)
        deserving = [n for forecast, _, n in forecasts if forecast < top or top == inf]
        chosen: list[int] = []
        for i in range(min(free, len(deserving))):
            rng = np.random.default_rng([history.created.seed if history.created else 0, self._reports, i])
            left = [n for n in deserving if n not in chosen]
            if rng.random() < self.explore:
                left = sorted(left, key=lambda n: int(history.steps[n]))
            chosen.append(left[0])
        return chosen

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
