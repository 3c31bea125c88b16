"""Random search."""

import numpy as np

from lanista._described import Described
from lanista.journal import History, Params


class Random(Described):
    """Proposes independent random configurations: uniform in each domain's own scale, constraints respected.

    Bergstra and Bengio, Random Search for Hyper-Parameter Optimization (2012), section 2.

    Raises:
        UnsatisfiableError: too few random configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> Random().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.636...}]
    """

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Draws `count` configurations."""
        return history.space.sample(rng, count)
