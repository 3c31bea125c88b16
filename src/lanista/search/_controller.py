"""A recurrent network that makes configurations one parameter after the other, with its gradients, in numpy.

Shapes: b configurations, t columns that are searched, f cells of all of them, m cells of the largest, h units.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search._adam import views
from lanista.search._axes import ORDERED, Axes, Bools, Ints
from lanista.space import Space

Floats = NDArray[np.float64]

UNITS = 32
CELLS = 8
"""Into how many cells a column of more values is cut; within a cell values are drawn alike."""
SPREAD = 0.1
"""Of the first weights, uniform around 0."""


class Steps(NamedTuple):
    """What the steps have seen and made, each array (t, b, ...).

    Attributes:
        before: the cell of all that was chosen before, -1 where none was.
        x: (t, b, h) inputs.
        h: (t + 1, b, h) states, the one before the first step in front.
        z, r, n: (t, b, h) gates and candidates.
        p: (t, b, m) probabilities, 0 beyond a column's own cells.
    """

    before: Ints
    x: Floats
    h: Floats
    z: Floats
    r: Floats
    n: Floats
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
        cardinality, kind = space.columns.cardinality[self.columns], space.columns.kind[self.columns]
        few = (cardinality > 0) & ((cardinality <= CELLS) | (kind == 2))
        self.sizes = np.where(few, cardinality, CELLS)
        self.first = np.cumsum(self.sizes) - self.sizes
        self._conditional = Axes(space).conditional
        places = np.arange(self.sizes.max(initial=1))
        self._own = places < self.sizes[:, None]
        self._at = self.first[:, None] + np.minimum(places, self.sizes[:, None] - 1)
        self._bounds = np.where(places[1:] < self.sizes[:, None], places[1:] / self.sizes[:, None], np.inf)
        self._middles = {
            t: middles for t in np.flatnonzero(few & (kind == ORDERED)).tolist() if len(middles := self._values(t))
        }
        for t, middles in self._middles.items():
            self._bounds[t, : len(middles) - 1] = (middles[1:] + middles[:-1]) / 2
        h, f = UNITS, int(self.sizes.sum())
        self._shapes = [(h, 3 * h), (h, 2 * h), (h, h), (3 * h,), (len(self.columns), h), (f, h), (h, f), (f,)]
        self.theta: Floats = rng.uniform(-SPREAD, SPREAD, sum(int(np.prod(shape)) for shape in self._shapes))

    def _values(self, t: int) -> Floats:
        """Where the few values of a number lie, if not in equal cells: those of logarithms."""
        n = int(self.sizes[t])
        owner = self.space.parameters[self.space.columns.parameter[self.columns[t]]]
        if owner.stop - owner.start > 1:
            return np.empty(0)  # the items of a subset are equal cells
        grid = (np.arange(64 * n) + 0.5)[:, None] / (64 * n)
        found = np.unique(Space({owner.name: owner.domain}).canonical(grid)[:, 0])
        equal = np.allclose(found, (np.arange(len(found)) + 0.5) / n)
        return found[:0] if equal or len(found) != n else found

    def cells(self, X: Floats) -> tuple[Ints, Bools]:
        """The cells (b, t) of points X (b, d), and which columns apply (b, t)."""
        active = ~np.isnan(X[:, self.columns])
        return (X[:, self.columns, None] >= self._bounds).sum(axis=2), active

    def sample(self, count: int, rng: "np.random.Generator") -> Floats:
        """Draws points (count, d), canonical."""
        X = rng.random((count, self.space.width))
        weights = views(self.theta, self._shapes)
        _, U, V, _, _, _, out, bias = weights
        places, chosen = self._seen(weights)
        drawn = rng.random((len(self.columns), 2, count))
        h, before = np.zeros((count, UNITS)), np.full(count, -1)
        for t, (column, size, first) in enumerate(zip(self.columns, self.sizes, self.first, strict=True)):
            _, _, _, h = _unit(places[t] + chosen[before], h, U, V)
            own = slice(first, first + size)
            p = _softmax(h @ out[:, own] + bias[own])
            point, inside = drawn[t]
            cell = np.minimum((p.cumsum(axis=1) < point[:, None]).sum(axis=1), size - 1)
            X[:, column] = self._middles[t][cell] if t in self._middles else (cell + inside) / size
            before = first + cell
            if self._conditional:
                before = np.where(self.space.active(X)[:, column], before, -1)
        return self.space.canonical(X)

    def run(self, cells: Ints, active: Bools) -> Steps:
        """The steps that lead to configurations of these cells (b, t)."""
        weights = views(self.theta, self._shapes)
        _, U, V, _, places, chosen, out, bias = weights
        before = np.full((len(self.columns), len(cells)), -1)
        before[1:] = np.where(active, self.first + cells, -1).T[:-1]
        known = before[..., None] >= 0
        by_place, by_chosen = self._seen(weights)
        g = by_place[:, None] + by_chosen[before]
        h = np.zeros((len(g) + 1, len(cells), UNITS))
        z, r, n = np.empty((3, *h[1:].shape))
        for t in range(len(g)):
            z[t], r[t], n[t], h[t + 1] = _unit(g[t], h[t], U, V)
        logits = h[1:] @ out[:, self._at].swapaxes(0, 1) + bias[self._at][:, None]
        p = _softmax(np.where(self._own[:, None], logits, -np.inf))
        return Steps(before, places[:, None] + np.where(known, chosen[before], 0.0), h, z, r, n, p)

    def _seen(self, weights: list[Floats]) -> tuple[Floats, Floats]:
        """What the unit makes of each place (t, 3h), and of the cell chosen before (f + 1, 3h), the last for none."""
        W, _, _, b, places, chosen, _, _ = weights
        return places @ W + b, np.concatenate([chosen @ W, np.zeros((1, 3 * UNITS))])

    def gradient(self, steps: Steps, by_logits: Floats) -> Floats:
        """Of a loss whose gradients by the logits of the steps (t, b, m) are given: by all weights."""
        W, U, V, _, _, _, out, _ = views(self.theta, self._shapes)
        found = np.zeros_like(self.theta)
        dW, dU, dV, db, dplaces, dchosen, dout, dbias = views(found, self._shapes)
        before, x, states, z, r, n, _ = steps
        h = states[:-1]
        dout[:, self._at[self._own]] = (states[1:].swapaxes(1, 2) @ by_logits).swapaxes(0, 1)[:, self._own]
        dbias[self._at[self._own]] = by_logits.sum(axis=1)[self._own]
        by_state = by_logits @ out[:, self._at].transpose(1, 2, 0)
        dg, dh = np.empty((*z.shape[:2], 3 * UNITS)), np.zeros_like(h[0])
        dz, dr, dn = dg[..., :UNITS], dg[..., UNITS : 2 * UNITS], dg[..., 2 * UNITS :]
        kept = 1.0 - z
        n_slope, z_slope, r_slope = z * (1.0 - n * n), (n - h) * z * kept, h * r * (1.0 - r)
        for t in reversed(range(len(z))):
            dnew = dh + by_state[t]
            np.multiply(dnew, n_slope[t], out=dn[t])
            drh = dn[t] @ V.T
            np.multiply(dnew, z_slope[t], out=dz[t])
            np.multiply(drh, r_slope[t], out=dr[t])
            dh = dnew * kept[t] + drh * r[t] + dg[t, :, : 2 * UNITS] @ U.T
        flat = dg.reshape(-1, 3 * UNITS)
        dV += (r * h).reshape(-1, UNITS).T @ flat[:, 2 * UNITS :]
        dU += h.reshape(-1, UNITS).T @ flat[:, : 2 * UNITS]
        dW += x.reshape(-1, UNITS).T @ flat
        db += flat.sum(axis=0)
        dx = dg @ W.T
        dplaces += dx.sum(axis=1)
        told = before.reshape(-1, 1) == np.arange(len(dchosen))
        dchosen += told.T.astype(np.float64) @ dx.reshape(-1, UNITS)
        return found


def _unit(g: Floats, h: Floats, U: Floats, V: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Gates, candidate and next state (b, h) of what the unit makes of its inputs (b, 3h), and its state (b, h)."""
    gates = 1.0 / (1.0 + np.exp(-g[:, : 2 * UNITS] - h @ U))
    z, r = gates[:, :UNITS], gates[:, UNITS:]
    n = np.tanh(g[:, 2 * UNITS :] + (r * h) @ V)
    return z, r, n, h + z * (n - h)


def _softmax(logits: Floats) -> Floats:
    p: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return p
