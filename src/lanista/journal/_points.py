"""The configurations of all trials as points of the unit cube, encoded in batches as they are looked at."""

import math
from collections.abc import Iterable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lanista.journal._columns import Column
from lanista.journal._unread import Configurations
from lanista.space import Params, Space

Ints = NDArray[np.intp]


class Points:
    """X (n, d) and active (n, d) for the first n trials; grows, and starts anew when the space has changed."""

    def __init__(self) -> None:
        self._columns: tuple[Column, Column] | None = None
        self._changed: set[int] = set()

    def forget(self) -> None:
        """The space has changed: all points are encoded again."""
        self._columns = None

    def touch(self, number: int) -> None:
        """A trial's configuration has changed."""
        self._changed.add(number)

    def upto(self, space: Space, configurations: Configurations, *, partial: bool) -> tuple[Column, Column]:
        """X and active of all trials; `partial`: a trial may lack parameters, as in a space found by running."""
        if self._columns is None:
            self._columns = Column(np.float64, (space.width,), fill=math.nan), Column(np.bool_, (space.width,))
            self._changed.clear()
        X, active = self._columns
        rows = [*sorted(n for n in self._changed if n < X.size), *range(X.size, len(configurations))]
        if rows:
            params = configurations.take(rows)
            X.grow(len(configurations))
            active.grow(len(configurations))
            X[rows], active[rows] = _encode_partial(space, params) if partial else space.encode(params)
            self._changed.clear()
        return self._columns

    def some(self, space: Space, configurations: Configurations, rows: Ints, *, partial: bool) -> NDArray[np.float64]:
        """X of some trials (k, d): of these alone, unless all are encoded anyway."""
        if self._columns is not None:
            return cast(NDArray[np.float64], self.upto(space, configurations, partial=partial)[0].view()[rows])
        params = configurations.take(rows.tolist())
        return (_encode_partial(space, params) if partial else space.encode(params))[0]


def _encode_partial(space: Space, params: Iterable[Params]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Encodes configurations of which parameters that are missing count as inactive."""
    params = list(params)
    defaults = space.defaults()
    X, active = space.encode([{**defaults, **p} for p in params])
    for parameter in space.parameters:
        lacking = [i for i, p in enumerate(params) if parameter.name not in p]
        X[lacking, parameter.start : parameter.stop] = math.nan
        active[lacking, parameter.start : parameter.stop] = False
    return X, active
