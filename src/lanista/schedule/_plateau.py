"""Completes trials that no longer improve."""

from math import inf

from lanista._words import counted
from lanista.journal import History
from lanista.schedule._base import Action, Described, Event, Report, Slots, Stop
from lanista.schedule._checks import number, whole
from lanista.schedule._cursor import Cursor
from lanista.schedule._fifo import fill


class Plateau(Described):
    """Completes a trial whose best value has not improved for `patience` steps: it has had all the steps that helped.

    By itself it runs trials first come, first served; beside another scheduler it adds its rule:
    `scheduler=[ASHA(30), Plateau(5)]`. The first objective decides.

    Args:
        patience: in steps.
        min_delta: what counts as an improvement must be larger.
        grace_steps: no trial is completed at or before this step.

    Raises:
        UsageError: an argument is out of range.

    >>> Plateau(5).on(History(), Report(0, 1, {"loss": 0.1}))
    []
    """

    rule = True

    def __init__(self, patience: int, *, min_delta: float = 0.0, grace_steps: int = 0) -> None:
        whole("Plateau", 1, patience=patience)
        whole("Plateau", 0, grace_steps=grace_steps)
        number("Plateau", 0, min_delta=min_delta)
        self.patience, self.min_delta, self.grace_steps = patience, min_delta, grace_steps
        self._cursor = Cursor()
        self._best: dict[int, tuple[float, int]] = {}

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges reports and fills free slots."""
        if self._cursor.restart(history):
            self._best = {}
        for trial, step, value in self._cursor.rows():
            best, at = self._best.get(trial, (inf, step))
            self._best[trial] = (value, step) if value < best - self.min_delta else (best, at)
        if isinstance(event, Slots):
            return fill(history, event.free)
        if not isinstance(event, Report) or event.trial not in self._best or event.step <= self.grace_steps:
            return []
        waited = event.step - self._best[event.trial][1]
        by = f" by more than {self.min_delta:g}" if self.min_delta else ""
        reason = f"has not improved{by} in {counted(waited, 'step')}"
        return [Stop(event.trial, reason, "completed")] if waited >= self.patience else []
