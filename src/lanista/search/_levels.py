"""Trials that were stopped or paused at different steps: the values that they had at one of these.

Shapes: n trials, k trials of a rung, d columns, m objectives.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanista.journal import CANCELLED, COMPLETED, FAILED, INFEASIBLE, PAUSED, RUNNING, STOPPED, History, Source
from lanista.search._axes import Bools, Floats
from lanista.search.gaussian._data import checkpoint
from lanista.space import Space

CUT = np.isin(np.arange(8), [PAUSED, STOPPED])
"""States of trials that went no further: below the level they say nothing."""
FEWEST = 8
"""Trials that must have come to a step before it serves as the level, where a searcher does not say otherwise."""
MOST_RUNGS = 3
"""Steps below the level that are learnt from."""


def at_level(history: History) -> History:
    """The history at the level that `FEWEST` trials have come to; itself where no trial was cut, or there is none.

    Trials that were cut below the level count as pending: nobody knows what they would have come to, but where they lie
    is no news any longer, and a searcher that only left them out would propose their like again and again. Steps
    below, each of which three times as many trials have come to, are added as earlier experiments: Li et al., MFES-HB:
    Efficient Hyperband with Multi-Fidelity Quality Measurements (2021), section 4.
    """
    if not CUT[history.state].any():
        return history
    level, reached = level_of(history, FEWEST)
    if not reached.any():
        return history
    view = AtLevel(history, reached, level, cut=RUNNING)
    view.sources = [*history.sources, *_rungs(history, level)]
    return view


class AtLevel(History):
    """A view of a history in which the values at a level count as final ones; all else it asks of that history.

    Args:
        history: the one to look at.
        reached: (n,) which trials have come to the level.
        level: a step; a trial's value is its first report at or beyond it, or where it has none, its final value.
        cut: the state of trials that were stopped or paused below the level.
    """

    def __init__(self, history: History, reached: Bools, level: float, *, cut: int = CANCELLED) -> None:
        self._whole = history
        trials, steps, values = history.log
        rows = arrivals(trials, steps, level)
        rows = rows[reached[trials[rows]]]
        self._values = np.where(reached[:, None], history.Y, np.nan)
        self._values[trials[rows]] = values[rows]
        state = history.state
        self._states = np.where(reached, COMPLETED, np.where(CUT[state], cut, state)).astype(np.int8)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    @property
    def Y(self) -> Floats:
        """(n, m) objectives at the level, NaN below it."""
        return self._values

    @property
    def state(self) -> NDArray[np.int8]:
        """(n,) completed is who has come to the level."""
        return self._states


class Rung(Source):
    """The values that trials had at one step, told as if by an earlier experiment.

    Args:
        step: the step.
        X: (k, d) points.
        active: (k, d) which columns apply.
        Y: (k, m) objectives at the step, minimised.
    """

    def __init__(self, step: float, X: Floats, active: Bools, Y: Floats) -> None:
        super().__init__(f"step {step:g}", (), Y)
        self._rows = X, active, Y

    def points(self, space: Space) -> tuple[Floats, Bools, Floats]:
        """X (k, d), active (k, d) and Y (k, m), in the order in which they came."""
        return self._rows


def level_of(history: History, enough: int) -> tuple[float, Bools]:
    """The highest step that `enough` trials have come to, and which ones (n,); none where there is no such step."""
    state = history.state
    furthest = _furthest(history)
    furthest[state == COMPLETED] = np.inf
    furthest[(state == FAILED) | (state == INFEASIBLE) | (state == CANCELLED)] = 0.0
    if len(furthest) < enough:
        return 0.0, np.zeros(len(furthest), dtype=np.bool_)
    level = float(np.partition(furthest, -enough)[-enough])
    return level, (furthest >= level) & (level > 0)


def _rungs(history: History, level: float) -> list[Rung]:
    """The steps below the level that 3, 9 and 27 times as many trials have come to, the highest first."""
    furthest = -np.sort(-_furthest(history))
    counts = [count for k in range(1, MOST_RUNGS + 1) if (count := FEWEST * 3**k) <= len(history)]
    below = sorted({step for count in counts if 0 < (step := furthest[count - 1]) < level}, reverse=True)
    return [_rung(history, step) for step in below]


def _rung(history: History, step: float) -> Rung:
    """The trials that came to the step first; their number grows by tenths, so that what was fitted serves a while."""
    trials, steps, values = history.log
    rows = arrivals(trials, steps, step)
    rows = rows[: checkpoint(len(rows))]
    return Rung(step, history.X[trials[rows]], history.active[trials[rows]], values[rows])


def _furthest(history: History) -> Floats:
    """(n,) the step of the last report of each trial."""
    furthest = np.zeros(len(history))
    trials, steps, _ = history.log
    np.maximum.at(furthest, trials, steps)
    return furthest


def arrivals(trials: NDArray[np.int64], steps: NDArray[np.int64], step: float) -> NDArray[np.intp]:
    """The rows of a log (r,), in their order, of each trial's first report at or beyond the step."""
    rows = np.flatnonzero(steps >= step)
    first = np.unique(trials[rows], return_index=True)[1]
    return rows[np.sort(first)]
