"""Expressions over the columns of trials, such as `lr < 0.01 and state == 'completed'`.

They are parsed by Python's own parser, and only comparisons, arithmetic and and/or/not are let through. A value that a
trial does not have is None: it equals nothing but None, and no order holds for it.
"""

import ast
import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from lanista.errors import UsageError
from lanista.experiment._arguments import near

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
LONGEST = 2_000
"""Characters of an expression, which may come from a stranger."""
DEEPEST = 100
_QUOTED = re.compile(r"`([^`]+)`")
_WORDS = {"true": True, "false": False, "none": None, "null": None}


class Filter:
    """An expression, ready to be asked about rows.

    Args:
        text: the expression. A name that is no Python name stands in backquotes: `` `weight-decay` > 0 ``.
        columns: the names that it may use.

    Raises:
        UsageError: it is no expression, uses something that is not allowed, or a column that is not there.

    >>> keep = Filter("lr < 0.01 and state == 'completed'", ["lr", "state"])
    >>> keep({"lr": 0.001, "state": "completed"}), keep({"lr": None, "state": "completed"})
    (True, False)
    """

    def __init__(self, text: str, columns: Collection[str]) -> None:
        self.text = text
        self._columns = columns
        self._quoted: dict[str, str] = {}
        if len(text) > LONGEST:
            raise UsageError(f"the filter has {len(text):,} characters; at most {LONGEST:,} are read")
        try:
            tree = ast.parse(_QUOTED.sub(self._placeholder, text.strip()), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:  # the latter two: nested too deeply
            hint = "; write == to compare" if re.search(r"[^=!<>]=[^=]", text) else ""
            what = error.msg if isinstance(error, SyntaxError) else error
            raise UsageError(
                f"the filter {text!r} is no expression ({what}){hint}; "
                "write for instance \"lr < 0.01 and state == 'completed'\""
            ) from None
        try:
            self._check(tree)
        except RecursionError:  # a name with hundreds of dots
            raise UsageError(f"the filter {text[:50]!r}... is nested too deeply") from None
        self.tree = tree

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Whether the row is wanted."""
        return bool(self.value(self.tree, row))

    def _placeholder(self, match: re.Match[str]) -> str:
        name = f"_quoted_{len(self._quoted)}"
        self._quoted[name] = match[1]
        return name

    def is_column(self, name: str) -> bool:
        """Whether a name is that of a column, not a word such as true."""
        return name in self._columns

    def name(self, node: ast.expr) -> str | None:
        """The column that a node names; `params.lr` is a name too."""
        if isinstance(node, ast.Name):
            return self._quoted.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            above = self.name(node.value)
            return None if above is None else f"{above}.{node.attr}"
        return None

    def _check(self, node: ast.expr, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise UsageError(f"the filter {self.text[:50]!r}... is nested more than {DEEPEST} deep")
        if (name := self.name(node)) is not None:
            if name not in self._columns and name not in _WORDS:
                raise UsageError(
                    f"the filter {self.text!r} names {name!r}, which is no column; {near(name, self._columns)}"
                )
            return
        below: list[ast.expr]
        match node:
            case ast.Constant():
                below = []
            case ast.BoolOp(values=values):
                below = values
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd(), operand=operand):
                below = [operand]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                below = [left, right]
            case ast.Compare(left=left, comparators=comparators):
                below = [left, *comparators]
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                below = elements
            case _:
                part = self._source(node)
                raise UsageError(
                    f"the filter {self.text!r} has {part!r}, which is not allowed; "
                    "use columns, values, comparisons, + - * / %, and, or, not"
                )
        for one in below:
            self._check(one, depth + 1)

    def _source(self, node: ast.expr) -> str:
        return _restored(ast.unparse(node), self._quoted)

    def value(self, node: ast.expr, row: Mapping[str, Any]) -> Any:
        """What a part of the expression comes to for a row."""
        if (name := self.name(node)) is not None:
            return row.get(name) if name in self._columns else _WORDS[name]
        match node:
            case ast.Constant(value=value):
                return value
            case ast.BoolOp(op=op, values=values):
                return (any if isinstance(op, ast.Or) else all)(self.value(one, row) for one in values)
            case ast.UnaryOp(op=op, operand=operand):
                value = self.value(operand, row)
                if isinstance(op, ast.Not):
                    return not value
                return (
                    None
                    if value is None
                    else self._apply(node, operator.neg if isinstance(op, ast.USub) else operator.pos, value)
                )
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.value(left, row), self.value(right, row)
                return None if a is None or b is None else self._apply(node, _numeric(_ARITHMETIC[type(op)]), a, b)
            case ast.Compare():
                return self._compare(node, row)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return [self.value(one, row) for one in elements]
        raise AssertionError(node)  # `_check` lets nothing else through

    def _compare(self, node: ast.Compare, row: Mapping[str, Any]) -> bool:
        left = self.value(node.left, row)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node, row)
            if isinstance(op, _ORDERS) and (left is None or right is None):
                return False
            if not self._apply(node, _COMPARE[type(op)], left, right):
                return False
            left = right
        return True

    def _apply(self, node: ast.expr, function: Callable[..., Any], *values: Any) -> Any:
        try:
            return function(*values)
        except (ZeroDivisionError, OverflowError):  # the latter: a whole number that no float can hold
            return None
        except TypeError:
            kinds = " and ".join(f"{value!r} ({type(value).__name__})" for value in values)
            raise UsageError(f"the filter {self.text!r}: {self._source(node)!r} does not work on {kinds}") from None


def _numeric(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Arithmetic on numbers alone: a text times a billion would fill the memory."""

    def apply(a: Any, b: Any) -> Any:
        if isinstance(a, int | float) and isinstance(b, int | float):
            return function(a, b)
        raise TypeError

    return apply


def _restored(text: str, quoted: Mapping[str, str]) -> str:
    for name, original in quoted.items():
        text = text.replace(name, f"`{original}`")
    return text
