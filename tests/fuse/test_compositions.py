"""Layers in any order train in a cohort as they do alone, and none of them is refused for how it lies in memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import lanista as la

CLASSES, EXAMPLES = 3, 20
SHAPES = {"rows": (8, 6), "images": (4, 6, 6)}


class Turned(nn.Module):
    """A layer that sees the dimensions after the first in another order."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.transpose(1, -1)).transpose(1, -1)


class First(nn.Module):
    """The first result of a layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(x, x, x, need_weights=False)[0]


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.layer(x).chunk(2, 1)
        return value * torch.sigmoid(gate)


class Scaled(nn.Module):
    """Channels weighed by what all of them are in the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 2), nn.SiLU(), nn.Linear(2, 4), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.layers(x.mean((2, 3)))[:, :, None, None]


BOTH = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
    "dropout": lambda: nn.Dropout(0.2),
    "linear": lambda: nn.Linear(6, 6),
    "layer norm": lambda: nn.LayerNorm(6),
}
LAYERS = {
    "rows": {
        **BOTH,
        "attention": Attending,
        "lstm": lambda: First(nn.LSTM(6, 6, batch_first=True)),
        "gru": lambda: First(nn.GRU(6, 6, batch_first=True)),
        "conv": lambda: nn.Conv1d(8, 8, 3, padding=1),
        "conv, turned": lambda: Turned(nn.Conv1d(6, 6, 3, padding=1)),
        "batch norm": lambda: nn.BatchNorm1d(8),
        "batch norm, turned": lambda: Turned(nn.BatchNorm1d(6)),
        "turned": lambda: Turned(nn.Linear(8, 8)),
        "encoder": lambda: nn.TransformerEncoderLayer(6, 2, 8, 0.1, batch_first=True),
    },
    "images": {
        **BOTH,
        "conv": lambda: nn.Conv2d(4, 4, 3, padding=1),
        "depthwise": lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4, padding_mode="reflect"),
        "pointwise, turned": lambda: Turned(nn.Conv2d(6, 6, 1)),
        "transposed conv": lambda: nn.ConvTranspose2d(4, 4, 3, padding=1),
        "gated": Gated,
        "scaled": Scaled,
        "batch norm": lambda: nn.BatchNorm2d(4),
        "group norm": lambda: nn.GroupNorm(2, 4),
        "instance norm": lambda: nn.InstanceNorm2d(4, affine=True),
        "pool": lambda: nn.MaxPool2d(3, 1, 1),
        "mean pool, turned": lambda: Turned(nn.AvgPool2d(3, 1, 1)),
        "channel dropout": lambda: nn.Dropout2d(0.2),
    },
}


@st.composite
def compositions(draw: st.DrawFn) -> tuple[str, list[str]]:
    kind = draw(st.sampled_from(list(LAYERS)))
    return kind, draw(st.lists(st.sampled_from(list(LAYERS[kind])), min_size=1, max_size=5))


def trained(kind: str, names: list[str], cohort: int) -> tuple[list[float], list[str]]:
    """The losses of three trials, and how they were trained."""
    shape = SHAPES[kind]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((EXAMPLES, *shape), generator=generator, dtype=torch.float64)
    y = torch.randint(CLASSES, (EXAMPLES,), generator=generator)

    def model(params):
        layers = [LAYERS[kind][name]() for name in names]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(x[0].numel(), CLASSES)).double()

    trainer = la.fuse.Trainer(
        model, ((x, y), (x, y)), loss="cross_entropy", optimizer="sgd", epochs=2, batch=16, hyper={"momentum": 0.9}
    )
    space = {"lr": la.Choice([0.001, 0.01, 0.03])}
    exp = la.Experiment("composed", space, metric="loss", searcher="grid", store="memory", seed=0)
    exp.run(trainer, trials=3, cohort=cohort, progress=False)
    return [trial.value for trial in exp.trials], [exp.history.notes[k]["training"] for k in range(3)]


def check(kind: str, names: list[str]) -> None:
    losses, notes = trained(kind, names, cohort=3)
    assert not any("Error" in note or "its own code" in note for note in notes), notes[0]
    assert losses == pytest.approx(trained(kind, names, cohort=1)[0], rel=1e-7)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("rows", ["conv, turned", "softplus"]),
        ("images", ["pool", "instance norm", "pointwise, turned", "dropout"]),
    ],
)
def test_layers_that_leave_memory_in_another_order(kind, names) -> None:
    check(kind, names)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(compositions())
def test_layers_in_any_order(composition) -> None:
    check(*composition)
