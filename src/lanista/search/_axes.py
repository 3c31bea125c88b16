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


class Axes:
    """How the columns of a space are modelled.

    Columns: `smooth` are continuous, or ordered with over 32 values; `stepped` are ordered with fewer; `options` are
    categorical, of which those with over 32 options are `wide`. Columns of one value are none of these. `column` and
    `cell` (f,) name the cells of the stepped columns, then those of the categorical ones that are not wide; the first
    `steps` of them are of stepped columns.
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
        self.discrete = np.flatnonzero(self.cardinality > 0)
        tabulated = np.concatenate([self.stepped, self.options[~many[self.options]]])
        sizes = self.cardinality[tabulated]
        self.column = np.repeat(tabulated, sizes)
        self.cell = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        self.steps = int(self.cardinality[self.stepped].sum())
        self.conditional = any(parameter.parent is not None for parameter in space.parameters)

    def cells(self, X: Floats, columns: Ints) -> Ints:
        """(n, c) the cell of each value of full points X (n, d) in the given discrete columns."""
        sizes = self.cardinality[columns]
        cells: Ints = np.minimum((X[:, columns] * sizes).astype(np.intp), sizes - 1)
        return cells

    def centre(self, X: Floats) -> None:
        """Moves the values of discrete columns to the centres of their cells, in place."""
        at = self.discrete
        if len(at):
            X[:, at] = (self.cells(X, at) + 0.5) / self.cardinality[at]

    def indicators(self, X: Floats, active: Bools | None) -> Floats:
        """(n, f) 1 where a full point lies in a tabulated cell, else 0; 0 in columns that are not `active` (n, d)."""
        inside = self.cells(X, self.column) == self.cell
        if active is not None:
            inside &= active[:, self.column]
        found: Floats = inside.astype(np.float64)
        return found
