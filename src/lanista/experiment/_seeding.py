"""Configurations that do not come from the searcher."""

import math
import time
from collections.abc import Sequence

import numpy as np

from lanista.errors import SpaceError
from lanista.journal import COMPLETED, Asked, Event, History, Learned, Params
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
