"""One scheduler and rules of others that end trials."""

from lanista.errors import UsageError
from lanista.journal import History
from lanista.schedule._actions import sound
from lanista.schedule._base import Action, Described, Event, Extend, Scheduler, Slots, Stop, Yield
from lanista.schedule._checks import schedulers


class Combined(Described):
    """A scheduler that decides what runs, and rules that may end trials besides: of the others only stops are heard.

    A rule is a scheduler that leaves to others what runs and how long: its attribute `rule` is True. Plateau,
    Threshold, Budget, MedianStopping, CurveFitting and ASHA in its stopping form are. One that starts, pauses or
    resumes trials by itself, as HyperBand does, would do nothing in the place of a rule, and is refused there.

    A list given as `scheduler=` to an experiment is the same: `[ASHA(30), Plateau(5), Threshold("loss", above=10)]`.

    Args:
        main: decides what runs and how long; `Start`, `Resume` and all else come from it.
        *rules: schedulers with `rule = True`, say in their class; who stops a trial first has the word.

    Raises:
        UsageError: there is no rule, or what is given is no scheduler, or in the place of a rule one that is none.

    >>> from lanista.schedule import ASHA, Budget, Report
    >>> Combined(ASHA(9), Budget(5)).on(History(), Report(0, 5, {"loss": 0.1}))
    [Stop(trial=0, reason='has spent its budget of 5 steps', state='completed')]
    """

    def __init__(self, main: Scheduler, *rules: Scheduler) -> None:
        self.main, self.rules = main, rules
        self.fidelity = getattr(main, "fidelity", None)
        self.rule = getattr(main, "rule", False)
        schedulers("Combined", main, *rules)
        if not rules:
            raise UsageError("Combined() was given no rule beside the scheduler; give that scheduler itself")
        for other in rules:
            if not getattr(other, "rule", False):
                raise UsageError(
                    f"Combined: {type(other).__name__} decides what runs and how long, which only the first scheduler "
                    "does; give it first, and beside it only rules, which end trials: Plateau(5), for instance. "
                    "A rule of your own says so by the attribute rule = True"
                )

    def on(self, history: History, event: Event) -> list[Action]:
        """What the main scheduler says, and the stops of the rules."""
        actions = sound(self.main, history, event)
        if isinstance(event, Slots):
            return actions
        ended = {action.trial for action in actions if isinstance(action, Stop)}
        for rule in self.rules:
            for stop in sound(rule, history, event):
                if isinstance(stop, Stop) and stop.trial not in ended:
                    ended.add(stop.trial)
                    kept = (a for a in actions if not (isinstance(a, Extend | Yield) and a.trial == stop.trial))
                    actions = [*kept, stop]
        return actions
