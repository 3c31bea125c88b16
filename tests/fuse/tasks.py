"""A small task, and trainers for it, that the tests share."""

import pytest
import torch
from torch import nn

import lanista as la

SPACE = {"lr": la.Choice([0.001 * 1.7**i for i in range(10)])}
EPOCHS = 3


def data(count=60, valid=20):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count + valid, 6, generator=generator)
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long()
    return (x[:count], y[:count]), (x[count:], y[count:])


def net(params):
    """An MLP with normalisation and dropout: it has weights, buffers and noise.

    It is in float64, where sums in another order are the same to many digits.
    """
    width = params.get("width", 8)
    layers = nn.Linear(6, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(params.get("drop", 0.2))
    return nn.Sequential(*layers, nn.Linear(width, 2)).double()


def trainer(model=net, **kw):
    how = {key: kw.pop(key) for key in ("device", "memory", "fuse", "precision") if key in kw}
    how = la.fuse.How(checkpoints=kw.pop("checkpoints", 1e9), **how)
    given = {"loss": "cross_entropy", "epochs": EPOCHS, "batch": 16, "metrics": ["accuracy"], "how": how, **kw}
    return la.fuse.Trainer(model, given.pop("data", data()), **given)


def run(trainer, space=SPACE, *, name="fused", scheduler="fifo", metric="loss", **kw):
    options = {key: kw.pop(key) for key in ("store", "mode", "seed", "searcher") if key in kw}
    options = {"store": "memory", "seed": 3, "searcher": "grid", **options}
    exp = la.Experiment(name, space, metric=metric, scheduler=scheduler, **options)
    return exp.run(trainer, progress=False, **kw)


def curves(exp):
    """What each trial reported, by its parameters: exactly, for comparison by `==`."""
    return {str(trial.params): exp.history.curve(trial.number)[1][:, 0].tolist() for trial in exp.trials}


def close(one, other):
    """The same trials with the same curves, up to the order in which numbers are summed up."""
    return one == {params: pytest.approx(curve, rel=1e-7) for params, curve in other.items()}
