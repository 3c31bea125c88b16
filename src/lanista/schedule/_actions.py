"""What a scheduler's actions are held against, field by field, before any of them is carried out or journalled."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, nan
from operator import index
from typing import Any

import numpy as np

from lanista.errors import SpaceError, UsageError
from lanista.journal import History, Params
from lanista.schedule._base import Action, Event, Scheduler
from lanista.schedule._checks import decided


def sound(scheduler: Scheduler, history: History, event: Event) -> list[Action]:
    """The actions of a scheduler on an event, with plain numbers in the place of numpy's.

    A history that no experiment began knows neither trials nor a space: there, nothing is looked at but the list.

    Raises:
        UsageError: what it returned is no list of actions, or a field of one is wrong.
        SpaceError: the configuration of a start is not of the space.
    """
    actions = decided(scheduler, history, event)
    if history.created is None:
        return actions
    for i, action in enumerate(actions):
        changed: dict[str, Any] = {}
        for name in action.__match_args__:
            given = getattr(action, name)
            if given is None and name not in _NEEDED:
                continue
            try:
                plain = _FIELDS[name](given, history)
            except (UsageError, SpaceError) as error:
                who = f"{type(scheduler).__name__}.on(history, {type(event).__name__}(...))"
                what = f"{type(action).__name__}({name}={given!r:.100})"
                raise type(error)(f"{who} returned {what}: {error}") from None
            if plain is not given:
                changed[name] = plain
        if changed:
            actions[i] = replace(action, **changed)
    return actions


def _whole(given: Any, low: int, what: str = "it") -> int:
    """The whole number, of whichever kind."""
    try:
        number = low - 1 if isinstance(given, bool) else index(given)
    except TypeError:
        number = low - 1
    if number < low:
        like = isinstance(given, float | np.floating) and low <= given < inf and given % 1 == 0
        raise UsageError(f"{what} must be a whole number, at least {low}" + (f"; write {given:.0f}" if like else ""))
    return number


def _trial(given: Any, history: History, what: str = "it") -> int:
    number = _whole(given, 0, what)
    if number >= len(history):
        there = f"those that are there go from 0 to {len(history) - 1}" if len(history) else "there is none yet"
        raise UsageError(f"there is no trial {number}, {there}; take one of history.running or history.paused_trials")
    return number


def _budget(given: Any, history: History) -> int:
    return _whole(given, 1)


def _amount(given: Any) -> float:
    """The number, of whichever kind; NaN where it is none, or not finite."""
    value: Any = given.item() if isinstance(given, np.number) else given
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < inf else nan


def _seconds(given: Any, history: History) -> float:
    amount = _amount(given)
    if not amount > 0:
        raise UsageError("it must be a number above 0; for no limit leave it out")
    return amount


def _resources(given: Any, history: History) -> dict[str, float]:
    items = given.items() if isinstance(given, Mapping) else [(None, nan)]
    amounts: dict[Any, float] = {name: _amount(amount) for name, amount in items}
    if not all(isinstance(name, str) and amount >= 0 for name, amount in amounts.items()):
        raise UsageError("it must be amounts by name, say {'cpus': 2}; for what every trial gets leave it out")
    return amounts


def _parent(given: Any, history: History) -> tuple[int, int]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise UsageError("it must be (trial, step), the trial to begin from and the step of its checkpoint")
    return _trial(given[0], history, "its trial"), _whole(given[1], 0, "its step")


def _params(given: Any, history: History) -> Params:
    if not isinstance(given, Mapping):
        raise SpaceError("a configuration is a dict of name: value; for one that the searcher proposes leave it out")
    if history.created is not None and history.created.define:
        return dict(given)  # of a space that is found while trials run: it is checked where it is taken up
    return history.space.check(given)


def _reason(given: Any, history: History) -> str:
    if not isinstance(given, str):
        raise UsageError("it must be a text, which people read beside the trial")
    return given


def _state(given: Any, history: History) -> str:
    if not isinstance(given, str) or given not in ("stopped", "completed"):
        raise UsageError("it must be 'stopped' or 'completed'; leave it out for 'stopped'")
    return given


_FIELDS: dict[str, Callable[[Any, History], Any]] = {
    "trial": _trial,
    "budget": _budget,
    "seconds": _seconds,
    "resources": _resources,
    "parent": _parent,
    "params": _params,
    "reason": _reason,
    "state": _state,
}
_NEEDED = {"trial", "reason", "state"}
