"""The searcher that chooses the searcher."""

import numpy as np

from lanista._described import Described, describe
from lanista.journal import History, Params
from lanista.search._base import Searcher
from lanista.search._gp import GP
from lanista.search._levels import at_level
from lanista.search._tpe import TPE
from lanista.search._turbo import TuRBO

MOST_MODELLED = 500
"""Trials up to which a Gaussian process is worth its time."""
MANY_NUMBERS = 50
"""Numbers above which its search is confined to a trust region."""


class Auto(Described):
    """Chooses by the space and the trials so far; the default.

    A Gaussian process (`GP`) up to 500 trials, within a trust region (`TuRBO`) where more than 50 numbers are
    searched for one objective; `TPE`, whose time hardly grows, beyond. The choice follows from the history, so that an
    experiment that is resumed goes on as it would have. Where a scheduler stops or pauses trials, the process learns
    from the values at the highest step that 8 of them have come to, and from those at lower steps as far as these rank
    trials alike: Li et al., MFES-HB: Efficient Hyperband with Multi-Fidelity Quality Measurements (2021), section 4.

    Raises:
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> Auto().explain(History(Space({"x": Float(0, 1)})))
    'auto: GP() for 1 number and 0 choices, up to 500 trials; then TPE()'
    """

    def __init__(self) -> None:
        self._gp, self._turbo, self._tpe = GP(), TuRBO(), TPE()

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes as the chosen searcher does."""
        chosen = self._chosen(history)
        return chosen.ask(history if chosen is self._tpe else at_level(history), count, rng)

    def explain(self, history: History) -> str:
        """What is chosen, and why, in one line."""
        numbers, choices = _kinds(history)
        many = f"{numbers} number{'' if numbers == 1 else 's'} and {choices} choice{'' if choices == 1 else 's'}"
        chosen = self._chosen(history)
        if chosen is self._tpe:
            return f"auto: {describe(chosen)} after {len(history)} trials"
        return f"auto: {describe(chosen)} for {many}, up to {MOST_MODELLED} trials; then {describe(self._tpe)}"

    def _chosen(self, history: History) -> Searcher:
        if len(history) >= MOST_MODELLED:
            return self._tpe
        numbers, _ = _kinds(history)
        if numbers > MANY_NUMBERS and history.Y.shape[1] == 1:
            return self._turbo
        return self._gp


def _kinds(history: History) -> tuple[int, int]:
    """How many numbers and how many choices are searched."""
    kind, cardinality, _ = history.space.columns
    searched = cardinality != 1
    return int((searched & (kind != 2)).sum()), int((searched & (kind == 2)).sum())
