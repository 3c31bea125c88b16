"""Reinforcement learning: a controller that learns to make good configurations."""

import numpy as np

from lanista.search._axes import Bools, Floats, Ints
from lanista.search._policy import Policy, Pupil


class Reinforce(Policy):
    """Draws from a recurrent network that follows the gradient of the expected reward.

    Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning (1992), section
    4; Zoph and Le, Neural Architecture Search with Reinforcement Learning (2017), sections 3.1 and 3.2: a recurrent
    network makes a configuration parameter by parameter, each from a softmax over options, or eight cells of a number.
    After each `batch` of trials that ended, it takes a step of Adam along the gradient of their log-probability times
    how far their reward is above a moving baseline, and of its entropy. The reward is the share of all trials so far
    that a trial beats, so that the scale of the objective does not matter.

    What was learnt is remembered, and learnt again from the history where it is lost. A configuration that was tried
    before is drawn anew where possible. Trials rank as for `TPE`: stopped ones after completed ones, then those that
    break a constraint, failures last. Of several objectives the first counts.

    Args:
        batch: trials of one step.
        rate: of learning.
        entropy: weight of the entropy, which keeps the network from settling too early.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.journal import History
    >>> from lanista.space import Choice, Space
    >>> Reinforce().ask(History(Space({"x": Choice(["a", "b"])})), 1, np.random.default_rng(0))
    [{'x': 'a'}]
    """

    def __init__(self, *, batch: int = 5, rate: float = 0.03, entropy: float = 0.1) -> None:
        super().__init__(batch, rate, entropy)

    def _learn(self, pupil: Pupil, cells: Ints, active: Bools, gain: Floats) -> None:
        """One step along the gradient of a batch."""
        steps = pupil.controller.run(cells, active)
        weights = np.repeat(gain[:, None], cells.shape[1], axis=1)
        pupil.descend(steps, cells, active, weights, self.rate, self.entropy)
