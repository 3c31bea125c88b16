"""Models that cannot be captured or stacked: they are trained as they are, with right results and a reason."""

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import lanista as la
from tests.fuse.tasks import data

LRS = (0.01, 0.05)
EPOCHS, BATCH = 2, 16


class Branching(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y if y.sum() > 0 else 2 * y


class Scaled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / max(1.0, x.abs().max().item())


class Masked(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x[x > 0].mean()


class Remembering(nn.Linear):
    """It keeps a number from step to step that is no buffer."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) / self.calls


class Listing(nn.Linear):
    """It keeps a tensor from step to step in a list."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        self.seen.append(y.detach().mean())
        return y + self.seen[-1]


class Counting(nn.Linear):
    """It keeps a number under a private name."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self._calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self._calls += 1
        return super().forward(x) / self._calls


class Centred(nn.Linear):
    """It changes a tensor in place that is no buffer."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.mean = torch.zeros(6, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        self.mean.mul_(0.9).add_(0.1 * x.detach().mean(0))
        return super().forward(x - self.mean)


def averaging(*sizes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(*sizes), nn.BatchNorm1d(sizes[1], momentum=None))


ODD = [
    (Branching, "depends on the values of its tensors"),
    (Scaled, "depends on the values of its tensors"),
    (Masked, "the shape of a result depends on the values of its tensors"),
    (Remembering, "it keeps Remembering.calls from one step to the next"),
    (Listing, "it keeps Listing.seen from one step to the next"),
    (Counting, "it keeps Counting._calls from one step to the next"),
    (Centred, "it changes a tensor in place that it keeps, which is no buffer"),
    (averaging, "depends on the values of its tensors"),
]


def trained(model, *, epochs=EPOCHS):
    """An experiment with a model for each learning rate."""

    def build(params):
        torch.manual_seed(4)
        return model().double()

    trainer = la.fuse.Trainer(build, data(), loss="cross_entropy", optimizer="sgd", epochs=epochs, batch=BATCH)
    exp = la.Experiment("odd", {"lr": la.Choice(LRS)}, metric="loss", searcher="grid", store="memory", seed=0)
    exp.run(trainer, trials=len(LRS), cohort=len(LRS), progress=False)
    return exp, trainer


def alone(model, lr, *, epochs=EPOCHS):
    """The weights of a model after plain training, in the same order of the data."""
    from lanista.fuse._member import Member

    torch.manual_seed(4)
    module = model().double()
    (x, y), _ = data()
    optimizer = torch.optim.SGD(module.parameters(), lr=lr)
    order = Member(nn.Linear(1, 1), {})
    for epoch in range(epochs):
        order.epoch = epoch
        for rows in order.order(len(x)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x[rows].double()), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():  # it is judged after each epoch
            module.eval()
            xs = data()[1][0].double()
            for at in range(0, len(xs), BATCH):
                module(xs[at : at + BATCH])
            module.train()
    return module


def reasons(exp):
    return [exp.history.notes[trial.number]["training"] for trial in exp.trials]


@pytest.mark.parametrize(("model", "why"), ODD, ids=[model.__name__ for model, _ in ODD])
def test_what_cannot_be_captured_is_trained_as_it_is(model, why) -> None:
    exp, trainer = trained(lambda: model(6, 2))
    for told in reasons(exp):
        assert told.startswith("as they are")
        assert why in told
    for trial in exp.trials:
        ours = trainer.trained(exp, trial.number).state_dict()
        for name, part in alone(lambda: model(6, 2), trial.params["lr"]).named_parameters():
            torch.testing.assert_close(ours[name], part.detach(), rtol=1e-10, atol=1e-12)


class Chance(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1 + random.random())


class Luck(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1 + float(np.random.rand()))


@pytest.mark.parametrize("model", [Chance, Luck])
def test_random_numbers_that_are_not_torch_s_are_not_captured(model) -> None:
    """A graph would have the same ones in each step."""
    exp, _ = trained(lambda: model(6, 2))
    assert all("by Python's random or by numpy" in told for told in reasons(exp))


class Random(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, torch.randperm(6)])


class Twice(nn.Module):
    """Dropout in a part that runs again for its gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.3), nn.Linear(8, 2))

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.body, x, use_reentrant=False) if self.training else self.body(x)


@pytest.mark.parametrize(
    ("model", "why"),
    [(lambda: Random(6, 2), "randperm"), (Twice, "it draws random numbers again for its gradients")],
    ids=["randperm", "checkpointed dropout"],
)
def test_random_numbers_that_cannot_be_given_are_drawn_by_the_model(model, why) -> None:
    exp, _ = trained(model)
    assert all(told.startswith("as they are") and why in told for told in reasons(exp))
    again, _ = trained(model)
    assert [trial.value for trial in exp.trials] == [trial.value for trial in again.trials]


class Two(nn.Linear):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = super().forward(x)
        return y, y.square().mean()


def test_an_output_that_is_not_one_tensor_is_the_matter_of_the_loss() -> None:
    def loss(output, target):
        return nn.functional.cross_entropy(output[0], target) + 0.1 * output[1]

    def values(fuse):
        how, hyper = la.fuse.How(fuse=fuse), {"init_seed": 1}
        trainer = la.fuse.Trainer(
            lambda params: Two(6, 2).double(), data(), loss=loss, optimizer="sgd", epochs=1, hyper=hyper, how=how
        )
        exp = la.Experiment("two", {"lr": la.Choice(LRS)}, metric="loss", searcher="grid", store="memory", seed=0)
        exp.run(trainer, trials=2, cohort=2, progress=False)
        return {trial.params["lr"]: trial.value for trial in exp.trials}

    assert values(True) == pytest.approx(values(False), rel=1e-12)


def test_a_model_is_left_as_it_was() -> None:
    """What a model's code sets on it while it is looked at is taken back: training begins where it would alone."""
    made = []

    def model():
        made.append(Listing(6, 2))
        return made[-1]

    trained(model, epochs=1)
    steps = 4 + 2  # of training and of validation
    assert [len(module.seen) for module in made] == [steps, steps]
    assert not any(type(part) is not Tensor for module in made for part in module.seen)
