"""Bad input is refused at the door, by name, with the mend."""

import inspect
from functools import partial

import pytest

import lanista as la
from lanista.errors import ExperimentError, MismatchError, ParameterError, SpaceError, UsageError

SPACE = {"x": la.Float(0, 1)}


def test_a_name_used_again_with_another_space(tmp_path):
    la.Experiment("e", SPACE, store=tmp_path / "a.db")
    with pytest.raises(MismatchError, match=r"'x' was .* give another name, or remove it with: lanista rm e"):
        la.Experiment("e", {"x": la.Float(0, 2)}, store=tmp_path / "a.db")
    with pytest.raises(MismatchError, match="'y' is new"):
        la.Experiment("e", {**SPACE, "y": la.Int(1, 2)}, store=tmp_path / "a.db")


def test_a_name_used_again_with_another_belief(tmp_path):
    def space(weights=None, **belief):
        net = {"cnn": {"width": la.Int(1, 9, **belief)}, "mlp": {}}
        choices = {"net": la.Choice(net), "opt": la.Choice(["a", "b"], prior=weights)}
        return la.Space({"x": la.Float(0, 1, **belief), **choices})

    for given in (space(prior=1), space({"a": 1, "b": 3}), space(prior=1, confidence="high"), space()):
        assert la.Experiment("e", given, store=tmp_path / "a.db").space == given
    assert la.Experiment.load("e", tmp_path / "a.db").space == space(prior=1)
    with pytest.raises(MismatchError, match="'x' was"):
        la.Experiment("e", space(prior=1, default=1), store=tmp_path / "a.db")


