"""Values that flow through a graph for one example: what gives each node its shape.

They are tensors on torch's meta device, which have shape and type and cost nothing to compute. Where an operator has no
such form, because its shape or the control flow depends on the numbers, real tensors are computed instead.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from operator import attrgetter
from typing import Any

import torch
from torch import fx, nn


class Flow:
    """Computes what a node gives for the values of its inputs; modules are in evaluation mode meanwhile."""

    def __init__(self, *, real: bool) -> None:
        self.real = real

    def given(self, value: Any) -> Any:
        """Returns an example input, a parameter or a buffer as a value of this flow."""
        return value.to("meta") if isinstance(value, torch.Tensor) and not self.real else value

    def call(self, op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Returns what a module or a function gives."""
        with torch.no_grad():
            if not isinstance(op, nn.Module):
                return op(*args, **kwargs)
            with _evaluating(op), nullcontext() if self.real else _without_numbers(op):
                return op(*args, **kwargs)

    def value(self, part: Callable[[str], Any], node: fx.Node, known: Mapping[fx.Node, Any]) -> Any:
        """Returns what a node gives, where `part` finds modules and tensors and `known` the values of its inputs."""
        args, kwargs = fx.map_arg((node.args, node.kwargs), known.__getitem__)
        target: Any = node.target
        if node.op == "get_attr":
            found = self.given(part(target))
            return found.clone() if self.real and isinstance(found, torch.Tensor) else found  # it may be written to
        if node.op == "call_module":
            return self.call(part(target), *args, **kwargs)
        if node.op == "call_method":
            return self.call(lambda first, *rest, **named: getattr(first, target)(*rest, **named), *args, **kwargs)
        return self.call(target, *args, **kwargs)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = [(one, one.training) for one in module.modules()]
    for one, _ in modes:
        one.training = False
    try:
        yield
    finally:
        for one, training in modes:
            one.training = training


@contextmanager
def _without_numbers(module: nn.Module) -> Iterator[None]:
    """Puts tensors without storage in the place of all weights; torch's `functional_call` forgets shared modules."""
    places: list[Any] = [place for one in module.modules() for place in (one._parameters, one._buffers)]
    held = [(place, dict(place)) for place in places]
    for place, tensors in held:
        place.update({name: None if tensor is None else tensor.to("meta") for name, tensor in tensors.items()})
    try:
        yield
    finally:
        for place, tensors in held:
            place.update(tensors)


def parts_of(root: nn.Module) -> Callable[[str], Any]:
    """Returns the function that finds a part of a module by its path."""
    return lambda path: attrgetter(path)(root)


def alike(one: Any, other: Any) -> bool:
    """Whether two values have the same shapes and types, so that what reads one can read the other."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape == other.shape and one.dtype == other.dtype
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def same(one: Any, other: Any) -> bool:
    """Whether two results of a model are equal in all numbers, up to rounding."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return alike(one, other) and torch.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other)


def double(value: Any) -> Any:
    """Returns an example of twice the batch: all tensors repeated along their first axis."""
    if isinstance(value, torch.Tensor) and value.ndim:
        return torch.cat([value, value])
    return value
