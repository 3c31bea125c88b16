"""Configurations that do not come from the searcher: a person's own, and the best of other experiments."""

import math
import time
from collections.abc import Sequence

import numpy as np

from lanista.errors import SpaceError
from lanista.journal import COMPLETED, Asked, Event, History, Params
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


def fitting(history: History, space: Space, count: int, *, define: bool) -> list[Params]:
    """The best configurations of a history that fit another space, at most `count`."""
    done = [n for n in history.finished if history.state[n] == COMPLETED and not math.isnan(history.Y[n, 0])]
    out: list[Params] = []
    for number in sorted(done, key=lambda n: float(history.Y[n, 0])):
        params = history.params[number]
        if not define:
            try:
                params = space.check({name: value for name, value in params.items() if name in space.names})
            except SpaceError:
                continue
        if params not in out:
            out.append(params)
        if len(out) == count:
            break
    return out


def pareto(history: History) -> list[int]:
    """The completed trials that no other one beats in every objective."""
    numbers = [n for n in history.finished if history.state[n] == COMPLETED and not np.isnan(history.Y[n]).any()]
    Y = history.Y[numbers]
    return [n for n, y in zip(numbers, Y, strict=True) if not ((y >= Y).all(axis=1) & (y > Y).any(axis=1)).any()]