def test_a_name_used_again_with_another_metric_or_seed(tmp_path):
    la.Experiment("e", SPACE, metric="loss", seed=1, store=tmp_path / "a.db")
    with pytest.raises(MismatchError, match=r"with metric \{'loss': 'min'\}, not \{'loss': 'max'\}"):
        la.Experiment("e", SPACE, metric="loss", mode="max", store=tmp_path / "a.db")
    with pytest.raises(MismatchError, match="with seed 1, not 2"):
        la.Experiment("e", SPACE, metric="loss", seed=2, store=tmp_path / "a.db")
    assert la.Experiment("e", store=tmp_path / "a.db").metrics == {"loss": "min"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"searcher": "tpee"}, "did you mean 'tpe'"),
        ({"searcher": la.Random}, r"searcher=Random is a class; give an object of it: searcher=Random\(\)$"),
        (
            {"scheduler": la.ASHA},
            r"scheduler=ASHA is a class; give an object of it: scheduler=ASHA\(max_steps=\.\.\.\)$",
        ),
        ({"scheduler": [la.ASHA(3), la.Plateau]}, r"scheduler=Plateau is a class; .*: scheduler=Plateau\("),
        ({"searcher": dict}, "has no method ask"),
        ({"scheduler": "ash"}, r"did you mean 'asha'\? There are: asha, budget, "),
        ({"scheduler": "xyzzy"}, "'xyzzy' is not known; there are: asha, budget, "),
        ({"scheduler": "bohb"}, "it is two things here: searcher='bohb' with scheduler='hyperband'"),
        ({"searcher": "PBT"}, "it is a scheduler here: give scheduler='pbt', with any searcher"),
        (
            {"searcher": "NetworkMorphism"},
            "searcher='NetworkMorphism': it grows networks of its own making",
        ),
        ({"searcher": "optuna"}, "searcher='optuna': take 'tpe', which is what Optuna does by default"),
        ({"scheduler": "optuna"}, "scheduler='optuna': take a scheduler in its place: 'median', 'asha' or 'hyperband'"),
        ({"searcher": "smac3"}, "'smac3' is not known; there are: anneal, "),
        ({"mode": "maximize"}, "the direction 'maximize' must be 'min' or 'max'; did you mean 'max'"),
        ({"direction": "minimize"}, r"Experiment\(direction=\.\.\.\): there is no such argument; did you mean 'mode'"),
        ({"sceduler": "asha"}, "did you mean 'scheduler'"),
        ({"mode": "down"}, "the direction 'down' must be 'min' or 'max'"),
        ({"metric": {"a": "up"}}, "metric 'a': the direction 'up'"),
        ({"metric": {"a": "min"}, "mode": "min"}, "metric is a dict"),
        ({"seed": -1}, "seed=-1 must be a whole number from 0"),
        ({"store": "mysql://x/y"}, "no store of kind 'mysql'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UsageError, match=message):
        la.Experiment("e", SPACE, **{"store": "memory", **arguments})


def test_what_is_optuna_s():
    optuna = pytest.importorskip("optuna")
    with pytest.raises(UsageError, match=r"is Optuna's; wrap it: searcher=lanista\.compat\.optuna\.FromOptuna\("):
        la.Experiment("e", SPACE, store="memory", searcher=optuna.samplers.TPESampler())
    with pytest.raises(UsageError, match="is Optuna's; take a scheduler in its place: 'median'"):
        la.Experiment("e", SPACE, store="memory", scheduler=optuna.pruners.MedianPruner())


@pytest.mark.parametrize("domain", [la.Choice, la.Subset, la.Permutation])
def test_options_one_by_one_in_place_of_a_list(domain):
    with pytest.raises(SpaceError, match=r"\('a', 'b'\): give the values as one list, [A-Z][a-z]+\(\['a', 'b'\]\)"):
        domain("a", "b")
    assert next(iter(inspect.signature(domain).parameters)) in ("options", "items", "values")


def test_a_list_in_a_space_is_taken_for_a_mistake():
    with pytest.raises(SpaceError, match=r"'lr' is the list \[0.1, 0.2\]; to choose among its values write la.Choice"):
        la.Experiment("e", {"lr": [0.1, 0.2]}, store="memory")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\nb", 3])
def test_wrong_names(name):
    with pytest.raises(UsageError, match="experiment's name"):
        la.Experiment(name, SPACE, store="memory")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers=0 must be"),
        ({"executor": "proces"}, "did you mean 'processes'"),
        ({"executor": "inline", "workers": 2}, "runs one trial at a time"),
        ({"executor": la.Inline(), "workers": 2}, "both given"),
        ({"cohort": 0}, "cohort=0 must be"),
        ({"n_trials": 3}, r"Experiment\.run\(n_trials=\.\.\.\): there is no such argument; did you mean 'trials'"),
        ({"timeout": 3}, "did you mean 'time_limit'"),
        ({"zzz": 3}, "no such argument; there are callbacks, cohort, "),
        ({"trials": -3}, "limit trials=-3"),
    ],
)
def test_wrong_arguments_of_run(arguments, message):
    with pytest.raises(UsageError, match=message):
        la.Experiment("e", SPACE, store="memory").run(lambda t: 1.0, **{"trials": 1, "progress": False, **arguments})


@pytest.mark.parametrize("objective", [3, "train", dict])
def test_what_is_no_objective(objective):
    with pytest.raises(UsageError, match="is no function of a trial"):
        la.Experiment("e", SPACE, store="memory").run(objective, trials=1)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (lambda: 3.0, r"cannot be called with one argument \(too many .*a function of a trial: def objective\(trial\)"),
        (lambda x, y: 3.0, r"<lambda>\(x, y\) cannot be called .*missing a required argument: 'y'"),
        (lambda **params: 3.0, r"<lambda>\(\*\*params\) cannot be called"),
    ],
)
def test_an_objective_that_takes_no_trial(objective, message):
    exp = la.Experiment("e", SPACE, store="memory")
    with pytest.raises(UsageError, match=message):
        exp.run(objective, trials=1, progress=False)
    with pytest.raises(UsageError, match=r"a function of a list of trials: def objective\(trials\)"):
        exp.run(objective, trials=1, cohort=2, progress=False)
    assert len(exp.trials) == 0


