"""What data a trainer takes, and what it says of others."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import lanista as la
from tests.fuse.tasks import close, curves, data, net, run, trainer


class Pairs(Dataset):
    """A Dataset that is no TensorDataset, of arrays and numbers."""

    def __init__(self, part):
        self.x, self.y = part

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i].numpy(), int(self.y[i])


def arrays(dtype, target):
    return tuple((x.numpy().astype(dtype), y.numpy().astype(target)) for x, y in data())


def read_only():
    parts = arrays("float32", "int64")
    for part in parts:
        for array in part:
            array.flags.writeable = False
    return parts


GIVEN = {
    "tensors": lambda: data(),
    "lists": lambda: tuple((x.tolist(), y.tolist()) for x, y in data()),
    "float32": lambda: arrays("float32", "int64"),
    "float64": lambda: arrays("float64", "int32"),
    "bytes": lambda: arrays("float32", "uint8"),
    "read only": read_only,
    "strided": lambda: tuple((np.asfortranarray(x), y) for x, y in arrays("float32", "int64")),
    "datasets": lambda: tuple(Pairs(part) for part in data()),
    "tensor datasets": lambda: tuple(TensorDataset(*part) for part in data()),
}


@pytest.fixture(scope="module")
def usual():
    return curves(run(trainer(epochs=1), trials=2, cohort=2))


@pytest.mark.parametrize("name", GIVEN)
def test_however_data_are_given_the_results_are_the_same(name, usual):
    exp = run(trainer(epochs=1, data=GIVEN[name]()), trials=2, cohort=2)
    assert close(curves(exp), usual)


def test_float64_data_serve_a_float32_model():
    given = arrays("float64", "int64")
    exp = run(trainer(lambda params: net(params).float(), data=given, epochs=1), trials=2, cohort=2)
    assert {trial.state for trial in exp.trials} == {"completed"}


class Doubling(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.mul_(2.0))


@pytest.mark.parametrize("fuse", [True, False])
def test_a_model_that_changes_its_input_in_place_changes_no_data(fuse):
    (x, y), valid = data()
    given = (x.clone(), y), (valid[0].clone(), valid[1])
    exp = run(trainer(lambda params: Doubling(6, 2), data=given, fuse=fuse), trials=3, cohort=3)
    assert torch.equal(given[0][0], x) and torch.equal(given[1][0], valid[0])
    assert all("its own code" not in exp.history.notes[trial.number]["training"] for trial in exp.trials)


def test_models_of_other_types_are_trained_beside_each_other():
    def model(params):
        return net(params).to(getattr(torch, params["type"]))

    space = {"type": la.Choice(["float32", "float64"]), "init_seed": 1}
    exp = run(trainer(model), space, trials=2, cohort=2)
    one, other = (trial.value for trial in exp.trials)
    assert one == pytest.approx(other, rel=1e-3)
    assert one != other


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.layer = nn.Embedding(5, 3), nn.Linear(9, 2)

    def forward(self, x, word):
        return self.layer(torch.cat([x, self.words(word)], -1))


def test_several_inputs_and_targets():
    def double(part):
        x, y = part
        return (x, y % 5), (y, y.float())

    def loss(output, label, weight):
        return (nn.functional.cross_entropy(output, label, reduction="none") * (1 + weight)).mean()

    def mine(outputs, label, weight):
        return (outputs.argmax(1) == label).double().mean() + 0 * weight.sum()

    given = {"data": tuple(map(double, data())), "loss": loss, "metrics": {"mine": mine}, "optimizer": "sgd"}
    one, other = (run(trainer(lambda params: Two().double(), **given), trials=2, cohort=size) for size in (1, 2))
    assert close(curves(one), curves(other))
    assert 0 <= one.trials[0].metrics["mine"] <= 1


# --- losses -----------------------------------------------------------------------------------------------------------


def regression(shape):
    return tuple((x, x[:, :1].reshape(shape)) for x, _ in data())


def linear(params):
    return nn.Linear(6, 1)


def test_a_regression():
    exp = run(trainer(linear, data=regression((-1, 1)), loss="mse", metrics=["mae"], epochs=5, hyper={"lr": 0.05}),
              trials=2, cohort=2)  # fmt: skip
    assert exp.best.metrics["mae"] < 0.5
    flat = lambda params: nn.Sequential(nn.Linear(6, 1), nn.Flatten(0))  # noqa: E731
    other = run(trainer(flat, data=regression((-1,)), loss="mse", metrics=["mae"], epochs=5, hyper={"lr": 0.05}),
                trials=2, cohort=2)  # fmt: skip
    for params, curve in curves(exp).items():
        assert curves(other)[params] == pytest.approx(curve, rel=1e-4)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_shapes_that_would_be_spread_over_each_other(loss):
    exp = run(trainer(linear, data=regression((-1,)), loss=loss, metrics=[]), trials=1)
    told = f"loss='{loss}' takes outputs and targets of one shape; they are (16, 1) and (16,); end the model with "
    assert told in exp.trials[0].reason


def test_two_classes_by_one_output():
    given = tuple((x, y[:, None]) for x, y in data())
    exp = run(trainer(linear, data=given, loss="bce"), trials=2, cohort=2)
    assert 0 < exp.best.metrics["accuracy"] < 1
    unsmoothed = run(trainer(linear, data=given, loss="bce", hyper={"label_smoothing": 0.3}), trials=2, cohort=2)
    assert not close(curves(exp), curves(unsmoothed))


def test_a_class_for_each_position():
    given = tuple((x, (x > 0).long()) for x, _ in data())
    model = lambda params: nn.Sequential(nn.Linear(6, 12), nn.Unflatten(1, (6, 2))).double()  # noqa: E731
    exp = run(trainer(model, data=given, epochs=8, hyper={"lr": 0.05}), trials=2, cohort=2)
    assert exp.best.metrics["accuracy"] > 0.8


@pytest.mark.parametrize("gives", [lambda output, target: output.sum(1), lambda output, target: 1.0])
def test_a_loss_that_is_no_number(gives):
    exp = run(trainer(loss=gives), trials=1)
    assert "it must return the mean over the batch, a tensor of one number" in exp.trials[0].reason


def test_a_metric_of_other_shapes():
    exp = run(trainer(linear, data=regression((-1,)), loss=lambda a, b: (a[:, 0] - b).abs().mean()), trials=1)
    assert "'accuracy' takes outputs (n, ..., classes) and targets (n, ...)" in exp.trials[0].reason


# --- what is refused --------------------------------------------------------------------------------------------------

X, Y = data()[0]


class Uneven(Pairs):
    def __getitem__(self, i):
        return self.x[i][: i % 3 + 1], 0


class Endless(Dataset):
    def __getitem__(self, i):
        return X[0], 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "data= is NoneType; give a pair"),
        ((X, Y), "the training data is Tensor; give a pair of inputs and targets, or a Dataset"),
        (((X, Y),), "data= is tuple of 1; give a pair"),
        (((X, Y[:-1]), (X, Y)), r"has shapes \(60, 6\), \(59,\); the first dimension is the examples, equal and not 0"),
        (((X[:0], Y[:0]), (X, Y)), "equal and not 0"),
        (((X, Y), (X[:, :3], Y)), r"training has examples of \(6,\) and torch.float32, validation of \(3,\)"),
        (((X, Y), (X.double(), Y)), "they must be alike"),
        (((X, Y), ((X, X), Y)), "training has 1 inputs and 1 targets, validation 2 and 1"),
        (((X, Y), (X, ["a"] * 60)), "the validation data holds list of 60; give tensors or arrays of numbers"),
        (((X, 3), (X, Y)), "the training data holds int"),
        ((Uneven((X, Y)), (X, Y)), "cannot be put into tensors: .*; they must be of one shape"),
        ((Endless(), (X, Y)), "is a Dataset without a length"),
        ((Pairs((X[:0], Y[:0])), (X, Y)), "is an empty Dataset"),
    ],
)
def test_wrong_data_are_refused_at_the_door(given, told):
    with pytest.raises(la.errors.UsageError, match=told):
        trainer(data=given)
