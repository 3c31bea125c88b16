"""How each parameter of a layout is read from the numbers of a batch and written to them."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lanista.errors import SpaceError
from lanista.space._choice import Choice
from lanista.space._columns import Mask, Matrix
from lanista.space._domain import Domain
from lanista.space._numeric import Float, Int, Normal
from lanista.space._sets import Permutation, Subset
from lanista.space._tree import Constant, Parameter
from lanista.space._values import plain, show

NUMBERS = frozenset((int, float))

Rows = npt.NDArray[np.intp]


class Slot:
    """How one parameter or constant is read from numbers and written to them."""

    def __init__(self, slot: Parameter | Constant, parameters: tuple[Parameter, ...]) -> None:
        self.name = slot.name
        self.path = slot.path
        self.domain: Domain | None = None
        self.direct: dict[Any, int] | None = None
        self.start = self.stop = 0
        self.options = slot.options
        self.parent = None if slot.parent is None else parameters[slot.parent].start
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
                numbers = values if NUMBERS.issuperset(map(type, values)) else list(map(_number, values))
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


class Activity:
    """Works out, once a branch, in which points a slot applies."""

    def __init__(self, V: Matrix, parameters: tuple[Parameter, ...]) -> None:
        self._V = V  # may still be filled, parents first
        self._parameters = parameters
        self._masks: dict[Any, Mask] = {}
        self._rows: dict[Any, Rows] = {}

    def mask(self, slot: Slot) -> Mask:
        """Returns in which points (n,) a slot below a choice applies."""
        return self._mask(slot.branch)

    def rows(self, slot: Slot) -> Rows | None:
        """Returns the indices of the points in which a slot applies; None: all."""
        if slot.parent is None:
            return None
        if slot.branch not in self._rows:
            self._rows[slot.branch] = np.flatnonzero(self._mask(slot.branch))
        return self._rows[slot.branch]

    def _mask(self, branch: Any) -> Mask:
        if branch not in self._masks:
            above, options = self._parameters[branch[0]], branch[1]
            chosen = self._V[above.start]
            on = np.zeros(chosen.shape, dtype=np.bool_)
            for option in options:
                on |= chosen == option
            if above.parent is not None:
                on &= self._mask((above.parent, above.options))
            self._masks[branch] = on
        return self._masks[branch]


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
    rows = _taken(domain, raw).tolist()
    return [[plain(item) for item, on in zip(domain.items, row, strict=True) if on] for row in rows]


def _taken(domain: Subset, raw: Matrix) -> Mask:
    """Takes the items at 0.5 and above; too few or too many are mended by rank."""
    taken: Mask = raw >= 0.5
    if domain.min > 0 or domain.most < domain.width:
        rank = np.argsort(np.argsort(-raw, axis=1, kind="stable"), axis=1, kind="stable")
        taken = (taken | (rank < domain.min)) & (rank < domain.most)
    return taken


def snapped(domain: Domain | None, raw: Matrix) -> Matrix:
    """Returns the numbers (n, columns) that stand for the subset or the order at raw coordinates (n, columns)."""
    if isinstance(domain, Subset):
        return np.where(_taken(domain, raw), 0.75, 0.25)
    rank: Matrix = np.argsort(np.argsort(raw, axis=1, kind="stable"), axis=1, kind="stable").astype(np.float64)
    rank += 0.5
    rank /= raw.shape[1]
    return rank


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