@pytest.mark.parametrize("objective", [lambda trial, k=3: 1.0, lambda *trials: 1.0, partial(lambda k, trial: 1.0, 3)])
def test_an_objective_may_take_more_than_a_trial(objective):
    assert len(la.Experiment("e", SPACE, store="memory").run(objective, trials=1, progress=False).trials) == 1


def test_a_parameter_that_does_not_exist_is_told_by_name():
    exp = la.Experiment("e", SPACE, store="memory")
    trial = exp.ask()
    with pytest.raises(ParameterError, match=r"^trial\['xx'\]: the trial has no such parameter; did you mean 'x'\?$"):
        trial["xx"]
    with pytest.raises(KeyError, match=r"there are x; for one that applies only under a condition write trial\.params"):
        trial["zzz"]
    with pytest.raises(
        ParameterError, match=r"no such parameter yet; there are none; ask for it by trial\.suggest_float\('x'"
    ):
        la.Experiment("d", store="memory").ask()["x"]


def test_an_enqueued_configuration_outside_the_space():
    with pytest.raises(SpaceError, match="x"):
        la.Experiment("e", SPACE, store="memory").enqueue({"x": 2.0})


@pytest.mark.parametrize("space", [SPACE, None])
@pytest.mark.parametrize("params", [None, 5, "x"])
def test_what_is_no_configuration(space, params):
    exp = la.Experiment("e", space, store="memory")
    for given, place in (([params], 0), ([{"x": 1.0}, params], 1)):
        with pytest.raises(
            SpaceError, match=rf"enqueue\(\[\.\.\.\]\)\[{place}\]: {params!r} is no config.*; give a dict"
        ):
            exp.enqueue(given)
    with pytest.raises(SpaceError, match=rf"add: {params!r} is no configuration; give a dict"):
        exp.add(params, 1.0)
    assert len(exp.trials) == 0


@pytest.mark.parametrize("name", ["trials", "failures", "improvement"])
def test_a_limit_that_would_be_infinite(name):
    with pytest.raises(UsageError, match=f"limit {name}=inf must be finite, or None for no limit"):
        la.Limits(**{name: float("inf")})


def test_a_missing_experiment_names_its_neighbours(tmp_path):
    la.Experiment("digits", SPACE, store=tmp_path / "a.db")
    with pytest.raises(ExperimentError, match=r"no experiment 'digit' .* did you mean 'digits'"):
        la.Experiment.load("digit", tmp_path / "a.db")


def test_best_of_nothing_says_why():
    exp = la.Experiment("e", SPACE, store="memory")
    with pytest.raises(ExperimentError, match="has no trial with a value of 'value' yet"):
        _ = exp.best
    exp.run(lambda t: 1 / 0, trials=2, progress=False)
    with pytest.raises(ExperimentError, match=r"2 failed, the last one with: ZeroDivisionError"):
        _ = exp.best
    exp.tell(exp.ask(), state="failed")
    with pytest.raises(ExperimentError, match=r"yet; 3 failed$"):
        _ = exp.best


def test_set_names_the_nearest_limit():
    exp = la.Experiment("e", SPACE, store="memory")
    with pytest.raises(UsageError, match="no limit 'trails'; did you mean 'trials'"):
        exp.set(trails=3)
    with pytest.raises(UsageError, match="limit trials=-1"):
        exp.set(trials=-1)


def test_a_run_that_keeps_to_one_trial_at_a_time_has_no_workers_to_set():
    exp = la.Experiment("e", SPACE, store="memory")

    def objective(trial):
        exp.set(workers=1)
        with pytest.raises(ExperimentError, match=r"workers=3: what runs 'e' now keeps to 1 .* executor='processes'"):
            exp.set(workers=3, trials=5)
        return 1.0

    exp.run(objective, trials=1, progress=False)
    assert [t.state for t in exp.trials] == ["completed"]


def test_killing_what_has_ended():
    exp = la.Experiment("e", SPACE, store="memory").run(lambda t: 1.0, trials=1, progress=False)
    with pytest.raises(ExperimentError, match="trial 0 has ended already, as completed"):
        exp.kill(0)
