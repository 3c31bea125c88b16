"""Labels are smoothed in training, and only there."""

import numpy as np
import pytest
import torch
from torch import nn

import lanista as la
from lanista.fuse import How, Trainer

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 40)


def losses(how: How, cohort: int) -> list[dict[str, float]]:
    """What trials of different smoothing report whose weights stay as they are."""
    data = ((X[:30], Y[:30]), (X[30:], Y[30:]))
    trainer = Trainer(
        lambda params: nn.Linear(5, 3),
        data,
        loss="cross_entropy",
        epochs=1,
        batch=8,
        hyper={"lr": 1e-12, "init_seed": 3},
        how=how,
    )
    space = {"label_smoothing": la.Choice([0.0, 0.1, 0.3])}
    exp = la.Experiment("smooth", space, metric="loss", searcher="grid", store="memory")
    exp.run(trainer, trials=3, cohort=cohort, progress=False)
    return [dict(trial.metrics) for trial in exp.trials]


@pytest.mark.parametrize(("how", "cohort"), [(How(), 3), (How(), 1), (How(fuse=False), 3)])
def test_validation_is_not_smoothed(how: How, cohort: int) -> None:
    torch.manual_seed(3)
    model = nn.Linear(5, 3)
    with torch.no_grad():
        own, target = model(torch.from_numpy(X[:30])), torch.from_numpy(Y[:30])
        expected = float(nn.functional.cross_entropy(model(torch.from_numpy(X[30:])), torch.from_numpy(Y[30:])))
        trained = [float(nn.functional.cross_entropy(own, target, label_smoothing=s)) for s in (0.0, 0.1, 0.3)]
    found = losses(how, cohort)
    assert [metrics["loss"] for metrics in found] == pytest.approx([expected] * 3, rel=1e-5)
    assert [metrics["train_loss"] for metrics in found] == pytest.approx(trained, rel=1e-5)
