"""No scheduling: every trial runs to its end, first come, first served."""

from lanista.journal import History
from lanista.schedule._base import Action, Described, Event, Resume, Slots, Start


def fill(history: History, free: int, budget: int | None = None) -> list[Action]:
    """Gives `free` slots to paused trials, the longest paused first, then to new ones; each runs until `budget`."""
    resumed: list[Action] = [Resume(trial, budget) for trial in history.paused_trials[:free]]
    return resumed + [Start(budget)] * (free - len(resumed))


class FIFO(Described):
    """Runs every trial to its end.

    >>> from lanista.journal import History
    >>> FIFO().on(History(), Slots(free=2)) == [Start(), Start()]
    True
    """

    rule = True

    def on(self, history: History, event: Event) -> list[Action]:
        """Fills free slots."""
        return fill(history, event.free) if isinstance(event, Slots) else []
