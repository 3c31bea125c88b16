"""Which models have equal graphs: told by what they are made of."""

import functools
import types
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lanista.fuse._dropouts import dropouts


def signature(model: nn.Module) -> Hashable:
    """Equal for models that can be stacked: modules, their settings but for dropout rates, weights, what is trained.

    It cannot see what hides in closures; a stack is held against each of its models before it is trusted.
    """
    free = {id(layer) for layer in dropouts(model)}
    first: dict[int, str] = {}
    parts: list[Hashable] = []
    for name, module in model.named_modules(remove_duplicate=False):
        if (same := first.setdefault(id(module), name)) != name:
            parts.append((name, same))
            continue
        skip = {"p"} if id(module) in free and module.p else set()  # of 0 it is no dropout at all
        settings = tuple(
            (key, _told(value)) for key, value in sorted(vars(module).items()) if key[0] != "_" and key not in skip
        )
        held = [*module._parameters.items(), *module._buffers.items()]
        tensors = tuple((key, _tensor(t, first, f"{name}.{key}")) for key, t in held)
        parts.append((name, _class(_type(module)), settings, tensors))
    return tuple(parts)


def _type(module: nn.Module) -> type:
    """Its class; without what a parametrization puts around it, which makes a class for each module."""
    return type(module).__bases__[0] if parametrize.is_parametrized(module) else type(module)


def _class(of: type) -> Hashable:
    """A class; one that was made inside a function as far as it can be told by its code."""
    if "<locals>" not in of.__qualname__:
        return (of,)
    own = sorted(vars(of).items())
    code = tuple((name, _told(value)) for name, value in own if isinstance(value, types.FunctionType))
    return of.__module__, of.__qualname__, code, tuple(map(_class, of.__bases__))


def _tensor(tensor: Tensor | None, first: dict[int, str], name: str) -> Hashable:
    if tensor is None:
        return None
    if (same := first.setdefault(id(tensor), name)) != name:
        return same
    return tuple(tensor.shape), tensor.dtype, tensor.device, tensor.requires_grad, isinstance(tensor, nn.Parameter)


def _told(value: Any) -> Hashable:
    """A setting, as far as it can be told by its value."""
    if isinstance(value, bool | int | float | complex | str | bytes | None | torch.dtype | torch.device):
        return type(value), value
    if isinstance(value, type):
        return (value.__module__, value.__qualname__) if "<locals>" in value.__qualname__ else (value,)
    if isinstance(value, tuple | list):
        return type(value), tuple(map(_told, value))
    if isinstance(value, Mapping):
        return type(value), tuple((_told(key), _told(part)) for key, part in value.items())
    if isinstance(value, set | frozenset):
        return type(value), frozenset(map(_told, value))
    if isinstance(value, functools.partial):
        return _told(value.func), _told(value.args), _told(value.keywords)
    if isinstance(value, types.FunctionType):
        return value.__code__, _told(value.__defaults__), tuple(_cell(cell) for cell in value.__closure__ or ())
    if isinstance(value, Tensor):
        return tuple(value.shape), value.dtype, value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes()
    if isinstance(value, types.MethodType):
        return _told(value.__func__), type(value.__self__)
    return type(value), _equal(value)


def _equal(value: Any) -> Hashable:
    """Something else, where its type says what equals it: a function of torch, a member of an Enum."""
    own: Any = type(value).__hash__
    if own is None or own is object.__hash__:
        return None
    try:
        hash(value)
    except TypeError:
        return None
    return value  # type: ignore[no-any-return]


def _cell(cell: Any) -> Hashable:
    try:
        value = cell.cell_contents
    except ValueError:  # empty
        return None
    return None if isinstance(value, nn.Module) else _told(value)
