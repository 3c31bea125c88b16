"""Where proxies run: on a copy of the model, so that the model itself stays as it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lanista.errors import UsageError
from lanista.nas._inputs import Inputs, bind, duplicate, failures, seeded, tensors

Loss = Callable[[Any, Any], torch.Tensor]


@contextmanager
def sandbox(model: nn.Module, seed: int) -> Iterator[nn.Module]:
    """Gives a copy in training mode, whose weights all take gradients; random numbers are seeded and go on as before.

    Raises:
        UsageError: the model is no module, or cannot be copied.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(f"the model is a {type(model).__name__}, not a torch.nn.Module: give the built model")
    with seeded(seed, model), torch.inference_mode(False), torch.enable_grad():
        twin = duplicate(model).train()
        for param in twin.parameters():
            if param.is_floating_point():
                param.requires_grad_(True)
        yield twin


def weights(model: nn.Module, name: str) -> list[torch.Tensor]:
    """The parameters that proxies sum over: with two or more dimensions, and not in an embedding; a shared one once.

    Of networks of convolutions and linear layers these are the weights, without biases and normalisation.

    Raises:
        UsageError: the model has none, so that the proxy called `name` says nothing.
    """
    found = {
        id(param): param
        for module in model.modules()
        if not isinstance(module, (nn.Embedding, nn.EmbeddingBag))
        for param in module.parameters(recurse=False)
        if param.ndim > 1 and param.is_floating_point()
    }
    if not found:
        raise UsageError(f"{name} sums over weights, and {type(model).__name__} has none of two or more dimensions")
    return list(found.values())


def result(model: nn.Module, inputs: Inputs) -> torch.Tensor:
    """Calls the model.

    Raises:
        UsageError: it fails, or gives anything but one tensor of numbers that have gradients.
    """
    output = bind(model, inputs)()
    if not isinstance(output, torch.Tensor):
        raise UsageError(
            f"the model gives a {type(output).__name__}, and a proxy needs one tensor: "
            "wrap the model in a module that returns that tensor only"
        )
    return output


def loss_of(model: nn.Module, inputs: Inputs, targets: Any, loss: Loss) -> torch.Tensor:
    """The loss of the model on a batch.

    Raises:
        UsageError: the loss does not fit the model's output and the targets, or is not a single number.
    """
    output = result(model, inputs)
    with failures([output, *tensors(targets)], "the loss fails on an output and targets"):
        value = loss(output, targets)
        if value.numel() != 1:
            raise ValueError(f"the loss has {value.numel()} numbers: it must have one")
    return value


def single(inputs: Inputs, name: str) -> torch.Tensor:
    """The one tensor of real numbers that some proxies can work with.

    Raises:
        UsageError: there are several inputs, or they are integers.
    """
    found = tensors(inputs)
    if len(found) != 1 or not found[0].is_floating_point():
        what = ", ".join(str(tensor.dtype).removeprefix("torch.") for tensor in found)
        raise UsageError(f"{name} needs one input of real numbers, and was given {len(found)} of {what or 'nothing'}")
    return found[0]


def replaced(inputs: Inputs, tensor: torch.Tensor) -> Inputs:
    """The inputs with another tensor in the place of the only one."""
    if isinstance(inputs, torch.Tensor):
        return tensor
    if isinstance(inputs, tuple):
        return tuple(tensor if isinstance(value, torch.Tensor) else value for value in inputs)
    return {key: tensor if isinstance(value, torch.Tensor) else value for key, value in inputs.items()}


def gradients(value: torch.Tensor, over: list[torch.Tensor], *, again: bool = False) -> list[torch.Tensor]:
    """The gradient of one number over each tensor, zeros where it does not depend on it.

    Raises:
        UsageError: nothing in the model leads to the number.
    """
    if not value.requires_grad:
        raise UsageError(
            "the model's output has no gradient: its forward may not detach, nor run under torch.no_grad()"
        )
    with failures(over):
        found = torch.autograd.grad(value, over, create_graph=again, allow_unused=True)
    return [torch.zeros_like(tensor) if grad is None else grad for tensor, grad in zip(over, found, strict=True)]
