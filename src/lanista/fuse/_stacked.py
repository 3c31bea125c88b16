"""Values of many models in one tensor."""

from typing import Any

from torch import Tensor

from lanista._frozen import Frozen


class Stacked(Frozen):
    """A tensor whose first dimension is the model, whatever order its memory has."""

    tensor: Tensor


def spread(value: Any, count: int) -> Tensor:
    """The tensor of a value with the model as its first dimension; of a shared one, without copying it."""
    return value.tensor if isinstance(value, Stacked) else value.unsqueeze(0).expand(count, *value.shape)


def inner(x: Tensor) -> bool:
    """Whether the batch, the second dimension, is the outer one in memory: x is (k, b, ...)."""
    return x.dim() > 1 and x.stride(1) > x.stride(0) and x.shape[0] > 1 and x.shape[1] > 1


def fold(x: Tensor, batch_first: bool) -> Tensor:
    """Models and batch as one dimension: (k, b, ...) to (k b, ...), or (b k, ...) with `batch_first`."""
    return (x.transpose(0, 1) if batch_first else x).flatten(0, 1)


def unfold(x: Tensor, count: int, batch_first: bool) -> Tensor:
    """The inverse of `fold`."""
    made: Tensor = x.unflatten(0, (-1, count) if batch_first else (count, -1))
    return made.transpose(0, 1) if batch_first else made


def channels(x: Tensor) -> Tensor:
    """Models and channels as one dimension: (k, b, c, ...) to (b, k c, ...); free where memory is in that order."""
    return x.transpose(0, 1).flatten(1, 2)


def models(x: Tensor, count: int) -> Tensor:
    """The inverse of `channels`."""
    made: Tensor = x.unflatten(1, (count, -1))
    return made.transpose(0, 1)
