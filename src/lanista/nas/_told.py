"""Values as text and as JSON that are the same in another process: what identities and hashes are made of."""

import hashlib
from collections.abc import Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import nn

PLAIN = bool | int | float | complex | str | bytes | torch.dtype | torch.device | torch.Size | None
DEPTH = 5
"""How far objects inside objects are looked into."""


def told(value: Any, depth: int = DEPTH) -> str:
    """Returns a value as text without addresses in memory.

    A function is its name; one without a name of its own, such as a lambda, also its code and the values that it holds.
    An object is its class and its attributes; a module or a tensor its class alone.

    >>> one, two, three = ((lambda x, by=by: by * x) for by in (2, 2, 3))
    >>> told(one) == told(two), told(one) == told(three), told(len)
    (True, False, 'builtins.len')
    """
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"({', '.join(told(item, depth) for item in value)})"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(told(item, depth) for item in value))}}}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {told(item, depth)}' for key, item in value.items())}}}"
    if isinstance(value, slice):
        return f"slice({told(value.start)}, {told(value.stop)}, {told(value.step)})"
    held = _held(value) if depth else None
    name = qualified(value if hasattr(value, "__qualname__") else type(value))
    return f"{name}[{told(held, depth - 1)}]" if held else name


def qualified(thing: Any) -> str:
    """Returns the full name of a class or a function; that of a method, which is a text, with its dot."""
    if isinstance(thing, str):
        return f".{thing}"
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"


def as_json(value: Any) -> Any:
    """Returns a setting or a pick as JSON holds it: lists for tuples, texts for what JSON does not know.

    >>> as_json({"size": (3, 3), "of": len})
    {'size': [3, 3], 'of': 'builtins.len'}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list | tuple) else told(value)


def _held(value: Any) -> Any:
    """What tells an object from others of its class, or a function from others of its name; None where nothing does."""
    if isinstance(value, type | nn.Module | torch.Tensor):
        return None
    if isinstance(value, partial):
        return value.func, value.args, dict(value.keywords)
    if isinstance(value, MethodType):
        return value.__self__
    if isinstance(value, FunctionType):
        if "<" not in value.__qualname__:
            return None
        cells = [cell.cell_contents for cell in value.__closure__ or () if _filled(cell)]
        return _code(value.__code__), cells, value.__defaults__, value.__kwdefaults__
    ours = not type(value).__module__.startswith(("torch.", "builtins", "weakref"))
    return vars(value) if ours and hasattr(value, "__dict__") else None


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:  # a variable that has no value yet
        return False
    return True


def _code(code: CodeType) -> str:
    """A hash of what a function does, wherever it is written."""
    consts = [_code(one) if isinstance(one, CodeType) else told(one) for one in code.co_consts]
    return hashlib.sha256(repr((code.co_code, code.co_names, consts)).encode()).hexdigest()[:16]
