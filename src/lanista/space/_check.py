"""Validates a user's configuration against a space."""

from collections.abc import Mapping
from typing import Any

from lanista.errors import SpaceError
from lanista.space._choice import Choice
from lanista.space._domain import Params
from lanista.space._tree import Constant, Layout, Parameter
from lanista.space._values import key, plain, show


def check(layout: Layout, params: Mapping[str, Any]) -> Params:
    """Returns `params` in the space's own values and order, defaults filled in.

    Raises:
        SpaceError: a parameter is unknown, missing, inactive or outside its domain.
    """
    if not isinstance(params, Mapping):
        raise SpaceError(f"a configuration is a dict of name: value, got {show(params)}")
    known = {slot.name for slot in layout.slots}
    for name in params:
        if name not in known:
            raise SpaceError(_stranger(layout, name))
    chosen: dict[int, int] = {}
    result: Params = {}
    number = -1
    for slot in layout.slots:
        number += isinstance(slot, Parameter)
        if slot.parent is not None and chosen.get(slot.parent) not in slot.options:
            continue
        result[slot.name] = value = _value(slot, params)
        if isinstance(slot, Parameter) and isinstance(slot.domain, Choice):
            chosen[number] = slot.domain.index(value)
    for name in params:
        if name not in result:
            raise SpaceError(_stranger(layout, name))
    return result


def middle(layout: Layout, given: Mapping[str, Any]) -> Params:
    """Returns the configuration of defaults, with the prior or the middle of a domain that has none.

    Those of the `given` values that apply come before defaults.

    Raises:
        SpaceError: a given value is outside its domain.
    """
    chosen: dict[int, int] = {}
    result: Params = {}
    number = -1
    for slot in layout.slots:
        number += isinstance(slot, Parameter)
        if slot.parent is not None and chosen.get(slot.parent) not in slot.options:
            continue
        if isinstance(slot, Constant):
            result[slot.name] = plain(slot.value)
            continue
        result[slot.name] = _value(slot, given) if slot.name in given else slot.domain.start
        if isinstance(slot.domain, Choice):
            chosen[number] = slot.domain.index(result[slot.name])
    return result


def _value(slot: Parameter | Constant, params: Mapping[str, Any]) -> Any:
    if isinstance(slot, Constant):
        if slot.name in params and key(plain(params[slot.name])) != key(slot.value):
            raise SpaceError(
                f"'{slot.path}' is fixed to {show(slot.value)}, got {show(params[slot.name])}; leave it out"
            )
        return plain(slot.value)
    if slot.name not in params:
        if slot.domain.default is None:
            raise SpaceError(f"'{slot.path}' is missing from {show(dict(params))}; give it a value of {slot.domain!r}")
        return plain(slot.domain.default)
    try:
        return slot.domain.normalise(params[slot.name])
    except SpaceError as error:
        raise SpaceError(f"'{slot.path}': {error}") from None


def _stranger(layout: Layout, name: Any) -> str:
    import difflib

    slots = [slot for slot in layout.slots if slot.name == name]
    if slots:
        conditions = " or ".join(f"{_condition(layout, slot)}" for slot in slots)
        return f"{name!r} does not apply in this configuration, only with {conditions}; leave it out"
    known = sorted({slot.name for slot in layout.slots})
    near = difflib.get_close_matches(str(name), known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the names are {', '.join(known) or 'none'}"
    return f"{name!r} is no parameter of the space; {hint}"


def _condition(layout: Layout, slot: Parameter | Constant) -> str:
    assert slot.parent is not None
    parent = layout.parameters[slot.parent]
    assert isinstance(parent.domain, Choice)
    options = " or ".join(repr(parent.domain.options[i]) for i in sorted(slot.options))
    own = f"{parent.name}={options}"
    return own if parent.parent is None else f"{_condition(layout, parent)} and {own}"
