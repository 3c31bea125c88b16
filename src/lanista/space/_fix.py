"""Fixes parameters of a tree to values."""

from collections.abc import Mapping
from typing import Any

from lanista.errors import SpaceError
from lanista.space._choice import Children, Choice
from lanista.space._domain import Domain
from lanista.space._values import key, plain, show


def fix(tree: Children, values: Mapping[str, Any]) -> Children:
    """Replaces domains by constants; the parameters below the chosen option of a fixed choice move up.

    Raises:
        SpaceError: a value is outside its domain.
    """
    result: list[tuple[str, Any]] = []
    for name, node in tree:
        if name in values:
            result.extend(_fix_one(name, node, values))
        elif isinstance(node, Choice) and node.children:
            result.append((name, _below(node, values)))
        else:
            result.append((name, node))
    return tuple(result)


def _below(node: Choice, values: Mapping[str, Any]) -> Choice:
    below = (dict(fix(children, values)) for children in node.children)
    options = dict(zip(node.options, below, strict=True))
    return Choice(options, default=node.default, prior=node.prior, confidence=node.confidence)


def _fix_one(name: str, node: Any, values: Mapping[str, Any]) -> Children:
    try:
        if not isinstance(node, Domain):
            if key(plain(values[name])) != key(node):
                raise SpaceError(f"it is the constant {show(node)} already")
            return ((name, node),)
        value = node.normalise(values[name])
    except SpaceError as error:
        raise SpaceError(f"cannot fix {name!r} to {show(values[name])}: {error}") from None
    below = fix(node.below(node.index(value)), values) if isinstance(node, Choice) else ()
    return ((name, value), *below)
