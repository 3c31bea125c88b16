"""Between unit-cube points and configurations.

`Cube` does the arithmetic; here its rows of numbers become Python objects and back. Batches go parameter by
parameter, a few configurations go one by one: each way is the faster one for its case, and both read the same numbers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lanista.errors import SpaceError
from lanista.space._columns import Cube, Mask, Matrix
from lanista.space._discrete import Choice, Permutation, Subset
from lanista.space._domain import Domain, Params
from lanista.space._numeric import Float, Int, Normal
from lanista.space._tree import Constant, Layout, Parameter
from lanista.space._values import plain, show

FEW = 8  # up to so many configurations the way one by one is faster

_NUMBERS = frozenset((int, float))

Rows = npt.NDArray[np.intp]


class Codec(Cube):
    """The compiled encoder and decoder of a layout."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._parameters = layout.parameters
        self._slots = [_Slot(slot, layout.parameters) for slot in layout.slots]
        self._searched = [slot for slot in self._slots if slot.domain is not None]
        self._names = [slot.name for slot in layout.slots]
        self._plain = all(slot.parent is None and isinstance(slot.domain, Float | Normal | Int) for slot in self._slots)
        self._whole = [slot.start for slot in self._slots if isinstance(slot.domain, Int)]

    def decode(self, X: Matrix) -> list[Params]:
        """Returns the configurations at points X (n, d); columns of inactive parameters may be NaN."""
        if not self._plain:
            X = _filled(X)
        V = self.numbers(X)
        if len(X) > FEW:
            return self._decode_many(V)
        if not self._plain:
            return [self._decode_one(row) for row in V.T.tolist()]
        names, whole = self._names, self._whole
        found = []
        for row in V.T.tolist():
            for i in whole:
                row[i] = int(row[i])
            found.append(dict(zip(names, row, strict=True)))
        return found

    def _decode_one(self, row: list[float]) -> Params:
        chosen: dict[int, int] = {}
        params: Params = {}
        for slot in self._slots:
            if slot.parent is not None and chosen.get(slot.parent) not in slot.options:
                continue
            params[slot.name] = slot.read(row)
            if slot.branches:
                chosen[slot.start] = int(row[slot.start])
        return params

    def _decode_many(self, V: Matrix) -> list[Params]:
        result: list[Params] = [{} for _ in range(V.shape[1])]
        active = _Activity(V)
        groups: dict[Any, list[Params]] = {None: result}
        for slot in self._slots:
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
            activity = _Activity(self.numbers(_filled(X)))
            for slot in self._searched:
                rows = activity.rows(slot)
                if rows is not None:
                    mask[:, slot.start : slot.stop] = False
                    mask[rows, slot.start : slot.stop] = True
        return mask

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
            if slot.numeric and type(value) in _NUMBERS and math.isfinite(value):
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
        active = _Activity(V)
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


class _Slot:
    """How one parameter or constant is read from numbers and written to them."""

    def __init__(self, slot: Parameter | Constant, parameters: tuple[Parameter, ...]) -> None:
        self.name = slot.name
        self.path = slot.path
        self.domain: Domain | None = None
        self.direct: dict[Any, int] | None = None
        self.start = self.stop = 0
        self.options = slot.options
        self.parent = None if slot.parent is None else parameters[slot.parent].start
        self.above = None if slot.parent is None else parameters[slot.parent]
        self.branch = None if slot.parent is None else (slot.parent, slot.options)
        self.branches = self.wide = self.numeric = False
        if isinstance(slot, Constant):
            value = slot.value
            self._copy = isinstance(value, list | dict)
            self.read: Callable[[list[float]], Any] = (lambda row: plain(value)) if self._copy else lambda row: value
            self._value = value
            return
        self.domain, self.start, self.stop = slot.domain, slot.start, slot.stop
        self.wide = isinstance(slot.domain, Subset | Permutation)
        self.numeric = isinstance(slot.domain, Float | Int | Normal)
        self.branches = isinstance(slot.domain, Choice) and bool(slot.domain.children)
        self.read = _reader(slot)
        if isinstance(slot.domain, Choice):
            self._copy = any(isinstance(option, list | dict) for option in slot.domain.options)
            self.direct = None if self._copy else dict(zip(slot.domain.options, range(10**9), strict=False))
            if self.direct is not None and len(self.direct) < len(slot.domain.options):
                self.direct = None  # True and 1 stand side by side

    def read_many(self, V: Matrix, rows: Rows | None) -> list[Any]:
        """Returns the values in the given points, or in all of them."""
        domain, start = self.domain, self.start
        if domain is None:
            n = V.shape[1] if rows is None else rows.size
            return [plain(self._value) for _ in range(n)] if self._copy else [self._value] * n
        if self.wide:
            raw = V[start : self.stop] if rows is None else V[start : self.stop, rows]
            if isinstance(domain, Permutation):
                return _orders(domain, raw.T)
            assert isinstance(domain, Subset)
            return _subsets(domain, raw.T)
        numbers = V[start] if rows is None else V[start, rows]
        if isinstance(domain, Float | Normal):
            floats: list[Any] = numbers.tolist()
            return floats
        indices: list[Any] = numbers.astype(np.int64).tolist()
        if isinstance(domain, Choice):
            values = map(domain.options.__getitem__, indices)
            return list(map(plain, values) if self._copy else values)
        return indices

    def write(self, params: Sequence[Mapping[str, Any]]) -> Matrix:
        """Returns the numbers (n, columns) of configurations in which the slot applies."""
        domain = self.domain
        try:
            values = list(map(itemgetter(self.name), params))
        except KeyError:
            lost = next(p for p in params if self.name not in p)
            raise SpaceError(f"'{self.path}' is missing from {show(dict(lost))}; give it a value") from None
        try:
            numbers: list[Any]
            if isinstance(domain, Choice):
                numbers = self._indices(domain, values)
            elif isinstance(domain, Subset):
                numbers = [_bits(domain, value) for value in values]
            elif isinstance(domain, Permutation):
                numbers = [_keys(domain, value) for value in values]
            else:
                numbers = values if _NUMBERS.issuperset(map(type, values)) else list(map(_number, values))
            array = np.array(numbers, dtype=np.float64)
            if not np.isfinite(array).all():
                raise SpaceError(f"{show(values[int(np.argmin(np.isfinite(array)))])} is not a finite number")
            return array.reshape(len(params), self.stop - self.start)
        except SpaceError as error:
            raise SpaceError(f"'{self.path}': {error}") from None

    def _indices(self, domain: Choice, values: list[Any]) -> list[int]:
        if self.direct is not None:
            try:
                return list(map(self.direct.__getitem__, values))
            except (KeyError, TypeError):
                pass  # a numpy scalar, or no option: the way below tells which
        return [domain.index(value) for value in values]


