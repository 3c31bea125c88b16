"""The weights of many models in one buffer, and their gradients and moments in others."""

from collections.abc import Container, Mapping

import torch
from torch import Tensor

ALIGNED = 64
"""Bytes that rows are a multiple of."""


class Rows:
    """Buffers in which row k is all of model k.

    Attributes:
        weights: (k, p).
        grads: (k, p).
        moments: what the optimiser remembers, each (k, p).
        steps: how many steps each model has been trained, (k,).

    Args:
        shapes: of each weight; all of one type.
        flipped: the names of matrices that are kept transposed, so that products by their transpose are fast.
        count: how many models, k.
        moments: how many moments there are.
        like: a tensor of the type and device that the buffers are to have.
    """

    def __init__(
        self, shapes: Mapping[str, torch.Size], count: int, moments: int, like: Tensor, *, flipped: Container[str] = ()
    ) -> None:
        self._shapes, self._flipped = dict(shapes), flipped
        unit = max(1, ALIGNED // like.element_size())
        width = -(-sum(shape.numel() for shape in shapes.values()) // unit) * unit
        self.weights = like.new_zeros((count, width))
        self.grads = torch.zeros_like(self.weights)
        self.moments = [torch.zeros_like(self.weights) for _ in range(moments)]
        self.steps = torch.zeros(count, dtype=torch.float32, device=like.device)
        self._lists: list[list[Tensor]] | None = None
        self._parts: dict[int | None, list[Tensor]] = {}

    def views(self, buffer: Tensor) -> dict[str, Tensor]:
        """Each weight's part of a buffer, (k, *shape), or (*shape) of one row."""
        lead, at = buffer.shape[:-1], 0
        found = {}
        for name, shape in self._shapes.items():
            part = buffer.narrow(-1, at, shape.numel())
            flip = name in self._flipped
            found[name] = part.view(*lead, *shape[::-1]).mT if flip else part.view(*lead, *shape)
            at += shape.numel()
        return found

    @property
    def lists(self) -> list[list[Tensor]]:
        """Weights, gradients, moments and steps, each as a list of rows."""
        if self._lists is None:
            self._lists = [list(part.unbind()) for part in (self.weights, self.grads, *self.moments, self.steps)]
        return self._lists

    def part(self, k: int | None) -> list[Tensor]:
        """Weights, gradients and moments, of all rows or of row k alone, (1, p)."""
        if k not in self._parts:
            at = slice(None) if k is None else slice(k, k + 1)
            self._parts[k] = [buffer[at] for buffer in (self.weights, self.grads, *self.moments)]
        return self._parts[k]

    def count(self, k: int | None) -> None:
        """Counts a step, of all rows or of row k alone."""
        if k is None:
            self.steps += 1
        else:
            self.lists[-1][k].add_(1)

    def keep(self, rows: list[int], extra: int = 0) -> None:
        """Keeps these rows, in this order, and adds empty ones at the end."""
        held = (self.weights, self.grads, self.steps, *self.moments)
        made = [_kept(buffer, rows, extra) for buffer in held]  # all of them, or none where there is no memory
        self.weights, self.grads, self.steps, *self.moments = made
        self._lists, self._parts = None, {}


def _kept(buffer: Tensor, rows: list[int], extra: int) -> Tensor:
    made = buffer.new_zeros((len(rows) + extra, *buffer.shape[1:]))
    if rows:
        made[: len(rows)] = buffer[rows]
    return made
