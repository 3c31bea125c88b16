"""The search space as a config file writes it: `lr: {float: [1e-5, 0.1], log: true}`."""

import inspect
import json
from collections.abc import Callable
from typing import Any

from lanista.errors import ConfigError, SpaceError
from lanista.experiment._arguments import near
from lanista.experiment._yaml import Document, Where, read_text, read_yaml
from lanista.space import Choice, Domain, Float, Int, Normal, Params, Permutation, Space, Subset, load_nni_space

KINDS: dict[str, type[Domain]] = {cls.kind: cls for cls in (Float, Int, Normal, Choice, Subset, Permutation)}


Convert = Callable[[Params], Any]
"""Turns parameters into the form in which NNI hands them to a trial."""


def read_space(document: Document, where: Where, given: Any, conditions: Any = None) -> tuple[Space, Convert | None]:
    """The space that stands at `where` of a file: a mapping of parameters, or the name of a file that holds one.

    Args:
        document: the file.
        where: the place of the space in it.
        given: the mapping, or the name of a YAML or JSON file, NNI's search_space.json included, beside this one.
        conditions: the expressions of `where`, which stand at the top of the file.

    Returns:
        The space and, for a file of NNI, what turns a configuration into NNI's form of it.

    Raises:
        ConfigError: a domain that is none, with its place and what it should be.
    """
    convert: Convert | None = None
    if isinstance(given, str):
        space, convert = _other_file(document, given)
    else:
        space = _compiled(document, where, given)
    if conditions is None:
        return space, convert
    for i, condition in enumerate(conditions if isinstance(conditions, list) else [conditions]):
        place = ("where", i) if isinstance(conditions, list) else ("where",)
        if not isinstance(condition, str):
            raise document.error(
                place, f'{condition!r} is no condition; write an expression such as "a < b", in quotes'
            )
        try:
            space = space.where(condition)
        except SpaceError as error:
            raise document.error(place, error) from None
    return space, convert


def _compiled(document: Document, where: Where, given: Any) -> Space:
    tree = _tree(document, where, given)
    try:
        return Space(tree)
    except SpaceError as error:
        raise document.error(where, error) from None


def _other_file(document: Document, name: str) -> tuple[Space, Convert | None]:
    path = document.path.parent / name
    if path.suffix != ".json":
        inner = read_yaml(path)
        return _compiled(inner, (), inner.value), None
    try:
        given = json.loads(read_text(path))
    except ValueError as error:
        raise ConfigError(f"{path}: this is no JSON: {error}") from None
    if isinstance(given, dict) and any(isinstance(one, dict) and "_type" in one for one in given.values()):
        try:
            nni = load_nni_space(given)
        except SpaceError as error:
            raise ConfigError(f"{path}: {error}") from None
        return nni.space, nni.convert
    return _compiled(Document(path, given, {(): (1, 1)}), (), given), None


def _tree(document: Document, where: Where, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise document.error(where, f"{given!r} is no space; write one line a parameter, such as lr: {{float: [0, 1]}}")
    for name in given:
        if not isinstance(name, str):
            raise document.error((*where, name), f"the parameter's name {name!r} is no text; put it in quotes")
    return {name: _node(document, (*where, name), node) for name, node in given.items()}


def _node(document: Document, where: Where, node: Any) -> Any:
    """A domain, or a constant."""
    if isinstance(node, list):
        told = f"a list is no domain; write {{choice: {node}}} to choose among its values, or {{constant: {node}}}"
        raise document.error(where, told)
    if not isinstance(node, dict):
        return node
    if node.keys() == {"constant"}:
        return node["constant"]
    kinds = [key for key in node if key in KINDS]
    if len(kinds) != 1:
        raise document.error(where, _no_kind(node, kinds))
    kind = kinds[0]
    signature = inspect.signature(KINDS[kind]).parameters.values()
    positional = [p.name for p in signature if p.kind is p.POSITIONAL_OR_KEYWORD]
    options = [p.name for p in signature if p.kind is p.KEYWORD_ONLY]
    for key in node:
        if key not in (kind, *options):
            raise document.error((*where, key), f"{kind} takes no {key!r}; {near(key, options)}")
    value = node[kind]
    if len(positional) > 1 and (not isinstance(value, list) or len(value) != len(positional)):
        raise document.error((*where, kind), f"{kind} takes [{', '.join(positional)}], got {value!r}")
    if kind == Choice.kind and isinstance(value, dict):
        value = {option: _tree(document, (*where, kind, option), below or {}) for option, below in value.items()}
    arguments = value if len(positional) > 1 else [value]
    try:
        return KINDS[kind](*arguments, **{key: node[key] for key in node if key != kind})
    except SpaceError as error:
        raise document.error(where, error) from None


def _no_kind(node: dict[Any, Any], kinds: list[str]) -> str:
    if len(kinds) > 1:
        return f"a parameter has one domain, this one has {' and '.join(kinds)}"
    if "_type" in node:
        return "this is NNI's form of a space; keep it in its JSON file and write space: search_space.json"
    key = next(iter(node), "")
    return (
        f"a domain starts with its kind, such as {{float: [0, 1]}}; {key!r} is none: {near(key, KINDS)} "
        "(a constant mapping is written {constant: ...})"
    )
