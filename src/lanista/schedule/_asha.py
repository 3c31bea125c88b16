"""Asynchronous successive halving: Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Literal

from lanista.errors import UsageError
from lanista.journal import History
from lanista.schedule._base import Action, Described, Event, Report, Resume, Slots, Start, Stop, Yielded
from lanista.schedule._checks import whole
from lanista.schedule._fidelity import Fidelity, levels
from lanista.schedule._rungs import Rungs, coming, completed, lost, through


class ASHA(Described):
    """Stops, or pauses, the trials that are not among the best 1/`reduction` at a rung.

    Rungs stand at `max_steps / reduction**k`, rounded, for k from 3 down to 1: ASHA(30) has them at 1, 3 and 10. With
    `min_steps` they stand at `min_steps * reduction**k`, as in the paper: ASHA(30, min_steps=1) has them at 1, 3, 9 and
    27. With a fidelity they are its levels. A trial's value at a rung is its first report at or beyond it; one that is
    missing, NaN or infinite, or whose trial failed, is worse than all others. A trial that reaches `max_steps` is
    completed. The first objective decides.

    Args:
        max_steps: the step at which a trial is complete, or a fidelity in place of steps.
        min_steps: the paper's r, the lowest rung; None: `max_steps / reduction**3`, or where the fidelity begins.
        reduction: the paper's η; one in so many trials goes on from each rung.
        form: "stopping" judges a trial when it reaches a rung and ends it if it is not good enough: no checkpoints
            needed. "promotion", the paper's algorithm 2, pauses each trial at each rung; a free slot goes to the best
            trial that may go on from the highest rung, else to a new one. Trials need `trial.save` and `trial.load`,
            or begin again when they go on. None: "promotion" with a fidelity, which knows no other, else "stopping".
        brackets: into how many groups trials are divided, of which number s leaves out the lowest s rungs; their sizes
            are as in HyperBand.

    Raises:
        UsageError: an argument is out of range, or "stopping" is asked of a fidelity.

    >>> ASHA(max_steps=81, form="promotion").on(History(), Slots(free=1)) == [Start(budget=3)]
    True
    >>> ASHA(Fidelity("rows", 100, 900, log=True)).on(History(), Slots(free=1)) == [Start(budget=100)]
    True
    """

    def __init__(
        self,
        max_steps: int | Fidelity,
        *,
        min_steps: int | None = None,
        reduction: int = 3,
        form: Literal["stopping", "promotion"] | None = None,
        brackets: int = 1,
    ) -> None:
        self.max_steps, self.min_steps, self.reduction, self.brackets = max_steps, min_steps, reduction, brackets
        self.fidelity = max_steps if isinstance(max_steps, Fidelity) else None
        self.form = form
        self._form = form or ("promotion" if self.fidelity else "stopping")
        steps = levels(max_steps, min_steps, reduction, "ASHA", deepest=3)
        if self._form not in ("stopping", "promotion"):
            raise UsageError(f"ASHA(form={form!r}): it must be 'stopping' or 'promotion'")
        if self.fidelity and self._form == "stopping":
            raise UsageError(
                f"ASHA(form='stopping'): a trial runs once for each level of the fidelity {self.fidelity.name!r} and "
                "cannot be stopped on its way; leave form out, or make it 'promotion'"
            )
        whole("ASHA", 1, brackets=brackets)
        if brackets > len(steps):
            raise UsageError(
                f"ASHA(brackets={brackets!r}): it must be 1 to {len(steps)}, one more than the rungs {steps[:-1]}"
            )
        self.rule = self._form == "stopping"
        self._last = steps[-1]
        self._rungs = Rungs([steps[first:-1] for first in range(brackets)], reduction)

    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials, judges those at a rung, fills free slots."""
        if isinstance(event, Slots):
            return self.fill(history, event.free, self._last)
        if isinstance(event, Report | Yielded) and event.step >= self._last:
            return [completed(event.trial, self.max_steps)]
        return self._judge(history, event) if isinstance(event, Report) and self._form == "stopping" else []

    def fill(self, history: History, free: int, cap: int) -> list[Action]:
        """Completes what is paused at the end, and gives free slots to trials that run to the step `cap` at most."""
        self._rungs.read(history)
        done = through(history, self._last)
        able = (n for n in self._ready(history) if n not in done and self._budget(n) <= cap)
        ready = list(islice(able, free))
        return [
            *(completed(trial, self.max_steps) for trial in done),
            *(Resume(trial, self._budget(trial)) for trial in ready),
            *self._starts(history, free - len(ready)),
        ]

    def _ready(self, history: History) -> Iterator[int]:
        """The paused trials that may go on: those that were interrupted between rungs, then the promotable."""
        if self._form == "stopping":
            return iter(history.paused_trials)
        interrupted = self._rungs.interrupted(history)
        promotable = self._rungs.promotable(history, self.reduction)
        return chain(interrupted, (trial for trial in promotable if trial not in interrupted))

    def _starts(self, history: History, count: int) -> list[Start]:
        """Starts of new trials, whose brackets follow from their numbers."""
        if self.brackets == 1:
            return [Start(self._budget(len(history)))] * count
        return [Start(self._budget(trial)) for trial in coming(history, count)]

    def _judge(self, history: History, event: Report) -> list[Action]:
        """Stops a trial that is not good enough at a rung that it reached with this report."""
        self._rungs.read(history)
        ladder, passed = self._rungs.of(event.trial), self._rungs.passed.get(event.trial, ())
        for rung, (step, value) in zip(ladder, passed, strict=False):
            if step == event.step and not rung.keeps(value, self.reduction):
                among = f"1/{self.reduction} of {len(rung.entries)}"
                return [Stop(event.trial, lost(history, value, rung.step, among))]
        return []

    def _budget(self, trial: int) -> int:
        """The step until which the trial runs: the rung that it has before it, or the last step."""
        ladder, passed = self._rungs.of(trial), self._rungs.passed.get(trial, ())
        return ladder[len(passed)].step if self._form == "promotion" and len(passed) < len(ladder) else self._last
