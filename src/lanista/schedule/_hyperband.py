"""HyperBand: Li et al., Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization, 2018."""

from lanista.journal import History
from lanista.schedule._base import Action, Described, Event
from lanista.schedule._brackets import Brackets
from lanista.schedule._fidelity import Fidelity, levels


class HyperBand(Described):
    """Goes through brackets of successive halving, from many trials that begin short to few that run in full.

    This is the paper's algorithm 1, with its numbers: bracket s, from s_max down to 0, begins with
    n = ⌈(s_max + 1) η^s / (s + 1)⌉ trials on R η^-s steps, of which ⌊n η^-i⌋ come to its rung i. Table 1 of the paper
    and the code released with it have smaller brackets (81, 27, 9, 6, 5 in place of the formula's 81, 34, 15, 8, 5).
    When the last bracket is begun, the first follows again: it is the limit on trials that ends the run. While a
    bracket waits for its last trials, free workers begin the next one. A trial's bracket follows from how many came
    before it; those whose results were imported do not count.

    Rungs stand at R η^-k, rounded, down to `min_steps`, or at the levels of a fidelity. Trials pause at them, and what
    happens at the limit is as in `SuccessiveHalving`.

    Args:
        max_steps: the paper's R, the step at which a trial is complete, or a fidelity in place of steps.
        min_steps: the lowest rung; None: step 1, or where the fidelity begins. s_max = ⌊log_η(R / min_steps)⌋.
        reduction: the paper's η; one in so many trials goes on from each rung.

    Attributes:
        brackets: of each bracket (trials, step) on each rung.

    Raises:
        UsageError: an argument is out of range.

    >>> for bracket in HyperBand(max_steps=9).brackets:
    ...     print(bracket)
    [(9, 1), (3, 3), (1, 9)]
    [(5, 3), (1, 9)]
    [(3, 9)]
    """

    def __init__(self, max_steps: int | Fidelity, *, min_steps: int | None = None, reduction: int = 3) -> None:
        self.max_steps, self.min_steps, self.reduction = max_steps, min_steps, reduction
        self.fidelity = max_steps if isinstance(max_steps, Fidelity) else None
        steps = levels(max_steps, min_steps, reduction, "HyperBand", from_top=True)
        count = len(steps)
        plan = [(-(-count * reduction ** (rungs - 1) // rungs), steps[-rungs:]) for rungs in range(count, 0, -1)]
        self.brackets = [[(n // reduction**i, step) for i, step in enumerate(ladder)] for n, ladder in plan]
        self._brackets = Brackets(max_steps, plan, reduction)

    def on(self, history: History, event: Event) -> list[Action]:
        """Completes trials; on free slots stops those that lost, resumes those that won, and starts new ones."""
        return self._brackets.on(history, event)
