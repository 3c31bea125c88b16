"""What frozen parts of models make of the data is computed once."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import lanista as la
from lanista.fuse import How, Trainer

X = np.random.default_rng(0).normal(size=(70, 2, 6, 6)).astype("float32")
X[[0, 50], 0, 0, 0] = 9.0
Y = np.random.default_rng(1).integers(0, 3, 70)


class Backbone(nn.Module):
    """A frozen backbone; with `mixes` an example's features depend on the others in the batch."""

    def __init__(self, seed: int = 0, *, mixes: bool = False) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.conv, self.norm = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)
        for weight in self.parameters():
            weight.data = torch.randn(weight.shape, generator=rng) * 0.3
            weight.requires_grad_(False)
        self.mixes = mixes
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.conv(x)))
        if self.mixes:
            y = y - y.mean(0)
        return y.flatten(1)


class Net(nn.Module):
    def __init__(self, width: int, backbone: nn.Module, *, skip: bool = False) -> None:
        super().__init__()
        self.backbone, self.skip = backbone, skip
        self.head = nn.Sequential(nn.Linear(64 + 72 * skip, width), nn.Tanh(), nn.Linear(width, 3))

    def forward(self, x: Tensor) -> Tensor:
        found = self.backbone(x)
        return self.head(torch.cat([found, x.flatten(1)], 1) if self.skip else found)


class Patches(nn.Module):
    """Frozen attention between patches, whose products take batch and heads as one dimension."""

    def __init__(self) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(3)
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        for weight in self.parameters():
            weight.data = torch.randn(weight.shape, generator=rng) * 0.3
            weight.requires_grad_(False)
        self.eval()
        self.head = nn.Linear(72, 3)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 1, 3).flatten(2)
        return self.head(self.attention(rows, rows, rows, need_weights=False)[0].flatten(1))


class Largest(nn.Module):
    """Divides by the largest number of the batch, which the first example has."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(72, 8).requires_grad_(False)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x.flatten(1) / x[:, 0, 0, 0].max()))


class TimeFirst(nn.Module):
    """Its features have the time, of 2 steps, as first dimension; the last batch has 2 examples."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(36, 8).requires_grad_(False)
        self.weight, self.head = nn.Parameter(torch.randn(2, 1, 8)), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.body(x.flatten(2))).transpose(0, 1)
        return self.head((y * self.weight).sum(0))


def losses(model: Callable[[Any], nn.Module], how: How, cohort: int = 4) -> list[float]:
    """The losses of four trials, two learning rates by two widths."""
    trainer = Trainer(
        model,
        ((X[:50], Y[:50]), (X[50:], Y[50:])),
        loss="cross_entropy",
        epochs=2,
        batch=16,
        hyper={"init_seed": 5},
        how=how,
    )
    exp = la.Experiment(
        "heads",
        {"lr": la.Choice([0.01, 0.02]), "width": la.Choice([4, 8])},
        metric="loss",
        searcher="grid",
        store="memory",
    )
    exp.run(trainer, trials=4, cohort=cohort, progress=False)
    assert [trial.state for trial in exp.trials] == ["completed"] * 4, exp.trials[0].error
    return [trial.metrics["loss"] for trial in exp.trials]


CASES: dict[str, Callable[[Any], nn.Module]] = {
    "alike": lambda p: Net(p["width"], Backbone()),
    "skip": lambda p: Net(p["width"], Backbone(), skip=True),
    "other backbones": lambda p: Net(8, Backbone(p["width"])),
    "patches": lambda p: Patches(),
    "largest of the batch": lambda p: Largest(),
    "time first": lambda p: TimeFirst(),
    "depends on the batch": lambda p: Net(p["width"], Backbone(mixes=True)),
}


@pytest.mark.parametrize("name", CASES)
def test_features_change_no_result(name: str, tmp_path: Path) -> None:
    plain = losses(CASES[name], How(fuse=False))
    assert losses(CASES[name], How()) == pytest.approx(plain, rel=2e-4)
    assert losses(CASES[name], How(cache=str(tmp_path)), cohort=1) == pytest.approx(plain, rel=2e-4)


def test_one_backbone_has_one_set_of_features(tmp_path: Path) -> None:
    losses(CASES["alike"], How(cache=str(tmp_path)))
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 2  # of training and of validation, for both widths of heads
    assert [np.load(next(folder.glob("*.npy"))).shape[1] for folder in folders] == [64, 64]
    losses(CASES["other backbones"], How(cache=str(tmp_path)), cohort=1)
    assert len(list(tmp_path.iterdir())) == 6  # two more backbones


def test_later_runs_take_features_from_their_files_and_see_that_they_fit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = losses(CASES["alike"], How(cache=str(tmp_path)))
    for file in tmp_path.glob("*/*.npy"):
        np.save(file, np.zeros_like(np.load(file)))
    with caplog.at_level(logging.INFO, "lanista.fuse"):
        assert losses(CASES["alike"], How(cache=str(tmp_path))) == pytest.approx(first, rel=2e-4)
    assert "its own code gives another loss" in caplog.text


def test_features_that_depend_on_the_batch_are_not_kept(tmp_path: Path) -> None:
    losses(CASES["depends on the batch"], How(cache=str(tmp_path)))
    assert not any(np.load(file).shape[1:] == (64,) for file in tmp_path.glob("*/*.npy"))


def test_features_of_bfloat16_are_kept_in_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    how = How(cache=str(tmp_path), precision="bfloat16")
    with caplog.at_level(logging.INFO, "lanista.fuse"):
        first = losses(lambda p: Frozen(p["width"]), how)
        assert losses(lambda p: Frozen(p["width"]), how) == pytest.approx(first, rel=0.02)
    assert len(list(tmp_path.glob("*/0.bfloat16.npy"))) == 2
    assert "Error" not in caplog.text


class Frozen(nn.Module):
    """A frozen layer that is drawn with the weights of the trial."""

    def __init__(self, width: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(3)
        self.body, self.head = (
            nn.Linear(72, 8).requires_grad_(False),
            nn.Sequential(nn.Linear(8, width), nn.Linear(width, 3)),
        )
        self.body.weight.copy_(torch.randn((8, 72), generator=rng))
        self.body.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x.flatten(1)))


def test_features_make_way_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else backbones that are drawn for each trial would fill the memory."""
    from lanista.fuse import _features

    kept: list[int] = []
    real = _features.Features._make

    def make(features: Any, *args: Any) -> Any:
        found = real(features, *args)
        kept.append(sum(_features._size(part) for data in features._kept.values() if data for part in data.inputs))
        return found

    monkeypatch.setattr(_features.Features, "_make", make)
    monkeypatch.setattr(_features, "free", lambda device: 4 * 30_000 - (kept[-1] if kept else 0))
    losses(lambda p: Net(8, Backbone(int(1000 * p["lr"]) + p["width"])), How(), cohort=1)
    assert len(kept) == 8
    assert max(kept) <= 30_000
