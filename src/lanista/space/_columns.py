"""The columns of the unit cube: what they mean, and their arithmetic for whole batches at once.

Points X are (n, d). Numbers V are (d, n), one row a column of the cube: the values of numeric parameters, the option
indices of choices, the raw coordinates of subsets and permutations. A handful of numpy calls turns one into the other,
however many parameters there are.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lanista.space._choice import Choice
from lanista.space._numeric import Float, Int, Normal, Steps
from lanista.space._sets import Permutation, Subset
from lanista.space._tree import Layout, Parameter

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CONTINUOUS, ORDERED, CATEGORICAL = 0, 1, 2


class Columns(NamedTuple):
    """What each of the d columns of the unit cube means; the arrays are read-only.

    Attributes:
        kind: 0 continuous, 1 ordered (whole numbers and steps), 2 categorical.
        cardinality: Number of values, 0 for a continuous column.
        parameter: Index of the owner among `Space.parameters`.
    """

    kind: npt.NDArray[np.int8]
    cardinality: npt.NDArray[np.int64]
    parameter: npt.NDArray[np.int64]


class _Column(NamedTuple):
    """One column: y = offset + x * scale, taken by `way` to a number (or the index of a step) within [low, high]."""

    way: str  # linear | log | bins | logbins | normal
    offset: float
    scale: float
    low: float
    high: float
    steps: Steps
    kind: int
    cardinality: int


_NO_STEPS = Steps(0, 0.0, 1.0, 1.0)
_RAW = ("linear", 0.0, 1.0, 0.0, 1.0, _NO_STEPS)


class Cube:
    """The arithmetic of all columns of a layout."""

    def __init__(self, layout: Layout) -> None:
        columns = [column for p in layout.parameters for column in _columns(p)]
        self.width = len(columns)
        self._offset, self._scale, self._low, self._high = (
            _upright([getattr(c, name) for c in columns]) for name in ("offset", "scale", "low", "high")
        )
        self._base, self._stride, self._divisor = (
            _upright([getattr(c.steps, name) for c in columns]) for name in ("base", "stride", "scale")
        )
        self._count = _upright([max(c.steps.count, 1) for c in columns])
        self._log = _where(columns, "log", "logbins")
        self._bins = _where(columns, "bins")
        self._logbins = _where(columns, "logbins")
        self._normals = [(p.start, p.domain) for p in layout.parameters if isinstance(p.domain, Normal)]
        # Nothing at or below zero may reach a logarithm; the other rows have no bound here.
        least = (self._low * self._stride + self._base) / self._divisor
        self._floor = least if self._log is None else np.where(self._log, least, -np.inf)
        self._stepped = self._bins is not None or self._logbins is not None
        owner = np.repeat(np.arange(len(layout.parameters)), [p.stop - p.start for p in layout.parameters])
        self.columns = Columns(
            np.array([c.kind for c in columns], dtype=np.int8),
            np.array([c.cardinality for c in columns], dtype=np.int64),
            owner.astype(np.int64),
        )
        for array in self.columns:
            array.flags.writeable = False

    def numbers(self, X: Matrix) -> Matrix:
        """Returns the numbers V (d, n) at full points X (n, d)."""
        V: Matrix = np.multiply(X.T, self._scale, order="C")
        V += self._offset
        if self._log is not None:
            np.exp(V, out=V, where=self._log)
        if self._logbins is not None:
            np.rint((V * self._divisor - self._base) / self._stride, out=V, where=self._logbins)
        if self._bins is not None:
            np.floor(V, out=V, where=self._bins)
        for row, domain in self._normals:
            V[row] = _quantile(domain, V[row])
        np.maximum(V, self._low, out=V)
        np.minimum(V, self._high, out=V)
        if self._stepped:  # the identity on all other rows
            V *= self._stride
            V += self._base
            V /= self._divisor
        return V

    def edges(self, column: int) -> Matrix:
        """Returns the ends of the cells of a discrete column, in [0, 1] (cardinality + 1,)."""
        count = int(self.columns.cardinality[column])
        if self._logbins is None or not self._logbins[column, 0]:
            return np.arange(count + 1) / count
        ends = (np.arange(count - 1) + 0.5) * self._stride[column] + self._base[column]
        ends = (np.log(ends / self._divisor[column]) - self._offset[column]) / self._scale[column]
        return np.concatenate(([0.0], ends, [1.0]))

    def points(self, V: Matrix) -> Matrix:
        """Returns the points X (n, d) of numbers V (d, n); a number outside its range lands on the edge, NaN stays."""
        Y = V
        if self._stepped:
            K = np.rint((V * self._divisor - self._base) / self._stride)
            np.maximum(K, 0.0, out=K)
            np.minimum(K, self._count - 1, out=K)
            Y = V.copy()
            if self._bins is not None:
                np.add(K, 0.5, out=Y, where=self._bins)
            if self._logbins is not None:
                np.divide(K * self._stride + self._base, self._divisor, out=Y, where=self._logbins)
        if self._log is not None:
            Y = np.maximum(Y, self._floor, out=None if Y is V else Y)
            np.log(Y, out=Y, where=self._log)
        X = Y - self._offset
        X /= self._scale
        for row, domain in self._normals:
            X[row] = _cdf(domain, V[row])
        np.maximum(X, 0.0, out=X)
        np.minimum(X, 1.0, out=X)
        return np.ascontiguousarray(X.T)


def _columns(parameter: Parameter) -> list[_Column]:
    domain = parameter.domain
    if isinstance(domain, Choice):
        count = len(domain.options)
        steps = Steps(count, 0.0, 1.0, 1.0)
        return [_Column("bins", 0.0, float(count), 0.0, count - 1.0, steps, CATEGORICAL, count)]
    if isinstance(domain, Subset):
        return [_Column(*_RAW, CATEGORICAL, 2)] * domain.width
    if isinstance(domain, Permutation):
        return [_Column(*_RAW, CONTINUOUS, 0)] * domain.width
    if isinstance(domain, Normal):
        return [_Column("normal", 0.0, 1.0, *domain.bounds, _NO_STEPS, CONTINUOUS, 0)]
    assert isinstance(domain, Float | Int)
    return [_range(domain)]


def _range(domain: Float | Int) -> _Column:
    steps, low, high = domain.steps, domain.low, domain.high
    if steps is None:
        if not domain.log:
            return _Column("linear", low, high - low, low, high, _NO_STEPS, CONTINUOUS, 0)
        start = float(np.log(low))
        return _Column("log", start, float(np.log(high)) - start, low, high, _NO_STEPS, CONTINUOUS, 0)
    count, last = steps.count, steps.count - 1.0
    if not domain.log:
        return _Column("bins", 0.0, float(count), 0.0, last, steps, ORDERED, count)
    # Each value owns the numbers nearer to it than to its neighbours; the lowest cell must not reach down to 0.
    half = steps.stride / steps.scale / 2
    bottom = float(np.log(max(low - half, low / 2)))
    top = float(np.log(steps.value(last) + half))
    return _Column("logbins", bottom, top - bottom, 0.0, last, steps, ORDERED, count)


def _quantile(domain: Normal, x: Matrix) -> Matrix:
    from scipy.special import ndtri

    y: Matrix = domain.mean + domain.std * np.clip(ndtri(x), -40.0, 40.0)
    if domain.log:
        y = np.exp(np.minimum(y, 709.0))
    if domain.steps is not None:
        y = np.rint(y * domain.steps.scale / domain.steps.stride) * domain.steps.stride / domain.steps.scale
    return y


def _cdf(domain: Normal, value: Matrix) -> Matrix:
    from scipy.special import ndtr

    if domain.log:
        # A value rounded to 0 stands for all that is below half a step.
        value = np.log(np.maximum(value, 0.25 * domain.step if domain.step else domain.bounds[0]))
    x: Matrix = ndtr((value - domain.mean) / domain.std)
    return x


def _upright(values: list[float]) -> Matrix:
    return np.array(values, dtype=np.float64).reshape(-1, 1)


def _where(columns: list[_Column], *ways: str) -> Mask | None:
    """Returns a mask (d, 1) of the columns that go one of `ways`, None for none."""
    mask = np.array([column.way in ways for column in columns], dtype=np.bool_).reshape(-1, 1)
    return mask if mask.any() else None
