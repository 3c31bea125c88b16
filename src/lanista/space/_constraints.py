"""Conditions that every configuration must meet: expressions and callables."""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from lanista.errors import SpaceError
from lanista.space._values import show

Condition = Callable[[Mapping[str, Any]], object]

_FUNCTIONS: dict[str, Any] = {"abs": abs, "min": min, "max": max, "len": len, "sum": sum, "round": round}
_SCOPE: dict[str, Any] = {"__builtins__": {}, **_FUNCTIONS}

_ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.IfExp),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
    *(ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple, ast.Call),
)


@dataclass(frozen=True)
class Constraint:
    """One condition: the source of an expression, or a callable, or only the name of a callable that is not at hand."""

    name: str
    source: str | None = None
    function: Condition | None = None

    @property
    def enforced(self) -> bool:
        """Whether there is anything to evaluate."""
        return self.source is not None or self.function is not None

    @cached_property
    def names(self) -> frozenset[str]:
        """The parameters that an expression mentions."""
        if self.source is None:
            return frozenset()
        called = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        found = (node for node in ast.walk(self._tree) if isinstance(node, ast.Name) and id(node) not in called)
        return frozenset(node.id for node in found)

    @cached_property
    def _tree(self) -> ast.Expression:
        return _parse(self.source or "")

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The parameters that an expression mentions, in the order in which `compiled` takes them."""
        return tuple(sorted(self.names))

    @cached_property
    def compiled(self) -> Callable[..., object]:
        """The expression as a function of the values of `arguments`."""
        head = ast.arguments([], [ast.arg(name) for name in self.arguments], None, [], [], None, [])
        tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(head, self._tree.body)))
        function: Callable[..., object] = eval(compile(tree, "<constraint>", "eval"), _SCOPE)
        return function

    def holds(self, params: Mapping[str, Any], known: frozenset[str]) -> bool:
        """Whether `params` meets the condition; one that asks for an inactive parameter does not apply.

        Raises:
            SpaceError: the condition cannot be evaluated.
        """
        try:
            if self.source is not None:
                return bool(self.compiled(*[params[name] for name in self.arguments]))
            return self.function is None or bool(self.function(MappingProxyType(params)))
        except KeyError as error:
            if self.source is not None or (error.args and error.args[0] in known):
                return True
            raise SpaceError(f"constraint {self.name!r} asks for {error}, which no parameter is called") from error
        except Exception as error:
            raise SpaceError(
                f"constraint {self.name!r} raised {type(error).__name__}: {error} at {show(dict(params))}; "
                "write it so that it holds or fails for every configuration, as an expression such as 'a < b' or a "
                "function that takes the configuration as a dict"
            ) from error

    def to_json(self) -> dict[str, str]:
        """Returns the condition as a JSON object; of a callable only its name is kept."""
        return {"callable": self.name} if self.source is None else {"name": self.name, "expression": self.source}

    def __reduce__(self) -> tuple[type["Constraint"], tuple[Any, ...]]:
        return Constraint, (self.name, self.source, self.function)


def make_constraint(condition: str | Condition, name: str | None, known: Iterable[str]) -> Constraint:
    """Checks a user's condition.

    Raises:
        SpaceError: it is neither text nor callable, does not parse, uses more than arithmetic and comparisons,
            mentions a name that is no parameter, or is a number instead of a condition.
    """
    if isinstance(condition, str):
        constraint = Constraint(name or condition, source=condition)
        _check_names(constraint, sorted(set(known)))
        if not _decides(_parse(condition).body):
            raise SpaceError(
                f"constraint {condition!r} is a value, and does not say what is allowed; compare it, as in "
                f"'{condition.strip()} <= 1', or give a function that takes the configuration as a dict: "
                "lambda p: p['x'] < p['n']"
            )
        return constraint
    if callable(condition):
        title = name or str(getattr(condition, "__name__", type(condition).__name__))
        return Constraint(title, function=condition)
    raise SpaceError(
        "a constraint is an expression such as 'a < b', or a function that takes the configuration as a dict, "
        f"lambda p: p['a'] < p['b'], got {show(condition)}"
    )


def _parse(source: str) -> ast.Expression:
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise SpaceError(f"constraint {source!r} is not an expression ({error}); write one such as 'a < b'") from None
    _Dotted().visit(tree)
    ast.fix_missing_locations(tree)
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise SpaceError(
                f"constraint {source!r} uses {_what(node)}; expressions have names, numbers, strings, + - * / // % **, "
                f"comparisons, in, and, or, not, if-else and {', '.join(_FUNCTIONS)}; use a function for more"
            )
        if isinstance(node, ast.Call) and (not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS):
            raise SpaceError(
                f"constraint {source!r} calls {ast.unparse(node.func)}; only {', '.join(_FUNCTIONS)} can be called"
            )
    return tree


class _Dotted(ast.NodeTransformer):
    """Makes one name of `net.width`, the parameter of a group."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Joins a name and what follows its dot."""
        whole = self.visit(node.value)
        return ast.Name(f"{whole.id}.{node.attr}", ast.Load()) if isinstance(whole, ast.Name) else node


def _decides(node: ast.expr) -> bool:
    """Whether an expression is true or false, and no number; a name may be that of a choice of True and False."""
    match node:
        case ast.BoolOp():
            return all(map(_decides, node.values))
        case ast.UnaryOp(op=ast.Not()):
            return _decides(node.operand)
        case ast.IfExp():
            return all(map(_decides, (node.test, node.body, node.orelse)))
        case ast.Constant():
            return isinstance(node.value, bool)
        case _:
            return isinstance(node, ast.Compare | ast.Name)


def _what(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__


def _check_names(constraint: Constraint, known: list[str]) -> None:
    import difflib

    for name in sorted(constraint.names):
        if name not in known:
            whole = next((one for one in known if "/" in one and one in (constraint.source or "")), None)
            if whole is not None:
                raise SpaceError(
                    f"constraint {constraint.source!r}: {whole!r} cannot stand in an expression, where / divides; "
                    f"give a function that takes the configuration as a dict: lambda p: p[{whole!r}] > ..."
                )
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the names are {', '.join(known) or 'none'}"
            raise SpaceError(f"constraint {constraint.source!r} mentions {name!r}, which is no parameter; {hint}")
    if not constraint.names:
        raise SpaceError(f"constraint {constraint.source!r} mentions no parameter; name at least one")