class _Activity:
    """Works out, from the top down and once a branch, in which points a slot applies."""

    def __init__(self, V: Matrix) -> None:
        self._V = V  # may still be filled, parents first
        self._known: dict[Any, tuple[Mask, Rows]] = {}

    def rows(self, slot: _Slot) -> Rows | None:
        """Returns the indices of the points in which a slot applies; None: all."""
        if slot.branch is None or slot.above is None:
            return None
        if slot.branch not in self._known:
            chosen = self._V[slot.above.start]
            on = np.zeros(chosen.shape, dtype=np.bool_)
            for option in slot.options:
                on |= chosen == option
            if slot.above.parent is not None:
                on &= self._known[slot.above.parent, slot.above.options][0]
            self._known[slot.branch] = on, np.flatnonzero(on)
        return self._known[slot.branch][1]


def _reader(parameter: Parameter) -> Callable[[list[float]], Any]:
    """Returns what makes the parameter's value of one point's numbers."""
    domain, start, stop = parameter.domain, parameter.start, parameter.stop
    if isinstance(domain, Float | Normal):
        return itemgetter(start)
    if isinstance(domain, Int):
        return lambda row: int(row[start])
    if isinstance(domain, Choice):
        options = domain.options
        if any(isinstance(option, list | dict) for option in options):
            return lambda row: plain(options[int(row[start])])
        return lambda row: options[int(row[start])]
    if isinstance(domain, Subset):
        subset = domain
        return lambda row: _subsets(subset, np.array([row[start:stop]]))[0]
    assert isinstance(domain, Permutation)
    permutation = domain
    return lambda row: _orders(permutation, np.array([row[start:stop]]))[0]


def _orders(domain: Permutation, raw: Matrix) -> list[list[Any]]:
    order = np.argsort(raw, axis=1, kind="stable").tolist()
    return [[plain(domain.items[i]) for i in row] for row in order]


def _subsets(domain: Subset, raw: Matrix) -> list[list[Any]]:
    """Takes the items at 0.5 and above; too few or too many are mended by rank."""
    chosen = raw >= 0.5
    if domain.min > 0 or domain.most < domain.width:
        rank = np.argsort(np.argsort(-raw, axis=1, kind="stable"), axis=1, kind="stable")
        chosen = (chosen | (rank < domain.min)) & (rank < domain.most)
    return [[plain(item) for item, on in zip(domain.items, row, strict=True) if on] for row in chosen.tolist()]


def _bits(domain: Subset, value: Any) -> list[float]:
    bits = [0.25] * domain.width
    for i in domain.positions(value):
        bits[i] = 0.75
    return bits


def _keys(domain: Permutation, value: Any) -> list[float]:
    keys = [0.0] * domain.width
    for rank, i in enumerate(domain.positions(value)):
        keys[i] = (rank + 0.5) / domain.width
    return keys


def _number(value: Any) -> float:
    if isinstance(value, int | float | np.number):
        return float(value)
    raise SpaceError(f"{show(value)} is not a number; give one from its range")


def _filled(X: Matrix) -> Matrix:
    gaps = np.isnan(X)
    return np.where(gaps, 0.5, X) if gaps.any() else X
