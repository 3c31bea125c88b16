"""BOHB's searcher: Falkner, Klein and Hutter, BOHB: Robust and Efficient Hyperparameter Optimization at Scale, 2018.

Shapes: n trials, d columns, m objectives, r reports.
"""

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from lanista.errors import UsageError
from lanista.journal import CANCELLED, COMPLETED, FAILED, INFEASIBLE, PAUSED, STOPPED, History, Params
from lanista.search._axes import Axes, Floats
from lanista.search._tpe import TPE

WITHOUT_LEVEL = np.isin(np.arange(8), [PAUSED, STOPPED])
"""States of trials that went no further: below the level they say nothing."""


class BOHB:
    """Learns from the values that trials had at one step: the highest that enough of them have reached.

    Falkner et al. (2018), section 3.2 and algorithm 2. It goes with any scheduler that gives trials different numbers
    of steps; the original goes with `HyperBand`. The levels are read from the reports: the level is the highest step
    that at least d + 3 trials have come to, where d is the number of searched columns. Trials that are complete have
    come to every step. Values at the level are modelled as `TPE` models final ones, of which at least d + 1 count as
    good; trials that ended below the level are left out. A share `random_share` of these proposals is drawn at
    random. Those before, until enough trials have come to a step, are as the first ones of `TPE`.

    Args:
        random_share: the paper's ρ, from 0 to 1.
        candidates: points among which the model chooses.
        good_share: share of the trials that count as good, above 0 and below 1.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> BOHB().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.51...}]
    """

    def __init__(self, *, random_share: float = 1 / 3, candidates: int = 64, good_share: float = 0.15) -> None:
        self.random_share, self.candidates, self.good_share = random_share, candidates, good_share
        if not 0 <= random_share <= 1:
            raise UsageError(f"BOHB(random_share={random_share!r}): it must be from 0 to 1")
        if isinstance(candidates, bool) or not isinstance(candidates, int) or candidates < 1:
            raise UsageError(f"BOHB(candidates={candidates!r}): it must be a whole number from 1")
        if not 0 < good_share < 1:
            raise UsageError(f"BOHB(good_share={good_share!r}): it must be above 0 and below 1")

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes from the model of the level, and some at random."""
        least = len(Axes(history.space).searched) + 1
        level, reached = _level(history, least + 2)
        share = max(self.good_share, least / max(least + 2, int(reached.sum())))
        model = TPE(startup=least + 2, candidates=self.candidates, good_share=share)
        random = (rng.random(count) < self.random_share) & reached.any()
        others = iter(history.space.sample(rng, int(random.sum())))
        proposals = iter(model.ask(AtLevel(history, reached, level), count - int(random.sum()), rng))
        return [next(others if chance else proposals) for chance in random.tolist()]

    def explain(self, history: History) -> str:
        """Says in one line what it does now, and why."""
        needed = len(Axes(history.space).searched) + 3
        level, reached = _level(history, needed)
        if not reached.any():
            return f"bohb: first points, until {needed} trials have come to the same step"
        return f"bohb: a model of {int(reached.sum())} trials {f'at step {level:g}' if isfinite(level) else 'in full'}"


class AtLevel(History):
    """A history in which the values at a level count as final ones; it shares all else with the one it is made of.

    Args:
        history: the one to look at.
        reached: (n,) which trials have come to the level.
        level: a step; a trial's value is its first report at or beyond it, or where it has none, its final value.
    """

    def __init__(self, history: History, reached: NDArray[np.bool_], level: float) -> None:
        self.__dict__.update(vars(history))
        trials, steps, values = history.log
        rows = np.flatnonzero(steps >= level)[::-1]
        first = np.full(len(history), -1, dtype=np.intp)
        first[trials[rows]] = rows  # of several rows the last one written, which is the first report
        self._values = np.where(reached[:, None], history.Y, np.nan)
        found = reached & (first >= 0)
        self._values[found] = values[first[found]]
        state = history.state
        self._states = np.where(reached, COMPLETED, np.where(WITHOUT_LEVEL[state], CANCELLED, state)).astype(np.int8)

    @property
    def Y(self) -> Floats:
        """(n, m) objectives at the level, NaN below it."""
        return self._values

    @property
    def state(self) -> NDArray[np.int8]:
        """(n,) completed is who has come to the level, cancelled who never will."""
        return self._states


def _level(history: History, enough: int) -> tuple[float, NDArray[np.bool_]]:
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
