"""The plain module that an input choice becomes."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from lanista.errors import UsageError

Reduce = Literal["sum", "mean", "concat", "none"]
REDUCTIONS: tuple[Reduce, ...] = ("sum", "mean", "concat", "none")


class Select(nn.Module):
    """Takes some of its inputs, and makes one tensor of them.

    Args:
        count: how many inputs there are.
        chosen: which of them are taken.
        reduce: "sum", "mean", "concat" (along dimension 1), or "none": a list.

    >>> import torch
    >>> from lanista.nas import Select
    >>> Select(3, [0, 2])([torch.ones(1), torch.zeros(1), torch.ones(1)])
    tensor([2.])
    """

    def __init__(self, count: int, chosen: Sequence[int], reduce: Reduce = "sum") -> None:
        super().__init__()
        if reduce not in REDUCTIONS:
            raise UsageError(f"reduce={reduce!r} is none of {', '.join(map(repr, REDUCTIONS))}")
        self.count, self.chosen, self.reduce = count, tuple(chosen), reduce

    def forward(self, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Takes `count` tensors."""
        if len(inputs) != self.count:
            raise UsageError(f"an input choice among {self.count} was given {len(inputs)} inputs")
        taken = [inputs[i] for i in self.chosen]
        return taken if self.reduce == "none" else merged(taken, self.reduce)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{list(self.chosen)} of {self.count}, reduce={self.reduce!r}"


def merged(taken: Sequence[Tensor], reduce: Reduce) -> Tensor:
    """One tensor of several; a single one stays as it is."""
    if len(taken) == 1:
        return taken[0]
    if reduce == "concat":
        return torch.cat(list(taken), 1)
    total = taken[0]
    for one in taken[1:]:
        total = total + one
    return total / len(taken) if reduce == "mean" else total
