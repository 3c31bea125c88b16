"""What a trainer gives is what the same trial gives alone, whoever is beside it."""

import pickle

import cloudpickle
import pytest
import torch
from torch import nn

import lanista as la
from lanista import nas
from tests.fuse.tasks import EPOCHS, SPACE, close, curves, data, run, trainer


@pytest.fixture(scope="module")
def alone():
    return curves(run(trainer(), trials=6))


@pytest.mark.parametrize("cohort", [2, 6, 10])
def test_a_trial_in_a_cohort_is_as_the_trial_alone(alone, cohort):
    exp = run(trainer(), trials=6, cohort=cohort)
    assert close(curves(exp), alone)
    assert {trial.steps for trial in exp.trials} == {EPOCHS}
    assert {trial.state for trial in exp.trials} == {"completed"}
    assert exp.trials[0].metrics.keys() == {"train_loss", "loss", "accuracy"}


def test_it_learns():
    exp = run(trainer(epochs=12), metric="accuracy", mode="max", trials=8, cohort=8)
    assert exp.best.value > 0.7


def test_unfused_is_close_where_no_noise_is_drawn():
    space = {**SPACE, "drop": 0.0}
    one, other = (curves(run(trainer(fuse=fuse), space, trials=3, cohort=3)) for fuse in (True, False))
    assert close(one, other)


def test_own_code_gives_the_same_alone_and_beside_others():
    assert curves(run(trainer(fuse=False), trials=3, cohort=3)) == curves(run(trainer(fuse=False), trials=3))


def test_how_it_was_trained_is_noted(caplog):
    with caplog.at_level("INFO", "lanista.fuse"):
        exp = run(trainer(), trials=3, cohort=3)
    told = exp.history.notes[1]["training"]
    assert " with 2 others: a step of 3 models takes " in told
    assert "Sequential: 3 models " in caplog.text
    exp = run(trainer(fuse=False), trials=1)
    assert exp.history.notes[0]["training"] == "as they are: How(fuse=False)"


# --- what differs by trial --------------------------------------------------------------------------------------------


def test_hyperparameters_are_of_the_trial_or_as_hyper_says():
    space = {"x": la.Choice([0.001, 0.01, 0.1])}
    mine = run(trainer(hyper={"lr": "x"}), space, trials=3, cohort=3)
    by_function = run(trainer(hyper={"lr": lambda p: p["x"]}), space, trials=3, cohort=3)
    fixed = run(trainer(hyper={"lr": 0.01}), space, trials=3, cohort=3)
    default = run(trainer(), {"lr": la.Choice([0.001, 0.01, 0.1])}, trials=3, cohort=3)
    assert close(curves(mine), curves(by_function))
    values = {t.params["x"]: t.value for t in mine.trials}
    assert {t.params["lr"]: t.value for t in default.trials} == pytest.approx(values)
    assert {t.params["x"]: t.value for t in fixed.trials}[0.01] == pytest.approx(values[0.01])
    assert {t.params["x"]: t.value for t in fixed.trials}[0.1] != pytest.approx(values[0.1])


def test_seeds_are_parameters():
    space = {"init_seed": la.Choice([1, 2]), "order_seed": la.Choice([5, 6])}
    exp = run(trainer(), space, trials=4, cohort=4)
    found = {(t.params["init_seed"], t.params["order_seed"]): t.value for t in exp.trials}
    assert len(set(found.values())) == 4
    again = run(trainer(hyper={"init_seed": 1, "order_seed": 6}), {"lr": 1e-3}, trials=1)
    assert again.trials[0].value == pytest.approx(found[1, 6])
    both = run(trainer(hyper={"init_seed": 1}), {"order_seed": la.Choice([5, 6])}, trials=2)
    values = {t.params["order_seed"]: t.value for t in both.trials}
    assert values == pytest.approx({5: found[1, 5], 6: found[1, 6]})


@pytest.mark.parametrize("name", ["label_smoothing", "drop", "weight_decay", "beta1"])
def test_settings_differ_within_a_team(name, alone):
    exp = run(trainer(), {name: la.Choice([0.1, 0.4]), "init_seed": 7}, trials=2, cohort=2)
    assert exp.trials[0].value != exp.trials[1].value
    assert "with 1 other" in exp.history.notes[0]["training"]
    single = run(trainer(), {name: la.Choice([0.1, 0.4]), "init_seed": 7}, trials=2)
    assert close(curves(exp), curves(single))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "onecycle", lambda done: 1 - done])
def test_schedules_change_what_is_learnt(schedule, alone):
    exp = run(trainer(schedule=schedule), trials=2, cohort=2)
    assert all(curve != alone[params] for params, curve in curves(exp).items())
    assert close(curves(exp), curves(run(trainer(schedule=schedule), trials=2)))


