"""What goes wrong: one of a team that fails and harms no other, and arguments that are refused at the door."""

import functools
import math
import subprocess
import sys

import numpy as np
import pytest
from torch import nn

import lanista as la
from lanista import nas
from tests.fuse.tasks import curves, net, run, trainer

# --- one that fails ---------------------------------------------------------------------------------------------------


def bad(wrong):
    """A model whose trial 1 goes wrong."""

    def model(params):
        return wrong(net(params)) if params["x"] == 1 else net(params)

    return model


@functools.cache
def clean():
    return curves(run(trainer(), {"x": la.Choice([0, 1, 2])}, trials=3))


def fails(model, **kw):
    exp = run(trainer(model, **kw), {"x": la.Choice([0, 1, 2])}, trials=3, cohort=3)
    assert [trial.state for trial in exp.trials if trial.number != 1] == ["completed"] * 2
    for params in ("{'x': 0}", "{'x': 2}"):
        assert curves(exp)[params] == pytest.approx(clean()[params], rel=1e-9)
    return exp.trials[1]


def raising(error):
    def wrong(model):
        raise error

    return wrong


def test_a_build_that_raises_fails_its_trial():
    trial = fails(bad(raising(ValueError("no such width"))))
    assert (trial.state, trial.reason) == ("failed", "ValueError: no such width")
    assert "in wrong" in trial.error


def test_a_build_that_says_infeasible():
    assert fails(bad(raising(la.Infeasible("too large")))).state == "infeasible"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda model: None, "model= gave None for .*it must return a torch module"),
        (lambda model: nn.Sequential(nn.Flatten()), "without weights to train"),
        (lambda model: nn.Sequential(nn.LazyLinear(2)), "with lazy layers"),
        (lambda model: nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 2).double()), "several types"),
        (lambda model: nn.Linear(5, 2), "mat1 and mat2 shapes cannot be multiplied"),
        (lambda model: nn.Sequential(net({}), nn.Flatten(0)), "takes outputs .b, ..., classes. and whole numbers"),
    ],
)
def test_a_build_that_gives_nonsense_fails_its_trial(wrong, told):
    trial = fails(bad(wrong))
    assert trial.state == "failed"
    with pytest.raises(RuntimeError, match=told):
        raise RuntimeError(trial.reason)


def test_a_model_that_is_given_twice_fails():
    once = net({})
    exp = run(trainer(lambda params: once), trials=3, cohort=3)
    assert [trial.state for trial in exp.trials] == ["completed", "failed", "failed"]
    assert "that it gave before; make new layers at each call" in exp.trials[1].reason


def test_a_metric_that_raises_fails_its_trial():
    def metric(outputs, targets):
        if outputs.isnan().any():
            raise ValueError("no outputs")
        return 1.0

    trial = fails(bad(lambda model: set_(model, float("nan"))), metrics={"mine": metric})
    assert trial.reason == "ValueError: no outputs"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_stay_with_their_model(value):
    assert np.isnan(fails(bad(lambda model: set_(model, value))).value)


def set_(model, value):
    nn.init.constant_(model[0].weight, value)
    return model


