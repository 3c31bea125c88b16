"""Proximal policy optimisation."""

import numpy as np

from lanista.search._axes import Bools, Floats, Ints
from lanista.search._policy import Policy, Pupil

CLIP = 0.2


class PPO(Policy):
    """Draws from a recurrent network that is taught by proximal policy optimisation.

    Schulman et al., Proximal Policy Optimization Algorithms (2017), section 3, in the place of the plain gradient of
    `Reinforce`, whose network and reward it has: each batch is learnt from in several `epochs`, in which no choice's
    probability is pushed beyond 0.8 or 1.2 times what it was at the first. The advantage is that over a moving
    baseline, the same for all choices of a configuration; there is no network of values.

    Args:
        batch: trials that are learnt from together.
        epochs: steps on each batch.
        rate: of learning.
        entropy: weight of the entropy, which keeps the network from settling too early.

    Raises:
        UsageError: an argument is out of range.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.journal import History
    >>> from lanista.space import Choice, Space
    >>> PPO().ask(History(Space({"x": Choice(["a", "b"])})), 1, np.random.default_rng(0))
    [{'x': 'a'}]
    """

    def __init__(self, *, batch: int = 10, epochs: int = 8, rate: float = 0.01, entropy: float = 0.05) -> None:
        super().__init__(batch, rate, entropy)
        self.epochs = epochs
        self._check_count("epochs", epochs)

    def _learn(self, pupil: Pupil, cells: Ints, active: Bools, gain: Floats) -> None:
        """Several steps along the clipped gradient of a batch."""
        old = np.empty(0)
        for _ in range(self.epochs):
            steps = pupil.controller.run(cells, active)
            chosen = np.take_along_axis(steps.p, cells.T[..., None], axis=2)[..., 0].T
            old = old if len(old) else chosen
            ratio = chosen / old
            clipped = np.where(gain[:, None] > 0, ratio > 1.0 + CLIP, ratio < 1.0 - CLIP)
            weights = np.where(clipped, 0.0, ratio * gain[:, None])
            pupil.descend(steps, cells, active, weights, self.rate, self.entropy)
