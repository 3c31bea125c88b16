"""Whether tensors are the same up to rounding."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_TOLERANCE = {
    torch.float64: (1e-8, 1e-12),
    torch.float32: (2e-3, 1e-5),
    torch.bfloat16: (0.1, 0.02),
    torch.float16: (0.05, 0.005),
}
"""How far numbers may be apart: as a share of the largest of their tensor, and of the largest of all that are its like.

The second is for what should be nought and is the rest of larger numbers, such as the gradient of a bias before batch
normalisation.
"""


def alike(ours: Sequence[Tensor], theirs: Sequence[Tensor], dtype: torch.dtype) -> bool:
    """Whether losses are the same up to rounding in numbers of a type, and so is what comes after the loss."""
    return close(ours[:1], theirs[:1], dtype) and close(ours[1:], theirs[1:], dtype)


def close(ours: Sequence[Tensor], theirs: Sequence[Tensor], dtype: torch.dtype) -> bool:
    """Whether tensors are alike; what is no number must be none in both."""
    share, rest = _TOLERANCE[dtype]
    ours, theirs = ([part.int() if part.dtype is torch.bool else part for part in given] for given in (ours, theirs))
    largest = [_largest(part) for part in theirs]
    room = rest * max(largest, default=0.0)
    return all(_far(a, b) <= share * own + room for a, b, own in zip(ours, theirs, largest, strict=True))


def _largest(part: Tensor) -> float:
    fine = part[torch.isfinite(part)]
    return float(fine.abs().max()) if fine.numel() else 0.0


def _far(a: Tensor, b: Tensor) -> float:
    """The largest difference."""
    fine = torch.isfinite(b)
    if not torch.equal(fine, torch.isfinite(a)):
        return math.inf
    return float((a[fine] - b[fine]).abs().max()) if bool(fine.any()) else 0.0
