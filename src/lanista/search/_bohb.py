"""BOHB's searcher: Falkner, Klein and Hutter, BOHB: Robust and Efficient Hyperparameter Optimization at Scale, 2018.

Shapes: n trials, d columns.
"""

from math import isfinite

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._axes import Axes
from lanista.search._checks import is_number
from lanista.search._levels import AtLevel, level_of
from lanista.search._tpe import TPE


class BOHB(Described):
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
        if not is_number(random_share) or not 0 <= random_share <= 1:
            raise UsageError(f"BOHB(random_share={random_share!r}): it must be from 0 to 1")
        if isinstance(candidates, bool) or not isinstance(candidates, int) or candidates < 1:
            raise UsageError(f"BOHB(candidates={candidates!r}): it must be a whole number from 1")
        if not is_number(good_share) or not 0 < good_share < 1:
            raise UsageError(f"BOHB(good_share={good_share!r}): it must be above 0 and below 1")

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes from the model of the level, and some at random."""
        least = len(Axes(history.space).searched) + 1
        level, reached = level_of(history, least + 2)
        share = max(self.good_share, least / max(least + 2, int(reached.sum())))
        model = TPE(startup=least + 2, candidates=self.candidates, good_share=share)
        random = (rng.random(count) < self.random_share) & reached.any()
        others = iter(history.space.sample(rng, int(random.sum())))
        proposals = iter(model.ask(AtLevel(history, reached, level), count - int(random.sum()), rng))
        return [next(others if chance else proposals) for chance in random.tolist()]

    def explain(self, history: History) -> str:
        """Says in one line what it does now, and why."""
        needed = len(Axes(history.space).searched) + 3
        level, reached = level_of(history, needed)
        if not reached.any():
            return f"bohb: first points, until {needed} trials have come to the same step"
        return f"bohb: a model of {int(reached.sum())} trials {f'at step {level:g}' if isfinite(level) else 'in full'}"
