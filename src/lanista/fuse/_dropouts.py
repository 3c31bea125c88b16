"""Dropout layers whose rates are tensors, so that they may differ between the models of a stack."""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

_PLAIN = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_ALPHA = (nn.AlphaDropout, nn.FeatureAlphaDropout)

_LOWEST = -1.7580993408473766
"""What SELU tends to: the value of what is dropped (Klambauer et al., 2017)."""


def dropouts(model: nn.Module) -> list[nn.Module]:
    """The dropout layers, whose rates may differ between the models of a stack."""
    return [module for module in model.modules() if type(module) in _PLAIN + _ALPHA]


@contextlib.contextmanager
def rated(drops: Sequence[nn.Module], rates: Tensor | None) -> Iterator[None]:
    """Lets dropout layers take their rates, and the numbers that they compare with these, from tensors."""
    try:
        for i, drop in enumerate(drops):
            if drop.training and rates is not None:
                drop.forward = _Dropout(drop, rates[i]) if drop.p else _same  # it then draws nothing
        yield
    finally:
        for drop in drops:
            vars(drop).pop("forward", None)


def _same(x: Tensor) -> Tensor:
    return x


class _Dropout:
    """A dropout layer's forward at a rate that is a tensor."""

    def __init__(self, layer: nn.Module, rate: Tensor) -> None:
        self._layer, self._rate = layer, rate

    def __call__(self, x: Tensor) -> Tensor:
        rate = self._rate
        keep = torch.rand(self._shape(x), dtype=rate.dtype, device=x.device) >= rate
        if not isinstance(self._layer, _ALPHA):
            return x * torch.where(keep, 1 / (1 - rate), 0.0).to(x.dtype)
        scale = ((1 - rate) * (1 + _LOWEST**2 * rate)).rsqrt().nan_to_num(posinf=0.0)
        shift = torch.where(keep, -_LOWEST * scale * rate, _LOWEST * scale * (1 - rate))
        return x * torch.where(keep, scale, 0.0).to(x.dtype) + shift.to(x.dtype)

    def _shape(self, x: Tensor) -> list[int]:
        """Of what is dropped: whole channels where the layer is of 1, 2 or 3 dimensions, or of features."""
        shape = list(x.shape)
        dims = type(self._layer).__name__[-2:-1]
        if dims.isdigit():
            shape[len(shape) - int(dims) :] = [1] * int(dims)
        elif isinstance(self._layer, nn.FeatureAlphaDropout):
            shape[2:] = [1] * (len(shape) - 2)
        return shape
