"""Models that look alike and are not: what tells is a step of each by its own code."""

import pytest
import torch
from torch import Tensor, nn

import lanista as la
from tests.fuse.tasks import data

LRS = (0.01, 0.02, 0.05)
GRID = {"lr": la.Choice(LRS)}


class Hidden:
    """A setting that no comparison by value sees."""

    def __init__(self, factor: float) -> None:
        self.factor = factor


class Secret(nn.Module):
    def __init__(self, factor: float, width: int = 4, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body, self.hidden = nn.Linear(6, 2), Hidden(factor)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) * self.hidden.factor


def run(model, dtype=torch.float64, given=None, **kw):
    trainer = la.fuse.Trainer(
        lambda params: model(params).to(dtype), given or data(), loss="cross_entropy", optimizer="sgd", epochs=2, **kw
    )
    exp = la.Experiment("check", GRID, metric="loss", searcher="grid", store="memory", seed=0)
    exp.run(trainer, trials=len(LRS), cohort=len(LRS), progress=False)
    notes = {trial.params["lr"]: exp.history.notes[trial.number]["training"] for trial in exp.trials}
    return {trial.params["lr"]: trial.value for trial in exp.trials}, notes


def test_a_model_whose_code_is_another_is_found_and_trained_by_it() -> None:
    def model(params):
        return Secret(3.0 if params["lr"] == 0.05 else 1.0)

    values, notes = run(model)
    assert "its own code gives another loss" in notes[0.05]
    assert all("its own code" not in notes[lr] for lr in (0.01, 0.02))
    alone, _ = run(model, how=la.fuse.How(fuse=False))
    assert values == pytest.approx(alone, rel=1e-10)


class First(Secret):
    """Its setting counts in the first batch only, or beyond that, too: for the loss, or for gradients."""

    first = data()[0][0][0]

    def __init__(self, factor: float, loss: bool, often: bool = False) -> None:
        super().__init__(factor)
        self.loss, self.often = loss, Hidden(float(often))

    def forward(self, x: Tensor) -> Tensor:
        marked = (x == self.first.to(x.dtype)).all() if not self.often.factor else torch.ones(())
        more = (self.hidden.factor - 1) * marked.to(x.dtype) if self.training else torch.zeros(())
        out = self.body(x)
        return out * (1 + more) if self.loss else out + more * (out - out.detach())


@pytest.mark.parametrize(("loss", "often", "found"), [(True, False, True), (False, False, False), (False, True, True)])
def test_one_batch_tells_another_loss_and_two_other_gradients(loss, often, found) -> None:
    """Gradients may once be others by rounding: where of two numbers that are all but equal one is taken."""

    def model(params):
        return First(3.0 if params["lr"] == 0.05 else 1.0, loss, often)

    (x, y), valid = data()
    x[:32] = x[0]  # the first batch
    _, notes = run(model, given=((x, y), valid))
    assert ("its own code" in notes[0.05]) == found
    assert all("its own code" not in notes[lr] for lr in (0.01, 0.02))


class Flagged(Secret):
    """It has a buffer that is no number."""

    def __init__(self) -> None:
        super().__init__(1.0)
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.begun.logical_or_(torch.ones((), dtype=torch.bool))
        return super().forward(x)


def test_a_buffer_of_truth_values_is_compared() -> None:
    _, notes = run(lambda params: Flagged())
    assert not any("Error" in told for told in notes.values()), notes


class Judged(Secret):
    """Its setting is of no use in training."""

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) if self.training else super().forward(x)


def test_a_model_that_is_another_only_when_it_is_evaluated_is_found() -> None:
    def model(params):
        return Judged(3.0 if params["lr"] == 0.05 else 1.0)

    values, notes = run(model)
    assert "its own code gives another loss" in notes[0.05]
    assert all("its own code" not in notes[lr] for lr in (0.01, 0.02))
    assert values == pytest.approx(run(model, how=la.fuse.How(fuse=False))[0], rel=1e-10)


class Marking(nn.Linear):
    """It counts how often it was evaluated."""

    def __init__(self) -> None:
        super().__init__(6, 2)
        self.register_buffer("times", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            self.times += 1
        return super().forward(x) * (1 + self.times)


def test_buffers_that_only_evaluation_changes() -> None:
    values, notes = run(lambda params: Marking())
    assert all("it changes buffers while it is evaluated, and only then: times" in told for told in notes.values())
    assert values == pytest.approx(run(lambda params: Marking(), how=la.fuse.How(fuse=False))[0], rel=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_gradients_that_are_nought_but_for_rounding_are_no_difference(dtype, scale) -> None:
    """Such as that of a bias before batch normalisation, whatever the size of the others."""

    def model(params):
        net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))
        with torch.no_grad():
            net[3].weight.mul_(scale)
        return net

    _, notes = run(model, dtype)
    assert all("its own code" not in told for told in notes.values())


def test_mixed_precision_is_that_of_each_model_alone() -> None:
    """With a normalisation that takes numbers of few bits and weights of many."""

    def model(params):
        layers = nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(4 * params["lr"]), nn.BatchNorm1d(8)
        return nn.Sequential(*layers, nn.Linear(8, 2))

    values, notes = run(model, torch.float32, how=la.fuse.How(precision="bfloat16"))
    assert not any(told.startswith("as they are:") for told in notes.values())
    exact, _ = run(model, torch.float32)
    assert values == pytest.approx(exact, rel=0.02)


def test_a_model_that_has_no_finite_loss_is_not_another_model() -> None:
    """It is in both, and leaves the others as they are."""

    def model(params):
        net = nn.Linear(6, 2)
        if params["lr"] == 0.05:
            nn.init.constant_(net.weight, float("inf"))
        return net

    values, notes = run(model)
    assert not values[0.05] or not values[0.05] < float("inf")
    assert all(0 < values[lr] < 2 for lr in (0.01, 0.02))
    assert all("its own code" not in told for told in notes.values())
