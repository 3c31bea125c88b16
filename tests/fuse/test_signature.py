"""Which models are held to be alike."""

import enum
import functools

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from lanista.fuse._signature import signature


class Side(enum.Enum):
    LEFT, RIGHT = 1, 2


class Power(nn.Module):
    def __init__(self, power: object) -> None:
        super().__init__()
        self.weight, self.power = nn.Parameter(torch.ones(3)), power

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight) ** self.power


def local(power: int) -> nn.Module:
    """A model whose class is made anew at each call."""

    class Local(Power):
        def forward(self, x: Tensor) -> Tensor:
            return x * power

    return Local(1)


def other() -> nn.Module:
    class Local(Power):
        def forward(self, x: Tensor) -> Tensor:
            return x + 1

    return Local(1)


def tied(tie: bool) -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    if tie:
        model[1].weight = model[0].weight
    return model


def frozen(freeze: bool) -> nn.Module:
    model = nn.Linear(3, 3)
    model.weight.requires_grad_(not freeze)
    return model


def scaled(factor: float) -> object:
    return lambda x: x * factor


ALIKE = {
    "weights": lambda k: nn.Linear(3, 2),
    "rates of dropout": lambda k: nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.1 + k / 4), nn.AlphaDropout(0.1 + k / 4)),
    "classes of functions": lambda k: local(2),
    "parametrizations": lambda k: parametrizations.weight_norm(nn.Linear(3, 2)),
    "tied": lambda k: tied(True),
    "functions": lambda k: Power(scaled(2.0)),
    "buffers": lambda k: nn.BatchNorm1d(3),
}

APART = {
    "shapes": lambda k: nn.Linear(3, 2 + k),
    "types": lambda k: nn.Linear(3, 2).to((torch.float32, torch.float64)[k]),
    "settings": lambda k: nn.Sequential(nn.LeakyReLU(0.1 * (k + 1))),
    "no dropout": lambda k: nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5 * k)),
    "rates of attention": lambda k: nn.MultiheadAttention(4, 2, dropout=0.1 + k / 10),
    "classes of functions": lambda k: local(2 + k),
    "code": lambda k: (local(2), other())[k],
    "parametrizations": lambda k: (parametrizations.weight_norm, parametrizations.spectral_norm)[k](nn.Linear(3, 2)),
    "parametrized": lambda k: (parametrizations.weight_norm, lambda m: m)[k](nn.Linear(3, 2)),
    "tied": lambda k: tied(bool(k)),
    "trained": lambda k: frozen(bool(k)),
    "functions of torch": lambda k: Power((torch.relu, torch.tanh)[k]),
    "methods": lambda k: Power((torch.Size([1]).count, nn.Linear(2, 2).forward)[k]),
    "members of an enum": lambda k: Power(tuple(Side)[k]),
    "numbers of numpy": lambda k: Power(np.int64(k)),
    "tensors of few bits": lambda k: Power(torch.tensor([1.0 + k], dtype=torch.bfloat16)),
    "closures": lambda k: Power(scaled(2.0 + k)),
    "partial functions": lambda k: Power(functools.partial(pow, k)),
    "tensors": lambda k: Power(torch.full((3,), float(k))),
    "lists": lambda k: Power([1, k]),
    "mappings": lambda k: Power({"a": k}),
    "sets": lambda k: Power({k}),
    "order": lambda k: nn.Sequential(*[nn.Tanh(), nn.ReLU()][:: 1 - 2 * k]),
    "no bias": lambda k: nn.Linear(3, 2, bias=bool(k)),
}


@pytest.mark.parametrize("make", ALIKE.values(), ids=ALIKE)
def test_alike(make) -> None:
    assert signature(make(0)) == signature(make(1))
    assert hash(signature(make(0))) == hash(signature(make(1)))


@pytest.mark.parametrize("make", APART.values(), ids=APART)
def test_apart(make) -> None:
    assert signature(make(0)) != signature(make(1))
