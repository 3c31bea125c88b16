"""The maximum of a score over a mixed, conditional, constrained space, by random points and local search.

Shapes: c candidates, d columns, k climbers.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from lanista.search._axes import Bools, Floats
from lanista.search._neighbours import neighbours
from lanista.space import Space

Score = Callable[[Floats], Floats]
"""Of canonical points (c, d), NaN where a parameter does not apply, the scores (c,)."""

RANDOM = 500
AROUND = 300
"""Neighbours of all centres together."""
CLIMBERS = 6
STEPS = 12
"""Neighbours of each climber that are looked at before it moves."""
ROUNDS = 8
SCALES = (0.2, 0.05, 0.0125)


class Climb:
    """Looks for the best points.

    Random points and neighbours of the `centres` are scored; the best few climb to better neighbours until none finds
    one: Hutter, Hoos and Leyton-Brown, Sequential Model-Based Optimization for General Algorithm Configuration (2011),
    section 4.3. In a space of discrete parameters alone, points that were tried are left out.

    Args:
        space: to be searched.
        centres: (b, d) the best trials.
        tried: (n, d) points not to be found again.
        belief: weight of the logarithm of the user's prior, which is added to scores: Hvarfner et al., Augmenting
            Acquisition Functions with User Beliefs (2022), equation 6.
    """

    def __init__(self, space: Space, centres: Floats, tried: Floats, *, belief: float = 0.0) -> None:
        self.space, self.centres = space, centres
        self._belief = belief if space.has_prior else 0.0
        self._finite = bool((space.columns.cardinality > 0).all())
        self._tried: set[bytes] = set()
        self.tried(tried)

    def tried(self, X: Floats) -> None:
        """Adds points (n, d) that are not to be found again."""
        if self._finite:
            self._tried.update(keys(X))

    def best(self, score: Score, rng: "np.random.Generator") -> Floats:
        """The point (1, d) of the best score found; a random one where all that was looked at was tried before."""
        space = self.space
        X = space.sample_unit(rng, RANDOM)
        if self._belief:
            X[::2] = space.sample_prior(rng, len(X[::2]))
            score = partial(self._believed, score)
        X = space.canonical(X)
        if len(self.centres):
            near = neighbours(space, self.centres, rng, -(-AROUND // len(self.centres)), scales=SCALES)
            X = np.concatenate([X, near])
        X = X[self._open(X)]
        if not len(X):
            return space.canonical(space.sample_unit(rng, 1))
        height = score(X)
        top = np.argsort(-height, kind="stable")[:CLIMBERS]
        X, height = X[top], height[top]
        for _ in range(ROUNDS):
            moved, reached = self._step(X, height, score, rng)
            if not (reached > height).any():
                break
            X, height = moved, reached
        return X[[int(height.argmax())]]

    def _step(self, X: Floats, height: Floats, score: Score, rng: "np.random.Generator") -> tuple[Floats, Floats]:
        """Each climber (k, d) at the best of its neighbours, or where it was."""
        near = neighbours(self.space, X, rng, STEPS, scales=SCALES)
        open_ = self._open(near)
        heights = np.full(len(near), -np.inf)
        if open_.any():
            heights[open_] = score(near[open_])
        heights = np.concatenate([height[:, None], heights.reshape(len(X), STEPS)], axis=1)
        around = np.concatenate([X[:, None], near.reshape(len(X), STEPS, -1)], axis=1)
        at = np.arange(len(X)), heights.argmax(axis=1)
        return around[at], heights[at]

    def _believed(self, score: Score, X: Floats) -> Floats:
        return score(X) + self._belief * self.space.log_prior(np.where(np.isnan(X), 0.5, X))

    def _open(self, X: Floats) -> Bools:
        """(c,) which points may be proposed."""
        good = self.space.feasible_unit(X) if self.space.constraints else np.ones(len(X), dtype=np.bool_)
        if self._finite:
            good &= np.fromiter((key not in self._tried for key in keys(X)), dtype=np.bool_, count=len(X))
        return good


def keys(X: Floats) -> list[bytes]:
    """Each canonical point as bytes, equal but for rounding."""
    return [row.tobytes() for row in np.round(np.nan_to_num(X, nan=-1.0), 9) + 0.0]
