"""Proxies from one or two backward passes: synflow, snip, grasp and the norm of the gradient."""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lanista.nas._inputs import Inputs
from lanista.nas.proxies._sandbox import Loss, gradients, loss_of, replaced, result, sandbox, single, weights

NORMS = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
)


def synflow(model: nn.Module, inputs: Inputs, *, seed: int = 0) -> float:
    """Sums the synaptic flow of all weights; higher is better.

    R is the sum of what the model gives for one input of ones when all its parameters are replaced by their absolute
    values, and the flow of a weight w is w · ∂R/∂w (Tanaka et al. 2020). As a score for
    architectures, with normalisation layers left out: Abdelfattah et al. 2021. It sees no data: of the
    inputs only the shape counts. It is computed in double precision, and grows exponentially with depth: report its
    logarithm.

    Args:
        model: the built model; it stays untouched.
        inputs: a batch, or one example with the dimension of the batch.
        seed: of what the model draws in `forward`.

    Raises:
        UsageError: the model has no weights, takes anything but one tensor of real numbers, or fails on it.

    >>> import torch
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> net.weight.data = torch.tensor([[3.0, -4.0]])
    >>> synflow(net, torch.zeros(1, 2))
    7.0
    """
    shape = single(inputs, "synflow").shape[1:]
    with sandbox(model, seed) as twin:
        _skip_norms(twin)
        twin.double().eval()
        with torch.no_grad():
            for tensor in twin.state_dict().values():
                if tensor.is_floating_point():
                    tensor.abs_()
        ones = torch.ones((1, *shape), dtype=torch.float64, device=single(inputs, "synflow").device)
        over = weights(twin, "synflow")
        flows = gradients(result(twin, replaced(inputs, ones)).sum(), over)
        return sum(float(part.abs().sum()) for part in _parts(over, flows))


def snip(model: nn.Module, inputs: Inputs, targets: Any, *, loss: Loss = cross_entropy, seed: int = 0) -> float:
    """Sums how much the loss depends on each weight being there; higher is better.

    The sum of `|w · ∂L/∂w|` over all weights (SNIP, Lee et al. 2019, without its normalisation; as a score
    for architectures: Abdelfattah et al. 2021).

    Args:
        model: the built model; it stays untouched.
        inputs: a batch.
        targets: what the loss compares the model's output with.
        loss: a function of the output and the targets that gives one number.
        seed: of what the model draws in `forward`, such as dropout.

    Raises:
        UsageError: the model has no weights, or the model or the loss fails on the batch.

    >>> import torch
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> net.weight.data = torch.tensor([[3.0, -4.0]])
    >>> snip(net, torch.tensor([[1.0, 2.0]]), None, loss=lambda output, _: output.sum())
    11.0
    """
    with sandbox(model, seed) as twin:
        over = weights(twin, "snip")
        found = gradients(loss_of(twin, inputs, targets, loss), over)
        return sum(float(part.abs().sum()) for part in _parts(over, found))


def grad_norm(model: nn.Module, inputs: Inputs, targets: Any, *, loss: Loss = cross_entropy, seed: int = 0) -> float:
    """Sums the Euclidean norms of the loss's gradient, one norm a weight tensor; higher is better.

    Abdelfattah et al. 2021. Arguments and errors are those of `snip`.

    >>> import torch
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> grad_norm(net, torch.tensor([[3.0, 4.0]]), None, loss=lambda output, _: output.sum())
    5.0
    """
    with sandbox(model, seed) as twin:
        found = gradients(loss_of(twin, inputs, targets, loss), weights(twin, "grad_norm"))
        return sum(float(grad.norm()) for grad in found)


def grasp(model: nn.Module, inputs: Inputs, targets: Any, *, loss: Loss = cross_entropy, seed: int = 0) -> float:
    """Sums how much taking each weight away would raise the flow of the gradient; higher is better.

    The sum of −w · (H g) over all weights, with the gradient g and the Hessian H of the loss (GraSP, Wang et al. 2020,
    with temperature 1; the sign is that of Abdelfattah et al. 2021). It takes two backward passes, and operators that
    can be differentiated twice. Arguments and errors are those of `snip`.

    >>> import torch
    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> net.weight.data = torch.tensor([[3.0]])
    >>> grasp(net, torch.tensor([[1.0]]), None, loss=lambda output, _: (output**2).sum())   # g = 2w, H = 2
    -36.0
    """
    with sandbox(model, seed) as twin, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        over = weights(twin, "grasp")
        first = gradients(loss_of(twin, inputs, targets, loss), over, again=True)
        product = sum(((grad.detach() * grad).sum() for grad in first), torch.zeros((), device=first[0].device))
        second = gradients(product, over) if product.requires_grad else [torch.zeros_like(weight) for weight in over]
        return -sum(float(part.sum()) for part in _parts(over, second))


def _parts(over: list[torch.Tensor], found: list[torch.Tensor]) -> list[torch.Tensor]:
    return [weight.detach() * grad.detach() for weight, grad in zip(over, found, strict=True)]


def _skip_norms(model: nn.Module) -> None:
    """Makes normalisation layers pass on what they are given."""
    for module in model.modules():
        if isinstance(module, NORMS):
            module.forward = _passed  # type: ignore[method-assign]


def _passed(input: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return input.clone()  # what follows may work in place