def test_they_leave_the_others_as_they_are_to_the_last_bit():
    """With one trainer, which measures once which way is the fastest."""
    space, value = {"x": la.Choice([0, 1, 2])}, [0.1]
    mine = trainer(bad(lambda model: set_(model, value[0])))
    healthy = curves(run(mine, space, cohort=3))
    value[0] = math.nan
    ill = curves(run(mine, space, cohort=3))
    assert np.isnan(ill["{'x': 1}"]).all()
    for params in ("{'x': 0}", "{'x': 2}"):
        assert healthy[params] == ill[params]


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cohort", [1, 3])
def test_a_metric_that_is_not_reported(cohort):
    with pytest.raises(la.errors.MetricError, match="wants 'acc', and the Trainer reports train_loss, loss, accuracy"):
        run(trainer(), metric="acc", mode="max", trials=3, cohort=cohort)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"model": 3}, "model=3 must be a function of the parameters"),
        ({"model": nn.Linear(1, 1)}, "must be a function of the parameters that returns a new module"),
        ({"loss": "hinge"}, "loss='hinge' is not known; there are cross_entropy, mse, bce, or give a function"),
        ({"loss": nn.CrossEntropyLoss}, "must be a name or a function of output and targets"),
        ({"optimizer": "lion"}, "optimizer='lion' is not known; there are sgd, adam, adamw"),
        ({"epochs": 0}, "epochs=0 must be a whole number from 1"),
        ({"batch": 2.5}, "batch=2.5 must be a whole number from 1"),
        ({"metrics": ["f1"]}, "'f1' is not known; there are accuracy, mae"),
        ({"metrics": {"loss": "accuracy"}}, "loss is reported anyhow; take another name"),
        ({"metrics": {"f1": 3}}, "give a function of outputs and targets"),
        ({"schedule": "step"}, "schedule='step' is not known; there are cosine, linear, onecycle"),
        ({"schedule": lambda: 1.0}, "at 0.0 it fails"),
        ({"hyper": {"rate": 0.1}}, "'rate': ...} is not known for adam; there are lr, beta1, "),
        ({"hyper": {"momentum": 0.1}}, "'momentum': ...} is not known for adam"),
        ({"hyper": {"lr": -0.1}}, "lr is -0.1; it must be a number from 0$"),
        ({"hyper": {"beta1": 1.0}}, "beta1 is 1.0; it must be a number from 0 below 1"),
        ({"hyper": {"init_seed": 0.5}}, "init_seed is 0.5; it must be a whole number from 0"),
        ({"hyper": {"label_smoothing": 0.1}, "loss": "mse"}, "only the losses 'cross_entropy' and 'bce' smooth labels"),
        ({"hyper": [1]}, "must map names to values"),
        ({"how": "cuda"}, "how='cuda': give a How"),
    ],
)
def test_wrong_arguments_are_refused_at_the_door(given, told):
    with pytest.raises(la.errors.UsageError, match=told):
        trainer(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"device": "gpu"}, "How.device='gpu'.: torch cannot use it here: "),
        ({"precision": "float8"}, "must be None or one of bfloat16, float16"),
        ({"memory": 0}, "must be a number of bytes, from 1"),
        ({"checkpoints": -1}, "must be a number of seconds, from 0"),
        ({"cache": 1}, "How.cache=1.: it must be the path of a folder"),
        ({"fuse": 1}, "How.fuse=1.: it must be True or False"),
    ],
)
def test_wrong_ways_are_refused_at_the_door(given, told):
    with pytest.raises(la.errors.UsageError, match=told):
        la.fuse.How(**given)


@pytest.mark.parametrize(
    ("hyper", "space", "told"),
    [
        ({"lr": "rate"}, {"lr": 0.1}, "the trial has no parameter 'rate'; it has lr"),
        ({}, {"lr": la.Choice(["high"])}, "lr is 'high'; it must be a number from 0"),
        ({"lr": lambda params: None}, {"x": 1}, "lr is None; it must be a number from 0"),
    ],
)
def test_wrong_values_of_a_trial_fail_it(hyper, space, told):
    exp = run(trainer(hyper=hyper), space, trials=1)
    assert told in exp.trials[0].reason


def test_the_package_is_imported_when_it_is_asked_for():
    assert la.fuse.Trainer is not None
    assert la.nas is nas
    with pytest.raises(AttributeError, match="module 'lanista' has no attribute 'fused'"):
        _ = la.fused


def test_torch_is_named_where_it_is_missing():
    program = """
import sys
sys.modules["torch"] = None
import lanista as la
try:
    la.fuse
except la.errors.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "torch is not installed; pip install 'lanista[torch]' brings it\n"
