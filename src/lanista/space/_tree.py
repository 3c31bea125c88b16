"""Compiles the tree that a user writes into a flat list of parameters and constants."""

from collections.abc import Iterable, Mapping
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import SpaceError
from lanista.space._choice import Children, Choice
from lanista.space._domain import Domain
from lanista.space._values import plain, show


class Parameter(Frozen):
    """One searched parameter of a compiled space.

    Attributes:
        name: The key in a configuration; parameters that exclude each other may share it.
        path: Where it stands in the tree, such as `optimizer=sgd/momentum`.
        domain: Its values.
        parent: Index, among `Space.parameters`, of the choice it hangs below; None: it always applies.
        options: The options of that choice under which it applies.
        start: First of its columns of the unit cube.
        stop: One beyond its last column.
    """

    name: str
    path: str
    domain: Domain
    parent: int | None
    options: frozenset[int]
    start: int
    stop: int


class Constant(Frozen):
    """A fixed value of a compiled space: it appears in configurations and has no column."""

    name: str
    path: str
    value: Any
    parent: int | None
    options: frozenset[int]


class Layout(Frozen):
    """A compiled tree; `slots` are the parameters and constants in the order of the tree, parents before children."""

    slots: tuple[Parameter | Constant, ...]
    parameters: tuple[Parameter, ...]
    width: int


class _Draft(Frozen):
    """A slot while its options are still being collected."""

    name: str
    node: Any
    parent: int | None
    index: int | None
    place: str
    options: set[int]


def freeze(tree: Mapping[str, Any], place: str = "") -> Children:
    """Returns a checked copy of a tree as nested (name, domain or constant) pairs.

    Raises:
        SpaceError: a name that is not a string, or a value that is neither a domain nor a JSON constant.
    """
    return tuple((_name(name, place), _node(node, place + str(name))) for name, node in mapping(tree).items())


def mapping(tree: Any) -> Mapping[str, Any]:
    """Returns what a user gave as a space, if it is a dict.

    Raises:
        SpaceError: it is none.
    """
    if not isinstance(tree, Mapping):
        raise SpaceError(f"a space is a dict of name: domain, got {show(tree)}; write {{'x': Float(0, 1)}}")
    return tree


def compile_tree(tree: Children) -> Layout:
    """Numbers the parameters of a checked tree, parents first, and lays out their columns.

    Raises:
        SpaceError: one name stands at two places that can both apply at once.
    """
    drafts: list[_Draft] = []
    _collect(tree, None, 0, "", drafts)
    choices = {draft.index: draft for draft in drafts if draft.index is not None}
    _refuse_clashes(drafts, choices)
    slots: list[Parameter | Constant] = []
    parameters: list[Parameter] = []
    column = 0
    for draft in drafts:
        path = _path(draft, choices)
        options = frozenset(draft.options)
        if draft.index is None:
            slots.append(Constant(draft.name, path, draft.node, draft.parent, options))
            continue
        stop = column + draft.node.width
        parameters.append(Parameter(draft.name, path, draft.node, draft.parent, options, column, stop))
        slots.append(parameters[-1])
        column = stop
    return Layout(tuple(slots), tuple(parameters), column)


def _name(name: Any, place: str) -> str:
    where = f" below '{place.rstrip('/')}'" if place else ""
    if not isinstance(name, str):
        raise SpaceError(f"the parameter name {show(name)}{where} is a {type(name).__name__}; names are strings")
    if not name:
        raise SpaceError(f"a parameter name{where} is empty; give it a name")
    return str.__str__(name)


def _node(node: Any, place: str) -> Any:
    if isinstance(node, Choice) and node.children:
        for option, below in zip(node.options, node.children, strict=True):
            freeze(dict(below), f"{place}={_label(option)}/")
    if isinstance(node, Domain):
        return node
    if isinstance(node, type) and issubclass(node, Domain):
        raise SpaceError(f"'{place}' is the class {node.__name__}; call it with its arguments: {node.__name__}(...)")
    if callable(node):
        called = getattr(node, "__name__", type(node).__name__)
        raise SpaceError(
            f"'{place}' is {called}, neither a domain nor a constant; a model that makes choices goes into "
            f"nas.ModelSpace({called}), for other objects use a string that names them and look it up in the objective"
        )
    if isinstance(node, dict) and any(isinstance(item, Domain) for item in node.values()):
        raise SpaceError(
            f"'{place}' is a dict of domains; parameters that depend on an option go into "
            "Choice({option: {...}}), others go to the top level"
        )
    try:
        return plain(node)
    except SpaceError as error:
        raise SpaceError(
            f"'{place}' is neither a domain (Float, Int, Normal, Choice, Subset, Permutation) nor a constant: {error}"
        ) from None


def _label(option: Any) -> str:
    return option if isinstance(option, str) else show(option)


def _collect(
    tree: Iterable[tuple[str, Any]], parent: int | None, option: int, place: str, drafts: list[_Draft]
) -> None:
    """Appends the slots of `tree` depth first; equal children of several options of one choice become one slot."""
    for name, node in tree:
        twin = next((d for d in drafts if parent is not None and _is_twin(d, parent, name, node)), None)
        if twin is not None:
            twin.options.add(option)
            continue
        index = None
        if isinstance(node, Domain):
            index = sum(draft.index is not None for draft in drafts)
        drafts.append(_Draft(name, node, parent, index, place + name, {option} if parent is not None else set()))
        if isinstance(node, Choice):
            for i, value in enumerate(node.options):
                _collect(node.below(i), index, i, f"{place}{name}={_label(value)}/", drafts)


def _is_twin(draft: _Draft, parent: int, name: str, node: Any) -> bool:
    if draft.parent != parent or draft.name != name or isinstance(draft.node, Domain) != isinstance(node, Domain):
        return False
    return bool(type(draft.node) is type(node) and draft.node == node)


def _conditions(draft: _Draft, choices: Mapping[int, _Draft]) -> dict[int, set[int]]:
    """Returns the choices above a slot with the options that lead to it."""
    found = {}
    while draft.parent is not None:
        found[draft.parent] = draft.options
        draft = choices[draft.parent]
    return found


def _refuse_clashes(drafts: list[_Draft], choices: Mapping[int, _Draft]) -> None:
    by_name: dict[str, list[_Draft]] = {}
    for draft in drafts:
        for other in by_name.setdefault(draft.name, []):
            mine, theirs = _conditions(draft, choices), _conditions(other, choices)
            if all(mine[choice] & theirs[choice] for choice in mine.keys() & theirs.keys()):
                raise SpaceError(
                    f"the name {draft.name!r} stands at '{other.place}' and at '{draft.place}', which can both apply "
                    "in one configuration; rename one of them"
                )
        by_name[draft.name].append(draft)


def _path(draft: _Draft, choices: Mapping[int, _Draft]) -> str:
    if draft.parent is None:
        return draft.name
    above = choices[draft.parent]
    options = "|".join(_label(above.node.options[i]) for i in sorted(draft.options))
    return f"{_path(above, choices)}={options}/{draft.name}"
