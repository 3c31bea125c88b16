"""Arguments from a file held against the signature of what takes them: names, kinds of values, what is missing."""

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lanista._frozen import Frozen
from lanista.errors import LanistaError, UsageError
from lanista.experiment._yaml import Document, Where

TIMES = ("time_limit", "time", "trial_time")
"""Arguments that are seconds, and may be written as '30m'."""

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(min|s|m|h|d)\s*")


def seconds(text: str | float) -> float:
    """Seconds from a number, or from a text such as '90', '30m', '1h30m' or '2d'.

    Raises:
        UsageError: it is neither.

    >>> seconds("1h30m"), seconds("90"), seconds(2.5)
    (5400.0, 90.0, 2.5)
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    word = str(text).strip().lower()
    try:
        return float(word)
    except ValueError:
        pass
    parts = _PART.findall(word)
    if not parts or _PART.sub("", word):
        raise UsageError(f"{text!r} is no length of time; write seconds, or for instance '90s', '30m', '1h30m', '2d'")
    return sum(float(count) * _UNITS[unit] for count, unit in parts)


def near(name: object, known: Iterable[str]) -> str:
    """The end of a message on a name that is not known: the nearest one, or all there are."""
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(str(name), names, 1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"


def parameters(call: Callable[..., Any], leave: Sequence[str] = ()) -> dict[str, inspect.Parameter]:
    """The parameters that a file may give to `call`, by name."""
    found = inspect.signature(call).parameters
    return {
        n: p for n, p in found.items() if n not in ("self", *leave) and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }


def checked(
    document: Document,
    where: Where,
    call: Callable[..., Any],
    given: Mapping[Any, Any],
    *,
    what: str,
    named: str | None = None,
    leave: Sequence[str] = (),
) -> dict[str, Any]:
    """The arguments for `call`, each of a kind that it takes.

    Args:
        document: the file.
        where: the mapping's place in it.
        call: a class or function.
        given: the mapping.
        what: what they are arguments of, for messages.
        named: its name, if the mapping has one, for messages.
        leave: parameters that a file cannot give.

    Raises:
        ConfigError: an unknown name, a value of another kind, or one missing that is needed; with its place.
    """
    known = parameters(call, leave)
    hints = hints_of(call)
    arguments: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise document.error((*where, name), f"{what} takes no {name!r}; {near(name, known)}")
        arguments[name] = fitted(document, (*where, name), value, hints.get(name, Any))
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in arguments:
            whole = ", ".join(f"{key}: ..." for key in [*given, name])
            mend = "" if named is None else f"; write {{name: {named}, {whole}}}"
            raise document.error(where, f"{what} needs {name!r}{mend}")
    return arguments


def made(document: Document, where: Where, call: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Calls with the arguments; what it refuses is an error at their place, or at that of one which it names."""
    try:
        return call(**arguments)
    except (LanistaError, TypeError, ValueError) as error:
        guilty = next((name for name in arguments if re.search(rf"\b{re.escape(name)}=", str(error))), None)
        raise document.error((*where, guilty) if guilty else where, error) from error


def fitted(document: Document, where: Where, value: Any, hint: Any) -> Any:
    """The value, as the annotation wants it.

    Raises:
        ConfigError: it is of another kind.
    """
    if where and where[-1] in TIMES and isinstance(value, str):
        try:
            return seconds(value)
        except UsageError as error:
            raise document.error(where, error) from None
    record = next((one for one in (hint, *typing.get_args(hint)) if _is_record(one)), None)
    if record is not None and isinstance(value, dict):
        return made(document, where, record, checked(document, where, record, value, what=f"a {record.__name__}"))
    fits, changed = _fit(value, hint)
    if not fits:
        raise document.error(where, f"{value!r} is {_kind(value)}; it must be {_words(hint)}")
    return changed


def hints_of(call: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of what takes the arguments."""
    try:
        return typing.get_type_hints(vars(call).get("__init__", call) if isinstance(call, type) else call)
    except (NameError, TypeError):  # an annotation that exists for the type checker only
        return {}


def _fit(value: Any, hint: Any) -> tuple[bool, Any]:
    """Whether the value is of the annotated kind, and the value as that kind; other classes are left to their own."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        fits = [_fit(value, one) for one in inside]
        exact = [one for one in fits if one[0] and type(one[1]) is type(value)]
        return next(iter([*exact, *(one for one in fits if one[0])]), (False, value))
    if origin is Literal:
        return value in inside, value
    if hint is bool:
        return isinstance(value, bool), value
    if hint in (int, float):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if hint is int:
            return number and whole, int(value) if number and whole else value
        return number, float(value) if number else value
    if hint in (str, Path):
        return isinstance(value, str), value
    if hint in (None, type(None)):
        return value is None, value
    if origin is tuple and isinstance(value, list):
        return True, tuple(value)
    if origin in (list, tuple, Sequence) or hint in (list, tuple):
        return isinstance(value, list), value
    if origin in (dict, Mapping) or hint is dict:
        return isinstance(value, dict), value
    return (isinstance(value, hint) if _is_record(hint) else True), value


def _is_record(hint: Any) -> bool:
    """Whether a mapping in a file stands for an object of this class."""
    return isinstance(hint, type) and issubclass(hint, Frozen)


def _kind(value: Any) -> str:
    names = {
        bool: "a truth value",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a mapping",
    }
    return names.get(type(value), "nothing")


def _words(hint: Any) -> str:
    """An annotation in words."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        words = dict.fromkeys(_words(one) for one in inside if one is not type(None))
        return " or ".join(words)
    if origin is Literal:
        return " or ".join(map(repr, inside))
    plain = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
    if hint in plain:
        return plain[hint]
    if _is_record(hint):
        return f"a mapping with {', '.join(parameters(hint))}"
    if origin in (dict, Mapping) or hint is dict:
        return "a mapping"
    return (
        "a list" if origin in (list, tuple, Sequence) or hint in (list, tuple) else getattr(hint, "__name__", str(hint))
    )