def test_sgd_is_torch_s():
    space = {"lr": la.Choice([0.1]), "momentum": 0.9, "weight_decay": 0.01, "drop": 0.0, "init_seed": 5}
    (x, y), (xv, yv) = data()
    mine = trainer(optimizer="sgd", epochs=2)
    exp = run(mine, space, trials=1)
    model = mine.build(exp.trials[0].params)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for epoch in range(2):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(epoch * 4 + 1))
        for part in order.split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[part].double()), y[part]).backward()
            optimizer.step()
    loss = nn.functional.cross_entropy(model.eval()(xv.double()), yv).item()
    assert exp.trials[0].value == pytest.approx(loss, rel=1e-9)


# --- models -----------------------------------------------------------------------------------------------------------


def test_models_of_other_kinds_are_trained_beside_each_other():
    space = {"width": la.Choice([4, 8]), "drop": la.Choice([0.1, 0.2])}
    exp = run(trainer(), space, trials=4, cohort=4)
    assert close(curves(exp), curves(run(trainer(), space, trials=4)))
    assert all("with 1 other" in notes["training"] for notes in exp.history.notes.values())


class Chosen(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = nas.ValueChoice("width", [4, 8])
        act = nas.LayerChoice({"relu": nn.ReLU, "tanh": nn.Tanh}, name="act")
        self.body = nn.Sequential(nn.Linear(6, self.width), act, nn.Linear(self.width, 2))

    def forward(self, x):
        return self.body(x)


def test_the_models_of_a_model_space():
    space = {"net": nas.ModelSpace(Chosen), "lr": 0.01}
    mine = trainer("net")
    exp = run(mine, space, trials=4, cohort=4)
    assert close(curves(exp), curves(run(trainer("net"), space, trials=4)))
    model = mine.trained(exp)
    assert model.width == exp.best.params["net.width"]
    with pytest.raises(la.errors.UsageError, match=r"exp\.space\.build\('net', params\)"):
        mine.build(exp.best.params)


def test_the_trained_model_gives_what_was_reported():
    mine = trainer()
    exp = run(mine, metric="accuracy", mode="max", limits=la.Limits(trials=4, checkpoints=4), cohort=4)
    (_, _), (x, y) = data()
    for number in (None, 2):
        model = mine.trained(exp, number)
        assert not model.training
        value = (model(x.double()).argmax(1) == y).double().mean().item()
        assert value == (exp.best if number is None else exp.trials[number]).value


def test_frozen_parts_are_those_that_it_was_trained_on():
    def model(params):
        first = nn.Linear(6, 8)
        first.requires_grad_(False)
        return nn.Sequential(first, nn.Tanh(), nn.Linear(8, 2))

    mine = trainer(model)
    exp = run(mine, trials=3, cohort=3)
    (_, _), (x, y) = data()
    loss = nn.functional.cross_entropy(mine.trained(exp)(x), y).item()
    assert loss == pytest.approx(exp.best.value, rel=1e-5)


def test_build_is_what_a_trial_begins_with():
    mine = trainer()
    one, two = mine.build({"lr": 0.1}, seed=4), mine.build({"lr": 0.1, "init_seed": 4})
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    state = torch.get_rng_state()
    mine.build({})
    assert torch.equal(state, torch.get_rng_state())


def test_what_cannot_be_fused_is_trained_as_it_is():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 2)

        def forward(self, x):
            return self.layer(x) if x.mean() > -100 else x

    exp = run(trainer(lambda params: Branching()), trials=2, cohort=2)
    assert {trial.state for trial in exp.trials} == {"completed"}
    assert exp.history.notes[0]["training"].startswith("as they are: ")
    assert close(curves(exp), curves(run(trainer(lambda params: Branching()), trials=2)))


class Hushed(nn.Module):
    """A buffer of it that training changes is not in its state_dict."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 2)
        self.register_buffer("mean", torch.zeros(6), persistent=False)

    def forward(self, x):
        if self.training:
            self.mean.lerp_(x.mean(0), 0.5)
        return self.body(x - 10 * self.mean)


def test_the_trained_model_has_all_its_buffers():
    mine = trainer(lambda params: Hushed())
    exp = run(mine, trials=2, cohort=2)
    x, y = data()[1]
    with torch.no_grad():
        assert float(nn.functional.cross_entropy(mine.trained(exp)(x), y)) == pytest.approx(exp.best.value, rel=1e-5)


def test_metrics_are_functions_of_all_outputs():
    def f1(outputs, targets):
        assert outputs.shape == (20, 2)
        assert targets.shape == (20,)
        found, right = outputs.argmax(1), targets
        return 2 * (found * right).sum() / (found + right).sum()

    exp = run(trainer(metrics={"f1": f1, "right": "accuracy"}), metric="f1", mode="max", trials=3, cohort=3)
    assert exp.best.metrics.keys() == {"train_loss", "loss", "f1", "right"}


def test_it_is_shown_and_pickled_without_its_data():
    mine = trainer(data=data(20_000, 20), epochs=1, batch=5000)
    assert repr(mine) == "Trainer(net, optimizer='adam', epochs=1, batch=5000)"
    sent = cloudpickle.dumps(mine)
    assert len(sent) < 20_000
    there = pickle.loads(sent)
    assert close(curves(run(there, trials=1)), curves(run(mine, trials=1)))
