"""Configurations that do not come from the searcher."""

import math
import time
from collections.abc import Iterable, Sequence

import numpy as np

from lanista.errors import SpaceError, UsageError
from lanista.journal import COMPLETED, Asked, Created, Ended, Event, History, Learned, Params
from lanista.space import Space


def enqueued(history: History, configurations: Sequence[Params], *, again: bool) -> list[Event]:
    """The events that enqueue them; those enqueued before are left out unless wanted again."""
    created = history.created
    define = created is not None and created.define
    given = history.proposals if define else dict(enumerate(history.params))
    known = [] if again else [given.get(n, {}) for n in history.enqueued]
    new = [p for p in configurations if p not in known]
    now = time.time()
    first = len(history)
    return [
        Asked(now, first + i, {} if define else p, "enqueued", proposal=p if define else {}) for i, p in enumerate(new)
    ]


def imported(history: History, trials: Iterable[tuple[Params, dict[str, float], str]]) -> list[Event]:
    """The events that add trials that were run elsewhere: parameters, metrics and state of each."""
    now, events = time.time(), list[Event]()
    for number, (params, metrics, state) in enumerate(trials, len(history)):
        events += [Asked(now, number, params, "imported"), Ended(now, number, 0, state, metrics, "imported")]
    return events


def check_related(here: Created, there: Created, count: int) -> None:
    """Raises UsageError where an experiment cannot begin with the `count` best of another one."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise UsageError(f"warm_start(count={count!r}): it must be a whole number from 1")
    if here == there:
        raise UsageError(
            f"warm_start: {here.name!r} would begin with itself, and it knows its trials; give an earlier experiment"
        )
    for name, mode in here.metrics.items():
        if there.metrics.get(name, mode) != mode:
            raise UsageError(
                f"warm_start: metric {name!r} is {mode!r} here and {there.metrics[name]!r} in {there.name!r}; "
                f"make this experiment with mode={there.metrics[name]!r}, or name the metric otherwise"
            )


def fitting(history: History, space: Space, count: int, *, define: bool) -> list[Params]:
    """The best configurations of a history that fit another space, at most `count`.

    Raises:
        UsageError: there are none, or none of them fits.
    """
    done = [n for n in history.finished if history.state[n] == COMPLETED and not math.isnan(history.Y[n, 0])]
    ranked = [history.params[n] for n in sorted(done, key=lambda n: float(history.Y[n, 0]))]
    if not ranked:
        name = repr(history.created.name) if history.created is not None else "the earlier experiment"
        raise UsageError(
            f"warm_start: {name} has no completed trial with a value, so there is nothing to begin with; "
            "run it first, or leave the warm start out"
        )
    if not define and not set(space.names) & set(history.space.names):
        raise UsageError(
            f"warm_start: this space, of {_names(space)}, shares no parameter with the earlier one, "
            f"of {_names(history.space)}; give an experiment on the same parameters"
        )
    out: list[Params] = []
    refused = ""
    for params in ranked:
        try:
            fit = params if define else space.adopt(params)
        except SpaceError as error:
            refused = refused or str(error)
            continue
        if fit not in out:
            out.append(fit)
        if len(out) == count:
            break
    if not out:
        raise UsageError(
            f"warm_start: none of {len(ranked)} completed trials fits this space; of the best, {refused}; "
            "widen the space, or leave the warm start out"
        )
    return out


def _names(space: Space) -> str:
    return ", ".join(space.names) or "no parameters"


MOST_LEARNED = 1000
"""Trials of an earlier experiment that are journalled: every k-th by rank where there are more."""


def learned(history: History, name: str) -> list[Event]:
    """The event that hands an experiment's completed trials on; none where there are none."""
    done = [n for n in history.finished if history.state[n] == COMPLETED and np.isfinite(history.Y[n]).all()]
    if len(done) > MOST_LEARNED:
        ranked = sorted(done, key=lambda n: float(history.Y[n, 0]))
        done = [ranked[i] for i in np.linspace(0, len(ranked) - 1, MOST_LEARNED).astype(int)]
    values = (history.Y[done] * history.signs).tolist()
    return [Learned(time.time(), name, [history.params[n] for n in done], values)] if done else []
