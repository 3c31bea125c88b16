"""PASHA: Bohdal et al., PASHA: Efficient HPO and NAS with Progressive Resource Allocation, 2023."""

from math import inf, nan

import numpy as np

from lanista.journal import History
from lanista.schedule._asha import ASHA
from lanista.schedule._base import Action, Described, Event, Slots
from lanista.schedule._cursor import Cursor
from lanista.schedule._fidelity import Fidelity, levels

PERCENTILE = 90
"""Of the distances that are noise, the paper's N."""


class PASHA(Described):
    """`ASHA`, in the promotion form, up to a rung that rises only as long as the order of the trials is unsettled.

    At first trials go on to the second rung. Each time that one arrives at the highest rung, the trials there are
    ranked by their values on it and on the rung below (algorithm 1). If the two rankings differ, the next rung opens.
    Trials no farther apart than ε count as equal there. ε is taken from the noise of the curves (section 4.3): of the
    pairs at the highest rung whose curves crossed and crossed back, it is the 90th percentile of how far apart they
    are at last; 0 while there is no such pair. With few reports before a rung there is little to take it from.

    When the order settles early no trial comes to `max_steps`, and the best is a paused one, which `exp.best` shows.
    A trial that does come there is completed. Trials need `trial.save` and `trial.load`, or begin again when they go
    on. The first objective decides.

    Args:
        max_steps: the step beyond which no trial goes, or a fidelity in place of steps.
        min_steps: the lowest rung; None: step 1, or where the fidelity begins.
        reduction: η; one in so many trials goes on from each rung.

    Raises:
        UsageError: an argument is out of range.

    >>> from lanista.schedule import Start
    >>> PASHA(max_steps=81).on(History(), Slots(free=1)) == [Start(budget=1)]
    True
    """

    def __init__(self, max_steps: int | Fidelity, *, min_steps: int | None = None, reduction: int = 3) -> None:
        self.max_steps, self.min_steps, self.reduction = max_steps, min_steps, reduction
        self.fidelity = max_steps if isinstance(max_steps, Fidelity) else None
        self._levels = levels(max_steps, min_steps, reduction, "PASHA")
        lowest = None if self.fidelity else self._levels[0]
        self._asha = ASHA(max_steps, min_steps=lowest, reduction=reduction, form="promotion")
        self._cursor = Cursor()

    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials, and fills free slots as far as the rungs are open."""
        if not isinstance(event, Slots):
            return self._asha.on(history, event)
        if self._cursor.restart(history):
            self._curves: dict[int, dict[int, float]] = {}
            self._epsilon = 0.0
            self._open(min(1, len(self._levels) - 1))
        for row in self._cursor.rows():
            self._enter(*row)
        return self._asha.fill(history, event.free, self._levels[self._top])

    def _open(self, top: int) -> None:
        """Makes a rung the highest. `_arrived` has of each trial on it its values on the rung below and on it."""
        self._top = top
        self._arrived: dict[int, tuple[float, float]] = {}
        self._noise: list[float] = []

    def _enter(self, trial: int, step: int, value: float) -> None:
        """Takes up a report; one that a restarted trial repeats counts once."""
        curve = self._curves.setdefault(trial, {})
        before = next(reversed(curve), -1)
        if step <= before:
            return
        curve[step] = value
        if before < self._levels[self._top] <= step and self._top < len(self._levels) - 1:
            self._rank(trial, value)

    def _rank(self, trial: int, value: float) -> None:
        """Takes up a trial that arrived at the highest rung, and opens the next one if the order is not settled."""
        below = next(v for step, v in self._curves[trial].items() if step >= self._levels[self._top - 1])
        if below == inf:
            return
        self._noise += self._crossings(trial)
        if self._noise:
            self._epsilon = float(np.percentile(self._noise, PERCENTILE))
        self._arrived[trial] = below, value
        lower, upper = np.array(list(self._arrived.values())).T
        order = np.lexsort((lower, upper))
        if (np.abs(lower[order] - np.sort(lower)) > self._epsilon).any():
            self._open(self._top + 1)

    def _crossings(self, trial: int) -> list[float]:
        """How far the trial is from each other on the rung whose curve crossed its own and crossed back."""
        own, others = self._curves[trial], [self._curves[other] for other in self._arrived]
        gaps = np.array([[curve.get(step, nan) - value for step, value in own.items()] for curve in others])
        if not others:
            return []
        twice = np.zeros(len(gaps), dtype=bool)
        for above, under in ((gaps > 0, gaps < 0), (gaps < 0, gaps > 0)):
            crossed = under & np.maximum.accumulate(above, axis=1)
            twice |= (above & np.maximum.accumulate(crossed, axis=1)).any(axis=1)
        return [abs(row[np.isfinite(row)][-1]) for row in gaps[twice]]
