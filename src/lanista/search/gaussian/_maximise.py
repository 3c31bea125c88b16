"""The maximum of an acquisition over a mixed, conditional, constrained space.

Shapes: c candidates, k starts, d columns.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search._neighbours import neighbours
from lanista.search.gaussian._acquire import Acquisition
from lanista.space import Space

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MANY_VALUES = 16
"""A discrete number of more values than this is climbed as if it were continuous, then put to its nearest value."""
MOST_LISTED = 5000
"""Configurations of a space up to which the last resort is to look at all."""
SCALES = (0.3, 0.1, 0.03, 0.01)
"""Steps of the candidates around the best trials."""
BLOCK = 128
"""Points that are valued at a time."""
HALVINGS = 6
"""How often a climb that leaves what the constraints allow comes half of its way back."""


class Effort(NamedTuple):
    """How hard to look: random candidates, candidates around the best trials, climbs and their steps."""

    random: int = 600
    near: int = 400
    starts: int = 5
    steps: int = 25


def maximise(
    space: Space,
    acquisition: Acquisition,
    rng: "np.random.Generator",
    *,
    centres: Floats,
    taken: Callable[[Floats], Bools],
    effort: Effort,
    within: tuple[Floats, Floats] | None = None,
) -> Floats:
    """The best point found, (1, d), canonical.

    Random candidates and neighbours of the best trials; from the best of all these a climb along the gradient in the
    numbers and, in turn, along single exchanges in the rest.

    Args:
        space: to be searched.
        acquisition: to be maximised.
        rng: what decides.
        centres: (b, d) canonical points of the best trials.
        taken: which of canonical points (c, d) were tried already; such a point is the last resort.
        effort: how hard to look.
        within: lower and upper ends (d,) of numbers, for searches in a part of the space.
    """
    look = _Look(space, acquisition, taken, within)
    pool = [look.sample(rng, effort.random)]
    if len(centres):
        pool.append(look.near(centres, rng, -(-effort.near // len(centres)), SCALES))
    X, value = look.measured(np.concatenate(pool))
    if not len(X):
        return look.untried(rng)
    X, value = _spread(X, value, effort.starts)
    if look.smooth.any():
        X, value = look.climbed(X, value, effort.steps)
    X, value = look.exchanged(X, value, rng)
    for row in np.argsort(-value, kind="stable"):
        if not taken(X[[row]])[0]:
            return X[[row]]
    return look.untried(rng)


class _Look:
    """What all parts of the search share."""

    def __init__(
        self,
        space: Space,
        acquisition: Acquisition,
        taken: Callable[[Floats], Bools],
        within: tuple[Floats, Floats] | None,
    ) -> None:
        self.space, self.acquisition, self.taken = space, acquisition, taken
        kind, cardinality, _ = space.columns
        self.smooth = (kind != 2) & ((cardinality == 0) | (cardinality > MANY_VALUES))
        self._partly = within is not None
        self._meets = self._partly or not any(
            p.parent is None and cardinality[p.start] == 0 and p.domain.size == math.inf for p in space.parameters
        )
        self.low, self.high = within if within is not None else (np.zeros(space.width), np.ones(space.width))

    def sample(self, rng: "np.random.Generator", count: int) -> Floats:
        """Random points, squeezed into the part that is searched."""
        X = rng.random((count, self.space.width))
        return self.low + X * (self.high - self.low)

    def near(self, X: Floats, rng: "np.random.Generator", count: int, scales: tuple[float, ...]) -> Floats:
        """Neighbours of points (k, d), in a part with values for what applies once they are put back there."""
        found = neighbours(self.space, X, rng, count, scales=scales)
        missing = np.isnan(found)
        return np.where(missing, rng.random(found.shape), found) if self._partly and missing.any() else found

    def measured(self, X: Floats) -> tuple[Floats, Floats]:
        """Canonical points that meet the constraints, where such may meet not taken, and their values."""
        X = self.space.canonical(np.clip(X, self.low, self.high))
        X = X[self.space.feasible_unit(X)] if self.space.constraints else X
        if len(X) and self._meets:  # continuous numbers hardly ever do, but for those cut to the ends of a part
            X = X[~self.taken(X)]
        return X, self.value(X)

    def value(self, X: Floats) -> Floats:
        """(c,) of canonical points, a block at a time: its matrices stay in the processor's cache."""
        blocks = [X[first : first + BLOCK] for first in range(0, len(X), BLOCK)]
        return np.concatenate([np.empty(0), *(self.acquisition.value(block, ~np.isnan(block)) for block in blocks)])

    def climbed(self, X: Floats, value: Floats, steps: int) -> tuple[Floats, Floats]:
        """All of the points (k, d) climbed at once along the gradient in their numbers; worse ones stay as they were.

        Balandat et al., BoTorch (2020), section 4.1, does so for restarts: the sum's gradient is that of each.
        """
        from scipy.optimize import minimize

        active = ~np.isnan(X)
        free = active & self.smooth
        if not free.any():
            return X, value
        start = np.where(active, X, 0.5)
        low, high = (np.broadcast_to(end, X.shape)[free] for end in (self.low, self.high))

        def loss(v: Floats) -> tuple[float, Floats]:
            point = start.copy()
            point[free] = v
            values, gradient = self.acquisition.slopes(point, active)
            return -float(values.sum()), -gradient[free]

        from scipy.optimize import Bounds

        found = minimize(
            loss,
            np.clip(start[free], low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=Bounds(low, high),
            options={"maxfun": steps, "maxcor": 8},
        )
        start[free] = found.x
        return self._better(X, value, np.where(active, start, np.nan))

    def exchanged(self, X: Floats, value: Floats, rng: "np.random.Generator") -> tuple[Floats, Floats]:
        """The best points moved to neighbours in discrete columns as long as that helps, a few times."""
        if self.smooth.all():
            return X, value
        count = 8 + 4 * int((~self.smooth).sum())
        for _ in range(4):
            top = int(np.argmax(value))
            Z, z = self.measured(self.near(X[[top]], rng, count, (0.1, 0.02)))
            if not len(z) or z.max() <= value[top] + 1e-9:
                break
            X, value = X.copy(), value.copy()
            X[top], value[top] = Z[int(np.argmax(z))], z.max()
            if self.smooth.any():
                X[[top]], value[[top]] = self.climbed(X[[top]], value[[top]], 10)
        return X, value

    def untried(self, rng: "np.random.Generator") -> Floats:
        """The best (1, d) of some points anywhere that are not taken: of all of them in a small space."""
        space = self.space
        if 0 < space.size <= MOST_LISTED:
            X = space.encode(list(space.grid()))[0]
        else:
            X = space.canonical(space.sample_unit(rng, 256))
        left = X[~self.taken(X)]
        if not len(left):
            return X[[int(rng.integers(len(X)))]]
        return left[[int(np.argmax(self.acquisition.value(left, ~np.isnan(left))))]]

    def _better(self, X: Floats, value: Floats, moved: Floats) -> tuple[Floats, Floats]:
        """Of each point the better one of two, the second as near as the constraints allow."""
        moved = self._allowed(X, self.space.canonical(np.where(np.isnan(moved), 0.5, moved)))
        new = self.acquisition.value(moved, ~np.isnan(moved))
        good = (new > value) & ~self.taken(moved)
        if self.space.constraints:
            good &= self.space.feasible_unit(moved)
        return np.where(good[:, None], moved, X), np.where(good, new, value)

    def _allowed(self, X: Floats, moved: Floats) -> Floats:
        """Where the points X (k, d) moved to; those that broke a constraint some halves of the way back."""
        for _ in range(HALVINGS if self.space.constraints else 0):
            out = ~self.space.feasible_unit(moved)
            if not out.any():
                break
            middle = 0.5 * (X[out] + moved[out])
            moved = moved.copy()
            moved[out] = self.space.canonical(np.where(np.isnan(middle), 0.5, middle))
        return moved


def _spread(X: Floats, value: Floats, count: int) -> tuple[Floats, Floats]:
    """The best point and others that are good but not close by it: (k, d) and (k,)."""
    order = np.argsort(-value, kind="stable")[: 20 * count]
    Z = np.nan_to_num(X[order], nan=-1.0)
    chosen = [0]
    nearest = np.abs(Z - Z[0]).max(axis=1)
    while len(chosen) < min(count, len(order)):
        far = np.flatnonzero(nearest > 0.1)
        if not len(far):
            break
        chosen.append(int(far[0]))
        nearest = np.minimum(nearest, np.abs(Z - Z[chosen[-1]]).max(axis=1))
    return X[order[chosen]], value[order[chosen]]
