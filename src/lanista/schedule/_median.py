"""The median stopping rule: Golovin et al., Google Vizier (2017), section 3.2.2."""

from bisect import bisect_left, insort
from math import inf

from lanista.journal import History
from lanista.schedule._base import Action, Described, Event, Report, Slots, Stop
from lanista.schedule._checks import whole
from lanista.schedule._cursor import Cursor
from lanista.schedule._fifo import fill


class _Curve:
    """One trial's reports so far; `mark` is the last (period, step, running average) entered for comparison."""

    __slots__ = ("best", "count", "mark", "step", "total")

    def __init__(self) -> None:
        self.step, self.count, self.total, self.best = -1, 0, 0.0, inf
        self.mark = (-1, -1, inf)


class MedianStopping(Described):
    """Stops a trial whose best value is worse than the median of the others' running averages up to the same step.

    The others are all trials that have reported as far, also those that still run, so that the rule works from the
    first wave of parallel trials on. Values that are NaN or infinite count as the worst. The first objective decides.

    Args:
        grace_steps: no trial is stopped at or before this step.
        min_trials: how many others must have reported as far.
        interval: in steps; a trial is compared at its first report in each interval. Trials that report at
            different steps, say after different numbers of samples, need one wide enough to hold a report of each.

    Raises:
        UsageError: an argument is out of range.

    >>> MedianStopping(grace_steps=5).on(History(), Slots(free=1))[0].budget is None
    True
    """

    rule = True

    def __init__(self, *, grace_steps: int = 1, min_trials: int = 5, interval: int = 1) -> None:
        whole("MedianStopping", 0, grace_steps=grace_steps)
        whole("MedianStopping", 1, min_trials=min_trials, interval=interval)
        self.grace_steps, self.min_trials, self.interval = grace_steps, min_trials, interval
        self._cursor = Cursor()
        self._curves: dict[int, _Curve] = {}
        self._averages: dict[int, list[float]] = {}

    def on(self, history: History, event: Event) -> list[Action]:
        """Fills free slots and judges reports."""
        if self._cursor.restart(history):
            self._curves, self._averages = {}, {}
        for row in self._cursor.rows():
            self._enter(*row)
        if isinstance(event, Slots):
            return fill(history, event.free)
        return self._judge(event.trial, event.step) if isinstance(event, Report) else []

    def _enter(self, trial: int, step: int, value: float) -> None:
        """Takes up a report; one that a restarted trial repeats counts once."""
        curve = self._curves.get(trial)
        if curve is None:
            curve = self._curves[trial] = _Curve()
        if step <= curve.step:
            return
        curve.step = step
        curve.count += 1
        curve.total += value
        curve.best = min(curve.best, value)
        if (period := step // self.interval) > curve.mark[0]:
            curve.mark = period, step, curve.total / curve.count
            insort(self._averages.setdefault(period, []), curve.mark[2])

    def _judge(self, trial: int, step: int) -> list[Action]:
        curve = self._curves[trial]
        period, marked, average = curve.mark
        averages = self._averages[period]
        n = len(averages) - 1
        if step != marked or step <= self.grace_steps or n < self.min_trials:
            return []
        own = bisect_left(averages, average)
        low, high = ((n - 1) // 2, n // 2)
        median = (averages[low + (low >= own)] + averages[high + (high >= own)]) / 2
        if curve.best <= median:
            return []
        return [Stop(trial, f"the best so far is worse than the median of {n} others at step {step}")]
