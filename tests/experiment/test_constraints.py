"""Bounds on metrics, and what is learnt from earlier experiments."""

import pytest

import lanista as la

SPACE = {"x": la.Float(-5, 5), "y": la.Float(-5, 5)}


def made(**arguments):
    return la.Experiment("bound", SPACE, metric="loss", store="memory", seed=0, **arguments)


def objective(trial):
    return {"loss": trial["x"] ** 2 + trial["y"] ** 2, "size": trial["x"] + trial["y"]}


def test_the_best_trial_keeps_the_constraints():
    exp = made(constraints={"size": la.at_least(2)})
    exp.run(objective, trials=60, progress=False)
    assert exp.best.feasible
    assert exp.best.metrics["size"] >= 2
    kept = [t for t in exp.trials if t.metrics["size"] >= 2]
    assert exp.best.value == min(t.value for t in kept)
    assert [t.feasible for t in exp.trials] == [t.metrics["size"] >= 2 for t in exp.trials]
    assert exp.best.value < 4  # the optimum on the bound is 2


def test_pareto_holds_only_what_keeps_the_constraints():
    exp = la.Experiment(
        "two", SPACE, {"a": "min", "b": "max"}, constraints={"a": "<= 3", "c": la.at_least(0)}, store="memory", seed=0
    )
    exp.run(lambda t: {"a": t["x"], "b": t["x"] + t["y"], "c": t["y"]}, trials=50, progress=False)
    assert exp.pareto
    assert all(t.metrics["a"] <= 3 and t.metrics["c"] >= 0 for t in exp.pareto)


def test_no_trial_that_keeps_them_is_no_best():
    exp = made(constraints={"size": la.at_most(-11)})
    exp.run(objective, trials=3, progress=False)
    with pytest.raises(la.errors.ExperimentError, match=r"keeps the constraints yet; trial \d comes nearest: size is"):
        _ = exp.best


def test_a_constrained_metric_must_be_given():
    exp = made(constraints={"latency": la.at_most(3)})
    with pytest.raises(la.errors.MetricError, match="without metric 'latency'"):
        exp.run(objective, trials=3, progress=False)
    trial = exp.ask()
    with pytest.raises(la.errors.MetricError, match="without metric 'latency'"):
        exp.tell(trial, 3.0)
    exp.tell(trial, {"loss": 3.0, "latency": 2.0})
    assert exp.best.number == trial.number


@pytest.mark.parametrize("bound", ["< 3", 3, "<= many", None])
def test_what_is_no_bound_is_refused(bound):
    with pytest.raises(la.errors.UsageError, match=r"'size'.*is no bound; write la\.at_most"):
        made(constraints={"size": bound})
    with pytest.raises(la.errors.UsageError, match="must be a dict"):
        made(constraints=[bound])
    with pytest.raises(la.errors.UsageError, match="must be a finite number"):
        la.at_most(float("nan"))


@pytest.mark.parametrize("name", ["", 5, None])
def test_what_is_no_name_of_a_metric_is_refused(name):
    with pytest.raises(la.errors.UsageError, match=r"constraints=\{.*: '<= 1'\}: .* must be the name of a metric"):
        made(constraints={name: "<= 1"})


def test_constraints_are_kept_in_the_store(tmp_path):
    store = tmp_path / "x.db"
    first = la.Experiment("kept", SPACE, store=store, constraints={"size": "<= 3"})
    assert la.Experiment.load("kept", store).history.constraints == {"size": la.at_most(3)}
    assert la.Experiment("kept", store=store, constraints={"size": la.at_most(3)}).name == first.name
    with pytest.raises(la.errors.MismatchError, match="with constraints"):
        la.Experiment("kept", store=store, constraints={"size": la.at_most(4)})


def test_a_warm_start_hands_on_trials_of_an_overlapping_space():
    old = la.Experiment("old", {**SPACE, "gone": la.Int(1, 3)}, metric="loss", store="memory", seed=0)
    old.run(objective, trials=20, progress=False)
    new = la.Experiment(
        "new", {"x": la.Float(-1, 5), "y": la.Float(-5, 5), "added": la.Int(0, 10)}, metric="loss", store="memory"
    )
    new.warm_start(old).warm_start(old)
    (source,) = new.history.sources
    X, active, Y = source.points(new.space)
    inside = [t for t in old.trials if t.params["x"] >= -1]
    assert active.all()
    assert Y[:, 0].tolist() == [t.value for t in inside]
    back = new.space.decode(X)
    assert [p["x"] for p in back] == pytest.approx([t.params["x"] for t in inside])
    assert {p["added"] for p in back} == {new.space.defaults()["added"]}


def test_experiments_with_other_metrics_hand_on_configurations_only():
    old = la.Experiment("old", SPACE, metric="accuracy", mode="max", store="memory", seed=0)
    old.run(lambda t: t["x"], trials=8, progress=False)
    new = made().warm_start(old, 2)
    assert not new.history.sources
    assert new.trials[0].params == old.best.params


def test_minimize_takes_constraints_too():
    best = la.minimize(
        lambda t: {"value": t["x"], "size": t["x"]},
        {"x": la.Float(0, 1)},
        trials=15,
        seed=0,
        constraints={"size": la.at_least(0.4)},
        searcher="random",
    )
    assert 0.4 <= best.value < 0.7
