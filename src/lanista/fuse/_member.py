"""One model in training: what it is, where it stands, and the random numbers that are its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lanista.fuse._capture import split
from lanista.fuse._dropouts import dropouts


@dataclass
class State:
    """All that a model in training can go on from: tensors by name."""

    weights: dict[str, Tensor]
    buffers: dict[str, Tensor]
    moments: list[dict[str, Tensor]]
    step: int = 0
    epoch: int = 0
    seed: int = 0
    """What the module was made from, its weights that are not trained included."""

    def state_dict(self) -> dict[str, Any]:
        """For checkpoints."""
        return vars(self)

    def load_state_dict(self, held: Mapping[str, Any]) -> None:
        """Takes over what a checkpoint holds."""
        vars(self).update(held)

    def to(self, device: torch.device) -> "State":
        """On a device."""
        moments = [_moved(moment, device) for moment in self.moments]
        return State(
            _moved(self.weights, device), _moved(self.buffers, device), moments, self.step, self.epoch, self.seed
        )


def _moved(held: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: part.to(device) for name, part in held.items()}


@dataclass(eq=False)
class Member:
    """A model on its way.

    Attributes:
        module: the model, as its constructor made it; its tensors are where it began.
        modes: which of its modules are in training mode while it trains.
        hyper: the optimiser's hyperparameters; `lr` before the schedule.
        smoothing: of labels.
        rates: of its dropout layers.
        seed: what the module was made from; also of its dropout.
        order_seed: of the order of the data.
        epoch: how many epochs are done.
        state: where it goes on from, where that is not where the module stands.
    """

    module: nn.Module
    hyper: dict[str, float]
    smoothing: float = 0.0
    seed: int = 0
    order_seed: int = 0
    epoch: int = 0
    state: State | None = None
    modes: list[bool] = field(init=False)
    rates: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.modes = [module.training for module in self.module.modules()]
        self.rates = [float(layer.p) for layer in dropouts(self.module)]  # type: ignore[arg-type]

    def train(self, on: bool) -> nn.Module:
        """The module, in the modes that it trains in, or evaluated."""
        for module, mode in zip(self.module.modules(), self.modes, strict=True):
            module.training = mode and on
        return self.module

    def order(self, count: int) -> Tensor:
        """The order of the data in the coming epoch."""
        return torch.randperm(count, generator=self._generator(self.order_seed, 1))

    def noise(self, device: torch.device) -> torch.Generator:
        """What its random operators draw from in the coming epoch."""
        return self._generator(self.seed, 2, device)

    def _generator(self, seed: int, stream: int, device: torch.device | None = None) -> torch.Generator:
        key = (seed * 1_000_003 + self.epoch) * 4 + stream
        return torch.Generator(device or "cpu").manual_seed(key & 0x7FFF_FFFF_FFFF_FFFF)

    def start(self, moments: int) -> State:
        """Where it goes on from."""
        if self.state is not None:
            return self.state
        weights, buffers, _ = split(self.module)
        zeros = [{name: torch.zeros_like(part) for name, part in weights.items()} for _ in range(moments)]
        return State(weights, {name: part.clone() for name, part in buffers.items()}, zeros, seed=self.seed)
