"""Reads the JSON form of spaces; each class writes its own."""

from collections.abc import Mapping
from typing import Any

from lanista.errors import SpaceError
from lanista.space._choice import Choice
from lanista.space._constraints import Constraint
from lanista.space._domain import Domain
from lanista.space._numeric import Float, Int, Normal
from lanista.space._sets import Permutation, Subset
from lanista.space._values import show

_BOTH = ("default", "prior", "confidence")

_FIELDS: dict[str, tuple[type[Domain], tuple[str, ...], tuple[str, ...]]] = {
    "float": (Float, ("low", "high"), ("log", "step", *_BOTH)),
    "int": (Int, ("low", "high"), ("log", "step", *_BOTH)),
    "normal": (Normal, ("mean", "std"), ("log", "step", *_BOTH)),
    "choice": (Choice, ("options",), (*_BOTH, "weights", "children")),
    "subset": (Subset, ("items",), ("min", "max", *_BOTH)),
    "permutation": (Permutation, ("items",), _BOTH),
}


def read_tree(obj: Any, place: str = "") -> dict[str, Any]:
    """Returns the tree of domains and constants that a JSON object describes.

    Raises:
        SpaceError: the object is not of the form that `Space.to_json` writes; the message names the place.
    """
    if not isinstance(obj, Mapping):
        where = f" below '{place.rstrip('/')}'" if place else ""
        raise SpaceError(f"the parameters{where} must be an object of name: domain, got {show(obj)}")
    return {name: _node(node, f"{place}{name}") for name, node in obj.items()}


def domain_from_json(obj: Mapping[str, Any], name: str = "") -> Domain:
    """Returns the domain that `Domain.to_json` wrote; `name` serves error messages."""
    domain = _node(obj, name)
    if not isinstance(domain, Domain):
        raise SpaceError(f"'{name}' must be a domain, got {show(dict(obj))}")
    return domain


def read_constraint(obj: Any) -> Constraint:
    """Returns the constraint that a JSON object describes; a callable comes back as its name alone."""
    if isinstance(obj, str):
        return Constraint(obj, source=obj)
    if isinstance(obj, Mapping) and isinstance(obj.get("callable"), str):
        return Constraint(obj["callable"])
    if isinstance(obj, Mapping) and isinstance(obj.get("expression"), str):
        return Constraint(str(obj.get("name", obj["expression"])), source=obj["expression"])
    raise SpaceError(f"a constraint must be {{'expression': ...}} or {{'callable': name}}, got {show(obj)}")


def _node(obj: Any, place: str) -> Any:
    if not isinstance(obj, Mapping) or "type" not in obj:
        raise SpaceError(f"'{place}' must be an object with a 'type', got {show(obj)}")
    record = dict(obj)
    kind = record.pop("type")
    if kind == "constant":
        if record.keys() != {"value"}:
            raise SpaceError(f"'{place}': a constant has exactly one field, 'value', got {show(dict(obj))}")
        return record["value"]
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise SpaceError(f"'{place}' has the unknown type {show(kind)}; the types are {', '.join(_FIELDS)}, constant")
    cls, needed, optional = _FIELDS[kind]
    for name in needed:
        if name not in record:
            raise SpaceError(f"'{place}' of type {kind} lacks {name!r}; it needs {' and '.join(needed)}")
    for name in record:
        if name not in needed + optional:
            raise SpaceError(f"'{place}' of type {kind} has the unknown field {name!r}; it may have {optional}")
    try:
        if kind == "choice":
            return _choice(record, place)
        return cls(**record)
    except SpaceError as error:
        raise error if str(error).startswith("'") else SpaceError(f"'{place}': {error}") from None


def _choice(record: dict[str, Any], place: str) -> Choice:
    options, children = record["options"], record.pop("children", None)
    if not isinstance(options, list):
        raise SpaceError(f"'{place}': options must be a list, got {show(options)}")
    weights = record.pop("weights", None)
    if weights is not None:
        record["prior"] = _by_option(options, weights, f"'{place}': weights")
    if children is not None:
        below = _by_option(options, children, f"'{place}': children")
        record["options"] = {option: read_tree(child, f"{place}={option}/") for option, child in below.items()}
    return Choice(**record)


def _by_option(options: list[Any], given: Any, what: str) -> dict[Any, Any]:
    if not isinstance(given, list) or len(given) != len(options):
        raise SpaceError(f"{what} must be a list with one entry for each option")
    for option in options:
        if isinstance(option, list | dict):
            raise SpaceError(f"{what} cannot stand beside option {show(option)}; use a string or a number")
    return dict(zip(options, given, strict=True))
