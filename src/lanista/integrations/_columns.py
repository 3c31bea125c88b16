"""The columns of TensorBoard's table: what kind of value each parameter has, and which values."""

import json
import math
from collections.abc import Iterable
from typing import Any, Literal

from lanista._frozen import Frozen
from lanista.journal import Params
from lanista.space import Choice, Domain, Float, Int, Normal, Space

Value = float | str | bool


class Column(Frozen):
    """A parameter: numbers between two bounds, or the values of a list; an empty list: whatever text there is."""

    kind: Literal["number", "text", "bool"]
    bounds: tuple[float, float] | None
    values: tuple[Value, ...]


def valued(given: Any, column: Column | None) -> Value:
    """A value as its column holds it; one that is none of the column's kind, as it is."""
    kind = _kind(given) if column is None or column.kind != "text" else "text"
    return given if kind == "bool" else float(given) if kind == "number" else text(given)


def text(value: Any) -> str:
    """A value that is neither number nor text, such as None or a list, in words.

    >>> text("relu"), text([64, 32]), text(None)
    ('relu', '[64, 32]', 'null')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def columns(space: Space, seen: Iterable[Params] = ()) -> dict[str, Column]:
    """The column of each parameter and constant.

    Args:
        space: where they stand; parameters of one name, which exclude each other, share a column.
        seen: configurations, whose values are listed where the domain has too many to list them.

    >>> from lanista.space import Int
    >>> columns(Space({"layers": Int(1, 4)}))["layers"]
    Column(kind='number', bounds=(1.0, 4.0), values=())
    """
    nodes: dict[str, list[Any]] = {}
    for parameter in space.parameters:
        nodes.setdefault(parameter.name, []).append(parameter.domain)
    for constant in space.constants:
        nodes.setdefault(constant.name, []).append(constant.value)
    found = {name: _column(of) for name, of in nodes.items()}
    for name in [name for name, column in found.items() if column.kind == "text" and not column.values]:
        told = sorted({text(params[name]) for params in seen if name in params})
        found[name] = Column("text", None, tuple(told))
    return found


def _column(nodes: list[Any]) -> Column:
    """The column that holds the values of all of these domains and constants."""
    bounds: list[float] = []
    values: list[Any] = []
    listed = True
    for node in nodes:
        match node:
            case Float() | Int():
                bounds += (float(node.low), float(node.high))
            case Normal():
                bounds += node.bounds
            case Choice():
                values += node.options
            case Domain():  # of sets and orders there are too many
                listed = False
            case _:
                values.append(node)
    kinds = {_kind(value) for value in values} | ({"number"} if bounds else set())
    if not listed:
        return Column("text", None, ())
    if kinds == {"number"}:
        numbers = tuple(sorted({float(value) for value in values}))
        every = (*bounds, *numbers)
        return Column("number", (min(every), max(every)), ()) if bounds else Column("number", None, numbers)
    if kinds == {"bool"}:
        return Column("bool", None, tuple(sorted(set(values))))
    return Column("text", None, () if bounds else tuple(dict.fromkeys(map(text, values))))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) and math.isfinite(value) else "text"
