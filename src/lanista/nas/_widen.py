"""Layers with more channels: the copies of weights that leave the function of a network as it is."""

import copy
from typing import Any

import torch
from torch import nn

from lanista.nas._channels import BATCH_NORMS, CONVOLUTIONS, Copies, depthwise


def widened(module: nn.Module, outputs: Copies | None, inputs: Copies | None, rng: torch.Generator) -> nn.Module:
    """Returns a layer with copies of its outputs, and that takes copies of its inputs for one."""
    new: Any = copy.deepcopy(module)
    if inputs is not None:
        _take(new, inputs, rng)
    if outputs is not None:
        _give(new, outputs)
    made: nn.Module = new
    return made


def _take(layer: Any, copies: Copies, rng: torch.Generator) -> None:
    """The weights of a channel are shared out among its copies."""
    groups = getattr(layer, "groups", 1)
    of = [channel for channel in copies.of if channel < len(set(copies.of)) // groups]  # those of the first group
    _set(layer, "weight", layer.weight[:, of] * _shares(of, rng, layer.weight))
    if isinstance(layer, nn.Linear):
        layer.in_features = len(copies.of)
    else:
        layer.in_channels = len(copies.of)


def _shares(of: list[int], rng: torch.Generator, like: torch.Tensor) -> torch.Tensor:
    """The share of each copy: random, so that copies learn different things, and together 1 for each channel.

    Equal shares, as in the paper, leave copies with equal gradients for ever; there noise breaks the tie.
    """
    weights = torch.rand(len(of), generator=rng, dtype=torch.float64) + 0.5
    sums = torch.zeros(max(of) + 1, dtype=torch.float64).index_add(0, torch.tensor(of), weights)
    shares = (weights / sums[of]).to(like)
    return shares.reshape(1, -1, *[1] * (like.ndim - 2))


def _give(layer: Any, copies: Copies) -> None:
    """The settings of a channel are copied."""
    of = list(copies.of)
    if depthwise(layer):
        times = layer.out_channels // layer.groups
        layer.in_channels = layer.groups = len(of)
        of = [times * channel + i for channel in of for i in range(times)]
    if isinstance(layer, nn.PReLU) and layer.num_parameters == 1:
        return
    for name in ("weight", "bias"):
        if getattr(layer, name, None) is not None:
            _set(layer, name, getattr(layer, name)[of])
    for name in ("running_mean", "running_var"):
        if getattr(layer, name, None) is not None:
            setattr(layer, name, getattr(layer, name)[of].clone())
    _count(layer, len(of))


def _count(layer: Any, count: int) -> None:
    if isinstance(layer, nn.Linear):
        layer.out_features = count
    elif isinstance(layer, CONVOLUTIONS):
        layer.out_channels = count
    elif isinstance(layer, BATCH_NORMS):
        layer.num_features = count
    elif isinstance(layer, nn.GroupNorm):
        layer.num_channels = count
    elif isinstance(layer, nn.LayerNorm):
        layer.normalized_shape = (count,)
    elif isinstance(layer, nn.PReLU):
        layer.num_parameters = count


def _set(layer: Any, name: str, value: torch.Tensor) -> None:
    wanted = getattr(layer, name).requires_grad
    setattr(layer, name, nn.Parameter(value.detach().clone().contiguous(), requires_grad=wanted))
