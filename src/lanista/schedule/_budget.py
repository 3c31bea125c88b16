"""Completes trials that have spent what each of them may."""

from lanista.errors import UsageError
from lanista.journal import History
from lanista.schedule._base import Action, Described, Event, Report, Slots, Stop
from lanista.schedule._checks import number
from lanista.schedule._fifo import fill


class Budget(Described):
    """Completes a trial when what it has spent, in steps or by a metric that it reports, reaches a limit.

    By itself it runs trials first come, first served; beside another scheduler it adds its rule:
    `scheduler=[MedianStopping(), Budget(3600, metric="seconds")]`. Limits for the whole experiment are given to `run`.

    Args:
        limit: what a trial may spend.
        metric: the name of a metric that grows with what was spent so far (seconds, energy, money); None: steps.

    Raises:
        UsageError: the limit is no number above 0, or the metric no name.

    >>> Budget(50).on(History(), Report(0, 50, {"loss": 0.1}))
    [Stop(trial=0, reason='has spent its budget of 50 steps', state='completed')]
    """

    rule = True

    def __init__(self, limit: float, *, metric: str | None = None) -> None:
        self.limit, self.metric = limit, metric
        if metric is not None and not (isinstance(metric, str) and metric):
            raise UsageError(f"Budget(metric={metric!r}): it must be the name of a metric, or None for steps")
        number("Budget", 0, strictly=True, limit=limit)

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges reports and fills free slots."""
        if isinstance(event, Slots):
            return fill(history, event.free)
        if not isinstance(event, Report):
            return []
        spent = event.step if self.metric is None else event.metrics.get(self.metric, 0)
        what = f"has spent its budget of {self.limit:g} {self.metric or 'steps'}"
        return [Stop(event.trial, what, "completed")] if spent >= self.limit else []
