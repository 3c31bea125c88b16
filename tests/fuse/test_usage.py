"""What a user is told: of data, losses and metrics that do not fit, and of how models are trained."""

import numpy as np
import pytest
from torch import nn

import lanista as la
from lanista.fuse import _team
from lanista.fuse._choose import Choice
from lanista.fuse._plain import Plain
from lanista.fuse._together import Together
from tests.fuse.tasks import data, net, run, trainer

(X, Y), (VX, VY) = data()
ONE_HOT = [(x, np.eye(2)[y.numpy()]) for x, y in data()]


def targets(change):
    """The data with other targets."""
    return (X, change(Y)), (VX, change(VY))


# --- losses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"data": targets(lambda y: y + 1)},
            "the model gives 2 classes, 0 to 1, and the largest target is 2",
        ),
        ({"data": targets(lambda y: y.double())}, r"of torch.float64; give the targets as y.astype('int64')"),
        ({"data": targets(lambda y: y[:, None])}, r"the targets (16, 1) of torch.int64; give the targets as y[..., 0]"),
        ({"data": ONE_HOT}, "give the numbers of the classes, as y.argmax(-1), or take loss='bce'"),
        (
            {"data": targets(lambda y: y[:, None].repeat(1, 3)), "model": lambda p: nn.Sequential(net(p), Spread())},
            "the outputs are (16, 2, 3), the targets (16, 3) of torch.int64; "
            "let the outputs have the classes last, as output.movedim(1, -1)",
        ),
        ({"loss": "mse"}, "they are (16, 2) and (16,); for classes take 'cross_entropy' and 'accuracy'"),
        (
            {"loss": "mse", "data": targets(lambda y: y.double()), "model": lambda p: nn.Linear(6, 1)},
            "they are (16, 1) and (16,); end the model with nn.Flatten(0), or give the targets as y[..., None]",
        ),
        ({"metrics": {"right": lambda o, y: o.argmax(1) == y}}, "metrics={'right': ...} gave a tensor of shape (20,)"),
        ({"metrics": {"none": lambda o, y: None}}, "metrics={'none': ...} gave None; it must return a number"),
    ],
)
def test_what_does_not_fit_says_how_it_would(given, told, fuse) -> None:
    given = dict(given)
    exp = run(trainer(given.pop("model", net), **{"metrics": [], "fuse": fuse, **given}), trials=2, cohort=2)
    for trial in exp.trials:
        assert trial.state == "failed"
        assert told in trial.reason


class Spread(nn.Module):
    def forward(self, x):
        return x[:, :, None].expand(-1, -1, 3)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"data": targets(lambda y: y - 1)}, "a target is -1; classes are numbered from 0, and all targets count"),
        ({"data": ((X, Y), (VX, VY - 1))}, "a target is -1"),
        ({"data": targets(lambda y: y.numpy().astype(str))}, "the training data holds ndarray of str"),
        ({"data": targets(lambda y: y.numpy().astype(object))}, "the training data holds ndarray of object"),
        (
            {"data": targets(lambda y: (y, y))},
            "loss='cross_entropy' takes one target, and the data has 2; give a funct",
        ),
        (
            {"data": targets(lambda y: (y, y)), "loss": lambda output, a, b: output.mean()},
            "metrics=: 'accuracy' takes one target, and the data has 2",
        ),
        ({"model": nn.Sequential(nn.Linear(6, 2))}, r"^\S* ?model=Sequential\(\.\.\.\) must be a function of the par"),
    ],
)
def test_it_is_refused_at_the_door(given, told) -> None:
    with pytest.raises(la.errors.UsageError, match=told):
        trainer(**given)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.uint16, np.uint32, np.uint64, np.int8])
def test_classes_may_be_of_any_whole_type(kind) -> None:
    exp = run(trainer(data=targets(lambda y: y.numpy().astype(kind)), epochs=1), trials=2, cohort=2)
    assert [(trial.state, trial.reason) for trial in exp.trials] == [("completed", "")] * 2


def test_what_goes_wrong_while_a_metric_is_read_is_told_as_it_is() -> None:
    """A GPU tells of an error when a number is first read."""

    class Lost:
        def __float__(self) -> float:
            raise RuntimeError("the device is lost")

    exp = run(trainer(metrics={"right": lambda outputs, target: Lost()}, epochs=1), trials=1)
    assert exp.trials[0].reason == "RuntimeError: the device is lost"


def test_other_losses_take_any_number() -> None:
    exp = run(trainer(lambda p: nn.Linear(6, 1).double(), data=targets(lambda y: (y * 2 - 1)[:, None]), loss="mse"))
    assert {trial.state for trial in exp.trials} == {"completed"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_told_of(value, caplog) -> None:
    ill = VX.clone()
    ill[3, 2] = value
    trainer(data=((X, Y), (ill, VY)))
    assert [record.getMessage() for record in caplog.records] == [
        "data=: the validation data holds numbers that are NaN or infinite"
    ]
    trainer()
    assert len(caplog.records) == 1


# --- how they are trained ---------------------------------------------------------------------------------------------


def test_another_way_for_those_that_are_left_is_noted_and_logged(monkeypatch, caplog) -> None:
    def choose(stack, graphs, plan) -> Choice:
        return Choice(Together(graphs), "many") if len(stack.live) > 2 else Choice(Plain(), "few")

    monkeypatch.setattr(_team, "choose", choose)
    with caplog.at_level("INFO", "lanista.fuse"):
        exp = run(trainer(epochs=4), scheduler=la.ASHA(4, reduction=4), trials=6, cohort=6)
    notes = [exp.history.notes[trial.number]["training"] for trial in exp.trials]
    for trial, note in zip(exp.trials, notes, strict=True):
        assert note.endswith(": few" if trial.state == "completed" else ": many")
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "Sequential: 6 models stacked; many"
    assert told[1:] == ["Sequential: 1 model as they are; few"]
