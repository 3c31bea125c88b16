"""The columns of the unit cube as a density sees them."""

import numpy as np
from numpy.typing import NDArray

from lanista.space import Space

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

CONTINUOUS, ORDERED, CATEGORICAL = 0, 1, 2
MOST_CELLS = 32
"""Beyond, an ordered column is as good as continuous, and a categorical one is compared instead of tabulated."""

SAME = 1e-9
"""Values of discrete columns that are closer are the same."""


class Axes:
    """How the columns of a space are modelled.

    Columns: `smooth` are continuous, or ordered with over 32 values; `stepped` are ordered with fewer; `options` are
    categorical, of which those with over 32 options are `wide`. Columns of one value are none of these. `tabulated`
    are the stepped ones, then the categorical ones that are not wide; `column` and `cell` (f,) name their cells, the
    first `steps` of which are of stepped columns. `roots`
    are the choices that always apply and have parameters below them.
    """

    def __init__(self, space: Space) -> None:
        kind, self.cardinality, _ = space.columns
        many, several = self.cardinality > MOST_CELLS, self.cardinality > 1
        self.smooth = np.flatnonzero((kind == CONTINUOUS) | ((kind == ORDERED) & many))
        self.stepped = np.flatnonzero((kind == ORDERED) & several & ~many)
        self.options = np.flatnonzero((kind == CATEGORICAL) & several)
        self.wide = np.flatnonzero((kind == CATEGORICAL) & many)
        self.gaussian = np.sort(np.concatenate([self.smooth, self.stepped]))
        self.searched = np.sort(np.concatenate([self.gaussian, self.options]))
        self.endless = self.cardinality == 0
        self.discrete = np.flatnonzero(self.cardinality > 0)
        self.tabulated = np.concatenate([self.stepped, self.options[~many[self.options]]])
        sizes = self.cardinality[self.tabulated]
        self._first = np.cumsum(sizes) - sizes
        self.column = np.repeat(self.tabulated, sizes)
        self.cell = np.arange(sizes.sum()) - np.repeat(self._first, sizes)
        self.steps = int(self.cardinality[self.stepped].sum())
        cells = self.cell[: self.steps]
        same = self.column[: self.steps, None] == self.column[: self.steps]
        # How the cells of stepped columns lie to each other: whether in one column, and where its cell stands that is
        # as far from the first one as the two are from each other.
        start = np.arange(self.steps) - cells
        self.gaps = same.astype(np.float64), np.where(same, start + np.abs(cells[:, None] - cells), 0)
        self._branches = _branches(space)
        below = {column for _, _, columns in self._branches for column in columns.tolist()}
        above = {column for column, _, _ in self._branches}
        several_above = [column for column in sorted(above - below) if self.cardinality[column] > 1]
        self.roots = np.array(several_above, dtype=np.intp)
        self.conditional = bool(self._branches)

    def active(self, X: Floats) -> Bools | None:
        """(n, d) which columns apply at full points X (n, d); None if all do everywhere."""
        if not self.conditional:
            return None
        active = np.ones(X.shape, dtype=np.bool_)
        for above, holds, below in self._branches:
            chosen = np.minimum((X[:, above] * len(holds)).astype(np.intp), len(holds) - 1)
            active[:, below] = (holds[chosen] & active[:, above])[:, None]
        return active

    def cells(self, X: Floats, columns: Ints) -> Ints:
        """(n, c) the cell of each value of full points X (n, d) in the given discrete columns."""
        sizes = self.cardinality[columns]
        cells: Ints = np.minimum((X[:, columns] * sizes).astype(np.intp), sizes - 1)
        return cells

    def is_new(self, x: Floats, active: Bools | None) -> bool:
        """Whether a continuous column applies at a full point x (d,): its value does not come twice."""
        return bool(self.endless.any() if active is None else (self.endless & active).any())

    def holds(self, X: Floats, x: Floats, active: Bools | None) -> bool:
        """Whether a full point x (d,), of which the `active` columns (d,) apply, is among the points X (n, d)."""
        columns = self.searched if active is None else self.searched[active[self.searched]]
        rows = np.arange(len(X))
        for column in columns.tolist():
            rows = rows[np.abs(X[rows, column] - x[column]) < SAME]
            if not len(rows):
                return False
        return True

    def centre(self, X: Floats) -> None:
        """Moves the values of discrete columns to the centres of their cells, in place."""
        at = self.discrete
        if len(at):
            X[:, at] = (self.cells(X, at) + 0.5) / self.cardinality[at]

    def indicators(self, X: Floats, active: Bools | None) -> Floats:
        """(n, f) 1 where a full point lies in a tabulated cell, else 0; 0 in columns that are not `active` (n, d)."""
        found = np.zeros((len(X), len(self.column)))
        at = self.cells(X, self.tabulated) + self._first
        at += np.arange(len(X))[:, None] * len(self.column)
        found.reshape(-1)[at] = 1.0 if active is None else active[:, self.tabulated]
        return found


def _branches(space: Space) -> list[tuple[int, Bools, Ints]]:
    """What hangs below choices, from the top down: the choice's column, its options (k,) that count, the columns."""
    found: dict[tuple[int, frozenset[int]], list[int]] = {}
    for parameter in space.parameters:
        if parameter.parent is not None:
            columns = found.setdefault((parameter.parent, parameter.options), [])
            columns += range(parameter.start, parameter.stop)
    branches = []
    for (parent, options), below in found.items():
        above = space.parameters[parent].start
        holds = np.isin(np.arange(space.columns.cardinality[above]), list(options))
        branches.append((above, holds, np.array(below, dtype=np.intp)))
    return branches
