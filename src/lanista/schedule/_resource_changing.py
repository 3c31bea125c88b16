"""More resources for the trials that deserve them, at their next start."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from lanista.errors import UsageError
from lanista.journal import PAUSED, RUNNING, History
from lanista.schedule._actions import sound
from lanista.schedule._base import Action, Described, Event, Resume, Scheduler, Start
from lanista.schedule._checks import number, schedulers

Rule = Callable[[History, int], Mapping[str, float] | None]
"""From the history and the number of a paused trial to what it gets when it goes on; None: what every trial gets."""


class ResourceChanging(Described):
    """Gives trials more CPUs or GPUs when they are resumed, by a rule; another scheduler decides which are.

    That scheduler must pause and resume trials: ASHA and others in their promotion form, HyperBand, TimeSharing. What a
    trial got is in `trial.resources`. Processes start a worker of its own for a trial that gets more than a share, as
    soon as there is room for it.

    Args:
        scheduler: decides what runs and how long.
        most: what a promising trial gets, say {"cpus": 4} or {"gpus": 2}.
        top: the share of the trials alive (running or paused) that are promising: the best by their latest value.
        rule: decides in place of `most` and `top`.

    Raises:
        UsageError: an argument is out of range, both a rule and `most` are given, or the scheduler resumes nothing.

    >>> from lanista.schedule import ASHA, Slots
    >>> scheduler = ResourceChanging(ASHA(9, form="promotion"), most={"cpus": 4})
    >>> scheduler.on(History(), Slots(1))[0].resources is None
    True
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        most: Mapping[str, float] | None = None,
        top: float = 0.25,
        rule: Rule | None = None,
    ) -> None:
        self.scheduler, self.most, self.top, self.rule = scheduler, most, top, rule
        self.fidelity = getattr(scheduler, "fidelity", None)
        schedulers("ResourceChanging", scheduler)
        if (most is None) == (rule is None):
            raise UsageError(f"ResourceChanging(most={most!r}, rule={rule!r}): give one of the two")
        amounts = most if isinstance(most, Mapping) else {None: most}
        if most is not None and not (amounts and all(map(_resource, amounts, amounts.values()))):
            raise UsageError(f"ResourceChanging(most={most!r}): give an amount above 0 of 'cpus' or 'gpus', or of both")
        if rule is not None and not callable(rule):
            raise UsageError(f"ResourceChanging(rule={rule!r}): it must be a function of the history and a trial")
        number("ResourceChanging", 0, 1, strictly=True, top=top)
        if getattr(scheduler, "rule", False):
            raise UsageError(
                f"ResourceChanging({type(scheduler).__name__}): it never resumes a trial, so that none would get more; "
                "give one that pauses trials, such as ASHA(30, form='promotion') or HyperBand(30)"
            )

    def on(self, history: History, event: Event) -> list[Action]:
        """What the scheduler says, with resources for those that are resumed."""
        return [self._equip(history, action) for action in sound(self.scheduler, history, event)]

    def _equip(self, history: History, action: Action) -> Action:
        match action:
            case Resume(trial=number) | Start(parent=(number, _)):
                given = self.rule(history, number) if self.rule is not None else self._share(history, number)
                return action if given is None else replace(action, resources=dict(given))
        return action

    def _share(self, history: History, number: int) -> Mapping[str, float] | None:
        """`most` for one of the best, None for the others."""
        alive = np.flatnonzero((history.state == RUNNING) | (history.state == PAUSED))
        values = history.Y[alive, 0]
        better = np.count_nonzero(values < history.first(number))
        return self.most if better < self.top * len(alive) and not np.isnan(history.first(number)) else None


def _resource(name: object, amount: object) -> bool:
    """Whether it is something that a worker has, and how much of it."""
    return name in ("cpus", "gpus") and isinstance(amount, int | float) and not isinstance(amount, bool) and amount > 0
