"""What a model is called with, and errors that say what does not fit."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as tree

from lanista.errors import UsageError

Inputs = torch.Tensor | tuple[Any, ...] | Mapping[str, Any]


def bind(model: nn.Module, inputs: Inputs) -> Callable[[], Any]:
    """Returns a function that calls the model with its inputs.

    Args:
        model: any module.
        inputs: a tensor, a tuple of positional arguments, or a mapping of keyword arguments.

    Raises:
        UsageError: the model is no module, the inputs hold no tensor, or live on another device than the model.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(f"the model is a {type(model).__name__}, not a torch.nn.Module: give the built model")
    given = tensors(inputs)
    if not given:
        raise UsageError(f"the inputs {inputs!r} hold no tensor: give one, a tuple of them, or a dict by argument name")
    home, places = device_of(model, given[0].device), {tensor.device for tensor in given}
    if places != {home}:
        found = ", ".join(sorted(str(place) for place in places))
        raise UsageError(f"the model is on {home} and the inputs are on {found}: move one of them with .to(...)")
    keywords = dict(inputs) if isinstance(inputs, Mapping) else {}
    arguments = () if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple) else (inputs,)

    def call() -> Any:
        with failures(given):
            return model(*arguments, **keywords)

    return call


def tensors(values: Any) -> list[torch.Tensor]:
    """All tensors in a nest of tuples, lists and mappings."""
    return [leaf for leaf in tree.tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def device_of(model: nn.Module, other: torch.device) -> torch.device:
    """Where the model's first parameter or buffer lives, or `other` where it has none."""
    first = next(chain(model.parameters(), model.buffers()), None)
    return other if first is None else first.device


@contextmanager
def failures(given: list[torch.Tensor], what: str = "the model fails on inputs") -> Iterator[None]:
    """Turns what goes wrong inside a user's code into an error of ours that names the inputs' shapes.

    Raises:
        UsageError: the code in the block failed.
    """
    try:
        yield
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, UsageError):
            raise
        shapes = ", ".join(f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}" for tensor in given)
        text = str(error).strip().partition("\n")[0]
        raise UsageError(f"{what} of {shapes}: {type(error).__name__}: {text}") from error


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode without gradients; each module gets its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), seeded(0, model):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def seeded(seed: int, model: nn.Module | None = None) -> Iterator[None]:
    """Seeds torch's generators, on the CPU and where the model lives; they go on as before afterwards."""
    held = () if model is None else chain(model.parameters(), model.buffers())
    with torch.random.fork_rng(devices=sorted({tensor.get_device() for tensor in held if tensor.is_cuda})):
        torch.manual_seed(seed)
        yield


def duplicate(model: nn.Module) -> nn.Module:
    """Copies a model with its weights, without their gradients.

    Raises:
        UsageError: the model cannot be copied.
    """
    try:
        return copy.deepcopy(model)
    except (RuntimeError, TypeError) as error:
        text = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"the model cannot be copied, which is how it is left untouched: {text}. A {type(model).__name__} freshly "
            "built can be; keep no tensors with gradients and no open files or locks in it"
        ) from error
