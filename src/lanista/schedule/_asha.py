"""Asynchronous successive halving: Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020."""

from typing import Literal

import numpy as np

from lanista.errors import UsageError
from lanista.journal import PAUSED, History
from lanista.schedule._base import Action, Event, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._fifo import fill
from lanista.schedule._rungs import Rungs


class ASHA:
    """Stops, or pauses, the trials that are not among the best 1/`reduction` at a rung.

    Rungs stand at `min_steps * reduction**k` below `max_steps`. A trial's value at a rung is its first report at or
    beyond it; one that is missing, NaN or infinite, or whose trial failed, is worse than all others. A trial that
    reaches `max_steps` is completed. The first objective decides.

    Args:
        max_steps: the step at which a trial is complete.
        min_steps: the lowest rung.
        reduction: the paper's η; one in so many trials goes on from each rung.
        form: "stopping" judges a trial when it reaches a rung and ends it if it is not good enough: no checkpoints
            needed. "promotion", the paper's algorithm 2, pauses each trial at each rung; a free slot goes to the best
            trial that may go on from the highest rung, else to a new one. Trials need `trial.save` and `trial.load`,
            or begin again when they go on.
        brackets: into how many groups trials are divided, of which number s leaves out the lowest s rungs; their sizes
            are as in HyperBand.

    Raises:
        UsageError: an argument is out of range.

    >>> ASHA(max_steps=81, form="promotion").on(History(), Slots(free=1)) == [Start(budget=1)]
    True
    """

    def __init__(
        self,
        max_steps: int,
        *,
        min_steps: int = 1,
        reduction: int = 3,
        form: Literal["stopping", "promotion"] = "stopping",
        brackets: int = 1,
    ) -> None:
        self.max_steps, self.min_steps, self.reduction, self.form, self.brackets = (
            max_steps,
            min_steps,
            reduction,
            form,
            brackets,
        )
        if not 1 <= min_steps <= max_steps:
            raise UsageError(
                f"ASHA(max_steps={max_steps!r}, min_steps={min_steps!r}): 1 <= min_steps <= max_steps must hold"
            )
        if reduction < 2 or reduction != int(reduction):
            raise UsageError(f"ASHA(reduction={reduction!r}): it must be a whole number, at least 2")
        if form not in ("stopping", "promotion"):
            raise UsageError(f"ASHA(form={form!r}): it must be 'stopping' or 'promotion'")
        steps = [min_steps]
        while steps[-1] < max_steps:
            steps.append(steps[-1] * reduction)
        if not 1 <= brackets <= len(steps):
            raise UsageError(
                f"ASHA(brackets={brackets!r}): it must be 1 to {len(steps)}, one more than the rungs {steps[:-1]}"
            )
        self._rungs = Rungs([steps[first:-1] for first in range(brackets)], reduction)

    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials, judges those at a rung, fills free slots."""
        self._rungs.read(history)
        if isinstance(event, Slots):
            # Trials may be paused after their last step if a controller died before it could complete them.
            through = np.flatnonzero((history.state == PAUSED) & (history.steps >= self.max_steps)).tolist()
            give = self._promote if self.form == "promotion" else self._fill
            others = [a for a in give(history, event.free) if not (isinstance(a, Resume) and a.trial in through)]
            return [*map(self._complete, through), *others]
        if isinstance(event, Report | Yielded) and event.step >= self.max_steps:
            return [self._complete(event.trial)]
        return self._judge(event.trial, event.step) if isinstance(event, Report) and self.form == "stopping" else []

    def _complete(self, trial: int) -> Stop:
        return Stop(trial, f"has had all {self.max_steps} steps", "completed")

    def _fill(self, history: History, free: int) -> list[Action]:
        return fill(history, free, self.max_steps)

    def _judge(self, trial: int, step: int) -> list[Action]:
        """Stops a trial that is not good enough at a rung that it reached with this report."""
        for rung, (at, value) in zip(self._rungs.of(trial), self._rungs.passed.get(trial, ()), strict=False):
            if at == step and not rung.keeps(value, self.reduction):
                return [
                    Stop(trial, f"not among the best 1/{self.reduction} of {len(rung.entries)} at step {rung.step}")
                ]
        return []

    def _promote(self, history: History, free: int) -> list[Action]:
        """Resumes whoever was interrupted between rungs, then the promotable, then starts new trials."""
        ready = dict.fromkeys([*self._rungs.interrupted(history), *self._rungs.promotable(history, self.reduction)])
        resumed: list[Action] = [Resume(trial, self._budget(trial)) for trial in list(ready)[:free]]
        return resumed + [Start(self._budget(len(history) + i)) for i in range(free - len(resumed))]

    def _budget(self, trial: int) -> int:
        """The step of the rung that the trial has before it."""
        ladder, passed = self._rungs.of(trial), self._rungs.passed.get(trial, ())
        return ladder[len(passed)].step if len(passed) < len(ladder) else self.max_steps
