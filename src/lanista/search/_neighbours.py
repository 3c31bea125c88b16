"""Points near other points: what local search over mixed and conditional spaces moves along.

Shapes: k points, d columns of the unit cube, p parameters, r rows made of them, w columns of one parameter.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lanista.space import Choice, Permutation, Space, Subset

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

STEP = 0.2
"""Standard deviation of a numeric step, in the unit cube."""
DOUBLINGS = 12
"""How often a step that leads to no other value is made twice as wide."""


def neighbours(
    space: Space, points: Floats, rng: "np.random.Generator", count: int, *, scales: Sequence[float] = (STEP,)
) -> Floats:
    """Draws `count` neighbours of each of the points (k, d), those of one point together: (k * count, d), canonical.

    A neighbour differs in one parameter that applies: a number moves by a Gaussian step, reflected at the ends, and at
    least to another of its values; a choice takes another option; a subset gains, loses or exchanges an item; two
    items of a permutation change places. All else that applies stays, and an option brings its parameters in at
    random. Hutter, Hoos and Leyton-Brown, Sequential Model-Based Optimization for General Algorithm Configuration
    (2011), section 4.3. A subset or permutation of w items is changed as often as sqrt(w) numbers.

    Constraints are not looked at. Where nothing can differ, the neighbours are the point itself.

    Args:
        space: of the points.
        points: (k, d) in the unit cube; what stands in columns that do not apply is not read.
        rng: what decides.
        count: neighbours of each point.
        scales: standard deviations of the steps, in the unit cube; each neighbour takes one of them at random.

    >>> from lanista.space import Choice, Float
    >>> space = Space({"x": Float(0, 1), "c": Choice(["a", "b"])})
    >>> space.decode(neighbours(space, np.array([[0.5, 0.25]]), np.random.default_rng(1), 2))
    [{'x': 0.5, 'c': 'b'}, {'x': 0.558..., 'c': 'a'}]
    """
    parameters = space.parameters
    known = np.repeat(space.active(points) & ~np.isnan(points), count, axis=0)
    full = rng.random(known.shape)
    full[known] = np.repeat(points, count, axis=0)[known]
    X = np.where(known, space.canonical(full), full)
    chance = rng.random((len(X), len(parameters)))
    chance **= 1.0 / np.sqrt([max(p.stop - p.start, 1) for p in parameters])
    for i, p in enumerate(parameters):
        values = len(p.domain.options) if isinstance(p.domain, Choice) else p.domain.size
        chance[:, i] *= known[:, p.start] if values > 1 else 0.0
    if not chance.size:
        return space.canonical(X)
    chosen = np.where(chance.max(axis=1) > 0, chance.argmax(axis=1), -1)
    steps = rng.standard_normal(len(X)) * np.asarray(scales)[rng.integers(len(scales), size=len(X))]
    numbers = []
    for i, p in enumerate(parameters):
        rows, own = np.flatnonzero(chosen == i), slice(p.start, p.stop)
        if not len(rows):
            continue
        if isinstance(p.domain, Choice):
            X[rows, p.start] = _turned(X[rows, p.start], len(p.domain.options), rng)
        elif isinstance(p.domain, Subset):
            X[rows, own] = _flipped(X[rows, own], rng)
        elif isinstance(p.domain, Permutation):
            X[rows, own] = _swapped(X[rows, own], rng)
        else:
            numbers.append(i)
    rows = np.flatnonzero(np.isin(chosen, numbers))
    columns = np.array([p.start for p in parameters], dtype=np.intp)[chosen[rows]]
    move(space, X, rows, columns, steps[rows])
    return space.canonical(X)


def move(space: Space, X: Floats, rows: Ints, columns: Ints, steps: Floats) -> None:
    """Moves numbers by steps (r,), in place; those of few values at least so far that the value is another one."""
    n = space.columns.cardinality[columns]
    steps = np.sign(steps) * np.maximum(np.abs(steps), 0.51 / np.maximum(n, 1) * (n > 0))
    start = X[rows, columns]
    for _ in range(DOUBLINGS):
        X[rows, columns] = _reflected(start + steps)
        settled = (n == 0) | (space.canonical(X[rows])[np.arange(len(rows)), columns] != start)
        if settled.all():
            return
        rows, columns, start, n = rows[~settled], columns[~settled], start[~settled], n[~settled]
        steps = 2.0 * steps[~settled]


def _reflected(x: Floats) -> Floats:
    folded = x % 2.0
    return np.minimum(folded, 2.0 - folded)


def _turned(x: Floats, n: int, rng: "np.random.Generator") -> Floats:
    """(r,) other ones of n options."""
    other: Floats = np.floor(x * n) + rng.integers(1, n, size=len(x))
    return (other % n + 0.5) / n


def _flipped(X: Floats, rng: "np.random.Generator") -> Floats:
    """Adds or removes an item of each subset (r, w); at its least or largest size it changes places with another."""
    X = X + 0.01 * rng.random(X.shape)  # which other one is drawn
    item = (np.arange(len(X)), rng.integers(X.shape[1], size=len(X)))
    X[item] = np.where(X[item] >= 0.5, 0.0, 1.0)
    return X


def _swapped(X: Floats, rng: "np.random.Generator") -> Floats:
    """Exchanges two items of each permutation (r, w)."""
    X = X.copy()
    rows, w = np.arange(len(X)), X.shape[1]
    one = rng.integers(w, size=len(X))
    other = (one + rng.integers(1, w, size=len(X))) % w
    X[rows, one], X[rows, other] = X[rows, other], X[rows, one]
    return X
