"""Between unit-cube points and configurations.

`Cube` does the arithmetic; here its rows of numbers become Python objects and back. Batches go parameter by
parameter, a few configurations go one by one: each way is the faster one for its case, and both read the same numbers.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from lanista.space._columns import Cube, Mask, Matrix
from lanista.space._domain import Params
from lanista.space._numeric import Float, Int, Normal
from lanista.space._slots import NUMBERS, Activity, Slot, snapped
from lanista.space._tree import Layout

FEW = 8  # up to so many configurations the way one by one is faster


class Codec(Cube):
    """The compiled encoder and decoder of a layout."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.parameters = layout.parameters
        self.slots = [Slot(slot, layout.parameters) for slot in layout.slots]
        self._searched = [slot for slot in self.slots if slot.domain is not None]
        self._names = [slot.name for slot in layout.slots]
        self._plain = all(slot.parent is None and isinstance(slot.domain, Float | Normal | Int) for slot in self.slots)
        self._whole = [slot.start for slot in self.slots if isinstance(slot.domain, Int)]

    @cached_property
    def by_name(self) -> dict[str, list[Slot]]:
        """The slots of each name; those that share one exclude each other."""
        found: dict[str, list[Slot]] = {}
        for slot in self.slots:
            found.setdefault(slot.name, []).append(slot)
        return found

    def decode(self, X: Matrix) -> list[Params]:
        """Returns the configurations at points X (n, d); columns of inactive parameters may be NaN."""
        V = self.full(X)
        if len(X) > FEW:
            return self.configurations(V)
        if not self._plain:
            return [self._decode_one(row) for row in V.T.tolist()]
        names, whole = self._names, self._whole
        found = []
        for row in V.T.tolist():
            for i in whole:
                row[i] = int(row[i])
            found.append(dict(zip(names, row, strict=True)))
        return found

    def full(self, X: Matrix) -> Matrix:
        """Returns the numbers V (d, n) at points X (n, d), whatever stands in the columns that do not apply."""
        return self.numbers(X if self._plain else _filled(X))

    def _decode_one(self, row: list[float]) -> Params:
        chosen: dict[int, int] = {}
        params: Params = {}
        for slot in self.slots:
            if slot.parent is not None and chosen.get(slot.parent) not in slot.options:
                continue
            params[slot.name] = slot.read(row)
            if slot.branches:
                chosen[slot.start] = int(row[slot.start])
        return params

    def configurations(self, V: Matrix) -> list[Params]:
        """Returns the configurations of numbers V (d, n)."""
        result: list[Params] = [{} for _ in range(V.shape[1])]
        active = Activity(V, self.parameters)
        groups: dict[Any, list[Params]] = {None: result}
        for slot in self.slots:
            rows = active.rows(slot)
            if slot.branch not in groups:
                groups[slot.branch] = [result[i] for i in rows.tolist()] if rows is not None else result
            name = slot.name
            for params, value in zip(groups[slot.branch], slot.read_many(V, rows), strict=True):
                params[name] = value
        return result

    def active(self, X: Matrix) -> Mask:
        """Returns which columns apply at points X (n, d)."""
        mask = np.ones(X.shape, dtype=np.bool_)
        if any(slot.parent is not None for slot in self._searched):
            activity = Activity(self.full(X), self.parameters)
            for slot in self._searched:
                rows = activity.rows(slot)
                if rows is not None:
                    mask[:, slot.start : slot.stop] = False
                    mask[rows, slot.start : slot.stop] = True
        return mask

    def canonical(self, X: Matrix) -> Matrix:
        """Returns what the configurations at points X (n, d) are encoded as."""
        V = self.full(X)
        for slot in self._searched:
            if slot.wide:
                V[slot.start : slot.stop] = snapped(slot.domain, V[slot.start : slot.stop].T).T
        activity = Activity(V, self.parameters)
        gaps = [(slot, activity.mask(slot)) for slot in self._searched if slot.parent is not None]
        for slot, on in gaps:  # only now, since choices that do not apply still tell what does not apply below them
            V[slot.start : slot.stop, ~on] = np.nan
        return self.points(V)

    def encode(self, params: Sequence[Mapping[str, Any]]) -> tuple[Matrix, Mask]:
        """Returns X (n, d), NaN where inactive, and which columns apply (n, d)."""
        if self._plain:
            V = self._encode_plain(params)
        elif len(params) <= FEW:
            V = np.empty((self.width, len(params)))
            for column, one in enumerate(params):
                V[:, column] = self._encode_one(one)
        else:
            V = self._encode_many(params)
        X = self.points(V)
        return X, ~np.isnan(X)

    def _encode_plain(self, params: Sequence[Mapping[str, Any]]) -> Matrix:
        names = self._names
        try:
            V = np.array([[p[name] for name in names] for p in params])
        except (KeyError, ValueError):
            return self._encode_many(params)  # names the culprit
        if V.dtype.kind not in "fi" or not np.isfinite(V).all():
            return self._encode_many(params)
        return np.ascontiguousarray(V.reshape(len(params), len(names)).T, dtype=np.float64)

    def _encode_one(self, params: Mapping[str, Any]) -> list[float]:
        row = [np.nan] * self.width
        chosen: dict[int, int] = {}
        for slot in self._searched:
            if slot.parent is not None and chosen.get(slot.parent) not in slot.options:
                continue
            value: Any = params.get(slot.name)
            if slot.numeric and type(value) in NUMBERS and math.isfinite(value):
                row[slot.start] = value
            elif slot.direct is not None and type(value) is str and value in slot.direct:
                row[slot.start] = slot.direct[value]
            else:
                row[slot.start : slot.stop] = slot.write([params]).reshape(-1).tolist()
            if slot.branches:
                chosen[slot.start] = int(row[slot.start])
        return row

    def _encode_many(self, params: Sequence[Mapping[str, Any]]) -> Matrix:
        V = np.full((self.width, len(params)), np.nan)
        active = Activity(V, self.parameters)
        groups: dict[Any, Sequence[Mapping[str, Any]]] = {None: params}
        for slot in self._searched:
            rows = active.rows(slot)
            if slot.branch not in groups:
                groups[slot.branch] = [params[i] for i in rows.tolist()] if rows is not None else params
            numbers = slot.write(groups[slot.branch]).T
            if rows is None:
                V[slot.start : slot.stop] = numbers
            else:
                V[slot.start : slot.stop, rows] = numbers
        return V


def _filled(X: Matrix) -> Matrix:
    gaps = np.isnan(X)
    return np.where(gaps, 0.5, X) if gaps.any() else X
