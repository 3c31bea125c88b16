"""A recurrent network that makes configurations one parameter after the other, with its gradients, in numpy.

Shapes: b configurations, t columns that are searched, f cells of all of them, h units.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search._adam import views
from lanista.search._axes import Axes, Bools, Ints
from lanista.space import Space

Floats = NDArray[np.float64]

UNITS = 32
CELLS = 8
"""Into how many cells a column of more values is cut; within a cell values are drawn alike."""
SPREAD = 0.1
"""Of the first weights, uniform around 0."""


class Step(NamedTuple):
    """What a step has seen and made: inputs, state before, gates, candidate, state after, probabilities."""

    before: Ints
    x: Floats
    h: Floats
    z: Floats
    r: Floats
    n: Floats
    new: Floats
    p: Floats


class Controller:
    """A gated recurrent unit with a softmax over the cells of each column.

    Zoph and Le, Neural Architecture Search with Reinforcement Learning (2017), section 3.1; Cho et al., Learning
    Phrase Representations using RNN Encoder-Decoder (2014), section 2.3. What was chosen at one column is an input at
    the next; a column that does not apply is passed by.

    Args:
        space: of the configurations.
        rng: of the first weights.
    """

    def __init__(self, space: Space, rng: "np.random.Generator") -> None:
        self.space = space
        self.columns = Axes(space).searched
        cardinality = space.columns.cardinality[self.columns]
        options = space.columns.kind[self.columns] == 2
        few = (cardinality > 0) & ((cardinality <= CELLS) | options)
        self.sizes = np.where(few, cardinality, CELLS)
        ends = np.cumsum(self.sizes)
        self.first = ends - self.sizes
        self._conditional = Axes(space).conditional
        h, f = UNITS, int(self.sizes.sum())
        self._shapes = [(h, 3 * h), (h, 2 * h), (h, h), (3 * h,), (len(self.columns), h), (f, h), (h, f), (f,)]
        self.theta: Floats = rng.uniform(-SPREAD, SPREAD, sum(int(np.prod(shape)) for shape in self._shapes))

    def cells(self, X: Floats) -> tuple[Ints, Bools]:
        """The cells (b, t) of points X (b, d), and which columns apply (b, t)."""
        active = ~np.isnan(X[:, self.columns])
        cells = (np.nan_to_num(X[:, self.columns]) * self.sizes).astype(np.intp)
        return np.minimum(cells, self.sizes - 1), active

    def sample(self, count: int, rng: "np.random.Generator") -> Floats:
        """Draws points (count, d), canonical."""
        X = rng.random((count, self.space.width))
        weights = views(self.theta, self._shapes)
        h, before = np.zeros((count, UNITS)), np.full(count, -1)
        for t, (column, size, first) in enumerate(zip(self.columns, self.sizes, self.first, strict=True)):
            step = self._step(weights, t, h, before)
            cell = (step.p.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1).clip(max=size - 1)
            X[:, column] = (cell + rng.random(count)) / size
            applies = self.space.active(X)[:, column] if self._conditional else np.ones(count, dtype=np.bool_)
            h, before = step.new, np.where(applies, first + cell, -1)
        return self.space.canonical(X)

    def run(self, cells: Ints, active: Bools) -> list[Step]:
        """The steps that lead to configurations of these cells (b, t)."""
        weights = views(self.theta, self._shapes)
        h, before = np.zeros((len(cells), UNITS)), np.full(len(cells), -1)
        steps: list[Step] = []
        for t, first in enumerate(self.first):
            steps.append(self._step(weights, t, h, before))
            h, before = steps[-1].new, np.where(active[:, t], first + cells[:, t], -1)
        return steps

    def _step(self, weights: list[Floats], t: int, h: Floats, before: Ints) -> Step:
        W, U, V, b, places, chosen, out, bias = weights
        x = places[t] + np.where(before[:, None] >= 0, chosen[before], 0.0)
        g = x @ W + b
        z, r = np.split(1.0 / (1.0 + np.exp(-g[:, : 2 * UNITS] - h @ U)), 2, axis=1)
        n = np.tanh(g[:, 2 * UNITS :] + (r * h) @ V)
        new = h + z * (n - h)
        own = slice(self.first[t], self.first[t] + self.sizes[t])
        logits = new @ out[:, own] + bias[own]
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return Step(before, x, h, z, r, n, new, p / p.sum(axis=1, keepdims=True))

    def gradient(self, steps: list[Step], by_logits: list[Floats]) -> Floats:
        """Of a loss whose gradients by the logits of each step (b, cells) are given: by all weights."""
        W, U, V, _, _, _, out, _ = views(self.theta, self._shapes)
        found = np.zeros_like(self.theta)
        dW, dU, dV, db, dplaces, dchosen, dout, dbias = views(found, self._shapes)
        dh = np.zeros_like(steps[0].h)
        for t in reversed(range(len(steps))):
            before, x, h, z, r, n, new, _ = steps[t]
            own = slice(self.first[t], self.first[t] + self.sizes[t])
            dout[:, own] += new.T @ by_logits[t]
            dbias[own] += by_logits[t].sum(axis=0)
            dnew = dh + by_logits[t] @ out[:, own].T
            dn = dnew * z * (1.0 - n * n)
            drh = dn @ V.T
            gates = np.concatenate([dnew * (n - h) * z * (1.0 - z), drh * h * r * (1.0 - r)], axis=1)
            dV += (r * h).T @ dn
            dU += h.T @ gates
            dh = dnew * (1.0 - z) + drh * r + gates @ U.T
            dg = np.concatenate([gates, dn], axis=1)
            dW += x.T @ dg
            db += dg.sum(axis=0)
            dx = dg @ W.T
            dplaces[t] += dx.sum(axis=0)
            np.add.at(dchosen, before[before >= 0], dx[before >= 0])
        return found
