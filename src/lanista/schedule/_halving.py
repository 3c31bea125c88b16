"""Successive halving: Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization."""

from lanista.journal import History
from lanista.schedule._base import Action, Described, Event
from lanista.schedule._brackets import Brackets
from lanista.schedule._checks import whole
from lanista.schedule._fidelity import Fidelity, levels


class SuccessiveHalving(Described):
    """Runs trials to a rung, lets the best 1/`reduction` of them go on to the next when all are there, and so on.

    This is the synchronous algorithm of the paper (2016, figure 3). After the last rung, and as soon as a worker has
    nothing else to do, the next round begins with new trials: it is the limit on trials that ends the run. Rungs stand
    as in `HyperBand`; as in `ASHA` a trial without a finite value, or that failed, is worse than all others. What is
    paused needs `trial.save` and `trial.load`, or begins again when it goes on. Trials whose results were imported are
    not in a round. The first objective decides.

    Of the last round, which the limit on trials may leave unfinished, the best 1/`reduction` of those that came go on
    too, at least one. Those that do not stay paused: with a higher limit the round goes on.

    Args:
        max_steps: the step at which a trial is complete, or a fidelity in place of steps.
        min_steps: the lowest rung; None: step 1, or where the fidelity begins.
        reduction: η; one in so many trials goes on from each rung, rounded down, at least one.
        trials: how many begin a round; None: as many as leave one for the last rung, `reduction**(rungs - 1)`.

    Raises:
        UsageError: an argument is out of range.

    >>> from lanista.schedule import Slots, Start
    >>> SuccessiveHalving(max_steps=27).on(History(), Slots(free=1)) == [Start(budget=1)]
    True
    """

    def __init__(
        self,
        max_steps: int | Fidelity,
        *,
        min_steps: int | None = None,
        reduction: int = 3,
        trials: int | None = None,
    ) -> None:
        self.max_steps, self.min_steps, self.reduction, self.trials = max_steps, min_steps, reduction, trials
        self.fidelity = max_steps if isinstance(max_steps, Fidelity) else None
        steps = levels(max_steps, min_steps, reduction, "SuccessiveHalving", from_top=True)
        if trials is not None:
            whole("SuccessiveHalving", 1, trials=trials)
        size = reduction ** (len(steps) - 1) if trials is None else trials
        self._brackets = Brackets(max_steps, [(size, steps)], reduction)

    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials; on free slots stops those that lost, resumes those that won, and starts new ones."""
        return self._brackets.on(history, event)
