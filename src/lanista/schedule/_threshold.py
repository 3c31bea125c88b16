"""Stops trials whose metric leaves the range in which they are worth going on."""

import math

from lanista.errors import UsageError
from lanista.journal import History
from lanista.schedule._base import Action, Described, Event, Report, Slots, Stop
from lanista.schedule._checks import number, whole
from lanista.schedule._fifo import fill


class Threshold(Described):
    """Stops a trial when a metric that it reports is above, or below, a bound: one that has diverged, say.

    A value that is NaN is beyond every bound. By itself it runs trials first come, first served; beside another
    scheduler it adds its rule: `scheduler=[ASHA(30), Threshold("loss", above=10)]`.

    Args:
        metric: the name of any metric that trials report, in the user's own sign; a report without it is not judged.
        above: the highest value that is let pass.
        below: the lowest value that is let pass.
        grace_steps: no trial is stopped at or before this step.

    Raises:
        UsageError: the metric is no name, neither bound is given, or no value lies between them.

    >>> Threshold("loss", above=10).on(History(), Report(0, 1, {"loss": 11.0}))
    [Stop(trial=0, reason='loss=11 is above 10', state='stopped')]
    """

    rule = True

    def __init__(self, metric: str, *, above: float = math.inf, below: float = -math.inf, grace_steps: int = 0) -> None:
        self.metric, self.above, self.below, self.grace_steps = metric, above, below, grace_steps
        if not isinstance(metric, str) or not metric:
            raise UsageError(f"Threshold(metric={metric!r}): it must be the name of a metric, say 'loss'")
        number("Threshold", above=above, below=below)
        whole("Threshold", 0, grace_steps=grace_steps)
        if above == math.inf and below == -math.inf:
            raise UsageError(f"Threshold({metric!r}) has no bound; give above= or below=")
        if above < below:
            raise UsageError(
                f"Threshold(above={above:g}, below={below:g}): no value is let pass; below <= above must hold"
            )

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges reports and fills free slots."""
        if isinstance(event, Slots):
            return fill(history, event.free)
        if not isinstance(event, Report) or event.step <= self.grace_steps or self.metric not in event.metrics:
            return []
        value = event.metrics[self.metric]
        if self.below <= value <= self.above:
            return []
        beyond = f"above {self.above:g}" if value > self.above else f"below {self.below:g}"
        return [Stop(event.trial, f"{self.metric}={value:g} is {'no number' if math.isnan(value) else beyond}")]
