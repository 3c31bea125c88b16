"""Points of the unit cube as a Gaussian process sees them.

Shapes: n points, d columns, f features, p length scales.
"""

import numpy as np
from numpy.typing import NDArray

from lanista.space import Choice, Space

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CATEGORICAL = 2
EDGE = 1e-6
"""Numbers are kept this far from the ends of their range, where a warp has no derivative."""


class Features:
    """A number becomes one feature; a choice one feature an option, so that any two options are at distance 1.

    A column that does not apply sits in its middle: it tells nothing apart among points where it does not apply, and
    points where it does are told from those by the choice above it.

    Attributes:
        owner: (f,) the length scale of each feature; a column has one, however many features it has.
        numeric: (f,) which features are numbers, and may be warped.
        count: number p of length scales.
        together: (p,) how many columns apply, on average, where that of each length scale does.
    """

    def __init__(self, space: Space) -> None:
        kind, cardinality, _ = space.columns
        searched = cardinality != 1
        self._numbers = np.flatnonzero(searched & (kind != CATEGORICAL))
        self._choices = np.flatnonzero(searched & (kind == CATEGORICAL))
        sizes = cardinality[self._choices]
        self._column = np.repeat(self._choices, sizes)
        self._option = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        self._sizes = np.repeat(sizes, sizes)
        p = len(self._numbers)
        self.count = p + len(self._choices)
        self.owner = np.concatenate([np.arange(p), p + np.repeat(np.arange(len(sizes)), sizes)])
        self.numeric = np.arange(len(self.owner)) < p
        self.columns = np.concatenate([self._numbers, self._column])
        """(f,) the column of the cube that a feature comes from."""
        self.together = _together(space, np.concatenate([self._numbers, self._choices]))

    def of(self, X: Floats, active: Bools) -> Floats:
        """(n, f) the features of points X (n, d)."""
        numbers = np.where(active[:, self._numbers], np.clip(X[:, self._numbers], EDGE, 1.0 - EDGE), 0.5)
        if not len(self._column):
            return numbers
        with np.errstate(invalid="ignore"):
            chosen = np.minimum((X[:, self._column] * self._sizes).astype(np.intp), self._sizes - 1)
        options = ((chosen == self._option) & active[:, self._column]) * np.sqrt(0.5)
        return np.concatenate([numbers, options], axis=1)

    def back(self, gradient: Floats, active: Bools, width: int) -> Floats:
        """(n, d) the gradient by columns of numbers, from that by features (n, f); 0 elsewhere."""
        out = np.zeros((len(gradient), width))
        out[:, self._numbers] = np.where(active[:, self._numbers], gradient[:, : len(self._numbers)], 0.0)
        return out


def _together(space: Space, columns: NDArray[np.intp]) -> Floats:
    """(p,) how many of the columns (p,) apply, where each of them does; on average, with all options equally likely.

    >>> from lanista.space import Choice, Float
    >>> space = Space({"c": Choice({"a": {"x": Float(0, 1), "y": Float(0, 1)}, "b": {}}), "z": Float(0, 1)})
    >>> _together(space, np.arange(4))
    array([3., 4., 4., 3.])
    """
    parameters, searched = space.parameters, np.zeros(space.width)
    searched[columns] = 1.0
    own = [float(searched[p.start : p.stop].sum()) for p in parameters]
    whole = own.copy()  # a parameter with all that hangs below it; what does comes after it
    below = [np.zeros(len(p.domain.options)) if isinstance(p.domain, Choice) else np.zeros(1) for p in parameters]
    for i in range(len(parameters) - 1, -1, -1):
        whole[i] += float(below[i].mean())
        parent = parameters[i].parent
        if parent is not None:
            below[parent][list(parameters[i].options)] += whole[i]
    total = sum(size for size, p in zip(whole, parameters, strict=True) if p.parent is None)
    found = np.zeros(space.width)
    for i, p in enumerate(parameters):
        node, size = i, whole[i]
        while (parent := parameters[node].parent) is not None:
            with_it = float(below[parent][list(parameters[node].options)].mean())
            node, size = parent, own[parent] + with_it + size - whole[node]
        found[p.start : p.stop] = total + size - whole[node]
    return found[columns]
