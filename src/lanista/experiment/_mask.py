"""Filter expressions over whole columns: the same answers as row by row, in the time of a few array operations.

Shapes: n trials.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lanista.experiment._columns import AnyColumn, Columns, Numbers, Words
from lanista.experiment._filter import Filter

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


class _RowByRow(Exception):
    """The expression does what arrays cannot."""


def mask(filter: Filter, columns: Columns, n: int) -> Bools:
    """(n,) which trials a filter keeps.

    Raises:
        UsageError: it compares or computes with what cannot be.
    """
    short = columns.short()
    return _Masker(filter, lambda name: columns.get(short.get(name, name)), n).kept(filter.tree)


class _Masker:
    """Evaluates parts of an expression: each to (n,) truths, or to (n,) numbers."""

    def __init__(self, filter: Filter, column: Callable[[str], AnyColumn], n: int) -> None:
        self._filter, self._column, self._n = filter, column, n

    def kept(self, node: ast.expr) -> Bools:
        """(n,) where the part holds."""
        match node:
            case ast.BoolOp(op=op, values=values):
                combine = np.logical_or if isinstance(op, ast.Or) else np.logical_and
                return cast(Bools, combine.reduce([self.kept(one) for one in values]))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ~self.kept(operand)
        names = list(dict.fromkeys(self._names(node)))
        if not names:
            return np.full(self._n, self._alone(node, {}), dtype=np.bool_)
        made = {name: self._column(name) for name in names}
        words = {name: column for name, column in made.items() if isinstance(column, Words)}
        if len(words) == len(made):
            return self._by_combination(node, words)
        try:
            return self._compared(node)
        except _RowByRow:
            return self._row_by_row(node, made)

    def _by_combination(self, node: ast.expr, made: Mapping[str, Words]) -> Bools:
        """(n,) the truth for each combination of values that occurs, asked once for each."""
        joined = np.zeros(self._n, dtype=np.intp)
        for column in made.values():
            joined = np.unique(joined * max(1, len(column.distinct)) + column.codes, return_inverse=True)[1]
        _, first = np.unique(joined, return_index=True)
        rows = zip(*([c.distinct[code] for code in c.codes[first].tolist()] for c in made.values()), strict=True)
        truths = [self._alone(node, dict(zip(made, row, strict=True))) for row in rows]
        return cast(Bools, np.array(truths, dtype=np.bool_)[joined])

    def _names(self, node: ast.expr) -> list[str]:
        """The columns that a part names."""
        if (name := self._filter.name(node)) is not None:
            return [name] if self._filter.is_column(name) else []
        return [
            name for below in ast.iter_child_nodes(node) if isinstance(below, ast.expr) for name in self._names(below)
        ]

    def _alone(self, node: ast.expr, row: Mapping[str, Any]) -> bool:
        return bool(self._filter.value(node, row))

    def _compared(self, node: ast.expr) -> Bools:
        if not isinstance(node, ast.Compare):
            values = self._numbers(node)
            return cast(Bools, ~np.isnan(values) & (values != 0))
        held = np.ones(self._n, dtype=np.bool_)
        left = self._numbers(node.left)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn) and isinstance(right_node, ast.List | ast.Tuple | ast.Set):
                among = np.zeros(self._n, dtype=np.bool_)
                for one in right_node.elts:
                    among |= _equal(left, self._numbers(one))
                held &= among if isinstance(op, ast.In) else ~among
                if node.ops[-1] is not op:
                    raise _RowByRow
                return held
            right = self._numbers(right_node)
            if type(op) in _ORDERS:
                held &= _ORDERS[type(op)](left, right)  # nothing holds for NaN, which stands for None
            elif isinstance(op, ast.Eq | ast.NotEq):
                same = _equal(left, right)
                held &= same if isinstance(op, ast.Eq) else ~same
            else:
                raise _RowByRow
            left = right
        return held

    def _numbers(self, node: ast.expr) -> Floats:
        """(n,) the values of a numeric part, NaN where there is none."""
        if (name := self._filter.name(node)) is not None and self._filter.is_column(name):
            column = self._column(name)
            if not isinstance(column, Numbers):
                raise _RowByRow
            return column.values
        match node:
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                values = self._numbers(operand)
                return -values if isinstance(op, ast.USub) else values
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(_ARITHMETIC[type(op)], self._numbers(left), self._numbers(right))
        if self._names(node):
            raise _RowByRow
        value = self._filter.value(node, {})
        if value is None:
            return np.full(self._n, np.nan)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _RowByRow
        try:
            return np.full(self._n, float(value))
        except OverflowError:
            raise _RowByRow from None

    def _arithmetic(self, function: Callable[[Any, Any], Any], left: Floats, right: Floats) -> Floats:
        with np.errstate(all="ignore"):
            found = np.array(function(left, right), dtype=np.float64)
        if function in (operator.truediv, operator.mod):
            found[right == 0] = np.nan
        return found

    def _row_by_row(self, node: ast.expr, made: Mapping[str, AnyColumn]) -> Bools:
        lists = {name: _plain(column) for name, column in made.items()}
        rows = zip(*lists.values(), strict=True)
        return np.array([self._alone(node, dict(zip(lists, row, strict=True))) for row in rows], dtype=np.bool_)


def _equal(left: Floats, right: Floats) -> Bools:
    """Where two columns are equal; no value equals no value."""
    return cast(Bools, (left == right) | (np.isnan(left) & np.isnan(right)))


def _plain(column: AnyColumn) -> list[Any]:
    if isinstance(column, Numbers):
        return [None if value != value else value for value in column.values.tolist()]
    return [column.distinct[code] for code in column.codes.tolist()]
