"""JSON values as Lanista keeps them: plain Python, finite, distinct by JSON type."""

import json
import math
from typing import Any

import numpy as np

from lanista.errors import SpaceError


def plain(value: Any) -> Any:
    """Returns a deep copy of `value` made of plain JSON types; numpy scalars become Python numbers.

    Raises:
        SpaceError: the value has no exact JSON form.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise SpaceError(f"{value!r} is not a JSON value; use a finite number or a string")
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise SpaceError(f"{key!r} is not a JSON value's key; keys of a JSON object are strings")
        return {str.__str__(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        raise SpaceError(f"{value!r} is a tuple, which JSON does not have; write it as a list")
    raise SpaceError(
        f"{value!r} of type {type(value).__name__} is not a JSON value; "
        "use a string that names it and look the object up in the objective"
    )


def key(value: Any) -> Any:
    """Returns a hashable stand-in: equal for equal numbers (1 and 1.0), different for 1 and true."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ("list", *map(key, value))
    if isinstance(value, dict):
        return ("dict", *sorted((name, key(item)) for name, item in value.items()))
    return value


def duplicate(values: tuple[Any, ...]) -> tuple[Any, Any] | None:
    """Returns the first two values that are the same, or None."""
    seen: dict[Any, Any] = {}
    for value in values:
        mark = key(value)
        if mark in seen:
            return seen[mark], value
        seen[mark] = value
    return None


def show(value: Any) -> str:
    """Returns `repr(value)`, cut to a length that fits a message."""
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def canonical(obj: Any) -> str:
    """Returns the one text by which JSON forms are compared and hashed."""
    return json.dumps(obj, separators=(",", ":"), ensure_ascii=False)


def real(value: Any, place: str) -> float:
    """Returns `value` as a finite float, or raises a SpaceError that names `place`."""
    number = _unwrap(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise SpaceError(f"{place} must be a number, got {show(value)} of type {type(value).__name__}")
    try:
        number = float(number)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise SpaceError(f"{place} must be finite, got {show(value)}; give a bound that a float can hold")
    return number


def whole(value: Any, place: str) -> int:
    """Returns `value` as an int (3.0 counts as 3), or raises a SpaceError that names `place`."""
    number = _unwrap(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise SpaceError(f"{place} must be a whole number, got {show(value)}; use Float for fractions")
    return int(number)


def _unwrap(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
