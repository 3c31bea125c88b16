"""What the arguments of schedulers, and the answers of those that people write, are held against."""

from math import inf
from typing import get_args

import numpy as np

from lanista.errors import UsageError
from lanista.journal import History
from lanista.schedule._base import Action, Event, Scheduler

_ACTIONS = get_args(Action)


def whole(owner: str, low: int, **given: object) -> None:
    """Raises UsageError for the first argument that is no whole number from `low` on.

    >>> whole("ASHA", 1, max_steps=30, brackets=2)
    """
    for name, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            like = isinstance(value, float | np.integer) and value >= low and value % 1 == 0
            instead = f"; write {value:.0f}" if like else ""
            raise UsageError(f"{owner}({name}={value!r}): it must be a whole number, at least {low}{instead}")


def number(owner: str, low: float = -inf, high: float = inf, *, strictly: bool = False, **given: object) -> None:
    """Raises UsageError for the first argument that is no number from `low`, or strictly above it, to `high`.

    >>> number("PBT", 0, 1, resample=0.25)
    """
    for name, value in given.items():
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not fits or (strictly and value == low):
            at_least = f" {'above' if strictly else 'from'} {low:g}" if low > -inf else ""
            at_most = f" to {high:g}" if high < inf else ""
            raise UsageError(f"{owner}({name}={value!r}): it must be a number{at_least}{at_most}")


def schedulers(owner: str, *given: object) -> None:
    """Raises UsageError for the first argument that is no scheduler."""
    for value in given:
        if isinstance(value, type) or not callable(getattr(value, "on", None)):
            raise UsageError(f"{owner}: {value!r} is no scheduler; give an object with `on`, such as ASHA(30)")


def decided(scheduler: Scheduler, history: History, event: Event) -> list[Action]:
    """The actions of a scheduler on an event.

    Raises:
        UsageError: what it returned is no list of actions.
    """
    actions: object = scheduler.on(history, event)
    if isinstance(actions, list | tuple) and all(isinstance(action, _ACTIONS) for action in actions):
        return list(actions)
    what = f"{type(scheduler).__name__}.on(history, {type(event).__name__}(...)) returned"
    if actions is None:
        raise UsageError(f"{what} None; end it with a return of a list of actions: [] where there is nothing to do")
    if isinstance(actions, _ACTIONS):
        raise UsageError(f"{what} {actions!r}; put it into a list, even where it is the only action")
    if not isinstance(actions, list | tuple):
        raise UsageError(f"{what} {actions!r:.100}; it must be a list of actions, [] where there is nothing to do")
    wrong = next(action for action in actions if not isinstance(action, _ACTIONS))
    there = ", ".join(each.__name__ for each in _ACTIONS)
    raise UsageError(f"{what} {wrong!r:.100} in its list, which is no action; those of lanista.schedule are {there}")
