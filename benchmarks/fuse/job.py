"""Some models of a case, to be trained for epochs, whoever trains them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.fuse.models import CASES, Case

MOMENTUM = 0.9


@dataclass(frozen=True)
class Job:
    """Models that differ in their first weights and learning rates.

    Attributes:
        name: of the case.
        first: the number of the first of them.
        count: how many.
        device: where they are trained.
        double: in float64.
    """

    name: str
    count: int
    first: int = 0
    device: str = "cpu"
    double: bool = False

    @property
    def case(self) -> Case:
        return CASES[self.name]

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64 if self.double else torch.float32

    def model(self, k: int) -> nn.Module:
        """Model k, the same for whoever asks."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(k)
            return self.case.model().to(torch.device(self.device), self.dtype)

    def rate(self, k: int) -> float:
        """The learning rate of model k, between 0.001 and 0.01."""
        return float(0.001 * 10 ** (k % 16 / 15))

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.count)

    def data(self) -> tuple[Tensor, Tensor]:
        return self.case.data(self.dtype, torch.device(self.device))

    def settle(self) -> None:
        """Waits until what was asked of a GPU is done."""
        if self.device != "cpu":
            torch.cuda.synchronize()
