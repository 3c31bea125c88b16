"""What all ways of training are told, and what they share."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from lanista.fuse._capture import Captured, Loss
from lanista.fuse._data import Data
from lanista.fuse._features import Features
from lanista.fuse._optimizers import Factor
from lanista.fuse._schedules import Schedule
from lanista.fuse._stack import Stack


class Plan:
    """Data, size of batches, loss, how learning rates change, for how many epochs, precision, and what is kept.

    Attributes:
        compile: whether graphs are also tried as torch compiles them.
        steps: of an epoch.
        features: of frozen parts.
    """

    def __init__(
        self,
        data: Data,
        valid: Data,
        *,
        batch: int,
        loss: Loss,
        schedule: Schedule,
        epochs: int,
        precision: torch.dtype | None = None,
        compile: bool = False,
        features: Features | None = None,
    ) -> None:
        self.data, self.valid, self.batch, self.loss = data, valid, batch, loss
        self.schedule, self.epochs, self.precision, self.compile = schedule, epochs, precision, compile
        self.features = features or Features()
        self.steps = -(-len(data) // batch)

    def factor(self, step: float) -> float:
        """What a learning rate is multiplied by."""
        return float(self.schedule(min(step / (self.steps * self.epochs), 1.0)))

    def factors(self, begun: Sequence[float], step: int) -> Factor:
        """That of each place `step` steps after those that it had done, or one number where all are equal."""
        if len(set(begun)) == 1:
            return self.factor(begun[0] + step)
        return [self.factor(first + step) for first in begun]

    @property
    def start(self) -> slice:
        """The examples of a batch to try things with."""
        return slice(0, min(self.batch, len(self.data)))

    def spans(self, count: int) -> Iterator[slice]:
        """The batches of an epoch; the last one may be smaller."""
        return (slice(at, min(at + self.batch, count)) for at in range(0, count, self.batch))


class Way(Protocol):
    """A way to train and judge the models of a stack."""

    name: str

    def train(self, stack: Stack, plan: Plan) -> Tensor:
        """Trains for an epoch; the mean loss of each place, (k,)."""
        ...

    def judge(self, stack: Stack, plan: Plan, *, outputs: bool) -> tuple[Tensor, list[Tensor | None]]:
        """The mean validation loss of each place, (k,), and, where wanted, the outputs of each, (n, ...)."""
        ...


class Drawn:
    """The uniform numbers of an epoch: each model's from a generator of its own, whoever is beside it."""

    def __init__(self, stack: Stack) -> None:
        self._device = stack.device
        self._size = stack.size
        self._generators = {
            k: member.noise(stack.device) for k, member in enumerate(stack.members) if member is not None
        }

    def all(self, captured: Captured) -> list[Tensor]:
        """What a graph of all models takes, each (k, ...)."""
        if not captured.noise:
            return []
        sizes = [shape.numel() for shape in captured.noise]
        drawn = torch.zeros((self._size, sum(sizes)), device=self._device)
        for k, generator in self._generators.items():
            drawn[k].uniform_(generator=generator)
        return [
            part.view(self._size, *shape) for part, shape in zip(drawn.split(sizes, 1), captured.noise, strict=True)
        ]

    def one(self, captured: Captured, k: int) -> list[Tensor]:
        """What the graph of the model in place k takes."""
        sizes = [shape.numel() for shape in captured.noise]
        drawn = torch.empty(sum(sizes), device=self._device)
        if sizes:
            drawn.uniform_(generator=self._generators[k])
        return [part.view(shape) for part, shape in zip(drawn.split(sizes), captured.noise, strict=True)]
