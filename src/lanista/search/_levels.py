"""Trials that were stopped or paused at different steps: the values that they had at one of these.

Shapes: n trials, m objectives.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanista.journal import CANCELLED, COMPLETED, FAILED, INFEASIBLE, PAUSED, STOPPED, History
from lanista.search._axes import Floats

CUT = np.isin(np.arange(8), [PAUSED, STOPPED])
"""States of trials that went no further: below the level they say nothing."""
FEWEST = 8
"""Trials that must have come to a step before it serves as the level, where a searcher does not say otherwise."""


def at_level(history: History) -> History:
    """The history at the level that `FEWEST` trials have come to; itself where no trial was cut, or there is none."""
    if not CUT[history.state].any():
        return history
    level, reached = level_of(history, FEWEST)
    return AtLevel(history, reached, level) if reached.any() else history


class AtLevel(History):
    """A view of a history in which the values at a level count as final ones; all else it asks of that history.

    Args:
        history: the one to look at.
        reached: (n,) which trials have come to the level.
        level: a step; a trial's value is its first report at or beyond it, or where it has none, its final value.
    """

    def __init__(self, history: History, reached: NDArray[np.bool_], level: float) -> None:
        self._whole = history
        trials, steps, values = history.log
        rows = np.flatnonzero(steps >= level)[::-1]
        first = np.full(len(history), -1, dtype=np.intp)
        first[trials[rows]] = rows  # of several rows the last one written, which is the first report
        self._values = np.where(reached[:, None], history.Y, np.nan)
        found = reached & (first >= 0)
        self._values[found] = values[first[found]]
        state = history.state
        self._states = np.where(reached, COMPLETED, np.where(CUT[state], CANCELLED, state)).astype(np.int8)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    @property
    def Y(self) -> Floats:
        """(n, m) objectives at the level, NaN below it."""
        return self._values

    @property
    def state(self) -> NDArray[np.int8]:
        """(n,) completed is who has come to the level, cancelled who never will."""
        return self._states


def level_of(history: History, enough: int) -> tuple[float, NDArray[np.bool_]]:
    """The highest step that `enough` trials have come to, and which ones (n,); none where there is no such step."""
    state = history.state
    furthest = np.zeros(len(history))
    trials, steps, _ = history.log
    np.maximum.at(furthest, trials, steps)
    furthest[state == COMPLETED] = np.inf
    furthest[(state == FAILED) | (state == INFEASIBLE) | (state == CANCELLED)] = 0.0
    if len(furthest) < enough:
        return 0.0, np.zeros(len(furthest), dtype=np.bool_)
    level = float(np.partition(furthest, -enough)[-enough])
    return level, (furthest >= level) & (level > 0)
