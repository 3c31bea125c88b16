"""One scheduler and rules of others that end trials."""

from lanista.errors import UsageError
from lanista.journal import History
from lanista.schedule._base import Action, Event, Extend, Scheduler, Slots, Stop, Yield
from lanista.schedule._checks import schedulers


class Combined:
    """A scheduler that decides what runs, and rules that may end trials besides: of the others only stops are heard.

    A list given as `scheduler=` to an experiment is the same: `[ASHA(30), Plateau(5), Threshold("loss", above=10)]`.

    Args:
        main: decides what runs and how long; `Start`, `Resume` and all else come from it.
        *rules: any schedulers; who stops a trial first has the word.

    Raises:
        UsageError: there is no rule, or what is given is no scheduler.

    >>> from lanista.schedule import ASHA, Budget, Report
    >>> Combined(ASHA(9), Budget(5)).on(History(), Report(0, 5, {"loss": 0.1}))
    [Stop(trial=0, reason='has spent its budget of 5 steps', state='completed')]
    """

    def __init__(self, main: Scheduler, *rules: Scheduler) -> None:
        self.main, self.rules = main, rules
        self.fidelity = getattr(main, "fidelity", None)
        schedulers("Combined", main, *rules)
        if not rules:
            raise UsageError("Combined() was given no rule beside the scheduler; give that scheduler itself")

    def on(self, history: History, event: Event) -> list[Action]:
        """What the main scheduler says, and the stops of the rules."""
        actions = self.main.on(history, event)
        if isinstance(event, Slots):
            return actions
        ended = {action.trial for action in actions if isinstance(action, Stop)}
        for rule in self.rules:
            for stop in rule.on(history, event):
                if isinstance(stop, Stop) and stop.trial not in ended:
                    ended.add(stop.trial)
                    kept = (a for a in actions if not (isinstance(a, Extend | Yield) and a.trial == stop.trial))
                    actions = [*kept, stop]
        return actions
